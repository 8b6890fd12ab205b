package live

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/journey"
)

// victimEnv makes this test binary a process that traces or logs in the namespace
// of its descriptor 3 until a signal ends it. Its value says how: owner, no-owner,
// log, log-no-owner or log-legacy.
const victimEnv = "PKTRAIL_TEST_VICTIM"

func victim(how string) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	ns, err := netns.Open("/proc/self/fd/3")
	if err != nil {
		return err
	}
	if strings.HasPrefix(how, "log") {
		return logVictim(ctx, ns, how)
	}
	tr, err := Prepare(Options{Spaces: []*netns.NS{ns}, Unlimited: true, NoOwner: how == "no-owner"})
	if err != nil {
		return err
	}
	if err := tr.Arm(); err != nil {
		return err
	}
	fmt.Println("armed")
	_, err = Tell(ctx, tr, Teller{Journey: func(*journey.Journey) {}})
	if cerr := tr.Close(); err == nil {
		err = cerr
	}
	return err
}

func logVictim(ctx context.Context, ns *netns.NS, how string) error {
	opt := LogOptions{Spaces: []*netns.NS{ns}, NoOwner: how == "log-no-owner"}
	if how == "log-legacy" {
		opt.Legacy, opt.At = true, []string{"filter/FORWARD"}
	}
	logs, err := PrepareLogs(opt)
	if err != nil {
		return err
	}
	if err := logs.Arm(); err != nil {
		return err
	}
	fmt.Println("armed")
	err = logs.Run(ctx, func([]event.Event) {})
	return errors.Join(err, logs.Close())
}

// standing is what a trace may change, as it stands.
type standing struct {
	nft, loggers, group, guardians, records string
}

func stands(t *testing.T, l *lab.Lab) standing {
	t.Helper()
	var s standing
	s.nft = run(t, l, "rt", "nft", "list", "ruleset")
	err := l.NS("rt").Do(func() error {
		for _, f := range []string{"2", "10"} {
			b, err := os.ReadFile("/proc/sys/net/netfilter/nf_log/" + f)
			if err != nil {
				return err
			}
			s.loggers += string(b)
		}
		b, err := os.ReadFile("/proc/thread-self/net/netfilter/nfnetlink_log")
		s.group = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.guardians = fmt.Sprint(guardians())
	names, _ := filepath.Glob(arm.RecordDir + "/*")
	s.records = strings.Join(names, " ")
	return s
}

// legacy is all rules of legacy tables.
func legacy(t *testing.T, l *lab.Lab) string {
	t.Helper()
	var all string
	for _, tool := range []string{"iptables-legacy", "ip6tables-legacy"} {
		for _, table := range []string{"mangle", "filter"} {
			all += run(t, l, "rt", tool, "-t", table, "-S")
		}
	}
	return all
}

// guardians are the process ids of guardians that this test binary's own namespace
// holds, which it shares with nobody.
func guardians() []int {
	own, _ := os.Readlink("/proc/self/ns/net")
	var found []int
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		cmd, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(cmd, []byte(arm.GuardianArg)) {
			continue
		}
		if ns, _ := os.Readlink(filepath.Dir(path) + "/ns/net"); ns == own {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = append(found, pid)
		}
	}
	return found
}

// clean waits until all stands as before.
func clean(t *testing.T, l *lab.Lab, before standing, what string) {
	t.Helper()
	lab.Await(t, func() string {
		now := stands(t, l)
		if now == before {
			return ""
		}
		return fmt.Sprintf("%s left something behind: %s", what, cmp.Diff(before, now, cmp.AllowUnexported(standing{})))
	})
}

// startVictim starts the process; its output ends when it does.
func startVictim(t *testing.T, l *lab.Lab, how string) (*exec.Cmd, io.Reader) {
	t.Helper()
	ns, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", l.NS("rt").FD()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), victimEnv+"="+how)
	cmd.ExtraFiles = []*os.File{ns}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// armedVictim waits until the process has armed.
func armedVictim(t *testing.T, l *lab.Lab, how string) *exec.Cmd {
	t.Helper()
	cmd, out := startVictim(t, l, how)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "armed\n" {
		t.Fatalf("the process did not arm: %q, %v", line, err)
	}
	return cmd
}

// mixedLab has legacy rules of both families, so that settings must change, and
// nft ones, and packets that cross it all the time.
func mixedLab(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.New(t, "router")
	for _, s := range sides() {
		load(t, l, "rt", lab.Legacy, s.family, s.fill(crossroads(lab.Legacy)))
		load(t, l, "rt", lab.NFT, 0, s.fill(crossroads(lab.NFT)))
	}
	return l
}

func traffic(t *testing.T, l *lab.Lab) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint16(0); ctx.Err() == nil; i++ {
			for _, s := range sides() {
				_ = l.SendIP("client", datagram(t, s.client, s.server, 30000+i%1000, 9))
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// TestKilledAtAnyMoment ends the tracing process 200 times, at moments from before
// it has done anything to long after it armed.
func TestKilledAtAnyMoment(t *testing.T) {
	l := mixedLab(t)
	before, rules := still(t, l), legacy(t, l)
	traffic(t, l)
	const seed = 20261122
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range 200 {
		how := []string{"owner", "no-owner"}[i%2]
		cmd, _ := startVictim(t, l, how)
		moment := time.Duration(random.Int64N(int64(90 * time.Millisecond)))
		time.Sleep(moment)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		clean(t, l, before, fmt.Sprintf("kill %d, %s, after %s", i, how, moment))
	}
	if now := legacy(t, l); now != rules {
		t.Errorf("legacy rules: %s", cmp.Diff(rules, now))
	}
}

// TestLogKilledAtAnyMoment is TestKilledAtAnyMoment for logs. Rules in legacy
// tables must be gone when the guardian is.
func TestLogKilledAtAnyMoment(t *testing.T) {
	l := mixedLab(t)
	before, rules := still(t, l), legacy(t, l)
	traffic(t, l)
	const seed = 20261123
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range 60 {
		how := []string{"log-legacy", "log-no-owner", "log"}[i%3]
		cmd, _ := startVictim(t, l, how)
		moment := time.Duration(random.Int64N(int64(90 * time.Millisecond)))
		time.Sleep(moment)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		clean(t, l, before, fmt.Sprintf("kill %d, %s, after %s", i, how, moment))
		if now := legacy(t, l); now != rules {
			t.Fatalf("kill %d, %s, after %s, legacy rules: %s", i, how, moment, cmp.Diff(rules, now))
		}
	}
}

// still is how all stands before any trace. nft shows counters, so rules that
// count must not be met before or after.
func still(t *testing.T, l *lab.Lab) standing {
	t.Helper()
	s := stands(t, l)
	if s.guardians != "[]" || s.records != "" || strings.Contains(s.nft, arm.TablePrefix) {
		t.Fatalf("something is there before any trace: %+v", s)
	}
	return s
}

func TestInterruptedTakesAllBack(t *testing.T) {
	l := mixedLab(t)
	before := still(t, l)
	rules := legacy(t, l)
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
		for _, how := range []string{"owner", "no-owner", "log", "log-no-owner", "log-legacy"} {
			cmd := armedVictim(t, l, how)
			if now := stands(t, l); now == before {
				t.Errorf("%s: armed, and nothing changed", how)
			}
			_ = cmd.Process.Signal(sig)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s: %v", sig, err)
			}
			if now := legacy(t, l); now != rules {
				t.Errorf("%s, legacy rules: %s", how, cmp.Diff(rules, now))
			}
			if now := stands(t, l); now != before { // at once: no guardian is needed
				t.Errorf("%s, %s left something behind: %s", sig, how, cmp.Diff(before, now, cmp.AllowUnexported(standing{})))
			}
		}
	}
}

// TestRepairAfterGuardianDied kills the process and its guardian together, as the
// end of a container does.
func TestRepairAfterGuardianDied(t *testing.T) {
	for _, how := range []string{"owner", "no-owner"} {
		t.Run(how, func(t *testing.T) {
			l := mixedLab(t)
			before := still(t, l)
			cmd := armedVictim(t, l, how)
			for _, pid := range guardians() {
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			left := stands(t, l)
			if left.records == "" || left.loggers == before.loggers || strings.Contains(left.nft, arm.TablePrefix) != (how == "no-owner") {
				t.Errorf("want the record, the changed setting, and without an owner the table: %+v", left)
			}
			done, err := arm.Repair([]*netns.NS{l.NS("rt")})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range done {
				if !d.Done {
					t.Errorf("not repaired: %+v", d)
				}
			}
			clean(t, l, before, "repair")
		})
	}
}
