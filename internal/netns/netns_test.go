package netns_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

const threadPath = "/proc/thread-self/ns/net"

func fresh(t testing.TB, name string) *netns.NS {
	t.Helper()
	ns, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

// inode asks the kernel, not the package under test.
func inode(t testing.TB, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// bind gives a namespace a name until the end of the test.
func bind(t *testing.T, ns *netns.NS, name string) {
	t.Helper()
	if err := ns.Bind(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netns.Unbind(name) })
}

// sleeper is a process inside the namespace.
func sleeper(t *testing.T, ns *netns.NS) int {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestNew(t *testing.T) {
	home := inode(t, threadPath)
	one, two := fresh(t, "one"), fresh(t, "two")
	if one.Name != "one" || one.Inode == home || one.Inode == two.Inode || one.Inode == 0 {
		t.Errorf("%+v %+v, home %d", one, two, home)
	}
	if one.Cookie == two.Cookie || one.Cookie == 0 {
		t.Errorf("cookies %d %d", one.Cookie, two.Cookie)
	}
	if inode(t, fmt.Sprintf("/proc/self/fd/%d", one.FD())) != one.Inode {
		t.Error("the descriptor is of another")
	}
}

func TestCurrent(t *testing.T) {
	ns, err := netns.Current()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	if ns.Inode != inode(t, threadPath) || ns.Name != "self" {
		t.Errorf("%+v", ns)
	}
	bind(t, ns, "by-name")
	named, err := netns.Current()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = named.Close() }()
	if named.Name != "by-name" || named.Inode != ns.Inode {
		t.Errorf("%+v", named)
	}
}

// TestCurrentWhileOthersDo: the caller's namespace is that of its thread, even
// while the process's first thread is elsewhere.
func TestCurrentWhileOthersDo(t *testing.T) {
	home := inode(t, threadPath)
	away := fresh(t, "away")
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 16 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = away.Do(func() error { runtime.Gosched(); return nil })
				}
			}
		})
	}
	defer others.Wait()
	defer close(stop)
	for range 300 {
		ns, err := netns.Current()
		if err != nil {
			t.Fatal(err)
		}
		if ns.Inode != home {
			t.Errorf("current is %d, home %d", ns.Inode, home)
		}
		_ = ns.Close()
	}
	if err := away.Do(func() error {
		ns, err := netns.Current()
		if err == nil && ns.Inode != away.Inode {
			err = fmt.Errorf("inside, current is %d, want %d", ns.Inode, away.Inode)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	ns := fresh(t, "x")
	pid := strconv.Itoa(sleeper(t, ns))
	bind(t, ns, "opened")
	for spec, name := range map[string]string{
		"opened":                   "opened",
		"/run/netns/opened":        "/run/netns/opened",
		"/proc/" + pid + "/ns/net": "/proc/" + pid + "/ns/net",
		pid:                        "pid " + pid,
	} {
		got, err := netns.Open(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if got.Inode != ns.Inode || got.Cookie != ns.Cookie || got.Name != name {
			t.Errorf("%s: %+v, want %+v", spec, got, ns)
		}
		_ = got.Close()
	}
	// A name wins over a process id of the same digits.
	other := fresh(t, "y")
	bind(t, other, pid)
	got, err := netns.Open(pid)
	if err != nil || got.Inode != other.Inode || got.Name != pid {
		t.Errorf("%s: %+v %v", pid, got, err)
	}
}

func TestOpenRefused(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for spec, want := range map[string]string{
			"":                  "empty namespace name",
			"nosuch":            `network namespace "nosuch": not in /run/netns, and neither a path nor a process id`,
			"-1":                `network namespace "-1": not in /run/netns`,
			"0":                 `network namespace "0": not in /run/netns`,
			"4194304999":        `network namespace "4194304999": no such name in /run/netns and no such process`,
			"/nonexistent/ns":   "network namespace /nonexistent/ns: open /nonexistent/ns: no such file or directory",
			"/proc/self/ns/":    "is not a network namespace",
			"/proc/self/ns/ut":  "no such file",
			"/proc/self/ns/uts": "network namespace /proc/self/ns/uts: /proc/self/ns/uts is not a network namespace",
			"/etc/passwd":       "network namespace /etc/passwd: /etc/passwd is not a network namespace",
			"..":                "is not a network namespace",
			pipe:                "is not a network namespace",
		} {
			ns, err := netns.Open(spec)
			if err == nil || ns != nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", spec, err, want)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(lab.Patience):
		t.Fatal("it waits")
	}
}

func TestDo(t *testing.T) {
	home := inode(t, threadPath)
	ns := fresh(t, "x")
	wrong := errors.New("wrong")
	err := ns.Do(func() error {
		if got := inode(t, threadPath); got != ns.Inode {
			t.Errorf("inside is %d, want %d", got, ns.Inode)
		}
		out, err := exec.Command("readlink", "/proc/self/ns/net").Output()
		if want := fmt.Sprintf("net:[%d]\n", ns.Inode); err != nil || string(out) != want {
			t.Errorf("a child is in %q %v, want %q", out, err, want)
		}
		started := make(chan uint64)
		go func() { started <- inode(t, threadPath) }()
		if got := <-started; got != home {
			t.Errorf("a goroutine is in %d, want %d", got, home)
		}
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Error(err)
	}
	if got := inode(t, threadPath); got != home {
		t.Errorf("afterwards in %d, want %d", got, home)
	}
}

func TestDoNested(t *testing.T) {
	one, two := fresh(t, "one"), fresh(t, "two")
	if err := one.Do(func() error {
		if err := two.Do(func() error {
			if got := inode(t, threadPath); got != two.Inode {
				t.Errorf("inner is %d", got)
			}
			return nil
		}); err != nil {
			return err
		}
		if got := inode(t, threadPath); got != one.Inode {
			t.Errorf("outer is %d after the inner one", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDoEnds: work that ends its goroutine ends Do, too.
func TestDoEnds(t *testing.T) {
	ns := fresh(t, "x")
	if err := ns.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("no word of it")
	}
	closed := fresh(t, "y")
	_ = closed.Close()
	if err := closed.Do(func() error { t.Error("it ran"); return nil }); err == nil || !strings.HasPrefix(err.Error(), "enter network namespace: ") {
		t.Errorf("a namespace that is closed: %v", err)
	}
}

// TestDoMany: whatever many goroutines do at once, no thread is left in a
// namespace that is not the process's own.
func TestDoMany(t *testing.T) {
	home := inode(t, threadPath)
	spaces := make([]*netns.NS, 8)
	for i := range spaces {
		spaces[i] = fresh(t, strconv.Itoa(i))
	}
	var all sync.WaitGroup
	for g := range 64 {
		all.Go(func() {
			for i := range 50 {
				ns := spaces[(g+i)%len(spaces)]
				_ = ns.Do(func() error {
					if got := inode(t, threadPath); got != ns.Inode {
						t.Errorf("inside is %d, want %d", got, ns.Inode)
					}
					switch i % 4 {
					case 0:
						time.Sleep(time.Millisecond)
					case 1:
						runtime.Gosched()
					case 2:
						runtime.Goexit()
					}
					return nil
				})
				if got := inode(t, threadPath); got != home {
					t.Errorf("outside is %d, want %d", got, home)
				}
			}
		})
	}
	all.Wait()
	// Each goroutine holds a thread at the same time, so that all threads are seen.
	var look, held sync.WaitGroup
	gate := make(chan struct{})
	for range 100 {
		held.Add(1)
		look.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			held.Done()
			<-gate
			if got := inode(t, threadPath); got != home {
				t.Errorf("a thread was left in %d, home is %d", got, home)
			}
		})
	}
	held.Wait()
	close(gate)
	look.Wait()
	tasks, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(tasks) < 100 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		if fi, err := os.Stat(task); err == nil && fi.Sys().(*syscall.Stat_t).Ino != home {
			t.Errorf("%s is not at home", task)
		}
	}
}

func TestBind(t *testing.T) {
	ns := fresh(t, "x")
	bind(t, ns, "bound")
	if got := inode(t, "/run/netns/bound"); got != ns.Inode {
		t.Errorf("bound is %d, want %d", got, ns.Inode)
	}
	if err := ns.Bind("bound"); !errors.Is(err, os.ErrExist) || !strings.HasPrefix(err.Error(), "name network namespace bound: ") {
		t.Errorf("a name twice: %v", err)
	}
	if got := inode(t, "/run/netns/bound"); got != ns.Inode {
		t.Errorf("then bound is %d, want %d", got, ns.Inode)
	}
	if err := netns.Unbind("bound"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat("/run/netns/bound"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there still: %v", err)
	}
	if err := netns.Unbind("bound"); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "unname network namespace bound: ") {
		t.Errorf("a name that is gone: %v", err)
	}
	closed := fresh(t, "y")
	_ = closed.Close()
	if err := closed.Bind("gone"); err == nil {
		t.Error("a closed namespace is bound")
	}
	if _, err := os.Lstat("/run/netns/gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was not bound has a name: %v", err)
	}
}

// TestNames: nothing outside /run/netns is ever touched.
func TestNames(t *testing.T) {
	ns := fresh(t, "x")
	bind(t, ns, "stays")
	for _, name := range []string{"", ".", "..", "/etc", "../x", "a/b"} {
		if err := ns.Bind(name); err == nil || !strings.Contains(err.Error(), "want a file name") {
			t.Errorf("bind %q: %v", name, err)
		}
		if err := netns.Unbind(name); err == nil || !strings.Contains(err.Error(), "want a file name") {
			t.Errorf("unbind %q: %v", name, err)
		}
	}
	if inode(t, "/run/netns/stays") != ns.Inode {
		t.Error("a name is gone")
	}
}

// TestUnbindBare: a file in /run/netns that is no namespace is taken away, as
// `ip netns del` does after a crash of `ip netns add`.
func TestUnbindBare(t *testing.T) {
	bind(t, fresh(t, "x"), "other") // makes the folder
	if err := os.WriteFile("/run/netns/bare", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := netns.Unbind("bare"); err != nil {
		t.Error(err)
	}
}

func TestAll(t *testing.T) {
	home := inode(t, threadPath)
	named, running := fresh(t, "x"), fresh(t, "y")
	bind(t, named, "first")
	bind(t, named, "second")
	if err := os.WriteFile("/run/netns/bare", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove("/run/netns/bare") })
	sleeper(t, named)
	pid := sleeper(t, running)
	sleeper(t, running)

	all, err := netns.All()
	if err != nil {
		t.Fatal(err)
	}
	byInode := map[uint64]*netns.NS{}
	for _, ns := range all {
		defer func() { _ = ns.Close() }()
		if old := byInode[ns.Inode]; old != nil {
			t.Errorf("%s and %s are the same", old.Name, ns.Name)
		}
		byInode[ns.Inode] = ns
	}
	if all[0].Inode != home {
		t.Errorf("the first is %+v", all[0])
	}
	if ns := byInode[named.Inode]; ns == nil || ns.Name != "first" || ns.Cookie != named.Cookie {
		t.Errorf("named: %+v", ns)
	}
	if ns := byInode[running.Inode]; ns == nil || !strings.HasPrefix(ns.Name, "pid ") || ns.Cookie != running.Cookie {
		t.Errorf("running (process %d): %+v", pid, ns)
	}
}

// TestCookie: it is what the kernel tells of any socket of the namespace
// (here a netlink one; the package asks a Unix one).
func TestCookie(t *testing.T) {
	for range 3 {
		ns := fresh(t, "x")
		var want uint64
		if err := ns.Do(func() error {
			fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
			if err != nil {
				return err
			}
			defer func() { _ = unix.Close(fd) }()
			want, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if ns.Cookie != want || want == 0 {
			t.Errorf("cookie %d, want %d", ns.Cookie, want)
		}
	}
}
