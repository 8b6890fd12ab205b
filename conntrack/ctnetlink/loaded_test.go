package ctnetlink

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLoaded: a request is made only where the kernel would not load a module for it.
func TestLoaded(t *testing.T) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	builtin := "lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/modules.builtin"
	for name, c := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"a kernel without modules": {nil, true},
		"in sysfs":                 {map[string]string{"proc/modules": "", "sys/module/nf_conntrack_netlink/refcnt": "0"}, true},
		"loaded":                   {map[string]string{"proc/modules": "xfs 1 0\nnf_conntrack_netlink 49152 0 - Live 0x0\n"}, true},
		"built in":                 {map[string]string{"proc/modules": "xfs 1 0\n", builtin: "kernel/net/netfilter/nf_conntrack_netlink.ko\n"}, true},
		"not loaded":               {map[string]string{"proc/modules": "nf_conntrack 49152 1 nf_conntrack_netlink2, Live\n", builtin: "kernel/fs/xfs.ko\n"}, false},
		"nothing known":            {map[string]string{"proc/modules": ""}, false},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			path = filepath.Join(root, path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if got := isLoaded(root); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := loaded(Options{LoadModule: true}); err != nil {
		t.Error(err)
	}
}
