package live

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source/netfilter"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// ports are the destination ports of a trace's journeys with how many there are of each.
func (to *told) ports() map[uint16]int {
	n := map[uint16]int{}
	for _, j := range to.journeys {
		if j.Packet.DstPort != nil {
			n[*j.Packet.DstPort]++
		}
	}
	return n
}

// sendEach sends n packets to each port.
func sendEach(t *testing.T, l *lab.Lab, s side, n int, ports ...uint16) {
	t.Helper()
	for i := range n {
		for _, p := range ports {
			send(t, l, "client", datagram(t, s.client, s.server, uint16(20000+i), p))
		}
	}
}

func TestTwoTracesShareNothingButTheNamespace(t *testing.T) {
	t.Parallel()
	s := sides()[0]
	l := lab.New(t, "router")
	load(t, l, "rt", lab.NFT, packet.Unspec, s.fill(crossroads(lab.NFT)))
	first := watch(t, l, Options{Match: matching(t, "-p", "udp", "--dport", "1001,1003")}, "rt")
	second := watch(t, l, Options{Match: matching(t, "-p", "udp", "--dport", "1002,1003")}, "rt")
	sendEach(t, l, s, 20, 1001, 1002, 1003, 1004)
	a, b := first.stop(), second.stop()
	for _, x := range []struct {
		name       string
		to         *told
		own, other uint16
	}{{"first", &a, 1001, 1002}, {"second", &b, 1002, 1001}} {
		got := x.to.ports()
		if got[x.own] != 20 || got[1003] != 20 || got[x.other] != 0 || got[1004] != 0 {
			t.Errorf("%s trace: journeys by port %v", x.name, got)
		}
		if f := x.to.counts.Foreign; f != 20 {
			t.Errorf("%s trace: %d foreign packets, want the other's 20", x.name, f)
		}
		for _, j := range x.to.journeys {
			if j.Identity != journey.Certain || !j.Complete || j.Outcome.Result != journey.Forwarded {
				t.Errorf("%s trace: %s", x.name, show(j))
			}
		}
	}
}

func TestSecondTraceCannotHearLegacyLines(t *testing.T) {
	t.Parallel()
	s := sides()[0]
	l := lab.New(t, "router")
	load(t, l, "rt", lab.Legacy, packet.IPv4, s.fill(laneRules(lab.Legacy)))
	m := matching(t, "-p", "udp", "--dport", "5000:5999")
	first := watch(t, l, Options{Match: m}, "rt")

	strict, err := Prepare(Options{Match: m, Spaces: []*netns.NS{l.NS("rt")}, RequireLegacy: true})
	if err != nil {
		t.Fatal(err)
	}
	var busy *netfilter.Busy
	if err := strict.Arm(); !errors.As(err, &busy) || !strings.Contains(busy.Holder, "process") {
		t.Errorf("with RequireLegacy: %v", err)
	}

	second := watch(t, l, Options{Match: m}, "rt")
	if !slices.ContainsFunc(second.told.warnings, func(w string) bool { return strings.Contains(w, "NFLOG group 0 is taken by") }) {
		t.Errorf("warnings: %v", second.told.warnings)
	}
	sendEach(t, l, s, 20, 5000, 5900)
	b := second.stop()
	sendEach(t, l, s, 20, 5000, 5900) // the first goes on hearing them
	a := first.stop()
	if len(a.journeys) != 80 || len(b.journeys) != 40 {
		t.Errorf("%d and %d journeys", len(a.journeys), len(b.journeys))
	}
	for _, j := range a.journeys {
		if wrong := outOfLane(j); wrong != "" || !j.Complete || j.Identity != journey.Certain {
			t.Errorf("first trace: %s\n%s", wrong, show(j))
		}
	}
	for _, j := range b.journeys {
		if j.Complete || len(j.Missing) == 0 || !strings.Contains(j.Missing[0], "NFLOG group 0 is taken by") {
			t.Errorf("second trace: want incomplete for the first's sake\n%s", show(j))
		}
	}
	if f := b.counts.Foreign + a.counts.Foreign; f != 0 {
		t.Errorf("%d foreign packets", f)
	}
}

func TestForeignTracesAreCountedNotMixed(t *testing.T) {
	theirs := map[lab.World]string{
		lab.NFT:         "table {ip} theirs { chain c { type filter hook prerouting priority -350; udp dport { 1002, 1003 } meta nftrace set 1; }; }\n",
		lab.Legacy:      "*raw\n-A PREROUTING -p udp -m multiport --dports 1002,1003 -j TRACE\nCOMMIT\n",
		lab.IptablesNFT: "*raw\n-A PREROUTING -p udp -m multiport --dports 1002,1003 -j TRACE\nCOMMIT\n",
	}
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		load(t, l, "rt", w, s.loadedAs(w), s.fill(theirs[w]))
		load(t, l, "rt", w, s.loadedAs(w), s.fill(crossroads(w)))
		running := watch(t, l, Options{Match: matching(t, "-p", "udp", "--dport", "1001,1003")}, "rt")
		sendEach(t, l, s, 20, 1001, 1002, 1003, 1004)
		to := running.stop()
		if got := to.ports(); got[1001] != 20 || got[1003] != 20 || got[1002] != 0 || got[1004] != 0 {
			t.Errorf("journeys by port %v", got)
		}
		if to.counts.Foreign != 20 {
			t.Errorf("%d foreign packets, want 20", to.counts.Foreign)
		}
		for _, j := range to.journeys {
			if j.Identity != journey.Certain || !j.Complete || j.Outcome.Result != journey.Forwarded {
				t.Error(show(j))
			}
		}
	})
}

func TestRateLimitIsCounted(t *testing.T) {
	t.Parallel()
	const sent, rate = 1000, 10
	for _, s := range sides() {
		l := lab.New(t, "router")
		load(t, l, "rt", lab.NFT, packet.Unspec, s.fill(crossroads(lab.NFT)))
		send(t, l, "client", datagram(t, s.client, s.server, 1, 1))
		running := watch(t, l, Options{Rate: rate, Match: matching(t, "-p", "udp", "--dport", "1000:1009")}, "rt")
		begin := time.Now()
		for i := range sent {
			send(t, l, "client", datagram(t, s.client, s.server, uint16(20000+i), uint16(1000+i%10)))
		}
		to := running.stop()
		traced, took := len(to.journeys), time.Since(begin)
		if most := 2*rate + int(took.Seconds()*rate); traced < rate || traced > most { // the limit's burst is one second's
			t.Errorf("%d packets traced at %d/s in %v", traced, rate, took)
		}
		if c := to.counts; !c.HasLimits || c.Traced != int64(traced) || c.RateLimited != int64(sent-traced) {
			t.Errorf("%d journeys; counted %d traced, %d left out, want together %d", traced, c.Traced, c.RateLimited, sent)
		}
		sure(t, &to)
	}
}
