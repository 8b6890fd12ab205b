package stale

import (
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/ruleset"
)

// Ask is what today's NAT rules are asked with. Without NAT nothing is asked.
type Ask struct {
	NAT   *NAT
	Local func(netip.Addr) bool // whether the namespace itself has the address
	Way   func(netip.Addr) Way  // nil where routes cannot be asked
}

// drift is how an entry differs from what the rules would make of its flow now.
type drift struct {
	source bool // in its source, else in its destination
	other  bool // it is translated, to what the rules do not give
	rules  []*natRule
	sure   sureness
}

// sureness is how sure a drift is.
type sureness uint8

const (
	perhaps sureness = iota // a rule may match, or not
	likely                  // packets come in where those to their source go out
	surely
)

// unasked are entries that rules were not asked for, or not those of the routed
// way: what helpers expected, and what is offloaded.
const unasked = left | conntrack.Expected

// of tells how an entry differs from the rules; nil where it does not, or may not
// be told. NAT rules are asked for a flow's first packet alone, so that one that
// is older than a rule goes on without it.
func (a *Ask) of(f *conntrack.Flow) *drift {
	if a.NAT == nil || len(a.NAT.hooks) == 0 || f.Status&unasked != 0 || targetOf(f).zone != 0 || spread(f.Orig.Dst) {
		return nil
	}
	d := a.destination(f)
	if d != nil && d.sure == surely {
		return d
	}
	if s := a.source(f); s != nil && (d == nil || s.sure > d.sure) {
		return s
	}
	return d
}

// spread are addresses of many: multicast and broadcast.
func spread(a netip.Addr) bool {
	return a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (a *Ask) destination(f *conntrack.Flow) *drift {
	is, was := srcOf(&f.Reply), dstOf(&f.Orig)
	p := arriving(f, a.Local)
	return a.compare(&p, is != was, func(g *gift) Answer { return g.has(is, was, a.Local) })
}

// source heeds addresses alone: ports are changed without a rule, where another
// flow has them (net/netfilter/nf_nat_core.c: nf_nat_alloc_null_binding).
func (a *Ask) source(f *conntrack.Flow) *drift {
	is := f.Reply.Dst
	translated := is != f.Orig.Src
	if translated && !a.Local(is) {
		return nil // which is judged as source-gone
	}
	p := leaving(f, a.Local)
	d := a.compare(&p, translated, func(g *gift) Answer { return g.hasAddr(is, a.Local) })
	if d != nil {
		d.source = true
	}
	return d
}

// compare holds what an entry has against what the rules may give.
func (a *Ask) compare(p *firstPacket, translated bool, gives func(*gift) Answer) *drift {
	if !translated && len(a.NAT.hooks[natHook{p.family, p.hook}]) == 0 {
		return nil
	}
	out, guessed := a.walk(p)
	if out.doubt != "" || !translated && len(out.may) == 0 {
		return nil
	}
	d := &drift{other: translated, sure: surely}
	if guessed {
		d.sure = likely
	}
	for _, r := range out.may {
		switch gives(a.NAT.gift(r)) {
		case Yes:
			return nil
		case Unknown:
			d.sure = perhaps
		}
	}
	if !translated && out.passes {
		d.sure = perhaps
	}
	d.rules = slices.Clone(out.may)
	return d
}

// walk asks the rules, and the routes only where a rule looks at what they tell.
func (a *Ask) walk(p *firstPacket) (out *outcome, guessed bool) {
	k := &a.NAT.known
	p.facts(k, a.Local)
	out = a.NAT.walk(p.family, p.hook, k.facts)
	if a.Way == nil || !out.asksRoutes() {
		return out, false
	}
	p.routed(k, a.Way, false)
	out = a.NAT.walk(p.family, p.hook, k.facts)
	if !out.asksRoutes() {
		return out, false
	}
	p.routed(k, a.Way, true)
	return a.NAT.walk(p.family, p.hook, k.facts), true
}

// asksRoutes: some rule that may translate, or may not, looks at links or at types
// of addresses.
func (o *outcome) asksRoutes() bool {
	return o.doubt == "" && o.passes && len(o.may) > 0 && slices.ContainsFunc(o.needs, func(f ruleset.Field) bool {
		switch f {
		case ruleset.InName, ruleset.OutName, ruleset.InIndex, ruleset.OutIndex, ruleset.DestType, ruleset.SourceType:
			return true
		}
		return false
	})
}
