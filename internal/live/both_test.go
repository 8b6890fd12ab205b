package live

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
)

// natRules translate a service's destination and every source.
func natRules(w lab.World) string {
	if w == lab.NFT {
		return `table {ip} service {
	chain pre { type nat hook prerouting priority -100; {ip} daddr {service} tcp dport 80 dnat to {server}:8080; {ip} daddr {service} dnat to {plain}; }
	chain post { type nat hook postrouting priority 100; oifname "r1" masquerade; }
}
`
	}
	return `*nat
-A PREROUTING -d {service} -p tcp -m tcp --dport 80 -j DNAT --to-destination {server}:8080
-A PREROUTING -d {service} -j DNAT --to-destination {plain}
-A POSTROUTING -o r1 -j MASQUERADE
COMMIT
`
}

func TestBothWaysAcrossNAT(t *testing.T) {
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		load(t, l, "rt", w, s.loadedAs(w), s.fill(natRules(w)))
		if _, err := l.TCPServer("server", netip.AddrPortFrom(netip.MustParseAddr(s.server), 8080)); err != nil {
			t.Fatal(err)
		}
		running := watch(t, l, Options{Match: matching(t, "-p", "tcp", "-d", s.service, "--dport", "80", "--both")}, "rt")
		talk(t, l, s)
		to := running.stop()
		sure(t, &to)
		requests, replies := 0, 0
		for _, j := range to.journeys {
			switch {
			case j.ArmedFrom == "reply":
				replies++
				returned(t, s, j)
			case j.Packet.Dst.String() == s.service:
				requests++
			default:
				t.Errorf("neither request nor reply\n%s", show(j))
			}
		}
		// SYN, ACK, data, FIN, last ACK; SYN-ACK, ACK, data, FIN
		if requests < 4 || replies < 3 {
			t.Fatalf("%d requests, %d replies\n%s", requests, replies, all(to.journeys))
		}
		linkedHandshake(t, &to)
	})
}

// talk opens a connection to the service, says a word and hears it again.
func talk(t *testing.T, l *lab.Lab, s side) {
	t.Helper()
	c, err := l.Dial(t.Context(), "client", "tcp", netip.AddrPortFrom(netip.MustParseAddr(s.service), 80))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
}

// returned wants a reply's translations undone by the entry alone.
func returned(t *testing.T, s side, j *journey.Journey) {
	if j.Packet.Src.String() != s.server || j.Packet.Dst.String() != s.router || j.Outcome.Result != journey.Forwarded {
		t.Errorf("want a reply forwarded\n%s", show(j))
	}
	nats := rules(j, journey.KindNAT)
	if len(nats) != 2 || nats[0].NAT.By != "entry" || nats[1].NAT.By != "entry" ||
		nats[0].NAT.Dst == nil || nats[0].NAT.Dst.To.String() != s.client || nats[1].NAT.Src == nil || nats[1].NAT.Src.To.String() != s.service {
		t.Errorf("want both translations undone by the flow's entry\n%s", show(j))
	}
}

// linkedHandshake wants SYN and SYN-ACK to name each other.
func linkedHandshake(t *testing.T, to *told) {
	for _, j := range to.journeys {
		if j.Packet.TCP == nil || j.Packet.TCP.Flags != "S" {
			continue
		}
		for _, k := range j.Links {
			r := to.byID(k.ID)
			if k.Kind != journey.LinkReply || r == nil || r.Packet.TCP.Flags != "SA" && r.Packet.TCP.Flags != "S." {
				continue
			}
			if !slices.ContainsFunc(r.Links, func(b journey.Link) bool { return b.ID == j.ID && b.Kind == journey.LinkReply }) {
				t.Errorf("the reply does not name its request\n%s", show(r))
			}
			return
		}
		t.Errorf("SYN without a linked reply\n%s", all(to.journeys))
		return
	}
	t.Errorf("no SYN among\n%s", all(to.journeys))
}

// TestBothWaysWithoutConntrack: replies are found by MATCH turned round, and no
// connection tracking is started.
func TestBothWaysWithoutConntrack(t *testing.T) {
	plain := map[lab.World]string{
		lab.Legacy:      "*filter\n-A FORWARD -p {icmp} -j ACCEPT\nCOMMIT\n",
		lab.IptablesNFT: "*filter\n-A FORWARD -p {icmp} -j ACCEPT\nCOMMIT\n",
		lab.NFT:         "table {ip} plain { chain f { type filter hook forward priority 0; meta l4proto {icmp} accept; }; }\n",
	}
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		load(t, l, "rt", w, s.loadedAs(w), s.fill(plain[w]))
		ping(t, l, "client", s.server)
		untracked(t, l, "before")
		running := watch(t, l, Options{Match: matching(t, "-p", protocol(s), "-s", s.client, "-d", s.server, "--both")}, "rt")
		ping(t, l, "client", s.server)
		untracked(t, l, "while armed")
		to := running.stop()
		untracked(t, l, "afterwards")
		sure(t, &to)
		if len(to.journeys) != 2 || to.journeys[1].ArmedFrom != "reply" {
			t.Fatalf("want request and reply\n%s", all(to.journeys))
		}
		for i, j := range to.journeys {
			other := to.journeys[1-i]
			if len(j.Links) != 1 || j.Links[0].Kind != journey.LinkReply || j.Links[0].ID != other.ID {
				t.Errorf("not linked\n%s", show(j))
			}
		}
	})
}

// untracked wants connection tracking to be off in the router: without entries, and
// without the hooks that would make them, which an untracked flow tells.
func untracked(t *testing.T, l *lab.Lab, when string) {
	t.Helper()
	if out := run(t, l, "rt", "conntrack", "-L"); strings.TrimSpace(out) != "" {
		t.Errorf("%s: entries:\n%s", when, out)
	}
	var count string
	err := l.NS("rt").Do(func() error {
		b, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		count = strings.TrimSpace(string(b))
		return err
	})
	if n, convErr := strconv.Atoi(count); err != nil || convErr != nil || n != 0 {
		t.Errorf("%s: %q entries, %v", when, count, err)
	}
}
