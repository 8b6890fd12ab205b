package capture

import (
	"encoding/binary"
	"errors"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/internal/wire/nflog"
)

// nflogLen is the length of an NFLOG header: family, version, group. It is the
// nfgenmsg of the message that nfnetlink_log sent, and the message's attributes
// follow (libpcap: pcap-netfilter-linux.c).
const nflogLen = 4

// Attributes that are looked into before they are decoded
// (include/uapi/linux/netfilter/nfnetlink_log.h: NFULA_PAYLOAD, NFULA_CT).
const (
	attrPayload   = 9
	attrConntrack = 18
	attrTypeMask  = 1<<14 - 1 // NLA_TYPE_MASK
)

// tellNFLOG tells a record of NFLOG as the message that it was.
func (s *Source) tellNFLOG(p *record) {
	if len(p.data) < nflogLen {
		s.undecoded(p, short("NFLOG", len(p.data), nflogLen))
		return
	}
	raw := s.native(p)
	s.message = s.nflog.Message(p.time, 0, wire.Message{
		Type:   nflog.MessageType,
		Family: raw[0],
		ResID:  binary.BigEndian.Uint16(raw[2:]),
		Attrs:  wire.Attrs(raw[nflogLen:]),
		Raw:    raw,
	}, s.message[:0])
	for i := range s.message {
		s.tellMessage(p, &s.message[i])
	}
}

// tellMessage tells what the decoder made of a record: a gap before it, or itself.
func (s *Source) tellMessage(p *record, e *event.Event) {
	if e.Kind == event.KindUndecoded {
		s.undecoded(p, errors.New(e.Undecoded.Reason))
		return
	}
	for _, index := range []uint32{e.Log.In, e.Log.Out, e.Log.PhysIn, e.Log.PhysOut} {
		s.learn(index)
	}
	*s.add(e.Kind, e.Time) = *e
}

// native is a record's bytes with the headers of attributes in this machine's byte
// order, which the capturing one's need not be, and without what the capture cut.
func (s *Source) native(p *record) []byte {
	order := p.order
	if !wellFormed(p.data[nflogLen:], order) && wellFormed(p.data[nflogLen:], other(order)) {
		order = other(order)
	}
	cut := uint32(len(p.data)) < p.length
	if !cut && isNative(order) {
		return p.data
	}
	from := len(s.made)
	s.made = append(s.made, p.data...)
	if cut {
		s.made = s.made[:from+nflogLen+clip(s.made[from+nflogLen:], order)]
	}
	turn(s.made[from+nflogLen:], order)
	return s.made[from:len(s.made):len(s.made)]
}

// attribute reads the header at the front of b; next is where the next one
// begins. ok is false where there is none.
func attribute(b []byte, order binary.ByteOrder) (typ uint16, size, next int, ok bool) {
	if len(b) < wire.AttrHeaderLen {
		return 0, 0, 0, false
	}
	size, typ = int(order.Uint16(b)), order.Uint16(b[2:])&attrTypeMask
	return typ, size, min(wire.Align(size), len(b)), size >= wire.AttrHeaderLen
}

// wellFormed reports whether b is attributes in that byte order, to its end.
func wellFormed(b []byte, order binary.ByteOrder) bool {
	for {
		_, size, next, ok := attribute(b, order)
		if !ok || size > len(b) {
			return len(b) == 0
		}
		b = b[next:]
	}
}

// clip ends attributes of which the end was cut, and returns how many bytes they
// have then: of the packet the beginning is kept, of anything else nothing.
func clip(b []byte, order binary.ByteOrder) int {
	at := 0
	for {
		typ, size, next, ok := attribute(b[at:], order)
		switch {
		case !ok:
			return at
		case size <= len(b)-at:
			at += next
			continue
		case typ != attrPayload:
			return at
		}
		order.PutUint16(b[at:], uint16(len(b)-at))
		return len(b)
	}
}

// turn writes the headers of attributes in this machine's byte order, with those
// inside the conntrack entry.
func turn(b []byte, order binary.ByteOrder) {
	turnEach(b, order, func(typ uint16, data []byte) {
		if typ == attrConntrack {
			turnEach(data, order, func(uint16, []byte) {})
		}
	})
}

func turnEach(b []byte, order binary.ByteOrder, then func(typ uint16, data []byte)) {
	for {
		typ, size, next, ok := attribute(b, order)
		if !ok || size > len(b) {
			return
		}
		binary.NativeEndian.PutUint16(b, uint16(size))
		binary.NativeEndian.PutUint16(b[2:], order.Uint16(b[2:]))
		then(typ, b[wire.AttrHeaderLen:size])
		b = b[next:]
	}
}

func isNative(order binary.ByteOrder) bool {
	return isLittle(order) == (binary.NativeEndian.Uint16([]byte{1, 0}) == 1)
}

func other(order binary.ByteOrder) binary.ByteOrder {
	if isLittle(order) {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func isLittle(order binary.ByteOrder) bool { return order == binary.ByteOrder(binary.LittleEndian) }
