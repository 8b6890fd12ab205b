package render

import (
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// roomy is the width from which on the arrows between the ends stand in a column.
const roomy = 110

// ends is the protocol, source and destination. The two ends are one cell, which
// is not broken.
func (t *Text) ends(p *journey.LogPacket, r *rowWriter, c *logColumns) {
	fill(r.text(logProto(p)), plain, &c.proto, 9)
	if !p.Src.IsValid() && !p.Dst.IsValid() {
		return
	}
	logEnd(r, p.Src, p.SrcPort)
	src := len(r.cell)
	if w := t.opt.Width; w == 0 || w >= roomy {
		for len(r.cell) < c.src {
			r.cell = append(r.cell, ' ')
		}
		c.src = max(c.src, min(src, mostEnd))
	}
	r.text(" ").sign(t.marks.arrow).text(" ")
	begin := len(r.cell)
	logEnd(r, p.Dst, p.DstPort)
	dst := len(r.cell) - begin
	r.put(plain, 0)
	r.blank += max(c.dst-dst, 0)
	c.dst = max(c.dst, min(dst, mostEnd))
}

// logProto is the protocol, or the family where the line does not tell it.
func logProto(p *journey.LogPacket) string {
	if p.Proto == "" && p.Family != "unknown" {
		return p.Family
	}
	return p.Proto
}

func logEnd(r *rowWriter, a netip.Addr, port *uint16) {
	brackets := port != nil && a.Is6()
	if brackets {
		r.text("[")
	}
	if a.IsValid() {
		r.cell = a.AppendTo(r.cell)
	} else {
		r.text("?")
	}
	if brackets {
		r.text("]")
	}
	if port != nil {
		r.text(":").number(int64(*port))
	}
}

// logPacket is what tells the packet from others, the transport's own first.
func (t *Text) logPacket(p *journey.LogPacket, r *rowWriter) {
	t.logTransport(p, r)
	if f := p.Fragment; f != nil {
		r.text("fragment at ").number(int64(f.Offset))
		if f.More {
			r.text("+")
		}
		r.put(plain, 0)
	}
	if p.Incomplete != nil {
		r.text("incomplete: ").number(int64(*p.Incomplete)).text(" bytes").put(yellow, 0)
	}
	if p.Truncated {
		r.text("truncated").put(yellow, 0)
	}
	t.quoted(p, r)
	if p.Length != nil {
		r.number(int64(*p.Length)).text(" B").put(dim, 0)
	}
	if p.TTL != nil {
		r.text("ttl ").number(int64(*p.TTL)).put(dim, 0)
	}
	if p.TOS != nil && *p.TOS != 0 {
		r.text("tos ").hex(uint64(*p.TOS)).put(plain, 0)
	}
}

func (t *Text) logTransport(p *journey.LogPacket, r *rowWriter) {
	if p.TCP != nil && p.TCP.Flags != nil {
		appendFlags(r, *p.TCP.Flags)
		r.put(plain, 0)
	}
	if p.UDP != nil && p.UDP.Length != nil && p.Length == nil {
		r.text("len ").number(int64(*p.UDP.Length)).put(plain, 0)
	}
	if p.ICMP != nil {
		t.logICMP(p.ICMP, p.Family, r)
	}
	if p.ARP != nil {
		logARP(p.ARP, r)
	}
	if p.SPI != nil {
		r.text("spi ").hex(uint64(*p.SPI)).put(plain, 0)
	}
}

func appendFlags(r *rowWriter, letters string) {
	for i, l := range letters {
		if i > 0 {
			r.text("+")
		}
		r.text(tcpFlag(l))
	}
	if letters == "" {
		r.text("no flags")
	}
}

func (t *Text) logICMP(i *journey.LogICMP, family string, r *rowWriter) {
	r.text(icmpName(i.Type, i.Code, i.Name, family))
	if i.ID != nil {
		r.text(" id ").number(int64(*i.ID))
	}
	if i.Seq != nil {
		r.text(" seq ").number(int64(*i.Seq))
	}
	if i.Gateway.IsValid() {
		r.text(" to ")
		r.cell = i.Gateway.AppendTo(r.cell)
	}
	if i.MTU != nil {
		r.text(" mtu ").number(int64(*i.MTU))
	}
	if i.Parameter != nil {
		r.text(" at ").number(int64(*i.Parameter))
	}
	r.put(plain, 0)
}

// icmpName is the name of a type's code, else of the type, else its number.
func icmpName(typ uint8, code *uint8, name, family string) string {
	proto := uint8(packet.ProtoICMP)
	if family == "ipv6" {
		proto = packet.ProtoICMPv6
	}
	if code != nil {
		if named := packet.ICMPCodeName(proto, typ, *code); named != "" {
			return named
		}
	}
	if name == "" {
		name = "type " + strconv.Itoa(int(typ))
	}
	if code != nil && *code != 0 {
		name += " code " + strconv.Itoa(int(*code))
	}
	return name
}

func logARP(a *journey.LogARP, r *rowWriter) {
	switch {
	case a.Name != "":
		r.text(a.Name)
	case a.Op != nil:
		r.text("operation ").number(int64(*a.Op))
	}
	if a.SrcEther != nil {
		r.text(" from ").text(a.SrcEther.String())
	}
	r.put(plain, 0)
}

// quoted is the packet that an ICMP error is about.
func (t *Text) quoted(p *journey.LogPacket, r *rowWriter) {
	q := p.Inner
	if q == nil {
		return
	}
	r.text("for ").text(logProto(q))
	if q.Src.IsValid() || q.Dst.IsValid() {
		r.text(" ")
		logEnd(r, q.Src, q.SrcPort)
		r.text(" ").sign(t.marks.arrow).text(" ")
		logEnd(r, q.Dst, q.DstPort)
	}
	r.put(plain, 0)
}
