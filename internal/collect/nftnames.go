package collect

import (
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/pktrail/pktrail/ruleset/ipset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// nftNames reads the files by which nft names numbers, and the interfaces of the
// namespace whose thread it runs on. Which cgroup a number is, and who owns a
// table, is looked up when it is asked for.
func nftNames() nft.Names {
	links := map[uint32]string{}
	all, _ := net.Interfaces() // without them rules show their numbers
	for _, l := range all {
		links[uint32(l.Index)] = l.Name
	}
	cgroups := sync.OnceValue(cgroupPaths)
	sockets := netfilterSockets()
	names := nft.Names{
		Link:    func(index uint32) string { return links[index] },
		Cgroup:  func(id uint64) string { return cgroups()[id] },
		Program: func(port uint32) string { return programBehind(sockets[port]) },
		Marks:   iprouteNames("/etc/iproute2/rt_marks"),
		Realms:  iprouteNames("/etc/iproute2/rt_realms"),
		Groups:  iprouteNames("/etc/iproute2/group"),
		Labels:  iprouteNames("/etc/connlabel.conf"),
	}
	protocols := map[uint64]string{}
	readNames("/etc/protocols", func(words []string) {
		if n, err := strconv.ParseUint(words[1], 10, 8); err == nil {
			first(protocols, n, words[0])
		}
	})
	if len(protocols) > 0 {
		names.Protocols = protocols
	}
	return names
}

// iprouteNames reads a file of numbers, decimal or after 0x, and their names.
func iprouteNames(path string) map[uint64]string {
	names := map[uint64]string{}
	readNames(path, func(words []string) {
		if n, err := strconv.ParseUint(words[0], 0, 32); err == nil {
			first(names, n, words[1])
		}
	})
	return names
}

// programBehind is what the process of a socket calls itself, in nft's word
// "unknown" where that cannot be seen.
func programBehind(s netlinkSocket) string {
	if name := commandOf(socketOwners()[s.inode]); s.inode != "" && name != "" {
		return name
	}
	return "unknown"
}

const (
	cgroupRoot = "/sys/fs/cgroup"
	maxCgroups = 100000
)

// cgroupPaths are the cgroups below the root by their ids, which are the inode
// numbers of their folders.
func cgroupPaths() map[uint64]string {
	paths := map[uint64]string{}
	_ = filepath.WalkDir(cgroupRoot, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == cgroupRoot {
			return nil // what cannot be looked into has no names
		}
		if len(paths) == maxCgroups {
			return fs.SkipAll
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				paths[st.Ino], _ = filepath.Rel(cgroupRoot, path)
			}
		}
		return nil
	})
	return paths
}

// xtNames are the host's names for numbers, and those of the sets that were read.
func xtNames(sets []*ipset.Set) *xt.Names {
	names := hostNames()
	byIndex := map[uint16]string{}
	for _, s := range sets {
		if s.HasIndex {
			byIndex[s.Index] = s.Name
		}
	}
	names.Set = func(index uint16) string { return byIndex[index] }
	return names
}
