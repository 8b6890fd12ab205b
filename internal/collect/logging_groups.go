package collect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// logGroups reads who listens to NFLOG groups in the namespace of the thread
// (net/netfilter/nfnetlink_log.c: seq_show). Without the module nobody does.
func logGroups() snapshot.Value[snapshot.Groups] {
	b, err := os.ReadFile("/proc/thread-self/net/netfilter/nfnetlink_log")
	switch {
	case errors.Is(err, os.ErrNotExist):
		return snapshot.Known(snapshot.Groups{})
	case err != nil:
		return snapshot.Unknown[snapshot.Groups](err.Error())
	}
	groups := snapshot.Groups{}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		group, errGroup := strconv.ParseUint(words[0], 10, 16)
		port, errPort := strconv.ParseUint(words[1], 10, 32)
		if errGroup == nil && errPort == nil {
			groups[uint16(group)] = snapshot.Listener{Port: uint32(port)}
		}
	}
	nameListeners(groups)
	return snapshot.Known(groups)
}

// nameListeners finds the sockets behind port ids, what they lost, and whose they are.
func nameListeners(groups snapshot.Groups) {
	if len(groups) == 0 {
		return
	}
	sockets := netfilterSockets()
	owners := socketOwners()
	for group, l := range groups {
		s := sockets[l.Port]
		l.Drops = s.drops
		if pid := owners[s.inode]; pid != "" {
			l.Process = fmt.Sprintf("%s (process %s)", commandOf(pid), pid)
		}
		groups[group] = l
	}
}

type netlinkSocket struct {
	inode string
	drops uint64
}

// netfilterSockets are the namespace's netfilter sockets by port id
// (net/netlink/af_netlink.c: netlink_native_seq_show).
func netfilterSockets() map[uint32]netlinkSocket {
	b, err := os.ReadFile("/proc/thread-self/net/netlink")
	if err != nil {
		return nil
	}
	found := map[uint32]netlinkSocket{}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) < 10 || words[1] != strconv.Itoa(unix.NETLINK_NETFILTER) {
			continue
		}
		port, errPort := strconv.ParseUint(words[2], 10, 32)
		drops, errDrops := strconv.ParseUint(words[8], 10, 64)
		if errPort == nil && errDrops == nil {
			found[uint32(port)] = netlinkSocket{inode: words[9], drops: drops}
		}
	}
	return found
}

// commandOf is what a process calls itself.
func commandOf(pid string) string { return procLine("/proc/" + pid + "/comm") }

// socketOwners are process ids by the inodes of their sockets, as far as they may be looked at.
func socketOwners() map[string]string {
	owners := map[string]string{}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		if err != nil || !isSocket {
			continue
		}
		owners[strings.TrimSuffix(inode, "]")] = strings.Split(fd, "/")[2]
	}
	return owners
}
