// Package wire takes netlink datagrams apart in place: messages and attributes,
// without knowing what they mean. Its folders decode one kind of message each.
package wire

import (
	"encoding/binary"
	"fmt"
)

// Lengths of a netlink message header, of the nfgenmsg that follows it in every
// netfilter message, and of an attribute's header (include/uapi/linux/netlink.h,
// nfnetlink.h). The numbers are written down here so that recordings decode on
// systems whose headers do not have them.
const (
	HeaderLen     = 16
	AttrHeaderLen = 4
	genLen        = 4
)

const (
	minType   = 0x10          // NLMSG_MIN_TYPE: below are netlink's own messages
	attrFlags = 1<<15 | 1<<14 // NLA_F_NESTED | NLA_F_NET_BYTEORDER
)

// Message is one netfilter netlink message, in place.
type Message struct {
	Type   uint16 // subsystem << 8 | message
	Flags  uint16
	Seq    uint32
	Family uint8
	ResID  uint16 // in host byte order
	Attrs  Attrs  // what follows the nfgenmsg
	Raw    []byte // all of it
}

// Offset is where in the message its remaining attributes begin.
func (m Message) Offset(rest Attrs) int { return len(m.Raw) - len(rest) }

// Next takes the first message off a datagram, from the offset on, which is at
// most its length. ok is false at its end; an error names the offset within the
// datagram where it does not parse.
func Next(datagram []byte, offset int) (m Message, next int, ok bool, err error) {
	rest := datagram[offset:]
	if len(rest) == 0 {
		return m, offset, false, nil
	}
	if len(rest) < HeaderLen {
		return m, offset, false, fmt.Errorf("netlink header at offset %d: %d bytes, want %d", offset, len(rest), HeaderLen)
	}
	n := int(binary.NativeEndian.Uint32(rest))
	if n < HeaderLen || n > len(rest) {
		return m, offset, false, fmt.Errorf("netlink message at offset %d: length %d of %d bytes", offset, n, len(rest))
	}
	m.Type = binary.NativeEndian.Uint16(rest[4:])
	m.Flags = binary.NativeEndian.Uint16(rest[6:])
	m.Seq = binary.NativeEndian.Uint32(rest[8:])
	m.Raw = rest[:n:n]
	if m.Type >= minType {
		if n < HeaderLen+genLen {
			return m, offset, false, fmt.Errorf("netfilter header at offset %d: %d bytes, want %d", offset+HeaderLen, n-HeaderLen, genLen)
		}
		m.Family = rest[HeaderLen]
		m.ResID = binary.BigEndian.Uint16(rest[HeaderLen+2:])
		m.Attrs = Attrs(m.Raw[HeaderLen+genLen:])
	} else {
		m.Attrs = Attrs(m.Raw[HeaderLen:])
	}
	return m, offset + min(Align(n), len(rest)), true, nil
}

// Attrs is a run of netlink attributes.
type Attrs []byte

// Attr is one attribute; its data is in place.
type Attr struct {
	Type uint16 // without the nested and byte-order flags
	Data []byte
}

// Next takes the first attribute off. ok is false at the end and at bytes that
// are no attribute; those stay.
func (a *Attrs) Next() (attr Attr, ok bool) {
	b := *a
	if len(b) < AttrHeaderLen {
		return Attr{}, false
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < AttrHeaderLen || n > len(b) {
		return Attr{}, false
	}
	attr.Type = binary.NativeEndian.Uint16(b[2:]) &^ attrFlags
	attr.Data = b[AttrHeaderLen:n:n]
	*a = b[min(Align(n), len(b)):]
	return attr, true
}

// Uint8 is the data as one byte; ok is false when it has another length.
func (a Attr) Uint8() (v uint8, ok bool) {
	if len(a.Data) != 1 {
		return 0, false
	}
	return a.Data[0], true
}

// BE16 is the data as a number in network byte order.
func (a Attr) BE16() (v uint16, ok bool) {
	if len(a.Data) != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(a.Data), true
}

// BE32 is the data as a number in network byte order.
func (a Attr) BE32() (v uint32, ok bool) {
	if len(a.Data) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(a.Data), true
}

// BE64 is the data as a number in network byte order.
func (a Attr) BE64() (v uint64, ok bool) {
	if len(a.Data) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(a.Data), true
}

// Text is the data up to its terminating zero.
func (a Attr) Text() []byte {
	for i, c := range a.Data {
		if c == 0 {
			return a.Data[:i]
		}
	}
	return a.Data
}

// Align rounds a length up to netlink's four bytes.
func Align(n int) int { return (n + 3) &^ 3 }

// AppendMessage appends one netfilter request whose attributes are already
// encoded, and fills in its length.
func AppendMessage(b []byte, typ, flags uint16, seq uint32, family uint8, resID uint16, attrs []byte) []byte {
	n := HeaderLen + genLen + len(attrs)
	b = binary.NativeEndian.AppendUint32(b, uint32(n))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, family, 0)
	b = binary.BigEndian.AppendUint16(b, resID)
	b = append(b, attrs...)
	return append(b, make([]byte, Align(n)-n)...)
}

// AppendAttr appends one attribute, of at most 65,531 bytes of data.
func AppendAttr(b []byte, typ uint16, data []byte) []byte {
	n := AttrHeaderLen + len(data)
	b = binary.NativeEndian.AppendUint16(b, uint16(n))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, data...)
	return append(b, make([]byte, Align(n)-n)...)
}
