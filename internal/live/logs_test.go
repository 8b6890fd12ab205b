package live

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

// logged is one packet that was logged.
type logged struct {
	point, in, out string
	src, dst       string
	dport          uint16
	mark           uint32
}

// logger is a log that runs.
type logger struct {
	t      testing.TB
	logs   *Logs
	cancel context.CancelFunc
	done   chan struct{}
	err    error

	mu     sync.Mutex
	seen   []logged
	lost   int64
	others int
	idle   time.Time
}

// log arms namespaces of a lab and collects what is logged until stop.
func log(t testing.TB, l *lab.Lab, opt LogOptions, names ...string) *logger {
	t.Helper()
	opt.Spaces = spacesOf(l, names...)
	if opt.Rate == (arm.Rate{}) {
		opt.Unlimited = true
	}
	logs, err := PrepareLogs(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := logs.Arm(); err != nil {
		t.Fatal(err)
	}
	g := &logger{t: t, logs: logs, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	go func() {
		defer close(g.done)
		g.err = logs.Run(ctx, g.add)
	}()
	t.Cleanup(func() {
		cancel()
		<-g.done
		if err := logs.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *logger) add(events []event.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range events {
		switch e := &events[i]; e.Kind {
		case event.KindLog:
			g.one(e)
		case event.KindLost:
			g.lost += e.Lost.Count
		case event.KindIdle:
			g.idle = e.Time
		case event.KindNamespace:
		default:
			g.others++
		}
	}
}

func (g *logger) one(e *event.Event) {
	p, ok := g.logs.Point(e)
	if !ok {
		g.others++
		return
	}
	h, _ := packet.DecodeIP(e.Log.Payload)
	g.seen = append(g.seen, logged{
		point: p.Name, in: g.logs.Link(e.Netns, e.Log.In), out: g.logs.Link(e.Netns, e.Log.Out),
		src: h.Src.String(), dst: h.Dst.String(), dport: h.DstPort, mark: e.Log.Mark,
	})
}

// stop ends the log when what was sent has come, and returns it and what the rules counted.
func (g *logger) stop() ([]logged, []LogCount) {
	g.t.Helper()
	sent := time.Now()
	lab.Await(g.t, func() string {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !g.idle.After(sent) {
			return "the log is never idle"
		}
		return ""
	})
	counts, err := g.logs.Counts()
	if err != nil {
		g.t.Error(err)
	}
	g.cancel()
	<-g.done
	if g.err != nil || g.lost > 0 && g.logs.opt.BufferBytes == 0 || g.others > 0 {
		g.t.Errorf("%v, %d lost, %d others", g.err, g.lost, g.others)
	}
	return g.seen, counts
}

// at is where packets to a port were logged, in order.
func at(seen []logged, dport uint16) string {
	var points []string
	for _, s := range seen {
		if s.dport == dport {
			points = append(points, s.point)
		}
	}
	return strings.Join(points, " ")
}

// everyTable is each built-in chain of iptables.
func everyTable() []string {
	var all []string
	for table, chains := range map[string]string{
		"raw": "PREROUTING OUTPUT", "mangle": "PREROUTING INPUT FORWARD OUTPUT POSTROUTING",
		"nat": "PREROUTING INPUT OUTPUT POSTROUTING", "filter": "INPUT FORWARD OUTPUT", "security": "INPUT FORWARD OUTPUT",
	} {
		for chain := range strings.FieldsSeq(chains) {
			all = append(all, table+"/"+chain)
		}
	}
	slices.Sort(all)
	return all
}

const (
	through = "raw/PREROUTING mangle/PREROUTING nat/PREROUTING mangle/FORWARD filter/FORWARD security/FORWARD mangle/POSTROUTING nat/POSTROUTING"
	toHost  = "raw/PREROUTING mangle/PREROUTING nat/PREROUTING mangle/INPUT filter/INPUT security/INPUT nat/INPUT"
	own     = "raw/OUTPUT mangle/OUTPUT nat/OUTPUT filter/OUTPUT security/OUTPUT mangle/POSTROUTING nat/POSTROUTING"
)

// TestLogAtEveryChain: packets through, to and from a host are logged at each
// chain that they meet, in the order in which they meet them, and nothing of the
// host is different afterwards.
func TestLogAtEveryChain(t *testing.T) {
	for _, s := range sides() {
		for _, how := range []string{"owner", "no-owner"} {
			t.Run(s.name()+" "+how, func(t *testing.T) {
				l := lab.New(t, "router")
				before := still(t, l)
				g := log(t, l, LogOptions{At: everyTable(), Match: matching(t, "-p", "udp"), NoOwner: how == "no-owner"}, "rt")
				send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
				send(t, l, "client", datagram(t, s.client, s.host, 20000, 1002))
				send(t, l, "rt", datagram(t, s.router, s.server, 20000, 1003))
				seen, counts := g.stop()
				for port, want := range map[uint16]string{1001: through, 1002: toHost, 1003: own} {
					if got := at(seen, port); got != want {
						t.Errorf("port %d:\n got %s\nwant %s", port, got, want)
					}
				}
				var sum int64
				for _, c := range counts {
					sum += c.Logged
				}
				if n := int64(len(seen)); sum != n || n != 22 {
					t.Errorf("%d logged, %d counted, want 22", n, sum)
				}
				if i := slices.IndexFunc(seen, func(s logged) bool { return s.point == "filter/FORWARD" }); i < 0 || seen[i].in != "r0" || seen[i].out != "r1" || seen[i].src != s.client || seen[i].dst != s.server {
					t.Errorf("what was logged in forward: %+v", seen)
				}
				if err := g.logs.Close(); err != nil {
					t.Error(err)
				}
				clean(t, l, before, "the log")
				noneTracked(t, l)
			})
		}
	}
}

// noneTracked checks that no connection is tracked in the router.
func noneTracked(t *testing.T, l *lab.Lab) {
	t.Helper()
	if out := run(t, l, "rt", "conntrack", "-C"); strings.TrimSpace(out) != "0" {
		t.Errorf("%s connections are tracked", out)
	}
}

// TestLogEverywhere: without a place packets are logged once at each hook.
func TestLogEverywhere(t *testing.T) {
	l := lab.New(t, "router")
	g := log(t, l, LogOptions{Match: matching(t, "-p", "udp", "--dport", "1001:1003")}, "rt")
	for _, s := range sides() {
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
		send(t, l, "client", datagram(t, s.client, s.host, 20000, 1002))
		send(t, l, "rt", datagram(t, s.router, s.server, 20000, 1003))
	}
	seen, _ := g.stop()
	for port, want := range map[uint16]string{1001: "prerouting forward postrouting", 1002: "prerouting input", 1003: "output postrouting"} {
		if got := at(seen, port); got != want+" "+want {
			t.Errorf("port %d: %s, want %s", port, got, want)
		}
	}
}

// TestLogBesideAChainThatDrops: before it the packet is seen, behind it not.
func TestLogBesideAChainThatDrops(t *testing.T) {
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		text := "*filter\n-A FORWARD -p udp --dport 1001 -j DROP\nCOMMIT\n"
		name := []string{"filter/FORWARD"}
		if w == lab.NFT {
			text = "table inet f {\n chain c {\n type filter hook forward priority 0\n udp dport 1001 drop\n }\n}\n"
			name = append(name, "inet/f/c", "f/c", "forward:filter", "forward:0")
		}
		load(t, l, "rt", w, s.loadedAs(w), text)
		for _, point := range name {
			for side, want := range map[arm.Side]string{arm.Before: point, arm.After: ""} {
				g := log(t, l, LogOptions{At: []string{point}, Side: side, Match: matching(t, "-p", "udp")}, "rt")
				send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
				send(t, l, "client", datagram(t, s.client, s.server, 20000, 1002))
				seen, _ := g.stop()
				if got := at(seen, 1001); got != want {
					t.Errorf("%s, side %d: the dropped packet was logged at %q, want %q", point, side, got, want)
				}
				if got := at(seen, 1002); got != point {
					t.Errorf("%s, side %d: the other packet was logged at %q", point, side, got)
				}
				if err := g.logs.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// TestLogAtTheEndOfAHook: behind every chain that the host has, wherever it stands.
func TestLogAtTheEndOfAHook(t *testing.T) {
	l := lab.New(t, "router")
	load(t, l, "rt", lab.NFT, packet.Unspec, `table ip f {
	chain early { type filter hook forward priority -1000; udp dport 1001 drop; }
	chain late { type filter hook forward priority 1000; udp dport 1002 drop; }
}`)
	s := sides()[0]
	for side, want := range map[arm.Side][]string{arm.Before: {"forward", "forward"}, arm.After: {"", ""}} {
		g := log(t, l, LogOptions{At: []string{"forward"}, Side: side, Match: matching(t, "-p", "udp")}, "rt")
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1002))
		seen, _ := g.stop()
		if got := []string{at(seen, 1001), at(seen, 1002)}; !slices.Equal(got, want) {
			t.Errorf("side %d: %q, want %q", side, got, want)
		}
		if err := g.logs.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLogLimit: at a slow rate exactly the burst is logged, and every other packet
// is counted.
func TestLogLimit(t *testing.T) {
	l := lab.New(t, "router")
	rate, err := arm.ParseRate("2/hour")
	if err != nil {
		t.Fatal(err)
	}
	g := log(t, l, LogOptions{At: []string{"filter/FORWARD", "raw/PREROUTING"}, Rate: rate, Match: matching(t, "-p", "udp")}, "rt")
	s := sides()[0]
	for range 20 {
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
	}
	seen, counts := g.stop()
	var logged, limited int64
	for _, c := range counts {
		logged += c.Logged
		limited += c.RateLimited
	}
	if len(seen) != arm.DefaultBurst || logged != arm.DefaultBurst || logged+limited != 40 {
		t.Errorf("%d came, %d logged, %d over the rate; want %d, and 40 in all", len(seen), logged, limited, arm.DefaultBurst)
	}
}

// TestLogMarks: a mark that an earlier rule sets is seen where it is set already.
func TestLogMarks(t *testing.T) {
	l := lab.New(t, "router")
	load(t, l, "rt", lab.NFT, packet.Unspec, "table ip m {\n chain c {\n type filter hook prerouting priority mangle\n udp dport 1001 meta mark set 7\n }\n}")
	s := sides()[0]
	g := log(t, l, LogOptions{At: []string{"ip/m/c", "filter/FORWARD"}, Match: matching(t, "-p", "udp", "--mark", "7")}, "rt")
	send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
	seen, _ := g.stop()
	if got := at(seen, 1001); got != "filter/FORWARD" || seen[0].mark != 7 {
		t.Errorf("logged at %q: %+v", got, seen)
	}
}

// TestLogSeveralSpaces: each namespace has its own rules, and the limit is shared.
func TestLogSeveralSpaces(t *testing.T) {
	l := lab.New(t, "router")
	g := log(t, l, LogOptions{At: []string{"prerouting"}, Rate: arm.Rate{Packets: 3, Per: time.Hour, Burst: 6}, Match: matching(t, "-p", "udp")}, "rt", "server", "client")
	s := sides()[0]
	for range 10 {
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
	}
	seen, counts := g.stop()
	by := map[string]int64{}
	for _, c := range counts {
		by[g.logs.spaces[c.Netns].ns.Name] += c.Logged
	}
	if want := map[string]int64{"rt": 2, "server": 2, "client": 0}; len(seen) != 4 || !cmp.Equal(by, want) {
		t.Errorf("%d came, %v counted, want %v", len(seen), by, want)
	}
}

func TestLogRefuses(t *testing.T) {
	l := lab.New(t, "router")
	load(t, l, "rt", lab.NFT, packet.Unspec, "table ip f {\n chain c {\n type filter hook input priority 0\n }\n chain u {\n }\n}\ntable ip6 f {\n chain c {\n type filter hook input priority 0\n }\n}\ntable arp a {\n chain c {\n type filter hook input priority 0\n }\n}\n")
	for _, c := range []struct {
		at, match, want string
	}{
		{"raw/INPUT", "", "the table raw has no chain INPUT"},
		{"ip/f/u", "", "a chain that rules jump to"},
		{"f/c", "", "several chains are called so"},
		{"arp/a/c", "", "no IP packets"},
		{"filter/DOCKER-USER", "", "no such chain here"},
		{"somewhere", "", "no such place"},
		{"input:soon", "", `"soon" is not a priority`},
		{"ip/f/c", "-6", "never sees a packet of -6"},
		{"raw/PREROUTING", "-o r1", "--out-interface: cannot be judged at raw/PREROUTING"},
		{"filter/OUTPUT", "-i r1", "-i: cannot be judged at filter/OUTPUT"},
		{"filter/INPUT", "-o r1", "--out-interface: cannot be judged at filter/INPUT"},
		{"filter/FORWARD", "-p udp --both", "--both: a rule that logs looks at each packet by itself"},
	} {
		_, err := PrepareLogs(LogOptions{Spaces: spacesOf(l, "rt"), At: []string{c.at}, Match: matching(t, strings.Fields(c.match)...)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--at %s %s: %v, want %q", c.at, c.match, err, c.want)
		}
	}
	logs, err := PrepareLogs(LogOptions{Spaces: spacesOf(l, "rt"), Match: matching(t, "-i", "r0")})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range logs.Plans()[0].Points {
		names = append(names, p.Name)
	}
	if got := fmt.Sprint(names, len(logs.Warnings)); got != "[prerouting input forward] 2" {
		t.Errorf("all, with -i: %s %q", got, logs.Warnings)
	}
}
