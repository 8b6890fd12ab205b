package render

import (
	"net/netip"
	"time"

	"github.com/pktrail/pktrail/internal/explain"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

func ptr[T any](v T) *T { return &v }

func at(us int) journey.Time {
	return journey.Time{Time: time.Date(2026, 11, 22, 13, 48, 7, 721_296_000+us*1000, time.UTC)}
}

func tcp(src, dst, flags string) journey.Packet {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	p := journey.Packet{Family: "ipv4", Proto: "tcp", Src: s.Addr(), Dst: d.Addr(), SrcPort: ptr(s.Port()), DstPort: ptr(d.Port()),
		Length: ptr(60), TTL: ptr(uint8(64)), TCP: &journey.TCP{Flags: flags, Seq: 1}}
	if s.Addr().Is6() {
		p.Family, p.Length = "ipv6", ptr(80)
	}
	return p
}

// made finishes a journey as the correlator hands it on, and explains it.
func made(p journey.Packet, result journey.Result, step int, steps ...journey.Step) *journey.Journey {
	j := &journey.Journey{Schema: journey.Schema, TraceID: "b573072a", Host: journey.Host{Name: "n1", BootID: "b"}, Start: at(0), Packet: p,
		Steps: steps, Identity: journey.Certain, Complete: true, ID: journey.NewID(at(0).Time, "b", "4097", 0xb573072a, 1)}
	for i := range j.Steps {
		j.Steps[i].Time = at(i)
		j.Steps[i].Netns = &journey.Netns{Name: "rt", Inode: 4026532201, Cookie: "4097"}
	}
	j.Outcome.Result = result
	if step >= 0 {
		j.Outcome.Step = &step
	}
	return j
}

func explained(j *journey.Journey) *journey.Journey {
	explain.Explain(j)
	return j
}

// at a hook, with the devices known there.
type spot struct {
	hook    ruleset.Hook
	in, out string
}

var (
	pre  = spot{ruleset.Prerouting, "r0", ""}
	fwd  = spot{ruleset.Forward, "r0", "r1"}
	post = spot{ruleset.Postrouting, "", "r1"}
	inp  = spot{ruleset.Input, "r0", ""}
	out  = spot{ruleset.Output, "", "r0"}
)

func (p spot) step(kind journey.Kind) journey.Step {
	return journey.Step{Kind: kind, Hook: p.hook, In: p.in, Out: p.out, Family: "ip"}
}

// legacy is a rule of iptables-legacy.
func (p spot) legacy(table, chain string, n int, text string, v ruleset.Verdict, e ruleset.Effect) journey.Step {
	s := p.step(journey.KindRule)
	s.Verdict = v
	s.Rule = &journey.Rule{Backend: ruleset.Legacy, Dialect: ruleset.Iptables, Table: table, Chain: chain, Number: n,
		Text: "-A " + chain + " " + text, Target: e.Target, Effect: e}
	return s
}

func (p spot) legacyPolicy(table, chain string, v ruleset.Verdict) journey.Step {
	s := p.step(journey.KindPolicy)
	s.Verdict = v
	s.Rule = &journey.Rule{Backend: ruleset.Legacy, Dialect: ruleset.Iptables, Table: table, Chain: chain}
	return s
}

// quiet is the policies of the legacy tables of a hook.
func (p spot) quiet(chain string, tables ...string) []journey.Step {
	var steps []journey.Step
	for _, t := range tables {
		steps = append(steps, p.legacyPolicy(t, chain, ruleset.Accept))
	}
	return steps
}

func (p spot) nft(family, table, chain string, n int, handle uint64, text string, v ruleset.Verdict, e ruleset.Effect) journey.Step {
	s := p.step(journey.KindRule)
	s.Verdict, s.Family = v, family
	s.Rule = &journey.Rule{Backend: ruleset.NFT, Dialect: ruleset.Nftables, Table: table, Chain: chain, Number: n, Handle: handle,
		Text: text, Target: e.Target, Effect: e}
	return s
}

func (p spot) nftPolicy(family, table, chain string, v ruleset.Verdict) journey.Step {
	s := p.nft(family, table, chain, 0, 0, "", v, ruleset.Effect{})
	s.Kind = journey.KindPolicy
	return s
}

func (p spot) mark(from, to uint32) journey.Step {
	s := p.step(journey.KindMark)
	s.Mark = &journey.Mark{From: from, To: to}
	return s
}

func (p spot) dnat(from, to, by string) journey.Step {
	f, t := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	s := p.step(journey.KindNAT)
	s.NAT = &journey.NAT{Dst: &journey.Change[netip.Addr]{From: f.Addr(), To: t.Addr()}, By: by}
	if f.Port() != t.Port() {
		s.NAT.DPort = &journey.Change[uint16]{From: f.Port(), To: t.Port()}
	}
	return s
}

func (p spot) snat(from, to, by string) journey.Step {
	s := p.step(journey.KindNAT)
	s.NAT = &journey.NAT{Src: &journey.Change[netip.Addr]{From: netip.MustParseAddr(from), To: netip.MustParseAddr(to)}, By: by}
	return s
}

func (p spot) ct(state, dir string) journey.Step {
	s := p.step(journey.KindCT)
	s.CT = &journey.CT{ID: ptr(uint32(2938475)), State: state, Direction: dir}
	return s
}

func jump(to string) ruleset.Effect {
	return ruleset.Effect{Known: true, Verdict: ruleset.Jump, Target: to}
}

func steps(groups ...[]journey.Step) []journey.Step {
	var all []journey.Step
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// droppedWithMark is dropped in a user chain that a jump on a mark led into.
func droppedWithMark() *journey.Journey {
	readsMark := jump("BLOCKED")
	readsMark.ReadsMark = true
	return made(tcp("10.1.0.2:41234", "10.2.0.2:8080", "S"), journey.Dropped, 9, steps(
		pre.quiet("PREROUTING", "raw"),
		[]journey.Step{
			pre.ct("new", "original"),
			pre.legacy("mangle", "PREROUTING", 3, "-s 10.1.0.0/24 -p tcp -m tcp --dport 8080 -m comment --comment \"lab to 测试 servers\" -j MARK --set-xmark 0x4/0xffffffff", ruleset.Continue,
				ruleset.Effect{Known: true, Verdict: ruleset.Continue, Target: "MARK", SetsMark: true}),
			pre.mark(0, 4),
			pre.legacyPolicy("mangle", "PREROUTING", ruleset.Accept),
		},
		pre.quiet("PREROUTING", "nat"),
		fwd.quiet("FORWARD", "mangle"),
		[]journey.Step{
			fwd.legacy("filter", "FORWARD", 2, "-m mark --mark 0x4 -j BLOCKED", ruleset.Jump, readsMark),
			fwd.legacy("filter", "BLOCKED", 1, "-m limit --limit 5/min -j LOG --log-prefix \"blocked \"", ruleset.Continue, ruleset.Effect{Known: true, Verdict: ruleset.Continue, Target: "LOG"}),
			fwd.legacy("filter", "BLOCKED", 2, "-j DROP", ruleset.Drop, ruleset.Effect{Known: true, Verdict: ruleset.Drop, Target: "DROP", Bare: true}),
		})...)
}

// deliveredByNAT is a kube-proxy-like DNAT and SNAT, forwarded to another namespace.
func deliveredByNAT() *journey.Journey {
	dnat := ruleset.Effect{Known: true, Verdict: ruleset.Accept, Target: "DNAT", NAT: ruleset.DNAT}
	back := post.step(journey.KindReturn)
	back.Verdict = ruleset.Return
	back.Rule = &journey.Rule{Backend: ruleset.Legacy, Dialect: ruleset.Iptables, Table: "nat", Chain: "KUBE-POSTROUTING"}
	return made(tcp("10.1.0.2:41234", "10.96.0.10:80", "S"), journey.Forwarded, -1, steps(
		pre.quiet("PREROUTING", "raw"),
		[]journey.Step{pre.ct("new", "original")},
		pre.quiet("PREROUTING", "mangle"),
		[]journey.Step{
			pre.legacy("nat", "PREROUTING", 1, "-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES", ruleset.Jump, jump("KUBE-SERVICES")),
			pre.legacy("nat", "KUBE-SERVICES", 3, "-d 10.96.0.10/32 -p tcp -m comment --comment \"default/web cluster IP\" -m tcp --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G", ruleset.Jump, jump("KUBE-SVC-LOLE4ISW44XBNF3G")),
			pre.legacy("nat", "KUBE-SVC-LOLE4ISW44XBNF3G", 2, "-j KUBE-SEP-6ZQTM", ruleset.Jump, jump("KUBE-SEP-6ZQTM")),
			pre.legacy("nat", "KUBE-SEP-6ZQTM", 2, "-p tcp -m tcp -j DNAT --to-destination 10.2.0.2:8080", ruleset.Accept, dnat),
			pre.dnat("10.96.0.10:80", "10.2.0.2:8080", "rule"),
		},
		fwd.quiet("FORWARD", "mangle"),
		[]journey.Step{fwd.legacy("filter", "FORWARD", 1, "-m conntrack --ctstate RELATED,ESTABLISHED,NEW -j ACCEPT", ruleset.Accept,
			ruleset.Effect{Known: true, Verdict: ruleset.Accept, Target: "ACCEPT", ReadsCT: true})},
		post.quiet("POSTROUTING", "mangle"),
		[]journey.Step{
			post.legacy("nat", "POSTROUTING", 1, "-j KUBE-POSTROUTING", ruleset.Jump, jump("KUBE-POSTROUTING")),
			back,
			post.legacy("nat", "POSTROUTING", 2, "-o r1 -j MASQUERADE", ruleset.Accept, ruleset.Effect{Known: true, Verdict: ruleset.Accept, Target: "MASQUERADE", NAT: ruleset.Masquerade}),
			post.snat("10.1.0.2", "10.2.0.1", "rule"),
		})...)
}

func rejected() *journey.Journey {
	j := made(tcp("[2001:db8:1::2]:41234", "[2001:db8:2::2]:23", "S"), journey.Rejected, 2,
		pre.nftPolicy("inet", "filter", "pre", ruleset.Accept),
		fwd.nft("inet", "filter", "forward", 1, 5, "ct state new jump policy_in", ruleset.Jump, ruleset.Effect{Known: true, Verdict: ruleset.Jump, Target: "policy_in", ReadsCT: true}),
		fwd.nft("inet", "filter", "policy_in", 4, 19, "tcp dport @closed reject with tcp reset", ruleset.Drop, ruleset.Effect{Known: true, Verdict: ruleset.Reject, Target: "reject", RejectWith: "tcp-reset", ReadsSets: []string{"closed"}}),
	)
	j.Outcome.With = "tcp-reset"
	j.Links = []journey.Link{{Kind: journey.LinkAnswer, ID: journey.NewID(at(9).Time, "b", "4097", 7, 2), Identity: journey.Certain}}
	return j
}

func policyDrop() *journey.Journey {
	log := fwd.nft("ip", "filter", "FORWARD", 1, 11, "-A FORWARD -i r0 -j LOG --log-prefix \"fw \"", ruleset.Continue, ruleset.Effect{Known: true, Verdict: ruleset.Continue, Target: "LOG"})
	pol := fwd.nftPolicy("ip", "filter", "FORWARD", ruleset.Drop)
	log.Rule.Dialect, pol.Rule.Dialect = ruleset.Iptables, ruleset.Iptables
	return made(tcp("10.1.0.2:41234", "10.2.0.2:443", "S"), journey.Dropped, 2, pre.nftPolicy("ip", "mangle", "PREROUTING", ruleset.Accept), log, pol)
}

func unknown() *journey.Journey {
	p := journey.Packet{Family: "ipv4", Proto: "icmp", Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr("10.9.9.9"), Length: ptr(84),
		ICMP: &journey.ICMP{Type: 8, Name: "echo-request", ID: ptr(uint16(77)), Seq: ptr(uint16(1))}}
	j := made(p, journey.ResultUnknown, -1, steps(pre.quiet("PREROUTING", "raw", "mangle"), []journey.Step{pre.nftPolicy("inet", "fw", "early", ruleset.Accept)})...)
	j.Outcome.Why = "not seen again after prerouting: the routing decision or the reverse-path check may have dropped it"
	return j
}

func incompleteInferred() *journey.Journey {
	noText := "iptables-legacy-save is not installed"
	s := fwd.legacy("filter", "FORWARD", 2, "", ruleset.Unknown, ruleset.Effect{})
	s.Rule.Text, s.Rule.NoText = "", noText
	pol := fwd.legacyPolicy("filter", "FORWARD", ruleset.Drop)
	pol.Rule.NoText = noText
	doubted := pre.nft("inet", "fw", "early", 2, 6, "meta mark set 0x7", ruleset.Continue, ruleset.Effect{Known: true, SetsMark: true})
	doubted.Rule.Doubt = "the table changed after it was read"
	j := made(tcp("10.1.0.2:41234", "10.2.0.2:443", "PA"), journey.Dropped, 4, doubted, pre.mark(0, 7), pre.dnat("10.2.0.2:443", "10.3.0.2:443", "entry"), s, pol)
	j.Identity, j.Complete = journey.Inferred, false
	j.Missing = []string{"messages were lost while it was open"}
	j.Lost = journey.LostCount{Count: 12, More: true}
	return j
}

// untouched is forwarded through many chains of which none had a rule for it.
func untouched() *journey.Journey {
	return made(tcp("10.1.0.2:41234", "10.2.0.2:443", "A"), journey.Forwarded, 13, steps(
		pre.quiet("PREROUTING", "raw", "mangle", "nat"),
		[]journey.Step{pre.nftPolicy("ip", "filter", "PREROUTING", ruleset.Accept), pre.nftPolicy("inet", "fw", "early", ruleset.Accept)},
		fwd.quiet("FORWARD", "mangle", "filter", "security"),
		[]journey.Step{fwd.nftPolicy("inet", "fw", "forward", ruleset.Accept)},
		post.quiet("POSTROUTING", "mangle", "nat", "security"),
		[]journey.Step{post.nftPolicy("inet", "fw", "late", ruleset.Accept), post.nftPolicy("inet", "fw", "last", ruleset.Accept)},
	)...)
}

// answered is the ICMP error that this host sends for a packet it rejected.
func answered() *journey.Journey {
	inner := tcp("10.1.0.2:41234", "10.2.0.2:23", "S")
	p := journey.Packet{Family: "ipv4", Proto: "icmp", Src: netip.MustParseAddr("10.1.0.1"), Dst: netip.MustParseAddr("10.1.0.2"), Length: ptr(88),
		ICMP: &journey.ICMP{Type: 3, Code: 3, Name: "destination-unreachable"}, Inner: &inner}
	j := made(p, journey.Sent, -1, out.nft("inet", "fw", "out", 1, 0, "ct state established,related accept", ruleset.Accept, ruleset.Effect{Known: true, Verdict: ruleset.Accept, ReadsCT: true}))
	j.ArmedFrom = "answer"
	j.Links = []journey.Link{{Kind: journey.LinkAnswer, ID: journey.NewID(at(0).Time, "b", "4097", 0xb573072a, 1), Identity: journey.Inferred}}
	return j
}

// looped is sent over loopback to this host's own socket.
func looped() *journey.Journey {
	over := journey.Step{Kind: journey.KindDevice, Device: &journey.Device{From: "lo", To: "lo", Why: "over loopback"}}
	return made(tcp("127.0.0.1:5000", "127.0.0.1:80", "S"), journey.Delivered, -1,
		spot{ruleset.Output, "", "lo"}.nftPolicy("inet", "fw", "out", ruleset.Accept), over,
		spot{ruleset.Input, "lo", ""}.nft("inet", "fw", "in", 1, 3, "iif \"lo\" accept", ruleset.Accept, ruleset.Effect{Known: true, Verdict: ruleset.Accept}))
}

func queued() *journey.Journey {
	return made(tcp("10.1.0.2:41234", "10.1.0.1:22", "S"), journey.Queued, 0,
		inp.legacy("filter", "INPUT", 1, "-p tcp -m comment --comment \"\x1b[31m\u202ered\" -j NFQUEUE --queue-num 5", ruleset.Queue, ruleset.Effect{Known: true, Verdict: ruleset.Queue, Target: "NFQUEUE"}))
}
