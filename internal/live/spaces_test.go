package live

import (
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
)

// inSpace returns the journeys of one namespace.
func (to *told) inSpace(name string) []*journey.Journey {
	var found []*journey.Journey
	for _, j := range to.journeys {
		if j.Netns != nil && j.Netns.Name == name {
			found = append(found, j)
		}
	}
	return found
}

// next is the same packet's journey in another namespace, or nil.
func (to *told) next(j *journey.Journey, space string) *journey.Journey {
	for _, k := range j.Links {
		if o := to.byID(k.ID); k.Kind == journey.LinkContinues && o != nil && o.Netns.Name == space {
			return o
		}
	}
	return nil
}

// TestPacketContinuesInTheNextNamespace follows every packet from the client
// through a router that translates it to the server.
func TestPacketContinuesInTheNextNamespace(t *testing.T) {
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		load(t, l, "rt", w, s.loadedAs(w), s.fill(natRules(w)))
		running := watch(t, l, Options{Match: matching(t, "-p", "udp")}, "client", "rt", "server")
		for i := range uint16(10) {
			send(t, l, "client", datagram(t, s.client, s.service, 20000+i, 3000))
		}
		to := running.stop()
		chains := 0
		for _, j := range to.inSpace("client") {
			if j.Packet.Dst.String() != s.service || *j.Packet.DstPort != 3000 {
				continue
			}
			r := to.next(j, "rt")
			if r == nil {
				t.Errorf("does not continue in the router\n%s", show(j))
				continue
			}
			z := to.next(r, "server")
			if z == nil {
				t.Errorf("does not continue in the server\n%s", show(r))
				continue
			}
			if *r.Packet.SrcPort != *j.Packet.SrcPort || z.Packet.Dst.String() != s.server || z.Packet.Src.String() != s.router {
				t.Errorf("other packets\n%s%s%s", show(j), show(r), show(z))
			}
			last := lastTuple(r)
			if last.SrcPort != *z.Packet.SrcPort || last.Src != z.Packet.Src || last.Dst != z.Packet.Dst {
				t.Errorf("left as %v and came as another\n%s%s", last, show(r), show(z))
			}
			chains++
		}
		if chains != 10 {
			t.Errorf("%d of 10 packets followed\n%s", chains, all(to.journeys))
		}
	})
}

// TestMatchWidensBehindNAT: MATCH names the service, which the server never sees.
// It follows the flow once the router has shown what NAT makes of it.
func TestMatchWidensBehindNAT(t *testing.T) {
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		load(t, l, "rt", w, s.loadedAs(w), s.fill(natRules(w)))
		if _, err := l.UDPServer("server", netip.AddrPortFrom(netip.MustParseAddr(s.server), 3000)); err != nil {
			t.Fatal(err)
		}
		running := watch(t, l, Options{Match: matching(t, "-p", "udp", "-d", s.service, "--dport", "3000")}, "client", "rt", "server")
		running.texts(1)
		one := func() { send(t, l, "client", datagram(t, s.client, s.service, 20000, 3000)) }
		one()
		running.journeys(2)
		running.await("the flow to be followed behind NAT", func() bool { return running.widened > 0 })
		one()
		to := running.stop()
		if c, r := len(to.inSpace("client")), len(to.inSpace("rt")); c != 2 || r != 2 {
			t.Fatalf("%d and %d journeys, want 2 each\n%s", c, r, all(to.journeys))
		}
		behind := to.inSpace("server")
		if len(behind) != 1 || behind[0].ArmedFrom != "widened" || behind[0].Outcome.Result == journey.Dropped {
			t.Fatalf("want the second packet behind NAT\n%s", all(to.journeys))
		}
		if r := to.next(behind[0], "rt"); r == nil || r != to.inSpace("rt")[1] {
			t.Errorf("not linked to the router's second\n%s", all(to.journeys))
		}
	})
}
