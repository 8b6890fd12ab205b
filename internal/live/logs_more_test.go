package live

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/source/netfilter"
	"github.com/pktrail/pktrail/packet"
)

// TestLogBridgeAndDevice: chains of the bridge and netdev families are places too,
// where bridged packets are met that no ip hook sees.
func TestLogBridgeAndDevice(t *testing.T) {
	l := lab.New(t, "node")
	load(t, l, "host", lab.NFT, packet.Unspec, `table bridge br {
	chain c { type filter hook forward priority 0; }
}
table netdev dev {
	chain in { type filter hook ingress device vethpod1 priority 0; }
}`)
	for _, family := range []packet.Family{packet.IPv4, packet.IPv6} {
		from, to := "10.244.1.2", "10.244.1.3"
		if family == packet.IPv6 {
			from, to = "fd00:244:1::2", "fd00:244:1::3"
		}
		g := log(t, l, LogOptions{At: []string{"bridge/br/c", "netdev/dev/in"}, Match: matching(t, "-p", "udp", "-s", from)}, "host")
		send(t, l, "pod1", datagram(t, from, to, 20000, 1001))
		seen, counts := g.stop()
		if got := at(seen, 1001); got != "netdev/dev/in bridge/br/c" {
			t.Errorf("logged at %q: %+v, %+v", got, seen, counts)
		}
		if err := g.logs.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLogLegacyMeansTheSame: rules of iptables and of our own table log the same
// packets for one MATCH.
func TestLogLegacyMeansTheSame(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := legacyLab(t)
	for _, m := range []string{
		"", "-p udp", "! -p udp", "-p tcp,udp --dport 1002,1003", "-p tcp ! --dport 1000:1002", "-p tcp --ports 1003,7",
		"--syn", "-p tcp ! --syn", "--tcp-flags SYN,ACK SYN", "-i r0", "! -i r0", "-i r+,r0", "--out-interface r1 -p udp",
		"-s 10.1.0.0/16,10.1.0.2", "! -s 10.1.0.2", "-s fd00:1::/64 -p tcp", "-6", "--icmp-type 8", "--icmpv6-type echo-request",
		"--mark 1", "! --mark 1", "-p udp --sport 20000:",
	} {
		args := strings.Fields(m)
		ours := log(t, l, LogOptions{At: []string{"filter/FORWARD"}, Match: matching(t, args...)}, "rt")
		theirs := log(t, l, LogOptions{At: []string{"filter/FORWARD"}, Legacy: true, Match: matching(t, args...)}, "rt")
		mixed(t, l)
		a, _ := ours.stop()
		b, _ := theirs.stop()
		if !slices.Equal(a, b) {
			t.Errorf("%s: our table logged\n%+v\niptables\n%+v", m, a, b)
		}
		if m == "" && len(a) < 10 {
			t.Errorf("only %d packets", len(a))
		}
		for _, g := range []*logger{ours, theirs} {
			if err := g.logs.Close(); err != nil {
				t.Fatalf("%s: %v", m, err)
			}
		}
	}
}

// mixed sends packets of all kinds through the router, to ports where nobody
// answers but the kernel.
func mixed(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, s := range sides() {
		for _, port := range []uint16{1002, 1003, 7} {
			send(t, l, "client", datagram(t, s.client, s.server, 20000, port))
			send(t, l, "client", segment(t, s.client, s.server, 20000, port, packet.SYN))
			send(t, l, "client", segment(t, s.client, s.server, 19999, port, packet.ACK))
		}
		if p, err := l.Ping(t.Context(), "client", netip.MustParseAddr(s.server), 1); err != nil || p.Replies != 1 {
			t.Error(fmt.Sprint(p, err))
		}
	}
}

// TestLogLoss: each packet that the kernel logged has come or is counted as lost.
func TestLogLoss(t *testing.T) {
	l := lab.New(t, "router")
	g := log(t, l, LogOptions{At: []string{"all"}, BufferBytes: 8 << 10, Match: matching(t, "-p", "udp")}, "rt")
	s := sides()[0]
	for range 3000 {
		send(t, l, "client", datagram(t, s.client, s.server, 20000, 1001))
	}
	seen, counts := g.stop()
	var logged int64
	for _, c := range counts {
		logged += c.Logged
	}
	if logged != 9000 || int64(len(seen))+g.lost != logged {
		t.Errorf("%d logged, %d came, %d lost; want 9000", logged, len(seen), g.lost)
	}
	t.Logf("%d lost", g.lost)
}

// TestLogTakesAnotherGroup: a group that somebody takes between the plan and the
// listening is left to him.
func TestLogTakesAnotherGroup(t *testing.T) {
	l := lab.New(t, "router")
	logs, err := PrepareLogs(LogOptions{Spaces: spacesOf(l, "rt")})
	if err != nil {
		t.Fatal(err)
	}
	planned := logs.Plans()[0].Group
	other, err := netfilter.OpenGroup(l.NS("rt"), planned, netfilter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := logs.Arm(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = logs.Close() }()
	if got := logs.Plans()[0]; got.Group == planned || !strings.Contains(run(t, l, "rt", "nft", "list", "ruleset"), fmt.Sprintf("group %d ", got.Group)) {
		t.Errorf("group %d, planned %d\n%s", got.Group, planned, got.Text())
	}
}
