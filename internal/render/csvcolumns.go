package render

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/journey"
)

// csvColumn is a column's name and how it is filled.
type csvColumn struct {
	name  string
	value func([]byte, *journey.LogLine) []byte
}

// csvColumns has the columns in their order; new ones come last.
var csvColumns = [...]csvColumn{
	{"time", func(b []byte, l *journey.LogLine) []byte { return csvTime(b, l.Time) }},
	{"clock", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Clock...) }},
	{"uptime", part(uptimeOf, func(b []byte, u *journey.Uptime) []byte { return u.Append(b) })},
	{"host", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Host...) }},
	{"file", func(b []byte, l *journey.LogLine) []byte { return append(b, l.File...) }},
	{"line", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Line) }},
	{"offset", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Offset) }},
	{"prefix", func(b []byte, l *journey.LogLine) []byte { return csvText(b, l.Prefix) }},
	{"origin.tool", part(originOf, func(b []byte, o *journey.Origin) []byte { return append(b, o.Tool...) })},
	{"origin.chain", part(originOf, func(b []byte, o *journey.Origin) []byte { return append(b, o.Chain...) })},
	{"origin.action", part(originOf, func(b []byte, o *journey.Origin) []byte { return append(b, o.Action...) })},
	{"trace.table", part(traceOf, func(b []byte, t *journey.TraceLine) []byte { return append(b, t.Table...) })},
	{"trace.chain", part(traceOf, func(b []byte, t *journey.TraceLine) []byte { return append(b, t.Chain...) })},
	{"trace.type", part(traceOf, func(b []byte, t *journey.TraceLine) []byte { return append(b, t.Type...) })},
	{"trace.number", part(traceOf, func(b []byte, t *journey.TraceLine) []byte { return csvInt(b, &t.Number) })},
	{"netns", part(netnsOf, func(b []byte, n *journey.Netns) []byte { return append(b, n.Name...) })},
	{"hook", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Hook...) }},
	{"in", func(b []byte, l *journey.LogLine) []byte { return csvText(b, l.In) }},
	{"out", func(b []byte, l *journey.LogLine) []byte { return csvText(b, l.Out) }},
	{"physin", func(b []byte, l *journey.LogLine) []byte { return csvText(b, l.PhysIn) }},
	{"physout", func(b []byte, l *journey.LogLine) []byte { return csvText(b, l.PhysOut) }},
	{"mac", func(b []byte, l *journey.LogLine) []byte { return append(b, l.MAC...) }},
	{"family", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Packet.Family...) }},
	{"proto", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Packet.Proto...) }},
	{"src", func(b []byte, l *journey.LogLine) []byte { return csvAddr(b, l.Packet.Src) }},
	{"sport", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.SrcPort) }},
	{"dst", func(b []byte, l *journey.LogLine) []byte { return csvAddr(b, l.Packet.Dst) }},
	{"dport", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.DstPort) }},
	{"length", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.Length) }},
	{"ttl", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.TTL) }},
	{"tos", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.TOS) }},
	{"ip_id", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.IPID) }},
	{"flow_label", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.FlowLabel) }},
	{"ce", func(b []byte, l *journey.LogLine) []byte { return csvTrue(b, l.Packet.CE) }},
	{"df", func(b []byte, l *journey.LogLine) []byte { return csvTrue(b, l.Packet.DF) }},
	{"fragment.offset", part(fragmentOf, func(b []byte, f *journey.Fragment) []byte { return csvInt(b, &f.Offset) })},
	{"fragment.more", part(fragmentOf, func(b []byte, f *journey.Fragment) []byte { return csvTrue(b, f.More) })},
	{"ip_options", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Packet.IPOptions...) }},
	{"tcp.flags", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return csvText(b, t.Flags) })},
	{"tcp.seq", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return csvInt(b, t.Seq) })},
	{"tcp.ack", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return csvInt(b, t.Ack) })},
	{"tcp.window", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return csvInt(b, t.Window) })},
	{"tcp.reserved", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return csvInt(b, t.Reserved) })},
	{"tcp.urgent", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return csvInt(b, t.Urgent) })},
	{"tcp.options", part(tcpOf, func(b []byte, t *journey.LogTCP) []byte { return append(b, t.Options...) })},
	{"udp.length", part(udpOf, func(b []byte, u *journey.LogUDP) []byte { return csvInt(b, u.Length) })},
	{"icmp.type", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvInt(b, &i.Type) })},
	{"icmp.code", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvInt(b, i.Code) })},
	{"icmp.name", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return append(b, i.Name...) })},
	{"icmp.id", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvInt(b, i.ID) })},
	{"icmp.seq", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvInt(b, i.Seq) })},
	{"icmp.parameter", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvInt(b, i.Parameter) })},
	{"icmp.gateway", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvAddr(b, i.Gateway) })},
	{"icmp.mtu", part(icmpOf, func(b []byte, i *journey.LogICMP) []byte { return csvInt(b, i.MTU) })},
	{"arp.op", part(arpOf, func(b []byte, a *journey.LogARP) []byte { return csvInt(b, a.Op) })},
	{"arp.src_ether", part(arpOf, func(b []byte, a *journey.LogARP) []byte { return csvEther(b, a.SrcEther) })},
	{"arp.dst_ether", part(arpOf, func(b []byte, a *journey.LogARP) []byte { return csvEther(b, a.DstEther) })},
	{"spi", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.SPI) }},
	{"incomplete", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Packet.Incomplete) }},
	{"truncated", func(b []byte, l *journey.LogLine) []byte { return csvTrue(b, l.Packet.Truncated) }},
	{"inner.proto", part(innerOf, func(b []byte, p *journey.LogPacket) []byte { return append(b, p.Proto...) })},
	{"inner.src", part(innerOf, func(b []byte, p *journey.LogPacket) []byte { return csvAddr(b, p.Src) })},
	{"inner.sport", part(innerOf, func(b []byte, p *journey.LogPacket) []byte { return csvInt(b, p.SrcPort) })},
	{"inner.dst", part(innerOf, func(b []byte, p *journey.LogPacket) []byte { return csvAddr(b, p.Dst) })},
	{"inner.dport", part(innerOf, func(b []byte, p *journey.LogPacket) []byte { return csvInt(b, p.DstPort) })},
	{"vlan.id", part(vlanOf, func(b []byte, v *journey.VLANTag) []byte { return csvInt(b, &v.ID) })},
	{"uid", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.UID) }},
	{"gid", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.GID) }},
	{"mark", func(b []byte, l *journey.LogLine) []byte { return csvInt(b, l.Mark) }},
	{"cut", func(b []byte, l *journey.LogLine) []byte { return append(b, strings.Join(l.Cut, " ")...) }},
	{"rest", func(b []byte, l *journey.LogLine) []byte { return append(b, l.Rest...) }},
	{"link.src", part(linkOf, func(b []byte, k *journey.LogLink) []byte { return csvEther(b, &k.Src) })},
	{"link.dst", part(linkOf, func(b []byte, k *journey.LogLink) []byte { return csvEther(b, &k.Dst) })},
	{"link.proto", part(linkOf, func(b []byte, k *journey.LogLink) []byte { return fmt.Appendf(b, "0x%04x", uint16(k.Proto)) })},
}

// part fills a column from a part of the line that may be absent.
func part[P any](of func(*journey.LogLine) *P, value func([]byte, *P) []byte) func([]byte, *journey.LogLine) []byte {
	return func(b []byte, l *journey.LogLine) []byte {
		p := of(l)
		if p == nil {
			return b
		}
		return value(b, p)
	}
}

func uptimeOf(l *journey.LogLine) *journey.Uptime     { return l.Uptime }
func originOf(l *journey.LogLine) *journey.Origin     { return l.Origin }
func traceOf(l *journey.LogLine) *journey.TraceLine   { return l.Trace }
func linkOf(l *journey.LogLine) *journey.LogLink      { return l.Link }
func netnsOf(l *journey.LogLine) *journey.Netns       { return l.Netns }
func vlanOf(l *journey.LogLine) *journey.VLANTag      { return l.VLAN }
func fragmentOf(l *journey.LogLine) *journey.Fragment { return l.Packet.Fragment }
func tcpOf(l *journey.LogLine) *journey.LogTCP        { return l.Packet.TCP }
func udpOf(l *journey.LogLine) *journey.LogUDP        { return l.Packet.UDP }
func icmpOf(l *journey.LogLine) *journey.LogICMP      { return l.Packet.ICMP }
func arpOf(l *journey.LogLine) *journey.LogARP        { return l.Packet.ARP }
func innerOf(l *journey.LogLine) *journey.LogPacket   { return l.Packet.Inner }
