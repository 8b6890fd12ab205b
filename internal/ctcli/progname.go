package ctcli

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// programNames are the programs behind netlink ports, by port. A name holds for a
// while only, since another program may come to have the port.
type programNames map[uint32]knownProgram

type knownProgram struct {
	name  string
	until time.Time
}

const programNameHolds = time.Second

// maxProgramNames bounds what is kept in mind.
const maxProgramNames = 4096

// of is the name of the program that has a netlink port in this namespace, ""
// where none is found, as of one that has ended.
func (p programNames) of(port uint32, now time.Time) string {
	if known, ok := p[port]; ok && now.Before(known.until) {
		return known.name
	}
	if len(p) >= maxProgramNames {
		clear(p)
	}
	name := ""
	if inode, ok := socketOf(port); ok {
		name = holder(port, inode)
	}
	p[port] = knownProgram{name, now.Add(programNameHolds)}
	return name
}

// socketOf is the inode of the netfilter socket that has the port.
func socketOf(port uint32) (inode string, ok bool) {
	file, err := os.Open("/proc/thread-self/net/netlink")
	if err != nil {
		return "", false
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) >= 10 && f[1] == strconv.Itoa(unix.NETLINK_NETFILTER) && f[2] == strconv.FormatUint(uint64(port), 10) {
			return f[9], true
		}
	}
	return "", false
}

// holder is the name of a process that holds the socket. Most programs have their
// process id for a port, so that is looked at first.
func holder(port uint32, inode string) string {
	link := "socket:[" + inode + "]"
	first := strconv.FormatUint(uint64(port), 10)
	if holds(first, link) {
		return processName(first)
	}
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return ""
	}
	for _, d := range dirs {
		pid := d.Name()
		if n, err := strconv.Atoi(pid); err != nil || n <= 1 || pid == first {
			continue
		}
		if holds(pid, link) {
			return processName(pid)
		}
	}
	return ""
}

func holds(pid, link string) bool {
	dir := filepath.Join("/proc", pid, "fd")
	open, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, fd := range open {
		if to, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil && to == link {
			return true
		}
	}
	return false
}

func processName(pid string) string {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(string(stat), "(")
	name, _, _ = strings.Cut(name, ")")
	return name
}
