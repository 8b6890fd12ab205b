package logline

import (
	"encoding/binary"
	"strconv"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// The numbers of IPv6's extension headers.
const (
	extHopByHop = 0
	extRouting  = 43
	extFragment = 44
	extDestOpts = 60
)

// ipv6 mirrors nf_log_syslog.c: dump_ipv6_packet.
func (d *dump) ipv6(h *event.Headers, at int) {
	h.Family = packet.IPv6
	b, ok := d.get(at, ipv6Size)
	if !ok {
		d.truncated(h)
		return
	}
	first := binary.BigEndian.Uint32(b)
	h.Length = uint32(binary.BigEndian.Uint16(b[4:])) + ipv6Size
	if at == 0 {
		d.size = max(d.size, int(h.Length))
	}
	h.TOS, h.FlowLabel, h.TTL = uint8(first>>20), first&0xfffff, b[7]
	h.Src, h.Dst = addr16(b[8:]), addr16(b[24:])
	h.Has |= event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasFlowLabel
	proto, at, ok := d.extensions(h, b[6], at+ipv6Size)
	if !ok {
		protoInOptions(h)
		d.stop(h)
		return
	}
	h.Proto = proto
	h.Has |= event.HasProto
	if h.FragOffset == 0 {
		d.transport6(h, at)
	}
}

// extensions writes the OPT groups and returns the protocol behind them, and
// where it begins; ok is false where the kernel writes no protocol.
func (d *dump) extensions(h *event.Headers, proto uint8, at int) (uint8, int, bool) {
	for isExtension(proto) {
		b, ok := d.get(at, 2)
		if !ok {
			d.truncated(h)
			return 0, 0, false
		}
		size := (int(b[1]) + 1) * 8
		h.Has |= event.HasOptions
		h.Options = append(h.Options, "OPT ( "...)
		switch proto {
		case extFragment:
			ok, size = d.fragment(h, at), 8
		case packet.ProtoAH, packet.ProtoESP:
			ok = d.security(h, proto, at)
			size = (int(b[1]) + 2) * 4
		default:
			if ok = h.FragOffset == 0; !ok {
				h.Options = append(h.Options, ')')
			}
		}
		if !ok {
			return 0, 0, false
		}
		h.Options = append(h.Options, ") "...)
		proto, at = b[0], at+size
	}
	return proto, at, true
}

func isExtension(proto uint8) bool {
	switch proto {
	case extHopByHop, extRouting, extFragment, extDestOpts, packet.ProtoAH, packet.ProtoESP:
		return true
	}
	return false
}

// fragment writes `FRAG:n ` and what belongs to it.
func (d *dump) fragment(h *event.Headers, at int) bool {
	b, ok := d.get(at, 8)
	if !ok {
		d.truncated(h)
		if !d.snapped {
			h.Options = append(h.Options, fragmentTruncated+" "...)
		}
		return false
	}
	h.Options = append(h.Options, "FRAG:"...)
	field := binary.BigEndian.Uint16(b[2:])
	h.FragOffset, h.ID = field&^7, binary.BigEndian.Uint32(b[4:])
	h.Has |= event.HasFragment | event.HasID
	h.Options = append(strconv.AppendUint(h.Options, uint64(h.FragOffset), 10), ' ')
	if field&1 != 0 {
		h.Options = append(h.Options, "INCOMPLETE "...)
		h.Has |= event.HasMF
	}
	h.Options = append(appendHexDigits(append(h.Options, "ID:"...), h.ID, 8, small), ' ')
	return true
}

// security writes AH's and ESP's words; after ESP nothing can be read.
func (d *dump) security(h *event.Headers, proto uint8, at int) bool {
	word, size, offset := "AH ", 12, 8-4
	if proto == packet.ProtoESP {
		word, size, offset = "ESP ", 8, 0
	}
	h.Options = append(h.Options, word...)
	h.Proto = proto
	if h.FragOffset != 0 {
		h.Options = append(h.Options, ')')
		return false
	}
	b, ok := d.get(at, size)
	if !ok {
		d.incomplete(h, at)
		if !d.snapped {
			h.Options = append(appendIncomplete(h.Options, h.Incomplete), " )"...)
		}
		return false
	}
	h.SPI = binary.BigEndian.Uint32(b[offset:])
	h.Has |= event.HasSPI
	h.Options = append(appendHex(append(h.Options, "SPI="...), h.SPI), ' ')
	if proto == packet.ProtoESP {
		h.Options = append(h.Options, ')')
		return false
	}
	return true
}

func (d *dump) transport6(h *event.Headers, at int) {
	switch h.Proto {
	case packet.ProtoTCP:
		d.tcp(h, at)
	case packet.ProtoUDP, packet.ProtoUDPLite:
		d.udp(h, at)
	case packet.ProtoICMPv6:
		d.icmp6(h, at)
	}
}

// icmp6 mirrors the case IPPROTO_ICMPV6 of dump_ipv6_packet.
func (d *dump) icmp6(h *event.Headers, at int) {
	b, ok := d.get(at, 8)
	if !ok {
		d.incomplete(h, at)
		d.stop(h)
		return
	}
	h.ICMPType, h.ICMPCode = b[0], b[1]
	h.Has |= event.HasICMP | event.HasICMPCode
	switch h.ICMPType {
	case 128, 129:
		d.echo(h, b)
	case 4:
		h.Parameter = binary.BigEndian.Uint32(b[4:])
		h.Has |= event.HasParameter
		d.quoted(h, at+8)
	case 1, 2, 3:
		d.quoted(h, at+8)
	}
	if h.ICMPType == 2 {
		h.MTU = binary.BigEndian.Uint32(b[4:])
		h.Has |= event.HasMTU
	}
}
