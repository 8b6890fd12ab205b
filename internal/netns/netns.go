// Package netns opens, makes and enters network namespaces. It is the only
// place that calls setns or locks a goroutine to its thread: everything else
// asks for work to be done inside a namespace with Do, and keeps the sockets
// that the work opened.
package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// NS is an open network namespace. It stays alive while the NS is open.
type NS struct {
	Name   string // the name of /run/netns, or how it was asked for
	Inode  uint64
	Cookie uint64 // SO_NETNS_COOKIE; 0 before Linux 5.14

	file *os.File
}

const runDir = "/run/netns"

// ownPath is the namespace of the calling thread. That of the process would be
// its first thread's, which may be inside another one with Do just now.
const ownPath = "/proc/thread-self/ns/net"

// Current opens the namespace that the caller is in. Its name is that of
// /run/netns where one fits, else "host" for the namespace of process 1, else
// "self".
func Current() (*NS, error) {
	ns, err := openPath("self", ownPath)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat("/proc/1/ns/net"); err == nil && inode(fi) == ns.Inode {
		ns.Name = "host"
	}
	if name := boundName(ns.Inode); name != "" {
		ns.Name = name
	}
	return ns, nil
}

// Open opens the namespace that a user named: a name of /run/netns, a path, or
// a process id. A name wins over a process id of the same digits.
func Open(spec string) (*NS, error) {
	switch {
	case spec == "":
		return nil, errors.New("empty namespace name")
	case strings.ContainsRune(spec, '/'):
		return openPath(spec, spec)
	}
	bound := filepath.Join(runDir, spec)
	if _, err := os.Stat(bound); err == nil {
		return openPath(spec, bound)
	}
	if pid, err := strconv.Atoi(spec); err == nil && pid > 0 {
		ns, err := openPath("pid "+spec, fmt.Sprintf("/proc/%d/ns/net", pid))
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("network namespace %q: no such name in %s and no such process", spec, runDir)
		}
		return ns, err
	}
	return nil, fmt.Errorf("network namespace %q: not in %s, and neither a path nor a process id", spec, runDir)
}

// All opens every namespace that can be found without guessing: the names in
// /run/netns and those of running processes, each once.
func All() ([]*NS, error) {
	var all []*NS
	seen := map[uint64]bool{}
	add := func(ns *NS, err error) {
		switch {
		case err != nil:
		case seen[ns.Inode]:
			_ = ns.Close()
		default:
			seen[ns.Inode] = true
			all = append(all, ns)
		}
	}
	add(Current())
	names, _ := filepath.Glob(runDir + "/*")
	for _, path := range names {
		add(openPath(filepath.Base(path), path))
	}
	procs, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		return nil, err
	}
	for _, path := range procs {
		fi, err := os.Stat(path)
		if err != nil || seen[inode(fi)] {
			continue
		}
		pid := strings.Split(path, "/")[2]
		add(openPath("pid "+pid, path))
	}
	if len(all) == 0 {
		return nil, errors.New("no network namespace could be opened")
	}
	return all, nil
}

// New makes a network namespace that has no name and is gone with its last
// descriptor, socket and process.
func New(name string) (*NS, error) {
	var made *NS
	err := onThread(nil, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		ns, err := openPath(name, ownPath)
		made = ns
		return err
	})
	return made, err
}

// Do runs f on a thread that is inside the namespace. Sockets and files of
// /proc/thread-self/net and /proc/sys/net that f opens belong to the namespace
// for good, and child processes that f starts run in it; goroutines that f
// starts do not.
func (ns *NS) Do(f func() error) error { return onThread(ns.file, f) }

// Bind gives the namespace a name in /run/netns, as `ip netns add` does.
func (ns *NS) Bind(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := shareRunDir(); err != nil {
		return fmt.Errorf("name network namespace %s: %w", name, err)
	}
	path := filepath.Join(runDir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return fmt.Errorf("name network namespace %s: %w", name, err)
	}
	_ = f.Close()
	from := fmt.Sprintf("/proc/self/fd/%d", ns.file.Fd())
	err = unix.Mount(from, path, "none", unix.MS_BIND, "")
	runtime.KeepAlive(ns)
	if err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("name network namespace %s: %w", name, err)
	}
	return nil
}

// shareRunDir makes /run/netns a shared mount of its own, as `ip netns add` does.
// Done only later, by ip, it would put a second mount over every name that is
// there already, and none of them could be taken away again.
func shareRunDir() error {
	if err := os.MkdirAll(runDir, 0o755); err != nil {
		return err
	}
	dir, err := os.Open(runDir)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	// ip holds the same lock; it ends with the descriptor.
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", runDir, err)
	}
	err = unix.Mount("", runDir, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) { // it is no mount point
		return err
	}
	if err := unix.Mount(runDir, runDir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make %s a mount: %w", runDir, err)
	}
	return unix.Mount("", runDir, "none", unix.MS_SHARED|unix.MS_REC, "")
}

// Unbind takes a name out of /run/netns, as `ip netns del` does.
func Unbind(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	path := filepath.Join(runDir, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unname network namespace %s: %w", name, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("unname network namespace %s: %w", name, err)
	}
	return nil
}

// checkName keeps Bind and Unbind within /run/netns.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsRune(name, '/') {
		return fmt.Errorf("network namespace name %q: want a file name", name)
	}
	return nil
}

// FD is the descriptor of the namespace, good until Close.
func (ns *NS) FD() int { return int(ns.file.Fd()) }

// Close lets the namespace go.
func (ns *NS) Close() error { return ns.file.Close() }

// onThread runs f on a thread of its own. A thread that changed its namespace
// is never given back to the scheduler unless it is back where it came from.
func onThread(target *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("the work in the network namespace ended its goroutine")
		defer func() { done <- err }()
		runtime.LockOSThread()
		err = within(target, f)
	}()
	return <-done
}

// within runs f inside the namespace and unlocks the thread once it is home again.
func within(target *os.File, f func() error) error {
	home, err := os.Open(ownPath)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer func() { _ = home.Close() }()
	if target != nil && !same(target, home) { // to stay takes no right
		err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET)
		runtime.KeepAlive(target)
		if err != nil {
			runtime.UnlockOSThread()
			return fmt.Errorf("enter network namespace: %w", err)
		}
	}
	// Deferred, so that it holds for work that ends its goroutine too: the
	// process's first thread is not ended by the scheduler but kept as it is.
	defer func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return f()
}

// same reports whether two files are of one namespace.
func same(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}

func openPath(name, path string) (*NS, error) {
	// Without waiting: a user's path may be a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		_ = f.Close()
		return nil, fmt.Errorf("network namespace %s: %s is not a network namespace", name, path)
	}
	fi, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	ns := &NS{Name: name, Inode: inode(fi), file: f}
	if ns.Cookie, err = ns.cookie(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	return ns, nil
}

// cookie asks for SO_NETNS_COOKIE inside the namespace, which takes no right
// where the caller is in it already.
func (ns *NS) cookie() (c uint64, err error) {
	if own, err := os.Stat(ownPath); err == nil && inode(own) == ns.Inode {
		return ownCookie()
	}
	err = ns.Do(func() error {
		c, err = ownCookie()
		return err
	})
	return c, err
}

// ownCookie is that of the thread's namespace, 0 where the kernel has none.
func ownCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	c, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return 0, nil
	}
	return c, err
}

func boundName(ino uint64) string {
	names, _ := filepath.Glob(runDir + "/*")
	for _, path := range names {
		if fi, err := os.Stat(path); err == nil && inode(fi) == ino {
			return filepath.Base(path)
		}
	}
	return ""
}
