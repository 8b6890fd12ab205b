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

// knowledge is facts whose memory is used again for the next flow.
type knowledge struct {
	facts  ruleset.Facts
	ranges []ruleset.Range
}

func (k *knowledge) reset() {
	if k.facts == nil {
		k.facts = ruleset.Facts{}
	}
	clear(k.facts)
	k.ranges = k.ranges[:0]
}

// are makes values all that a field may have.
func (k *knowledge) are(field ruleset.Field, values ...ruleset.Value) {
	from := len(k.ranges)
	for _, v := range values {
		k.ranges = append(k.ranges, ruleset.Only(v))
	}
	k.facts[field] = k.ranges[from:len(k.ranges):len(k.ranges)]
}

func (k *knowledge) number(field ruleset.Field, n uint64) { k.are(field, ruleset.Number(n)) }

func (k *knowledge) address(field ruleset.Field, a netip.Addr) { k.are(field, ruleset.Addr(a)) }

const (
	stateNew     = 8 // NF_CT_STATE_BIT(IP_CT_NEW)
	typeLocal    = 2 // RTN_LOCAL
	flagSYN      = 0x02
	flagSYNOfECN = 0xc2
)

// facts are what is known of the packet without the routes. Its mark is not: rules
// before these may have set it.
func (p *firstPacket) facts(k *knowledge, local func(netip.Addr) bool) {
	k.reset()
	o := &p.flow.Orig
	k.number(ruleset.NFProto, uint64(p.family))
	k.number(ruleset.L4Proto, uint64(o.Proto))
	k.number(ruleset.CTProto, uint64(o.Proto))
	k.number(ruleset.CTDir, 0)
	k.number(ruleset.CTState, stateNew)
	p.addresses(k)
	p.transport(k)
	p.links(k)
	if local(p.dst.Addr()) {
		k.number(ruleset.DestType, typeLocal)
	}
	if local(p.src.Addr()) {
		k.number(ruleset.SourceType, typeLocal)
	}
}

func (p *firstPacket) addresses(k *knowledge) {
	o := &p.flow.Orig
	fields := [...]ruleset.Field{ruleset.IPSource, ruleset.IPDest, ruleset.CTSource, ruleset.CTDest}
	if p.family == ruleset.IP6 {
		fields = [...]ruleset.Field{ruleset.IP6Source, ruleset.IP6Dest, ruleset.CTSource6, ruleset.CTDest6}
	}
	for i, a := range [...]netip.Addr{p.src.Addr(), p.dst.Addr(), o.Src, o.Dst} {
		k.address(fields[i], a)
	}
}

// transport adds ports, types of ICMP, and that the packet is whole: connection
// tracking has put it together, whatever its flags say.
func (p *firstPacket) transport(k *knowledge) {
	o := &p.flow.Orig
	var whole [8]ruleset.Value
	for flags := range whole {
		whole[flags] = ruleset.Number(uint64(flags) << 13)
	}
	k.are(ruleset.Fragment, whole[:]...)
	if o.Has&conntrack.HasPorts == conntrack.HasPorts {
		k.number(ruleset.SourcePort, uint64(p.src.Port()))
		k.number(ruleset.DestPort, uint64(p.dst.Port()))
		k.number(ruleset.CTDestPort, uint64(o.DstPort))
	}
	switch {
	case o.Proto == packet.ProtoTCP:
		k.are(ruleset.TCPFlags, ruleset.Number(flagSYN), ruleset.Number(flagSYNOfECN))
	case o.Has&conntrack.HasICMP == 0:
	case o.Proto == packet.ProtoICMPv6:
		k.number(ruleset.ICMP6Type, uint64(o.ICMPType))
		k.number(ruleset.ICMP6Code, uint64(o.ICMPCode))
	default:
		k.number(ruleset.ICMPType, uint64(o.ICMPType))
		k.number(ruleset.ICMPCode, uint64(o.ICMPCode))
	}
}

// links adds the interfaces that a packet does not have at a hook
// (net/netfilter/nft_meta.c: nft_meta_store_ifname).
func (p *firstPacket) links(k *knowledge) {
	switch p.hook {
	case ruleset.Output:
		k.are(ruleset.InName, ruleset.Value{})
		k.number(ruleset.InIndex, 0)
	case ruleset.Prerouting, ruleset.Input:
		k.are(ruleset.OutName, ruleset.Value{})
		k.number(ruleset.OutIndex, 0)
	}
}

// routed adds what the routes tell for certain, and with back also that packets
// come in where those to their source go out.
func (p *firstPacket) routed(k *knowledge, way func(netip.Addr) Way, back bool) {
	out, in := way(p.dst.Addr()), way(p.src.Addr())
	if t := typeOf(out.Type); t != 0 {
		k.number(ruleset.DestType, t)
	}
	if t := typeOf(in.Type); t != 0 {
		k.number(ruleset.SourceType, t)
	}
	if out.Sure && (p.hook == ruleset.Postrouting || p.hook == ruleset.Output) {
		out.onLink(k, ruleset.OutName, ruleset.OutIndex)
	}
	if back && in.Type != "local" && (p.hook == ruleset.Prerouting || p.hook == ruleset.Input) {
		in.onLink(k, ruleset.InName, ruleset.InIndex)
	}
}

func (w Way) onLink(k *knowledge, name, index ruleset.Field) {
	if w.Dev != "" {
		k.are(name, ruleset.Name(w.Dev))
	}
	if w.Index != 0 {
		k.number(index, uint64(w.Index))
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
