package stale

import (
	"net/netip"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// Way is what the routes say of packets to an address.
type Way struct {
	Type  string // a word of ip-route(8); empty where it is not known
	Dev   string
	Index int  // of the interface; 0 where it is not known
	Sure  bool // no rule of policy routing may send them another way
}

// end is an address and a port of a flow, where it has ports.
type end = netip.AddrPort

// firstPacket is what nat chains see of a flow's first packet.
type firstPacket struct {
	flow     *conntrack.Flow
	family   ruleset.Family
	hook     ruleset.Hook
	src, dst end // as they are at the hook
}

// arriving is the first packet where its destination is translated: it comes in,
// or the namespace sends it itself.
func arriving(f *conntrack.Flow, local func(netip.Addr) bool) firstPacket {
	p := firstPacket{flow: f, family: ruleset.IP, hook: ruleset.Prerouting, src: srcOf(&f.Orig), dst: dstOf(&f.Orig)}
	if f.Orig.Src.Is6() {
		p.family = ruleset.IP6
	}
	if local(f.Orig.Src) {
		p.hook = ruleset.Output
	}
	return p
}

// leaving is the first packet where its source is translated: on its way out, or
// behind the routing that found it to be for the namespace itself.
func leaving(f *conntrack.Flow, local func(netip.Addr) bool) firstPacket {
	p := arriving(f, local)
	begins := p.hook == ruleset.Output
	p.hook, p.dst = ruleset.Postrouting, srcOf(&f.Reply)
	if !begins && local(p.dst.Addr()) {
		p.hook = ruleset.Input
	}
	return p
}

func srcOf(t *conntrack.Tuple) end {
	if t.Has&conntrack.HasSrcPort == 0 {
		return netip.AddrPortFrom(t.Src, 0)
	}
	return netip.AddrPortFrom(t.Src, t.SrcPort)
}

func dstOf(t *conntrack.Tuple) end {
	if t.Has&conntrack.HasDstPort == 0 {
		return netip.AddrPortFrom(t.Dst, 0)
	}
	return netip.AddrPortFrom(t.Dst, t.DstPort)
}

func exactly(n uint64) []ruleset.Range { return []ruleset.Range{ruleset.Span(n, n)} }

func address(a netip.Addr) []ruleset.Range { return []ruleset.Range{ruleset.Only(ruleset.Addr(a))} }

const (
	stateNew     = 8 // NF_CT_STATE_BIT(IP_CT_NEW)
	typeLocal    = 2 // RTN_LOCAL
	flagSYN      = 0x02
	flagSYNOfECN = 0xc2
)

// facts are what is known of the packet without the routes. Its mark is not: rules
// before these may have set it.
func (p *firstPacket) facts(local func(netip.Addr) bool) ruleset.Facts {
	o := &p.flow.Orig
	f := ruleset.Facts{
		ruleset.NFProto: exactly(uint64(p.family)), ruleset.L4Proto: exactly(uint64(o.Proto)),
		ruleset.CTProto: exactly(uint64(o.Proto)), ruleset.CTDir: exactly(0), ruleset.CTState: exactly(stateNew),
	}
	if p.family == ruleset.IP {
		f[ruleset.IPSource], f[ruleset.IPDest] = address(p.src.Addr()), address(p.dst.Addr())
		f[ruleset.CTSource], f[ruleset.CTDest] = address(o.Src), address(o.Dst)
	} else {
		f[ruleset.IP6Source], f[ruleset.IP6Dest] = address(p.src.Addr()), address(p.dst.Addr())
		f[ruleset.CTSource6], f[ruleset.CTDest6] = address(o.Src), address(o.Dst)
	}
	p.transport(f)
	p.links(f)
	if local(p.dst.Addr()) {
		f[ruleset.DestType] = exactly(typeLocal)
	}
	if local(p.src.Addr()) {
		f[ruleset.SourceType] = exactly(typeLocal)
	}
	return f
}

// transport adds ports, types of ICMP, and what connection tracking has put
// together: no later fragment comes to a nat chain.
func (p *firstPacket) transport(f ruleset.Facts) {
	o := &p.flow.Orig
	for flags := range uint64(8) {
		f[ruleset.Fragment] = append(f[ruleset.Fragment], ruleset.Span(flags<<13, flags<<13))
	}
	if o.Has&conntrack.HasPorts == conntrack.HasPorts {
		f[ruleset.SourcePort], f[ruleset.DestPort] = exactly(uint64(p.src.Port())), exactly(uint64(p.dst.Port()))
		f[ruleset.CTDestPort] = exactly(uint64(o.DstPort))
	}
	switch {
	case o.Proto == packet.ProtoTCP:
		f[ruleset.TCPFlags] = append(exactly(flagSYN), exactly(flagSYNOfECN)...)
	case o.Has&conntrack.HasICMP == 0:
	case o.Proto == packet.ProtoICMPv6:
		f[ruleset.ICMP6Type], f[ruleset.ICMP6Code] = exactly(uint64(o.ICMPType)), exactly(uint64(o.ICMPCode))
	default:
		f[ruleset.ICMPType], f[ruleset.ICMPCode] = exactly(uint64(o.ICMPType)), exactly(uint64(o.ICMPCode))
	}
}

// links adds the interfaces that a packet does not have at a hook
// (net/netfilter/nft_meta.c: nft_meta_store_ifname).
func (p *firstPacket) links(f ruleset.Facts) {
	switch p.hook {
	case ruleset.Output:
		noLink(f, ruleset.InName, ruleset.InIndex)
	case ruleset.Prerouting, ruleset.Input:
		noLink(f, ruleset.OutName, ruleset.OutIndex)
	}
}

func noLink(f ruleset.Facts, name, index ruleset.Field) {
	f[name], f[index] = []ruleset.Range{ruleset.Only(ruleset.Name(""))}, exactly(0)
}

// routed adds what the routes tell for certain, and with back also that packets
// come in where those to their source go out.
func (p *firstPacket) routed(f ruleset.Facts, way func(netip.Addr) Way, back bool) {
	out := way(p.dst.Addr())
	if t := typeOf(out.Type); t != 0 {
		f[ruleset.DestType] = exactly(t)
	}
	if t := typeOf(way(p.src.Addr()).Type); t != 0 {
		f[ruleset.SourceType] = exactly(t)
	}
	if out.Sure && (p.hook == ruleset.Postrouting || p.hook == ruleset.Output) {
		out.onLink(f, ruleset.OutName, ruleset.OutIndex)
	}
	if in := way(p.src.Addr()); back && in.Type != "local" && (p.hook == ruleset.Prerouting || p.hook == ruleset.Input) {
		in.onLink(f, ruleset.InName, ruleset.InIndex)
	}
}

func (w Way) onLink(f ruleset.Facts, name, index ruleset.Field) {
	if w.Dev != "" {
		f[name] = []ruleset.Range{ruleset.Only(ruleset.Name(w.Dev))}
	}
	if w.Index != 0 {
		f[index] = exactly(uint64(w.Index))
	}
}

// typeOf is the number of a route's type as rules look it up (RTN_*); 0 for those
// that another way might have.
func typeOf(word string) uint64 {
	switch word {
	case "unicast":
		return 1
	case "local":
		return typeLocal
	case "broadcast":
		return 3
	case "multicast":
		return 5
	}
	return 0
}
