package collect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/sysctl"
)

const sysDir = "/proc/sys/"

// Sysctls reads the settings of the namespace that sysctl describes, and all of
// connection tracking that it does not; what the configuration below root says of
// them, "/" for this machine's own; and what their defaults follow from. What
// cannot be read says so in its value.
func (h *Host) Sysctls(ctx context.Context, root string) (*snapshot.Sysctls, error) {
	s := &snapshot.Sysctls{Netns: snapshot.Netns{Name: h.NS.Name, Inode: h.NS.Inode}, Keys: []snapshot.Sysctl{}}
	err := h.NS.Do(func() error {
		s.Netns.First = firstNetns()
		for _, path := range sysctlPaths() {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.Keys = append(s.Keys, readSysctl(path))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the settings of namespace %s: %w", h.NS.Name, err)
	}
	sysctlConfig(s, root)
	s.Facts = sysctlFacts()
	return s, nil
}

// sysctlPaths lists the settings that are there, in the namespace of the thread.
func sysctlPaths() []string {
	patterns := []string{"net/netfilter/nf_conntrack_*", "net/netfilter/nf_flowtable_*"}
	for _, s := range sysctl.Settings() {
		patterns = append(patterns, sysctl.Path(s.Name))
	}
	var all []string
	for _, p := range patterns {
		found, _ := filepath.Glob(sysDir + p)
		for _, path := range found {
			all = append(all, strings.TrimPrefix(path, sysDir))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func readSysctl(path string) snapshot.Sysctl {
	k := snapshot.Sysctl{Path: path}
	fi, err := os.Stat(sysDir + path)
	if err != nil {
		k.Value = snapshot.Unknown[string](err.Error())
		return k
	}
	const ownerWrites = 0o200
	k.Writable = fi.Mode()&ownerWrites != 0
	k.Value = procValue(sysDir+path, func(line string) (string, error) {
		return strings.Join(strings.Fields(line), " "), nil
	})
	return k
}

func sysctlFacts() snapshot.SysctlFacts {
	var u unix.Utsname
	_ = unix.Uname(&u) // no release is no release older than another
	return snapshot.SysctlFacts{
		Release:     unix.ByteSliceToString(u.Release[:]),
		MemoryBytes: memoryBytes(),
		WordBits:    strconv.IntSize,
		Entries:     conntrackSlab(),
		Acct:        procValue("/sys/module/nf_conntrack/parameters/acct", parameter),
		Tstamp:      procValue("/sys/module/nf_conntrack/parameters/tstamp", parameter),
		Tracking:    moduleState("nf_conntrack"),
		BridgeNF:    moduleState("br_netfilter"),
	}
}

// parameter reads a switch of a module, which the kernel shows as Y or N.
func parameter(s string) (bool, error) { return s == "Y" || s == "1", nil }

func memoryBytes() snapshot.Value[uint64] {
	return procValue("/proc/meminfo", func(line string) (uint64, error) {
		var kib uint64
		_, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib)
		return kib << 10, err
	})
}

// conntrackSlab reads what one entry takes. The file is root's alone, and a kernel
// may share one cache among objects of equal size under another name.
func conntrackSlab() snapshot.Value[snapshot.Slab] {
	const path = "/proc/slabinfo"
	b, err := os.ReadFile(path)
	if err != nil {
		return snapshot.Unknown[snapshot.Slab](err.Error())
	}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, " ")
		if name != "nf_conntrack" {
			continue
		}
		var s snapshot.Slab
		var all uint64
		if _, err := fmt.Sscan(rest, &s.Objects, &all, &s.ObjectBytes); err != nil {
			return snapshot.Unknown[snapshot.Slab](fmt.Sprintf("%s: %v", path, err))
		}
		return snapshot.Known(s)
	}
	return snapshot.Unknown[snapshot.Slab](path + " has no line of nf_conntrack")
}
