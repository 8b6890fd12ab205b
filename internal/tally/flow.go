package tally

import (
	"encoding/binary"
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// addr is an address without a pointer, which a map compares and hashes several
// times as fast as netip.Addr. Its family stands beside it in a kind.
type addr struct{ high, low uint64 }

func addrOf(a netip.Addr) addr {
	b := a.As16()
	return addr{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a addr) netip(f packet.Family) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.high)
	binary.BigEndian.PutUint64(b[8:], a.low)
	if f == packet.IPv6 {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom16(b).Unmap()
}

// kind is what a packet is, in one number: from the top the family, what of the
// rest is known, the protocol, and the destination's port or the type and code.
type kind uint64

// What of a kind is known.
const (
	hasProto kind = 1 << (40 + iota)
	hasPort
	hasType
	hasCode
)

const familyShift, protoShift = 56, 32

func kindOf(h *event.Headers) kind {
	k := kind(h.Family) << familyShift
	if h.Has&event.HasProto != 0 {
		k |= hasProto | kind(h.Proto)<<protoShift
	}
	switch {
	case h.Has&event.HasPorts != 0:
		k |= hasPort | kind(h.DstPort)
	case h.Has&event.HasICMP != 0:
		k |= hasType | kind(h.ICMPType)<<8
		if h.Has&event.HasICMPCode != 0 {
			k |= hasCode | kind(h.ICMPCode)
		}
	}
	return k
}

// family is the kind with nothing but the family known.
func (k kind) family() kind { return k >> familyShift << familyShift }

// asked is the kind without the type, which is no destination.
func (k kind) asked() kind {
	if k&hasType != 0 {
		return k &^ (hasType | hasCode | 0xffff)
	}
	return k
}

func (k kind) is() packet.Family { return packet.Family(k >> familyShift) }
func (k kind) proto() uint8      { return uint8(k >> protoShift) }
func (k kind) low() uint16       { return uint16(k) }

// flow is packets of one kind between two addresses.
type flow struct {
	src, dst addr
	kind     kind
}

func flowOf(h *event.Headers) flow { return flow{addrOf(h.Src), addrOf(h.Dst), kindOf(h)} }

type source struct {
	addr addr
	kind kind
}

type destination struct {
	addr addr
	kind kind
}
