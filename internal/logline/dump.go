package logline

import (
	"encoding/binary"
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// dump walks over a packet's bytes as the kernel's logger does.
type dump struct {
	l      *event.LogLine
	family packet.Family
	b      []byte // as many bytes as the message has
	size   int    // of the packet

	snapped bool // the message ended before the packet
	stopped bool // the kernel ended the line early, without user and mark
}

const (
	ipv4Size = 20
	ipv6Size = 40
	tcpSize  = 20
)

// get is n bytes at offset at. ok is false when the packet has not so many, and
// when the message has not, which sets snapped.
func (d *dump) get(at, n int) (b []byte, ok bool) {
	if at >= 0 && at+n <= len(d.b) {
		return d.b[at : at+n], true
	}
	if at >= 0 && at+n <= d.size {
		d.snapped = true
	}
	return nil, false
}

func (d *dump) packet() {
	h := &d.l.Headers
	h.Family = d.family
	if len(d.b) == 0 {
		d.snapped = d.family != packet.Unspec
		return
	}
	switch d.family {
	case packet.IPv4:
		d.ipv4(h, 0)
	case packet.IPv6:
		d.ipv6(h, 0)
	case packet.ARP:
		d.arp(h)
	}
}

// line fills what the kernel writes behind the headers.
func (d *dump) line(m *event.Log) {
	l := d.l
	if d.stopped || d.family != packet.IPv4 && d.family != packet.IPv6 {
		return
	}
	if m.HasUID && m.HasGID {
		l.UID, l.GID = m.UID, m.GID
		l.Has |= event.HasUID | event.HasGID
	}
	if m.Mark != 0 {
		l.Mark = m.Mark
		l.Has |= event.HasMark
	}
}

// truncated is the kernel's word where it could not read a header, unless it is
// the message that lacks it.
func (d *dump) truncated(h *event.Headers) {
	if !d.snapped {
		h.Has |= event.HasTruncated
	}
	d.stop(h)
}

// incomplete is the kernel's word for a transport header that is not whole.
func (d *dump) incomplete(h *event.Headers, at int) {
	if !d.snapped {
		h.Incomplete = uint32(d.size - at)
		h.Has |= event.HasIncomplete
	}
}

// stop ends the line, where it is the line's own packet and not a quoted one.
func (d *dump) stop(h *event.Headers) {
	if h == &d.l.Headers {
		d.stopped = true
	}
}

func addr4(b []byte) netip.Addr  { return netip.AddrFrom4([4]byte(b)) }
func addr16(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)) }

// ipv4 mirrors nf_log_syslog.c: dump_ipv4_packet.
func (d *dump) ipv4(h *event.Headers, at int) {
	h.Family = packet.IPv4
	b, ok := d.get(at, ipv4Size)
	if !ok {
		d.truncated(h)
		return
	}
	h.Length = uint32(binary.BigEndian.Uint16(b[2:]))
	if at == 0 {
		if h.Length == 0 { // longer than the field can say
			h.Length = uint32(d.size)
		}
		d.size = max(d.size, int(h.Length))
	}
	h.TOS, h.TTL, h.ID = b[1]&^1, b[8], uint32(binary.BigEndian.Uint16(b[4:]))
	h.Src, h.Dst = addr4(b[12:]), addr4(b[16:])
	h.Has |= event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasID
	fragmentField(h, binary.BigEndian.Uint16(b[6:]))
	end := at + int(b[0]&0xf)*4
	if end > at+ipv4Size {
		options, ok := d.get(at+ipv4Size, end-at-ipv4Size)
		if !ok {
			d.truncated(h)
			return
		}
		h.Options = appendCapitals(nil, options)
		h.Has |= event.HasOptions
	}
	d.transport4(h, b[9], end)
}

// fragmentField reads the second half of an IPv4 header's second word.
func fragmentField(h *event.Headers, f uint16) {
	for _, bit := range [...]struct {
		mask uint16
		has  event.HeaderHas
	}{{0x8000, event.HasCE}, {0x4000, event.HasDF}, {0x2000, event.HasMF}, {0x1fff, event.HasFragment}} {
		if f&bit.mask != 0 {
			h.Has |= bit.has
		}
	}
	h.FragOffset = f << 3
}

func (d *dump) transport4(h *event.Headers, proto uint8, at int) {
	if proto == packet.ProtoAH && h.FragOffset != 0 {
		return // the kernel writes no protocol here
	}
	h.Proto = proto
	h.Has |= event.HasProto
	if h.FragOffset != 0 {
		return
	}
	switch proto {
	case packet.ProtoTCP:
		d.tcp(h, at)
	case packet.ProtoUDP, packet.ProtoUDPLite:
		d.udp(h, at)
	case packet.ProtoICMP:
		d.icmp(h, at)
	case packet.ProtoAH:
		d.spi(h, at, 12, 4)
	case packet.ProtoESP:
		d.spi(h, at, 8, 0)
	}
}

// tcp mirrors nf_log_dump_tcp_header.
func (d *dump) tcp(h *event.Headers, at int) {
	b, ok := d.get(at, tcpSize)
	if !ok {
		d.incomplete(h, at)
		d.stop(h)
		return
	}
	h.SrcPort, h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	h.Seq, h.Ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	flags := binary.BigEndian.Uint16(b[12:])
	h.Flags, h.Reserved = packet.TCPFlags(flags&0x1ff), uint8(flags>>6)&0x38
	h.Window, h.Urgent = binary.BigEndian.Uint16(b[14:]), binary.BigEndian.Uint16(b[18:])
	h.Has |= event.HasPorts | event.HasSeq | event.HasWindow | event.HasReserved | event.HasFlags | event.HasUrgent
	size := int(b[12]>>4)*4 - tcpSize
	if size <= 0 {
		return
	}
	options, ok := d.get(at+tcpSize, size)
	switch {
	case ok:
		h.TCPOptions = appendCapitals(nil, options)
		h.Has |= event.HasTCPOptions
	case !d.snapped:
		h.Has |= event.HasTCPOptions | event.HasTruncated
		d.stop(h)
	}
}

// udp mirrors nf_log_dump_udp_header.
func (d *dump) udp(h *event.Headers, at int) {
	b, ok := d.get(at, 8)
	if !ok {
		d.incomplete(h, at)
		d.stop(h)
		return
	}
	h.SrcPort, h.DstPort, h.L4Length = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:])
	h.Has |= event.HasPorts | event.HasL4Length
}

func (d *dump) spi(h *event.Headers, at, size, offset int) {
	b, ok := d.get(at, size)
	if !ok {
		d.incomplete(h, at)
		return
	}
	h.SPI = binary.BigEndian.Uint32(b[offset:])
	h.Has |= event.HasSPI
}

// icmp mirrors the case IPPROTO_ICMP of dump_ipv4_packet.
func (d *dump) icmp(h *event.Headers, at int) {
	b, ok := d.get(at, 8)
	if !ok {
		d.incomplete(h, at)
		return
	}
	h.ICMPType, h.ICMPCode = b[0], b[1]
	h.Has |= event.HasICMP | event.HasICMPCode
	if d.size-at < icmpRequires(h.ICMPType) {
		d.incomplete(h, at)
		return
	}
	switch h.ICMPType {
	case 0, 8:
		d.echo(h, b)
	case 12:
		h.Parameter = uint32(b[4])
		h.Has |= event.HasParameter
	case 5:
		h.Gateway = addr4(b[4:])
		h.Has |= event.HasGateway
		d.quoted(h, at+8)
	case 3, 4, 11:
		d.quoted(h, at+8)
	}
	if h.ICMPType == 3 && h.ICMPCode == 4 {
		h.MTU = uint32(binary.BigEndian.Uint16(b[6:]))
		h.Has |= event.HasMTU
	}
}

// icmpRequires is the kernel's table of the bytes that a message must have.
func icmpRequires(typ uint8) int {
	switch typ {
	case 0, 8:
		return 4
	case 3, 4, 5, 11, 12:
		return 8 + ipv4Size
	case 13, 14:
		return 20
	case 17, 18:
		return 12
	}
	return 0
}

func (d *dump) echo(h *event.Headers, b []byte) {
	h.ICMPID, h.ICMPSeq = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	h.Has |= event.HasICMPID | event.HasICMPSeq
}

// quoted reads the packet that an error quotes, once.
func (d *dump) quoted(h *event.Headers, at int) {
	if h != &d.l.Headers {
		return
	}
	d.l.Has |= event.HasQuoted
	if d.family == packet.IPv6 {
		d.ipv6(&d.l.Quoted, at)
	} else {
		d.ipv4(&d.l.Quoted, at)
	}
}

// arp mirrors dump_arp_packet.
func (d *dump) arp(h *event.Headers) {
	const header, payload = 8, 20
	b, ok := d.get(0, header)
	if !ok {
		d.truncated(h)
		return
	}
	h.ARPHType, h.ARPPType, h.ARPOp = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[6:])
	h.Has |= event.HasARP
	if h.ARPHType != deviceEther || b[4] != 6 || b[5] != 4 {
		return
	}
	if b, ok = d.get(header, payload); !ok {
		d.incomplete(h, header)
		return
	}
	h.ARPSrc, h.Src, h.ARPDst, h.Dst = [6]byte(b), addr4(b[6:]), [6]byte(b[10:]), addr4(b[16:])
	h.Has |= event.HasARPAddrs
}
