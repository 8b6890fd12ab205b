package logline

import (
	"math"
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// The kernel writes most lines in one of few shapes. They are read here in one
// go, a header at a time; where a line is not of that shape nothing is taken,
// and the words are read one by one. Both ways give the same.

// cursor reads what is expected; from the first thing that is not there on, ok
// is false and nothing it gives counts.
type cursor struct {
	b  []byte
	i  int
	ok bool
}

// word takes a text that must be there.
func (c *cursor) word(text string) {
	if c.ok = c.ok && c.next(text); c.ok {
		c.i += len(text)
	}
}

// next tells whether a text stands here.
func (c *cursor) next(text string) bool {
	return len(c.b)-c.i >= len(text) && string(c.b[c.i:c.i+len(text)]) == text
}

// took takes a text that may be there.
func (c *cursor) took(text string) bool {
	if !c.ok || !c.next(text) {
		return false
	}
	c.i += len(text)
	return true
}

func (c *cursor) number(limit uint64) uint32 {
	i, n := c.i, uint64(0)
	for i < len(c.b) && c.b[i]-'0' <= 9 && n <= limit {
		n = n*10 + uint64(c.b[i]-'0')
		i++
	}
	c.ok = c.ok && i > c.i && n <= limit
	c.i = i
	return uint32(n)
}

func (c *cursor) num8() uint8   { return uint8(c.number(math.MaxUint8)) }
func (c *cursor) num16() uint16 { return uint16(c.number(math.MaxUint16)) }
func (c *cursor) num32() uint32 { return c.number(math.MaxUint32) }

// byte is two hexadecimal digits.
func (c *cursor) byte() uint8 {
	if !c.ok || c.i+2 > len(c.b) {
		c.ok = false
		return 0
	}
	high, low := nibble(c.b[c.i]), nibble(c.b[c.i+1])
	c.ok = high|low <= 15
	c.i += 2
	return high<<4 | low
}

func (c *cursor) addr4() netip.Addr {
	var a [4]byte
	for n := range a {
		if n > 0 {
			c.word(".")
		}
		a[n] = c.num8()
	}
	return netip.AddrFrom4(a)
}

func (c *cursor) addr6() netip.Addr {
	var a [16]byte
	if c.ok = c.ok && c.i+fullAddress6 <= len(c.b); !c.ok {
		return netip.Addr{}
	}
	text := c.b[c.i : c.i+fullAddress6]
	bad := byte(0)
	for n := range a {
		at := n*2 + n/2
		high, low := nibble(text[at]), nibble(text[at+1])
		a[n] = high<<4 | low
		bad |= high | low
		if n%2 == 1 && n < 15 {
			bad |= nibble(text[at+2]) - colon
		}
	}
	c.ok = bad <= 15
	c.i += fullAddress6
	return netip.AddrFrom16(a)
}

// ended tells whether a blank or the line's end follows.
func (c *cursor) ended() bool { return c.ok && (c.i == len(c.b) || c.b[c.i] == ' ') }

// take makes what a cursor read the reader's own.
func (r *reader) take(c *cursor, words int) {
	r.i, r.known = c.i, c.i
	r.read += words
}

// usual reads as much of a line as has one of the usual shapes.
func (r *reader) usual() {
	r.usualPorts()
	r.usualMAC()
	c := cursor{r.b, r.i, true}
	if !c.next(" SRC=") || !r.usual4(c) && !r.usual6(c) {
		return
	}
	switch c = (cursor{r.b, r.i, true}); r.h.Proto {
	case packet.ProtoTCP:
		r.usualTCP(c)
	case packet.ProtoUDP:
		r.usualUDP(c)
	}
}

// usualPorts reads the bridge ports of bridged packets.
func (r *reader) usualPorts() {
	for _, port := range [...]struct {
		word string
		name *string
		has  event.LineHas
	}{{" PHYSIN=", &r.l.PhysIn, event.HasPhysIn}, {" PHYSOUT=", &r.l.PhysOut, event.HasPhysOut}} {
		c := cursor{r.b, r.i, true}
		if !c.took(port.word) {
			continue
		}
		name := deviceName(r.b, c.i)
		if c.i += len(name); len(name) > nameLength || !c.ended() {
			return
		}
		*port.name = r.p.strings.of(name)
		r.l.Has |= port.has
		r.take(&c, 1)
	}
}

func (r *reader) usualMAC() {
	c := cursor{r.b, r.i, true}
	if !c.took(" MAC=") {
		return
	}
	if end := hexRun(r.b, c.i); end < len(r.b) && r.b[end] == ' ' {
		r.l.MAC = r.b[c.i:end:end]
		r.l.Has |= event.HasMAC
		c.i = end
		r.take(&c, 1)
	}
}

// usual4 reads an IPv4 header without fragments and options.
func (r *reader) usual4(c cursor) bool {
	h := r.h
	c.word(" SRC=")
	src := c.addr4()
	c.word(" DST=")
	dst := c.addr4()
	c.word(" LEN=")
	length := c.num32()
	c.word(" TOS=0x")
	tos := c.byte()
	c.word(" PREC=0x")
	prec := c.byte()
	c.word(" TTL=")
	ttl := c.num8()
	c.word(" ID=")
	id := c.num16()
	has := event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasID
	if c.took(" DF") {
		has |= event.HasDF
	}
	c.word(" PROTO=")
	proto := c.proto()
	if !c.ended() {
		return false
	}
	h.Family, h.Src, h.Dst, h.Length, h.TOS, h.TTL, h.ID, h.Proto = packet.IPv4, src, dst, length, tos&^0xe0|prec&0xe0, ttl, uint32(id), proto
	h.Has |= has | event.HasProto
	r.half |= halfSrc
	r.take(&c, 8)
	return true
}

// usual6 reads an IPv6 header without extensions.
func (r *reader) usual6(c cursor) bool {
	h := r.h
	c.word(" SRC=")
	src := c.addr6()
	c.word(" DST=")
	dst := c.addr6()
	c.word(" LEN=")
	length := c.num32()
	c.word(" TC=")
	class := c.num8()
	c.word(" HOPLIMIT=")
	ttl := c.num8()
	c.word(" FLOWLBL=")
	label := c.num32()
	c.word(" PROTO=")
	proto := c.proto()
	if !c.ended() {
		return false
	}
	h.Family, h.Src, h.Dst, h.Length, h.TOS, h.TTL, h.FlowLabel, h.Proto = packet.IPv6, src, dst, length, class, ttl, label, proto
	h.Has |= event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasFlowLabel | event.HasProto
	r.half |= halfSrc
	r.take(&c, 7)
	return true
}

func (c *cursor) proto() uint8 {
	switch {
	case c.took("TCP"):
		return packet.ProtoTCP
	case c.took("UDP"):
		return packet.ProtoUDP
	case c.took("ICMPv6"):
		return packet.ProtoICMPv6
	case c.took("ICMP"):
		return packet.ProtoICMP
	}
	return c.num8()
}

func (r *reader) usualTCP(c cursor) {
	c.word(" SPT=")
	src := c.num16()
	c.word(" DPT=")
	dst := c.num16()
	has := event.HasPorts | event.HasWindow | event.HasReserved | event.HasFlags | event.HasUrgent
	var seq, ack uint32
	if c.took(" SEQ=") {
		seq = c.num32()
		c.word(" ACK=")
		ack = c.num32()
		has |= event.HasSeq
	}
	c.word(" WINDOW=")
	window := c.num16()
	c.word(" RES=0x")
	reserved := c.byte()
	flags := c.flags()
	c.word(" URGP=")
	urgent := c.num16()
	if !c.ended() {
		return
	}
	h := r.h
	h.SrcPort, h.DstPort, h.Seq, h.Ack, h.Window, h.Reserved, h.Flags, h.Urgent = src, dst, seq, ack, window, reserved, flags, urgent
	h.Has |= has
	r.take(&c, 6)
	r.usualOptions()
}

// usualOptions reads TCP's options.
func (r *reader) usualOptions() {
	c := cursor{r.b, r.i, true}
	if !c.took(" OPT (") {
		return
	}
	end := hexRun(r.b, c.i)
	options := r.b[c.i:end:end]
	if c.i = end; len(options) > 2*maxOptions || !c.took(")") || !c.ended() {
		return
	}
	r.h.TCPOptions = options
	r.h.Has |= event.HasTCPOptions
	r.take(&c, 1)
}

// flags takes TCP's flags in the order in which the kernel writes them.
func (c *cursor) flags() packet.TCPFlags {
	var flags packet.TCPFlags
	for c.ok && !c.next(" URGP=") {
		switch {
		case c.took(" ACK"):
			flags |= packet.ACK
		case c.took(" SYN"):
			flags |= packet.SYN
		case c.took(" PSH"):
			flags |= packet.PSH
		case c.took(" FIN"):
			flags |= packet.FIN
		case c.took(" RST"):
			flags |= packet.RST
		default:
			c.ok = false
		}
	}
	return flags
}

func (r *reader) usualUDP(c cursor) {
	c.word(" SPT=")
	src := c.num16()
	c.word(" DPT=")
	dst := c.num16()
	c.word(" LEN=")
	length := c.num16()
	if !c.ended() {
		return
	}
	h := r.h
	h.SrcPort, h.DstPort, h.L4Length = src, dst, length
	h.Has |= event.HasPorts | event.HasL4Length
	r.take(&c, 3)
}
