package live

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// dockerLike is a legacy table with a chain of somebody else's, that drops.
const dockerLike = `*filter
:FORWARD ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -p udp -m udp --dport 1001 -j DROP
COMMIT
`

func legacyLab(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.New(t, "router")
	for _, s := range sides() {
		load(t, l, "rt", lab.Legacy, s.family, dockerLike)
	}
	return l
}

// filterRules is the legacy filter tables as iptables-save prints them, without counters.
func filterRules(t *testing.T, l *lab.Lab) string {
	t.Helper()
	return run(t, l, "rt", "iptables-legacy", "-S") + run(t, l, "rt", "ip6tables-legacy", "-S")
}

// TestLogLegacy: real rules of iptables log at the head and at the end of built-in
// and user chains, and the tables are as before afterwards.
func TestLogLegacy(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := legacyLab(t)
	before, rules := still(t, l), filterRules(t, l)
	for _, c := range []struct {
		side            arm.Side
		dropped, passed string
	}{
		{arm.Before, "filter/FORWARD filter/DOCKER-USER", "filter/FORWARD filter/DOCKER-USER"},
		{arm.After, "", "filter/DOCKER-USER filter/FORWARD"},
	} {
		g := log(t, l, LogOptions{At: []string{"filter/FORWARD", "filter/DOCKER-USER"}, Side: c.side, Legacy: true, Match: matching(t, "-p", "udp,tcp", "--dport", "1000:1009")}, "rt")
		for _, s := range sides() {
			send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
			send(t, l, "client", datagram(t, s.client, s.server, 20000, 1002))
		}
		if during := filterRules(t, l); strings.Count(during, "-j NFLOG") != 8 {
			t.Errorf("want 8 rules\n%s", during)
		}
		seen, counts := g.stop()
		twice := func(s string) string { return strings.TrimSpace(s + " " + s) }
		if d, p := at(seen, 1001), at(seen, 1002); d != twice(c.dropped) || p != twice(c.passed) {
			t.Errorf("side %d: dropped %q, passed %q, want %q, %q twice", c.side, d, p, c.dropped, c.passed)
		}
		var sum int64
		for _, n := range counts {
			sum += n.Logged
		}
		if sum != int64(len(seen)) {
			t.Errorf("%d counted, %d came", sum, len(seen))
		}
		if err := g.logs.Close(); err != nil {
			t.Error(err)
		}
		clean(t, l, before, "the log")
		if now := filterRules(t, l); now != rules {
			t.Errorf("the rules are others: %s", cmp.Diff(rules, now))
		}
	}
}

// TestLogLegacyLimit: what a limit keeps from being logged is counted.
func TestLogLegacyLimit(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := legacyLab(t)
	rate := arm.Rate{Packets: 2, Per: time.Hour, Burst: 6}
	g := log(t, l, LogOptions{At: []string{"filter/FORWARD"}, Rate: rate, Legacy: true, Match: matching(t, "-p", "udp")}, "rt")
	for _, s := range sides() {
		for range 10 {
			send(t, l, "client", datagram(t, s.client, s.server, 20000, 1002))
		}
	}
	seen, counts := g.stop()
	if len(seen) != 6 || counts[0].Logged != 6 || counts[0].RateLimited != 14 {
		t.Errorf("%d came, %+v", len(seen), counts)
	}
}

// TestLogLegacyFlushed: when somebody else empties the chain, or takes it away, the
// log says that its rules are missing, and ends well.
func TestLogLegacyFlushed(t *testing.T) {
	lab.Need(t, lab.Legacy)
	for _, how := range [][]string{{"-F", "FORWARD"}, {"-F"}} {
		l := legacyLab(t)
		g := log(t, l, LogOptions{At: []string{"filter/FORWARD", "filter/DOCKER-USER"}, Legacy: true, Match: matching(t, "-p", "udp")}, "rt")
		run(t, l, "rt", append([]string{"iptables-legacy"}, how...)...)
		if len(how) == 1 {
			run(t, l, "rt", "iptables-legacy", "-X", "DOCKER-USER")
		}
		s := sides()[0]
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1002))
		_, counts := g.stop()
		if counts[0].Missing != 1 || counts[1].Missing != 2-len(how) {
			t.Errorf("%v: %+v", how, counts)
		}
		if err := g.logs.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLogLegacyMakesNoTable: a table that is not there is not made.
func TestLogLegacyMakesNoTable(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := lab.New(t, "router")
	load(t, l, "rt", lab.Legacy, sides()[0].family, dockerLike)
	for _, c := range []struct {
		at, match, want string
	}{
		{"raw/PREROUTING", "", "has no legacy table raw"},
		{"filter/FORWARD", "-6", "has no legacy table filter"},
		{"filter/PREROUTING", "", "has no chain PREROUTING"},
		{"forward", "", "puts a rule into one chain"},
		{"all", "", "puts a rule into one chain"},
		{"filter/two words", "", "not the name of a chain"},
		{"filter/FORWARD", "! -s 10.0.0.1,10.0.0.2", "cannot exclude a list"},
		{"filter/FORWARD", "-p tcp --tcp-flags ECE ECE", "ECE and CWR"},
	} {
		_, err := PrepareLogs(LogOptions{Spaces: spacesOf(l, "rt"), At: []string{c.at}, Legacy: true, Match: matching(t, fields(c.match)...)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--at %s %s: %v, want %q", c.at, c.match, err, c.want)
		}
	}
	logs, err := PrepareLogs(LogOptions{Spaces: spacesOf(l, "rt"), At: []string{"filter/NONE"}, Legacy: true})
	if err != nil {
		t.Fatal(err)
	}
	var rule *arm.RuleError
	if err := logs.Arm(); !errors.As(err, &rule) || rule.Chain != "NONE" {
		t.Errorf("a chain that is not there: %v", err)
	}
	if got := run(t, l, "rt", "cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"); strings.TrimSpace(got) != "filter" {
		t.Errorf("tables %q, want filter alone", got)
	}
}

func fields(s string) []string {
	return slices.DeleteFunc(strings.Split(s, " "), func(w string) bool { return w == "" })
}

// TestLogRepaired kills a log and its guardian together: the next start, even in
// another namespace, finds the rules by the record.
func TestLogRepaired(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := legacyLab(t)
	before, rules := still(t, l), filterRules(t, l)
	cmd := armedVictim(t, l, "log-legacy")
	for _, pid := range guardians() {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if now := stands(t, l); now.records == "" || filterRules(t, l) == rules {
		t.Fatalf("want the rules and their record left: %+v", now)
	}
	done, err := arm.Repair([]*netns.NS{l.NS("rt")})
	if err != nil || len(done) != 4 || !done[0].Done {
		t.Errorf("%+v, %v", done, err)
	}
	clean(t, l, before, "repair")
	if now := filterRules(t, l); now != rules {
		t.Errorf("the rules are others: %s", cmp.Diff(rules, now))
	}
}
