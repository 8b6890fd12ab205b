package logline

import (
	"bytes"
	"math"
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// The methods here read one value each into a field, from r.i on; false when it
// is not what it should be.

func (r *reader) decimal(limit uint32, want string) (uint32, bool) {
	v, end, ok := decimal(r.b, r.i, limit)
	if !ok {
		return 0, r.refuse(end, want)
	}
	r.i = end
	return v, true
}

// literal takes a text that belongs to a value.
func (r *reader) literal(text, want string) bool {
	rest := r.b[r.i:]
	if !bytes.HasPrefix(rest, []byte(text)) {
		if bytes.HasPrefix([]byte(text), rest) {
			return r.refuse(len(r.b), want)
		}
		return r.refuse(r.i, want)
	}
	r.i += len(text)
	return true
}

func (r *reader) num8(dst *uint8, has event.HeaderHas) bool {
	v, ok := r.decimal(math.MaxUint8, "a number from 0 to 255")
	if ok {
		*dst = uint8(v)
		r.h.Has |= has
	}
	return ok
}

func (r *reader) num16(dst *uint16, has event.HeaderHas) bool {
	v, ok := r.decimal(math.MaxUint16, "a number from 0 to 65535")
	if ok {
		*dst = uint16(v)
		r.h.Has |= has
	}
	return ok
}

func (r *reader) num32(dst *uint32, has event.HeaderHas) bool {
	v, ok := r.decimal(math.MaxUint32, "a number from 0 to 4294967295")
	if ok {
		*dst = v
		r.h.Has |= has
	}
	return ok
}

func (r *reader) hex(digits int, lower bool) (uint32, bool) {
	v, end, ok := hexadecimal(r.b, r.i, digits, lower)
	if !ok {
		return 0, r.refuse(end, "a hexadecimal number")
	}
	r.i = end
	return v, true
}

func (r *reader) hex32(dst *uint32, has event.HeaderHas) bool {
	v, ok := r.hex(8, true)
	if ok {
		*dst = v
		r.h.Has |= has
	}
	return ok
}

func (r *reader) address(dst *netip.Addr) bool {
	a, end, compressed, ok := address(r.b, r.i)
	if !ok {
		return r.refuse(end, "an IPv4 or IPv6 address")
	}
	if compressed {
		r.l.Form |= event.FormCompressed
	}
	*dst, r.i = a, end
	return true
}

func (r *reader) src() bool {
	if !r.address(&r.h.Src) {
		return false
	}
	r.half |= halfSrc
	r.family(r.h.Src)
	return true
}

func (r *reader) dst() bool {
	if !r.address(&r.h.Dst) {
		return false
	}
	switch {
	case r.half&halfSrc == 0:
		r.family(r.h.Dst)
	case r.h.Src.Is4() != r.h.Dst.Is4():
		r.h.Dst = netip.Addr{}
		return r.refuse(0, "an address of SRC's family")
	default:
		r.h.Has |= event.HasAddrs
	}
	return true
}

func (r *reader) family(a netip.Addr) {
	if r.h.Family == packet.ARP {
		return
	}
	if r.h.Family = packet.IPv6; a.Is4() {
		r.h.Family = packet.IPv4
	}
}

// is notes what a word tells of the family, in a line that has lost its addresses.
func (r *reader) is(f packet.Family) {
	if r.h.Family == packet.Unspec {
		r.h.Family = f
	}
}

// tos reads TOS, which has the bits 2 to 5 of the field; ulogd leaves out the 0x.
func (r *reader) tos() bool {
	if r.i < len(r.b) && !bytes.HasPrefix(r.b[r.i:], []byte("0x")) && r.i+1 < len(r.b) {
		r.l.Form |= event.FormLOGEMU
	}
	v, ok := r.hex(2, false)
	if ok {
		r.h.TOS = r.h.TOS&0xe0 | uint8(v)&^0xe0
		r.half |= halfTOS
		r.is(packet.IPv4)
	}
	return ok
}

// prec reads PREC, the upper three bits.
func (r *reader) prec() bool {
	v, ok := r.hex(2, false)
	if ok {
		r.h.TOS = r.h.TOS&^0xe0 | uint8(v)&0xe0
		if r.half&halfTOS != 0 {
			r.h.Has |= event.HasTOS
		}
		r.is(packet.IPv4)
	}
	return ok
}

func (r *reader) device(dst *string, has event.LineHas) bool {
	name := r.b[r.i:wordEnd(r.b, r.i)]
	if len(name) > nameLength {
		return r.refuse(0, "an interface's name")
	}
	*dst = r.p.strings.of(name)
	r.l.Has |= has
	r.i += len(name)
	return true
}

func (r *reader) mac() bool {
	end := hexRun(r.b, r.i)
	r.l.MAC = r.b[r.i:end:end]
	r.l.Has |= event.HasMAC
	r.i = end
	return true
}

func (r *reader) hardware(dst *[6]byte) bool {
	mac, end, ok := hardware(r.b, r.i)
	if !ok {
		return r.refuse(end, "six bytes with colons between")
	}
	*dst, r.i = mac, end
	return true
}

// link notes a part of the decoded link header, which is known when all are.
func (r *reader) link(part half) bool {
	if r.half |= part; r.half&wholeMAC == wholeMAC {
		r.l.Has |= event.HasMACs
	}
	return true
}

func (r *reader) hex16(dst *uint16) bool {
	v, ok := r.hex(4, true)
	if ok {
		*dst = uint16(v)
	}
	return ok
}

// vlan reads VID, of which the kernel writes the whole tag.
func (r *reader) vlan() bool {
	v, ok := r.decimal(math.MaxUint16, "a number from 0 to 65535")
	r.l.VLAN = uint16(v)
	if ok && r.half&halfVLAN != 0 {
		r.l.Has |= event.HasVLAN
	}
	return ok
}

// tunnel reads `TUNNEL=a->b`, which the kernel writes of sit devices.
func (r *reader) tunnel() bool {
	if !r.address(&r.l.TunnelSrc) {
		return false
	}
	if !r.literal("->", "two addresses with -> between") {
		return false
	}
	ok := r.address(&r.l.TunnelDst)
	if ok {
		r.l.Has |= event.HasTunnel
	}
	return ok
}

func (r *reader) line32(dst *uint32, has event.LineHas) bool {
	v, ok := r.decimal(math.MaxUint32, "a number from 0 to 4294967295")
	if ok {
		*dst = v
		r.l.Has |= has
	}
	return ok
}

func (r *reader) mark() bool {
	v, ok := r.hex(8, true)
	if ok {
		r.l.Mark = v
		r.l.Has |= event.HasMark
	}
	return ok
}
