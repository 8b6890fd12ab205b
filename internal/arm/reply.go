package arm

import (
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// protocols are the two IP protocols as a table of some family meets them.
func (b *builder) protocols() []ruleset.Family {
	if b.family == ruleset.Inet {
		return []ruleset.Family{ruleset.IP, ruleset.IP6}
	}
	return []ruleset.Family{b.family}
}

// guard keeps a rule of an inet table to one protocol.
func (b *builder) guard(f ruleset.Family) []nftexpr.Stmt {
	if b.family != ruleset.Inet {
		return nil
	}
	if f == ruleset.IP6 {
		return []nftexpr.Stmt{nftexpr.Equal(nftexpr.NFProto(), nftexpr.Word("ipv6", 10), false)}
	}
	return []nftexpr.Stmt{nftexpr.Equal(nftexpr.NFProto(), nftexpr.Word("ipv4", 2), false)}
}

func setName(base string, f ruleset.Family) string {
	if f == ruleset.IP6 {
		return base + "6"
	}
	return base + "4"
}

// header is the fields of a packet that make its tuple. ICMP takes its id and
// its type and code for ports, as conntrack does
// (net/netfilter/nf_conntrack_proto_icmp.c: icmp_pkt_to_tuple).
func header(f ruleset.Family, icmp bool) []nftexpr.Field {
	fields := []nftexpr.Field{nftexpr.IPSaddr(), nftexpr.IPDaddr(), nftexpr.L4Proto()}
	if f == ruleset.IP6 {
		fields = []nftexpr.Field{nftexpr.IP6Saddr(), nftexpr.IP6Daddr(), nftexpr.L4Proto()}
	}
	if icmp {
		return append(fields, nftexpr.Raw(nftexpr.Transport, 4, 2), nftexpr.Raw(nftexpr.Transport, 0, 2))
	}
	return append(fields, nftexpr.Sport(), nftexpr.Dport())
}

// flowSets makes a set of tuples for each protocol.
func (b *builder) flowSets(name string, dynamic bool) {
	for _, f := range b.protocols() {
		b.Set(nftexpr.Set{Name: setName(name, f), Key: header(f, false), Size: maxFlows, Timeout: flowTimeout, Dynamic: dynamic})
	}
}

// lookups adds the rules that find a packet's own tuple in a set.
func (b *builder) lookups(chain, set, to string) {
	for _, f := range b.protocols() {
		proto := nftexpr.Word("icmp", packet.ProtoICMP)
		if f == ruleset.IP6 {
			proto = nftexpr.Word("ipv6-icmp", packet.ProtoICMPv6)
		}
		for _, icmp := range []bool{false, true} {
			rule := append(b.guard(f),
				nftexpr.Equal(nftexpr.L4Proto(), proto, !icmp),
				nftexpr.HasTransport(),
				nftexpr.InSet(setName(set, f), false, header(f, icmp)...),
				nftexpr.Jump(to))
			b.Rule(chain, "", rule...)
		}
	}
}

// replies makes what --both needs. Where connections are tracked, the kernel
// itself notes in a set with which tuple the reply will come when a packet
// leaves; user space would be slower than the reply.
func (b *builder) replies(tracks bool) error {
	if _, err := b.traceChain(chainReply); err != nil {
		return err
	}
	if !tracks {
		return nil
	}
	b.flowSets(setReplies, true)
	originals, err := CompileOriginal(&b.p.wish.Match, b.family)
	if err != nil {
		return err
	}
	for _, hook := range []ruleset.Hook{ruleset.Input, ruleset.Postrouting} {
		name := "note-" + string(hook) + b.suffix
		b.p.Own[name] = event.OwnChain{Role: event.Milestone, Family: b.family, Hook: hook, Priority: latePriority}
		if err := b.Chain(nftexpr.Chain{Name: name, Hook: hook, Priority: latePriority}); err != nil {
			return err
		}
		for _, f := range b.protocols() {
			for _, o := range originals {
				rule := append(b.guard(f), o...)
				b.Rule(name, "", append(rule, nftexpr.Update(setName(setReplies, f), flowTimeout, replyTuple(f)...))...)
			}
		}
	}
	return nil
}

// replyTuple is the tuple with which the reply will come, after translation.
func replyTuple(f ruleset.Family) []nftexpr.Field {
	r := nftexpr.Reply
	if f == ruleset.IP6 {
		return []nftexpr.Field{nftexpr.CTSaddr6(r), nftexpr.CTDaddr6(r), nftexpr.L4Proto(), nftexpr.CTSport(r), nftexpr.CTDport(r)}
	}
	return []nftexpr.Field{nftexpr.CTSaddr(r), nftexpr.CTDaddr(r), nftexpr.L4Proto(), nftexpr.CTSport(r), nftexpr.CTDport(r)}
}

// replyRules adds the rules that find replies: by the set where connections are
// tracked; elsewhere nothing is translated, and MATCH turned round finds them.
func (b *builder) replyRules(chain string, tracks bool) error {
	if tracks {
		b.lookups(chain, setReplies, chainReply+b.suffix)
		return nil
	}
	rules, _, err := CompileReverse(&b.p.wish.Match, b.family, match.Prerouting)
	if err != nil {
		return err
	}
	b.jumps(chain, chainReply+b.suffix, rules)
	return nil
}

// element is the values of one tuple, in the order of header.
func element(src, dst netip.Addr, proto uint8, sport, dport uint16) []nftexpr.Value {
	return []nftexpr.Value{nftexpr.Addr(src), nftexpr.Addr(dst), nftexpr.Byte(proto), nftexpr.Port(sport), nftexpr.Port(dport)}
}
