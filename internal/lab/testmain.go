package lab

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// TB is what New needs of *testing.T, *testing.B and *testing.F.
type TB interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Fatal(...any)
	Skip(...any)
	Error(...any)
}

// Main is TestMain of packages whose tests need a kernel: without root it runs
// the test binary in its own user namespace. Where that is refused it says so
// and the tests are skipped, but with CI=true they fail. Its result is for os.Exit.
func Main(m interface{ Run() int }) int {
	handled, code, err := reexecOwn()
	switch {
	case handled:
		return code
	case err == nil:
		return m.Run()
	}
	fmt.Fprintf(os.Stderr, "%s: no kernel tests: %v\n", filepath.Base(os.Args[0]), err)
	if inCI() {
		return 1
	}
	return 0
}

// AtOnce lets so many parallel tests run at once where there are fewer cores: for
// packages whose tests wait most of the time. It is called before Main, and the
// command line still has the last word.
func AtOnce(n int) {
	if tests := flag.Lookup("test.parallel"); tests != nil {
		_ = tests.Value.Set(strconv.Itoa(max(n, runtime.GOMAXPROCS(0))))
	}
}

// New makes a lab for a test and takes it down at its end. Rules of a world
// that this machine lacks skip the test, but fail it with CI=true.
func New(t TB, topology string, opts ...Options) *Lab {
	t.Helper()
	top, err := Find(topology)
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	l, err := Up(t.Context(), top, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range l.Missing() {
		Lacks(t, s.String())
	}
	return l
}

// Need skips the test where the world is missing, but fails it with CI=true.
func Need(t TB, w World) {
	t.Helper()
	all, err := Worlds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.World == w && !s.OK() {
			Lacks(t, s.String())
		}
	}
}

// NeedBridgeNF is Need for bridged packets that ip and ip6 rules see. Most kernels
// have that as a module, which no test loads: it would change the host's bridges.
func NeedBridgeNF(t TB) {
	t.Helper()
	if _, err := os.Stat("/proc/sys/net/bridge"); err != nil {
		Lacks(t, "br_netfilter is not loaded: try: sudo modprobe br_netfilter")
	}
}

// Lacks skips the test for want of something, but fails it with CI=true: there
// everything is installed.
func Lacks(t TB, why string) {
	t.Helper()
	if inCI() {
		t.Fatal(why)
	}
	t.Skip(why)
}

// LacksRights skips the test for want of something that only root of the machine
// may do. Whoever is that, with CI=true, fails it.
func LacksRights(t TB, why string) {
	t.Helper()
	if ofMachine, err := ownsMachine(); inCI() && (ofMachine || err != nil) {
		t.Fatal(why)
	}
	t.Skip(why)
}

// ownsMachine reports whether this process is in the first user namespace, whose
// map holds every id.
func ownsMachine() (bool, error) {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return strings.Join(strings.Fields(string(ids)), " ") == "0 0 4294967295", err
}

func inCI() bool { return os.Getenv("CI") == "true" }
