package ctcli

import (
	"net/netip"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// table is a list of the kernel's.
type table uint8

const (
	tableFlows table = iota
	tableExpects
	tableDying
	tableUnconfirmed
)

// maskedBits is a number of which only the bits of the mask are meant.
type maskedBits struct{ value, mask uint32 }

// request is a command line, understood.
type request struct {
	command command
	options options
	family  packet.Family
	table   table
	proto   uint8

	flow   conntrack.Flow // what was said of the entry
	expect conntrack.Tuple
	mask   conntrack.Tuple

	// origFamily and so on are the families of the tuples, Unspec where nothing
	// was said that sets them.
	origFamily, replyFamily, expectFamily, maskFamily packet.Family

	natPort          [2]bool // a port was said with --src-nat, --dst-nat
	mark             maskedBits
	status           maskedBits // as the kernel is asked to look at it
	label, setLabels *labelSet
	events           eventMask
	buffer           int
}

// handles reports whether a tuple would be sent: that the kernel can tell which
// entry is meant. conntrack sends nothing without the original one's family.
func (r *request) handles() bool { return r.origFamily != packet.Unspec }

// whole is a tuple as conntrack sends it: what was not said is zero.
func whole(t conntrack.Tuple, family packet.Family) conntrack.Tuple {
	t.Src, t.Dst = orZero(t.Src, family), orZero(t.Dst, family)
	t.Has = t.Has&conntrack.HasTupleZone | conntrack.HasProto
	switch t.Proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP, packet.ProtoGRE:
		t.Has |= conntrack.HasPorts
	case packet.ProtoICMP, packet.ProtoICMPv6:
		t.Has |= conntrack.HasICMP
	}
	return t
}

// setICMPType sets the type of both directions: where the answer's is known, it
// is that, else one that the kernel refuses.
func (r *request) setICMPType(typ uint8) {
	r.flow.Orig.ICMPType, r.flow.Reply.ICMPType = typ, 255
	pairs := [][2]uint8{{8, 0}, {13, 14}, {15, 16}, {17, 18}}
	if r.origFamily == packet.IPv6 {
		pairs = [][2]uint8{{128, 129}, {139, 140}}
	}
	for _, p := range pairs {
		switch {
		case r.origFamily == packet.Unspec:
		case typ == p[0]:
			r.flow.Reply.ICMPType = p[1]
		case typ == p[1]:
			r.flow.Reply.ICMPType = p[0]
		}
	}
}

// sent is the entry as it goes to the kernel.
func (r *request) sent() *conntrack.Flow {
	f := r.flow
	f.Family = r.family
	f.Orig = whole(f.Orig, r.origFamily)
	if r.saysReply() {
		f.Reply = whole(f.Reply, r.replyFamily)
	} else {
		f.Reply = conntrack.Tuple{}
	}
	if f.Has&conntrack.HasStatus != 0 {
		f.Status |= conntrack.Confirmed
	}
	f.Has &^= conntrack.HasID | conntrack.HasSecMark
	r.keepProtoInfo(&f)
	r.dropPorts(&f.SrcNAT, &f.DstNAT)
	return &f
}

// saysReply reports whether anything was said of the reply direction.
func (r *request) saysReply() bool {
	return r.replyFamily != packet.Unspec || r.flow.Reply.Has&^conntrack.HasICMP != 0
}

// keepProtoInfo drops what belongs to another protocol than the entry's.
func (r *request) keepProtoInfo(f *conntrack.Flow) {
	const tcp = conntrack.HasTCPState | conntrack.HasTCPFlagsOrig | conntrack.HasTCPFlagsReply
	const sctp = conntrack.HasSCTPState | conntrack.HasSCTPTagOrig | conntrack.HasSCTPTagReply
	const dccp = conntrack.HasDCCPState | conntrack.HasDCCPRole
	for _, p := range [...]struct {
		proto  uint8
		fields conntrack.Fields
	}{{packet.ProtoTCP, tcp}, {packet.ProtoSCTP, sctp}, {packet.ProtoDCCP, dccp}} {
		if f.Orig.Proto != p.proto {
			f.Has &^= p.fields
		}
	}
}

// dropPorts: ports are sent for TCP and UDP only.
func (r *request) dropPorts(ranges ...*conntrack.NATRange) {
	if p := r.flow.Orig.Proto; p == packet.ProtoTCP || p == packet.ProtoUDP {
		return
	}
	for _, n := range ranges {
		n.MinPort, n.MaxPort = 0, 0
	}
}

// masked reports whether an address is within the network that was said.
func masked(a, network, mask netip.Addr) bool {
	x, n, m := a.AsSlice(), network.AsSlice(), mask.AsSlice()
	if len(x) != len(n) || len(x) != len(m) {
		return false
	}
	for i := range x {
		if (x[i]^n[i])&m[i] != 0 {
			return false
		}
	}
	return true
}
