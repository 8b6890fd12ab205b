package ctnetlink

import (
	"bufio"
	"errors"
	"os"
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
	if opts.LoadModule {
		return nil
	}
	if _, err := os.Stat("/sys/module/" + module); err == nil {
		return nil
	}
	modules, err := os.Open("/proc/modules")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer func() { _ = modules.Close() }()
		if hasLine(modules, func(line string) bool { return strings.HasPrefix(line, module+" ") }) {
			return nil
		}
	}
	if builtIn() {
		return nil
	}
	return ErrNotLoaded
}

// builtIn asks the kernel's own list of what was compiled in.
func builtIn() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	list, err := os.Open("/lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/modules.builtin")
	if err != nil {
		return false
	}
	defer func() { _ = list.Close() }()
	return hasLine(list, func(line string) bool { return strings.HasSuffix(line, "/"+module+".ko") })
}

func hasLine(f *os.File, is func(string) bool) bool {
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if is(lines.Text()) {
			return true
		}
	}
	return false
}
