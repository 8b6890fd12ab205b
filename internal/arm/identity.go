package arm

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// TablePrefix begins the name of every table of ours.
const TablePrefix = "pktrail-"

// NewName makes the name of a table that nobody else uses. It is random because
// two containers can both be process 1.
func NewName() string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return TablePrefix + hex.EncodeToString(b[:])
}

// Process says which process made something, so that a later one can tell
// whether it is still there. It is valid for one boot and one pid namespace.
type Process struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"` // clock ticks since boot (proc(5): starttime)
	PIDNS  uint64 `json:"pidns"` // inode of the pid namespace
	BootID string `json:"boot_id"`
}

// self is the running process.
func self() Process {
	p := Process{PID: os.Getpid(), PIDNS: pidNamespace(), BootID: bootID()}
	p.Start, _ = startTime(p.PID)
	return p
}

// State is what can be said about a process from here.
type State uint8

// The states. A process of another pid namespace cannot be seen.
const (
	Running State = iota + 1
	Dead
	Invisible
)

// state says whether the process that p names runs.
func (p Process) state() State {
	if p.BootID != bootID() {
		return Dead
	}
	if p.PIDNS != pidNamespace() {
		return Invisible
	}
	if start, err := startTime(p.PID); err != nil || start != p.Start {
		return Dead
	}
	return Running
}

// identity is the user data of our tables; the kernel takes at most 256 bytes.
func identity() []byte {
	p := self()
	return fmt.Appendf(nil, "pktrail pid=%d start=%d pidns=%d boot=%s\x00", p.PID, p.Start, p.PIDNS, p.BootID)
}

// parseIdentity reads identity back; ok is false for other user data.
func parseIdentity(b []byte) (p Process, ok bool) {
	text := strings.TrimRight(string(b), "\x00")
	n, err := fmt.Sscanf(text, "pktrail pid=%d start=%d pidns=%d boot=%s", &p.PID, &p.Start, &p.PIDNS, &p.BootID)
	return p, err == nil && n == 4
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

func pidNamespace() uint64 {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]"), 10, 64)
	return n
}

// startTime is field 22 of /proc/PID/stat; the command before it may hold anything.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	i := bytes.LastIndexByte(b, ')')
	fields := strings.Fields(string(b[i+1:]))
	const index = 22 - 3
	if i < 0 || len(fields) <= index {
		return 0, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	return strconv.ParseUint(fields[index], 10, 64)
}
