package collect

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// presence says whether a part of the kernel is there, loaded or built in.
// The kernel loads nf_tables as soon as a netlink message asks for it, so this
// is found out without asking it.
type presence uint8

const (
	notLookedUp presence = iota
	absent
	present
)

// lookUp finds out whether the kernel part of that name is there: loaded as a
// module, listed among the built-in ones, or known by the name of one of its
// functions. A kernel without modules cannot load anything, so asking it is
// harmless and counts as present.
func lookUp(module, function string) presence {
	if _, err := os.Stat("/proc/modules"); err != nil {
		return present
	}
	if _, err := os.Stat("/sys/module/" + module); err == nil {
		return present
	}
	if inProcModules(module) {
		return present
	}
	if builtin, known := amongBuiltin(module); known {
		if builtin {
			return present
		}
		return absent
	}
	if hasSymbol(function) {
		return present
	}
	return absent
}

func inProcModules(module string) bool {
	b, err := os.ReadFile("/proc/modules")
	if err != nil {
		return false
	}
	prefix := []byte(module + " ")
	return bytes.HasPrefix(b, prefix) || bytes.Contains(b, append([]byte("\n"), prefix...))
}

// amongBuiltin looks into the list that the running kernel's modules came
// with; known is false where it is not installed, as in most containers.
func amongBuiltin(module string) (builtin, known bool) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false, false
	}
	b, err := os.ReadFile(filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]), "modules.builtin"))
	if err != nil {
		return false, false
	}
	for line := range strings.Lines(string(b)) {
		name := strings.TrimSuffix(filepath.Base(strings.TrimSpace(line)), ".ko")
		if strings.ReplaceAll(name, "-", "_") == module {
			return true, true
		}
	}
	return false, true
}

// hasSymbol looks for a function in /proc/kallsyms, whose names are readable
// by everybody even where its addresses are not.
func hasSymbol(function string) bool {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := bytes.Fields(lines.Bytes()); len(fields) >= 3 && string(fields[2]) == function {
			return true
		}
	}
	return false
}

// HasBridges reports whether the kernel part that makes bridges is there. Where it
// is not there is no bridge.
func (h *Host) HasBridges() bool { return lookUp("bridge", "br_add_bridge") == present }

// hasNFTables remembers a presence, but not an absence: the module may be loaded later.
func (h *Host) hasNFTables() bool {
	if h.nfTables != present {
		h.nfTables = lookUp("nf_tables", "nft_do_chain")
	}
	return h.nfTables == present
}
