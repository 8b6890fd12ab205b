package explain

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pktrail/pktrail/journey"
)

// tuple is the addresses and ports of a packet at one place of its way.
type tuple struct {
	src, dst     netip.Addr
	sport, dport *uint16
	mark         uint32
	natBy        []string // who translated so far: rule, entry
}

// tupleAt applies the changes of the steps before step n to the packet as it was first seen.
func tupleAt(j *journey.Journey, n int) tuple {
	p := &j.Packet
	t := tuple{src: p.Src, dst: p.Dst, sport: p.SrcPort, dport: p.DstPort}
	if p.Mark != nil {
		t.mark = *p.Mark
	}
	for i := range j.Steps[:n] {
		if m := j.Steps[i].Mark; m != nil {
			t.mark = m.To
		}
		if nat := j.Steps[i].NAT; nat != nil {
			t.translate(nat)
		}
	}
	return t
}

func (t *tuple) translate(nat *journey.NAT) {
	if nat.Src != nil {
		t.src = nat.Src.To
	}
	if nat.Dst != nil {
		t.dst = nat.Dst.To
	}
	if nat.SPort != nil {
		t.sport = &nat.SPort.To
	}
	if nat.DPort != nil {
		t.dport = &nat.DPort.To
	}
	t.natBy = append(t.natBy, nat.By)
}

// String is "10.1.0.2:41234 to 10.2.0.2:8080".
func (t tuple) String() string { return endpoint(t.src, t.sport) + " to " + endpoint(t.dst, t.dport) }

// translated says what NAT had made of the packet, or nothing where there was none.
func (t tuple) translated() string {
	switch {
	case len(t.natBy) == 0:
		return ""
	case slices.Contains(t.natBy, "entry"):
		return "NAT, decided by the flow's first packet, had made it " + t.String()
	}
	return "NAT had made it " + t.String()
}

func endpoint(a netip.Addr, port *uint16) string {
	if !a.IsValid() {
		return "unknown"
	}
	if port == nil {
		return a.String()
	}
	return net.JoinHostPort(a.String(), strconv.Itoa(int(*port)))
}
