package kmsg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source/netfilter"
	"github.com/pktrail/pktrail/packet"
)

// allNetns lets LOG rules of other namespaces than the first print; it exists
// only in the first.
const allNetns = "/proc/sys/net/netfilter/nf_log_all_netns"

// letNamespacesLog sets allNetns for the test, and puts it back.
func letNamespacesLog(t *testing.T) {
	t.Helper()
	host, err := netns.Open("/proc/self/fd/" + os.Getenv(hostNetnsEnv))
	if err != nil {
		lab.LacksRights(t, fmt.Sprintf("no way into the host's own network namespace: %v", err))
	}
	t.Cleanup(func() { _ = host.Close() })
	var before []byte
	err = host.Do(func() (err error) {
		if before, err = os.ReadFile(allNetns); err != nil {
			return err
		}
		return os.WriteFile(allNetns, []byte("1\n"), 0)
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		t.Skipf("these tests were started in a namespace that cannot let others log: %v", err)
	case err != nil:
		lab.LacksRights(t, fmt.Sprintf("only root of the host's own network namespace can let namespaces log: %v", err))
	}
	t.Cleanup(func() {
		if err := host.Do(func() error { return os.WriteFile(allNetns, before, 0) }); err != nil {
			t.Errorf("%s is not put back: %v", allNetns, err)
		}
	})
}

const group = 20717

// everything makes LOG tell what an NFLOG message holds too.
const everything = "--log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode"

// point is a chain that has a LOG and an NFLOG rule side by side.
type point struct{ ns, table, chain string }

var points = [...]point{
	{"client", "filter", "OUTPUT"}, {"client", "filter", "INPUT"},
	{"rt", "raw", "PREROUTING"}, {"rt", "filter", "FORWARD"}, {"rt", "mangle", "POSTROUTING"},
	{"server", "filter", "INPUT"}, {"server", "filter", "OUTPUT"},
}

func (p point) prefix(word string) string {
	return word + p.ns[:1] + p.chain[:1] + " "
}

// load puts the rules into every chain of both families.
func load(t *testing.T, l *lab.Lab, word string) {
	t.Helper()
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, p := range points {
			text := fmt.Sprintf("*%[1]s\n-A %[2]s -j LOG --log-prefix \"%[3]s\" %[4]s\n-A %[2]s -j NFLOG --nflog-group %[5]d --nflog-prefix \"%[3]s\"\nCOMMIT\n",
				p.table, p.chain, p.prefix(word), everything, group)
			if err := l.Load(t.Context(), p.ns, lab.Ruleset{World: lab.Legacy, Family: f, Text: text}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// printed is lines in the kernel's form, of all sources.
type printed struct {
	mu    sync.Mutex
	lines []string
	wrong []string
}

func (c *printed) add(l *event.LogLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, string(logline.Append(nil, l)))
}

func (c *printed) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines)
}

func (c *printed) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// fromRing collects the lines of /dev/kmsg that begin with word.
func (c *printed) fromRing(word string) func([]event.Event) {
	return func(events []event.Event) {
		for _, e := range events {
			switch {
			case e.Kind == event.KindLine && strings.HasPrefix(e.Line.Prefix, word):
				if e.Line.Cut != 0 || len(e.Line.Rest) > 0 {
					c.complain("a line that is not whole: %+v", e.Line)
				}
				c.add(e.Line)
			case e.Kind == event.KindBadLine && strings.Contains(string(e.BadLine.Text), word):
				c.complain("%s: %s", e.BadLine.Text, e.BadLine.Reason)
			case e.Kind == event.KindLost:
				c.complain("lost %+v", *e.Lost)
			}
		}
	}
}

// fromMessages collects the messages of one namespace as lines.
func (c *printed) fromMessages(links map[uint32]string) func([]event.Event) {
	var parser logline.Parser
	return func(events []event.Event) {
		for _, e := range events {
			switch e.Kind {
			case event.KindLog:
				var l event.LogLine
				if err := parser.Message(&e.Log, func(i uint32) string { return links[i] }, &l); err != nil {
					c.complain("%v", err)
				}
				c.add(&l)
			case event.KindLost:
				c.complain("lost %+v", *e.Lost)
			}
		}
	}
}

// linksOf is the interfaces of a namespace by index.
func linksOf(t *testing.T, ns *netns.NS) map[uint32]string {
	t.Helper()
	names := map[uint32]string{}
	err := ns.Do(func() error {
		all, err := net.Interfaces()
		for _, i := range all {
			names[uint32(i.Index)] = i.Name
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// traffic is TCP, UDP, echo requests and what ICMP says about a closed port.
func traffic(t *testing.T, l *lab.Lab, to netip.Addr) {
	t.Helper()
	tcp, err := l.TCPServer("server", netip.AddrPortFrom(to, 0))
	if err != nil {
		t.Fatal(err)
	}
	udp, err := l.UDPServer("server", netip.AddrPortFrom(to, 0))
	if err != nil {
		t.Fatal(err)
	}
	for network, at := range map[string]netip.AddrPort{"tcp": tcp.Addr, "udp": udp.Addr} {
		say(t, l, network, at, true)
	}
	say(t, l, "udp", netip.AddrPortFrom(to, 9), false)
	if p, err := l.Ping(t.Context(), "client", to, 2); err != nil || p.Replies != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
}

func say(t *testing.T, l *lab.Lab, network string, to netip.AddrPort, answers bool) {
	t.Helper()
	c, err := l.Dial(t.Context(), "client", network, to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 16)); (err == nil) != answers {
		t.Fatalf("%s %v: %v", network, to, err)
	}
}

// TestSameAsNFLOG: what LOG rules print and what NFLOG rules beside them send
// are the same records, IPv4 and IPv6, in, out and forwarded.
func TestSameAsNFLOG(t *testing.T) {
	needRing(t)
	lab.Need(t, lab.Legacy)
	letNamespacesLog(t)
	l := lab.New(t, "router")
	word := strings.TrimSpace(word())

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var ring, messages printed
	var running sync.WaitGroup
	start := func(run func() error) {
		running.Go(func() {
			if err := run(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, name := range []string{"client", "rt", "server"} {
		s, err := netfilter.OpenGroup(l.NS(name), group, netfilter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		take := messages.fromMessages(linksOf(t, l.NS(name)))
		start(func() error { return s.Run(ctx, take) })
	}
	kernel := open(t, Options{From: Now, Follow: true})
	start(func() error { return kernel.Run(ctx, ring.fromRing(word)) })

	load(t, l, word)
	traffic(t, l, netip.MustParseAddr("10.2.0.2"))
	if l.IPv6() {
		traffic(t, l, netip.MustParseAddr("fd00:2::2"))
	}
	last := -1
	lab.Await(t, func() string { // connections end
		time.Sleep(2 * idleAfter)
		before := last
		if last = ring.count(); last != messages.count() || last != before {
			return fmt.Sprintf("%d lines printed, %d sent, %d printed before", last, messages.count(), before)
		}
		return ""
	})
	stop()
	running.Wait()
	compare(t, &ring, &messages, word)
}

func compare(t *testing.T, ring, messages *printed, word string) {
	t.Helper()
	for _, w := range slices.Concat(ring.wrong, messages.wrong) {
		t.Error(w)
	}
	slices.Sort(ring.lines)
	slices.Sort(messages.lines)
	if diff := cmp.Diff(ring.lines, messages.lines); diff != "" {
		t.Errorf("printed -, sent +:\n%s", diff)
	}
	all := strings.Join(ring.lines, "\n")
	for _, p := range points {
		for _, part := range []string{"PROTO=TCP", "PROTO=UDP", "PROTO=ICMP "} {
			if !slices.ContainsFunc(ring.lines, func(line string) bool {
				return strings.HasPrefix(line, p.prefix(word)) && strings.Contains(line, part)
			}) {
				t.Errorf("no line of %+v with %s", p, part)
			}
		}
	}
	for _, part := range []string{"PROTO=ICMPv6", "MACSRC=", " ACK=", "OPT (", "UID=0 GID=0", "TYPE=3 CODE=3 [SRC="} {
		if !strings.Contains(all, part) {
			t.Errorf("no line has %s", part)
		}
	}
	t.Logf("%d lines are equal", len(ring.lines))
}
