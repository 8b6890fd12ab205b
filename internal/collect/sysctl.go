package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		if _, err := os.Stat(sysDir + "net"); err != nil {
			return err // else every setting would pass for one that this kernel lacks
		}
		s.Netns.First = firstNetns()
		buf := make([]byte, 64<<10) // a list of single ports is the longest value
		for _, path := range sysctlPaths() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if k, there := readSysctl(path, buf); there {
				s.Keys = append(s.Keys, k)
			}
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

// sysctlPaths lists the settings that may be there, in the namespace of the thread.
// Each folder is listed once: there may be thousands of interfaces.
func sysctlPaths() []string {
	var all []string
	for _, p := range []string{"nf_conntrack_*", "nf_flowtable_*"} {
		found, _ := filepath.Glob(sysDir + "net/netfilter/" + p)
		for _, path := range found {
			all = append(all, strings.TrimPrefix(path, sysDir))
		}
	}
	interfaces := map[string][]os.DirEntry{}
	for _, s := range sysctl.Settings() {
		dir, leaf, each := strings.Cut(sysctl.Path(s.Name), "*")
		if !each {
			all = append(all, dir)
			continue
		}
		if interfaces[dir] == nil {
			interfaces[dir], _ = os.ReadDir(sysDir + dir)
		}
		for _, d := range interfaces[dir] {
			all = append(all, dir+d.Name()+leaf)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readSysctl reads one setting; false is that there is none of that path. The
// buffer must hold it all: the kernel tells a value in one read, or cuts it.
func readSysctl(path string, buf []byte) (k snapshot.Sysctl, there bool) {
	k.Path = path
	f, err := os.Open(sysDir + path)
	if errors.Is(err, os.ErrNotExist) {
		return k, false
	}
	if err != nil {
		k.Value = snapshot.Unknown[string](err.Error())
		return k, true
	}
	defer func() { _ = f.Close() }()
	const ownerWrites = 0o200
	if fi, err := f.Stat(); err == nil {
		readOnly := errors.Is(unix.Access(sysDir+path, unix.W_OK), unix.EROFS)
		k.Writable = fi.Mode()&ownerWrites != 0 && !readOnly
	}
	n, err := f.Read(buf)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		k.Value = snapshot.Unknown[string](err.Error())
		return k, true
	case n == 0: // the kernel ends even an empty value with a line end
		k.Value = snapshot.Unknown[string](sysDir + path + " has no content: something else is mounted over it")
		return k, true
	}
	k.Value = snapshot.Known(strings.Join(strings.Fields(string(buf[:n])), " "))
	return k, true
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
