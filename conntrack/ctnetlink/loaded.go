package ctnetlink

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotLoaded is that of a kernel in which connection tracking is a module that
// nobody has loaded, so that nothing is tracked.
var ErrNotLoaded = errors.New("connection tracking is not loaded in this kernel, so no flow is tracked: try modprobe nf_conntrack_netlink")

const module = "nf_conntrack_netlink"

// loaded tells whether a request can be made without the kernel loading a module
// for it, as it does for any message to a subsystem that is not there
// (net/netfilter/nfnetlink.c: nfnetlink_rcv_msg). A kernel without modules has
// no /proc/modules.
func loaded(opts Options) error {
	if opts.LoadModule || isLoaded("/") {
		return nil
	}
	return ErrNotLoaded
}

// isLoaded looks where the system's files are, under root.
func isLoaded(root string) bool {
	if _, err := os.Stat(filepath.Join(root, "sys/module", module)); err == nil {
		return true
	}
	modules := filepath.Join(root, "proc/modules")
	if _, err := os.Stat(modules); errors.Is(err, os.ErrNotExist) {
		return true
	}
	return hasLine(modules, func(line string) bool { return strings.HasPrefix(line, module+" ") }) || builtIn(root)
}

// builtIn asks the kernel's own list of what was compiled in.
func builtIn(root string) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	list := filepath.Join(root, "lib/modules", unix.ByteSliceToString(u.Release[:]), "modules.builtin")
	return hasLine(list, func(line string) bool { return strings.HasSuffix(line, "/"+module+".ko") })
}

func hasLine(path string, is func(string) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if is(lines.Text()) {
			return true
		}
	}
	return false
}
