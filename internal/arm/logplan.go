package arm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// LogWish is what is to be logged in one namespace.
type LogWish struct {
	Match  match.Match
	Points []LogPoint
	Rate   Rate   // of all points together; zero is unlimited
	Group  uint16 // of NFLOG, whose listener is there before the rules
	// Legacy says how rules are put into legacy tables; nil makes tables of our own.
	Legacy *Legacy
	// NoOwner makes tables without the owner flag, as on kernels before 5.12.
	NoOwner bool
}

// logBytes of each packet are logged: every header that a line tells of.
const logBytes = 256

// NewLogPlan works out the rules that log packets at the points. Packets of each
// carry a prefix by which PointOf knows them. A part of MATCH that a point cannot
// judge is a *match.Error; a point of `all` is left out instead, with a note.
func NewLogPlan(name string, w LogWish, k Known) (*Plan, error) {
	p := &Plan{Name: name, Own: map[string]event.OwnChain{}, wish: Wish{NoOwner: w.NoOwner}, Modules: []string{"nfnetlink_log"}}
	if w.Match.Both {
		return nil, &match.Error{Arg: "--both", Problem: "a rule that logs looks at each packet by itself", Hint: "use pktrail trace, or log the replies by what they are: -s in place of -d"}
	}
	p.Points = p.judging(&w)
	if len(p.Points) == 0 {
		return nil, &match.Error{Arg: w.Match.String(), Problem: "can be judged nowhere", Hint: "leave -i or --out-interface away"}
	}
	for _, pt := range p.Points {
		if err := judges(&w.Match, pt); err != nil {
			return nil, err
		}
	}
	if w.Legacy != nil {
		return p, p.legacyRules(&w, k)
	}
	p.Modules = append(p.Modules, "nf_tables", "nft_objref", "nft_log")
	if w.Rate != (Rate{}) {
		p.Modules = append(p.Modules, "nft_limit")
	}
	return p, p.logTables(&w)
}

// judging leaves out those of `all` that cannot judge MATCH.
func (p *Plan) judging(w *LogWish) []LogPoint {
	points := make([]LogPoint, 0, len(w.Points))
	for _, pt := range w.Points {
		if err := judges(&w.Match, pt); err != nil && pt.every {
			p.Notes = append(p.Notes, err.Error()+"; not logged there")
			continue
		}
		points = append(points, pt)
	}
	return points
}

// judges refuses the parts of MATCH that a rule at the point cannot see.
// Interfaces are known at a hook as iptables knows them: postrouting knows the
// incoming one since Linux 5.7 only, and before it no packet would match. A user
// chain sees what the chain sees that jumps to it.
func judges(m *match.Match, pt LogPoint) error {
	in := slices.Contains([]ruleset.Hook{ruleset.Output, ruleset.Postrouting, ruleset.Egress}, pt.Hook)
	out := slices.Contains([]ruleset.Hook{ruleset.Prerouting, ruleset.Input, ruleset.Ingress}, pt.Hook)
	switch {
	case in && m.In.Given():
		return &match.Error{Arg: "-i", Problem: "cannot be judged at " + pt.Name + ": " + leaving(pt.Hook), Hint: "leave -i away, or log at prerouting, input or forward"}
	case out && m.Out.Given():
		return &match.Error{Arg: "--out-interface", Problem: "cannot be judged at " + pt.Name + ": " + coming(pt.Hook), Hint: "leave --out-interface away, or log at forward, output or postrouting"}
	}
	return nil
}

func leaving(hook ruleset.Hook) string {
	if hook == ruleset.Output {
		return "packets of this host came in by no interface"
	}
	return "Linux before 5.7 does not tell by which interface the packet came in"
}

func coming(hook ruleset.Hook) string {
	if hook == ruleset.Input {
		return "packets to this host leave by no interface"
	}
	return "the packet has not been routed yet"
}

// meeting is MATCH as a point of some family means it; ok is false where no
// packet can be meant.
func meeting(m *match.Match, f ruleset.Family) (met match.Match, ok bool) {
	met = *m
	if f == ruleset.IP || f == ruleset.IP6 {
		ok = m.Family == packet.Unspec || m.Family == packet.Family(f)
		met.Family = packet.Family(f)
		return met, ok
	}
	return met, true
}

// logTables makes a table for each family that has points.
func (p *Plan) logTables(w *LogWish) error {
	tables := map[ruleset.Family][]int{}
	for i, pt := range p.Points {
		f := pt.Family
		if f == ruleset.IP || f == ruleset.IP6 {
			f = ruleset.Inet // one table, so that one limit counts both
		}
		tables[f] = append(tables[f], i)
	}
	rate := w.Rate.Share(len(tables))
	for _, f := range []ruleset.Family{ruleset.Inet, ruleset.Bridge, ruleset.Netdev} {
		if len(tables[f]) == 0 {
			continue
		}
		if err := p.logTable(p.narrowed(f, tables[f], &w.Match), tables[f], w, rate); err != nil {
			return err
		}
	}
	return nil
}

// narrowed is ip or ip6 for an inet table that sees packets of one protocol only.
func (p *Plan) narrowed(f ruleset.Family, points []int, m *match.Match) ruleset.Family {
	if f != ruleset.Inet {
		return f
	}
	if m.Family != packet.Unspec {
		return ruleset.Family(m.Family)
	}
	only := p.Points[points[0]].Family
	for _, i := range points {
		if p.Points[i].Family != only {
			return ruleset.Inet
		}
	}
	return only
}

func (p *Plan) logTable(f ruleset.Family, points []int, w *LogWish, rate Rate) error {
	b := nftexpr.NewBatch(f, p.Name)
	flags := nftexpr.Owner
	if w.NoOwner {
		flags = 0
	}
	b.Table(flags, identity())
	if rate != (Rate{}) {
		b.LimitPer(limitRate, rate.Packets, rate.Per, rate.Burst)
	}
	for _, i := range points {
		if err := p.logChains(b, f, i, w); err != nil {
			return err
		}
	}
	p.batches = append(p.batches, b)
	p.tables = append(p.tables, f)
	return nil
}

// logChains makes the chain at a point, and the one behind MATCH that logs what
// the rate allows and counts the rest.
func (p *Plan) logChains(b *nftexpr.Batch, f ruleset.Family, i int, w *LogWish) error {
	pt := p.Points[i]
	m, ok := meeting(&w.Match, pt.Family)
	if !ok {
		return &match.Error{Arg: "--at " + pt.Name, Problem: "never sees a packet of " + w.Match.String(), Hint: "name a chain of the other family"}
	}
	rules, err := compile(&m, f)
	if err != nil {
		return err
	}
	behind := "log-" + strconv.Itoa(i+1)
	if err := b.Chain(nftexpr.Chain{Name: behind}); err != nil {
		return err
	}
	logged, over := logCounters(i)
	b.Counter(logged)
	log := []nftexpr.Stmt{nftexpr.Count(logged), nftexpr.Log{Prefix: p.prefix(i), Group: w.Group, Snaplen: logBytes}.Stmt(), nftexpr.Accept()}
	if w.Rate != (Rate{}) {
		b.Counter(over)
		b.Rule(behind, "", append([]nftexpr.Stmt{nftexpr.Limit(limitRate)}, log...)...)
		b.Rule(behind, "", nftexpr.Count(over), nftexpr.Accept())
	} else {
		b.Rule(behind, "", log...)
	}
	for n, device := range devices(pt) {
		name := fmt.Sprintf("at-%d-%s", i+1, pt.Hook)
		if n > 0 {
			name += "-" + strconv.Itoa(n+1)
		}
		if err := b.Chain(nftexpr.Chain{Name: name, Hook: pt.Hook, Priority: pt.Priority, Device: device}); err != nil {
			return err
		}
		for _, r := range rules {
			b.Rule(name, "", append(slices.Clone(r), nftexpr.Jump(behind))...)
		}
	}
	return nil
}

// devices is one empty name for a point that is not at devices.
func devices(pt LogPoint) []string {
	if len(pt.Devices) == 0 {
		return []string{""}
	}
	return pt.Devices
}

func logCounters(i int) (logged, over string) {
	return "logged-" + strconv.Itoa(i+1), "over-rate-" + strconv.Itoa(i+1)
}

// prefix marks the packets of one point; somebody else's rules cannot have it.
func (p *Plan) prefix(i int) string { return p.Name + ":" + strconv.Itoa(i+1) }

// PointOf is the index of the point at which a packet with that prefix was
// logged; ok is false for packets that rules of others sent to the group.
func (p *Plan) PointOf(prefix []byte) (i int, ok bool) {
	number, ours := strings.CutPrefix(string(prefix), p.Name+":")
	n, err := strconv.Atoi(number)
	return n - 1, ours && err == nil && n >= 1 && n <= len(p.Points)
}

// PointCount is what the rules at one point counted.
type PointCount struct {
	Logged      int64
	RateLimited int64 // matched while the rate was used up
	// Missing is how many of our rules somebody else has removed meanwhile, with what
	// they had counted.
	Missing int
}

// LogCounters reads what the rules in one target counted, by point.
func (a *Armed) LogCounters(target int) ([]PointCount, error) {
	s := a.spaces[target]
	counts := make([]PointCount, len(s.Plan.Points))
	for _, f := range s.made {
		c, err := nftexpr.Counters(s.owner, f, s.Plan.Name)
		if err != nil {
			return nil, err
		}
		for i := range counts {
			logged, over := logCounters(i)
			counts[i].Logged += int64(c[logged].Packets)
			counts[i].RateLimited += int64(c[over].Packets)
		}
	}
	return counts, s.legacyCounts(counts)
}
