package conntrack

import (
	"net/netip"

	"github.com/pktrail/pktrail/packet"
)

// TupleFields says which fields of a Tuple hold. Addresses hold when valid.
type TupleFields uint8

// The fields of a Tuple.
const (
	HasProto TupleFields = 1 << iota
	HasSrcPort
	HasDstPort
	HasICMPType
	HasICMPCode
	HasICMPID
	HasTupleZone

	HasPorts = HasSrcPort | HasDstPort
	HasICMP  = HasICMPType | HasICMPCode | HasICMPID
)

// Tuple is what the packets of one direction of a flow have in common. It is
// comparable: two tuples are the same when they are equal.
type Tuple struct {
	Src, Dst netip.Addr
	Has      TupleFields
	Proto    uint8 // transport protocol, as packet.ProtoTCP

	// SrcPort and DstPort are ports where the protocol has ports, and the keys
	// of GRE (PPTP's call ids).
	SrcPort, DstPort uint16

	ICMPType, ICMPCode uint8
	ICMPID             uint16

	// Zone is of this direction alone; a flow that lies in one zone both ways
	// has it in Flow.Zone.
	Zone uint16
}

// Family is that of the addresses, Unspec without.
func (t *Tuple) Family() packet.Family {
	a := t.Src
	if !a.IsValid() {
		a = t.Dst
	}
	switch {
	case !a.IsValid():
		return packet.Unspec
	case a.Is4():
		return packet.IPv4
	}
	return packet.IPv6
}

// IsZero reports that nothing of the tuple holds.
func (t *Tuple) IsZero() bool { return t.Has == 0 && !t.Src.IsValid() && !t.Dst.IsValid() }

// Covers reports whether other has all that t has, each equal.
func (t *Tuple) Covers(other *Tuple) bool {
	if t.Src.IsValid() && t.Src != other.Src || t.Dst.IsValid() && t.Dst != other.Dst {
		return false
	}
	switch {
	case t.Has&^other.Has != 0:
		return false
	case t.Has&HasProto != 0 && t.Proto != other.Proto,
		t.Has&HasSrcPort != 0 && t.SrcPort != other.SrcPort,
		t.Has&HasDstPort != 0 && t.DstPort != other.DstPort:
		return false
	case t.Has&HasICMPType != 0 && t.ICMPType != other.ICMPType,
		t.Has&HasICMPCode != 0 && t.ICMPCode != other.ICMPCode,
		t.Has&HasICMPID != 0 && t.ICMPID != other.ICMPID:
		return false
	}
	return t.Has&HasTupleZone == 0 || t.Zone == other.Zone
}
