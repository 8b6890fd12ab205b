// Package arm is what a live trace or log switches on in the kernel, and its
// certain removal: a table of our own whose rules set the trace bit on matching
// packets or log them, and, where legacy tables are, the log back end that
// carries their lines, or rules of iptables that log.
package arm

import (
	"fmt"
	"slices"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// Priority of the chains that start a trace: before defragmentation (-400) and
// before raw tables moved there by raw_before_defrag (-450).
const Priority = -500

// latePriority is behind every table that translates or filters.
const latePriority = 300

// Wish is what a trace wants in one namespace.
type Wish struct {
	Match  match.Match
	From   []ruleset.Hook // where packets are met first: prerouting, output, ingress
	Bridge bool           // packets that cross a bridge too, where they enter it
	Rate   uint64         // packets a second; 0 is unlimited
	Both   bool
	// Widen: keep a set of tuples by which MATCH grows as NAT becomes known elsewhere.
	Widen bool
	// Milestones that legacy lines need are made unless this is set.
	NoMilestones bool
	// NoOwner makes tables without the owner flag, as on kernels before 5.12.
	NoOwner bool
}

// Known is what was found out about the namespace before.
type Known struct {
	Tables     []*ruleset.Table
	Conntrack4 bool // connection tracking is active for IPv4
	Conntrack6 bool
	Devices    []string // for ingress
}

// Plan is what will be made in one namespace.
type Plan struct {
	Name    string // of our tables
	Own     map[string]event.OwnChain
	Loggers []ruleset.Family // whose log back end must change
	// Modules of the kernel that what is made stands on; it loads those that it has
	// as modules and that are not loaded yet.
	Modules []string
	Notes   []string
	// Wider says which parts of MATCH the rules cannot judge, so that packets
	// beyond it are traced and must be sorted out afterwards.
	Wider []match.Reason

	// Points are where packets are logged.
	Points []LogPoint

	wish    Wish
	batches []*nftexpr.Batch
	tables  []ruleset.Family
	rules   []LegacyRule
}

// The names of objects in our tables.
const (
	chainMatch  = "match"
	chainReply  = "reply"
	chainAnswer = "answer"
	chainWiden  = "widened"
	limitRate   = "at-most"
	countTraced = "traced"
	countOver   = "over-rate"
	setReplies  = "replies"
	setWidened  = "widened"
)

// flowTimeout is how long the other direction of a flow is followed after its
// last packet that matched.
const flowTimeout = 5 * time.Minute

// maxFlows bounds the sets of tuples.
const maxFlows = 4096

// NewPlan works out what to make. An error says which part of MATCH or of the
// wish cannot be.
func NewPlan(name string, w Wish, k Known) (*Plan, error) {
	p := &Plan{Name: name, Own: map[string]event.OwnChain{}, wish: w, Modules: []string{"nf_tables", "nft_objref"}}
	if w.Rate > 0 {
		p.Modules = append(p.Modules, "nft_limit")
	}
	families := p.families(k)
	rate := w.Rate
	if rate > 0 && len(families) > 1 {
		rate = max(1, rate/uint64(len(families)))
	}
	for _, f := range families {
		if err := p.arming(f, rate, k); err != nil {
			return nil, err
		}
	}
	if w.Bridge {
		p.Modules = append(p.Modules, "nft_meta_bridge")
		if err := p.bridge(rate); err != nil {
			return nil, err
		}
	}
	if slices.Contains(w.From, ruleset.Ingress) {
		if err := p.ingress(rate, k.Devices); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(families, k.tracks) {
		p.Modules = append(p.Modules, "nft_ct") // it stands on nf_conntrack, which is active
	}
	if p.legacy(k); len(p.Loggers) > 0 {
		p.Modules = append(p.Modules, "nfnetlink_log")
	}
	return p, nil
}

// families says in which families our tables are: one inet table, so that one
// limit counts both protocols, unless MATCH is about one of them or connection
// tracking is active for one only, since a ct expression in an inet table would
// start it for the other.
func (p *Plan) families(k Known) []ruleset.Family {
	switch {
	case p.wish.Match.Family == packet.IPv4:
		return []ruleset.Family{ruleset.IP}
	case p.wish.Match.Family == packet.IPv6:
		return []ruleset.Family{ruleset.IP6}
	case k.Conntrack4 != k.Conntrack6:
		return []ruleset.Family{ruleset.IP, ruleset.IP6}
	}
	return []ruleset.Family{ruleset.Inet}
}

func (k Known) tracks(f ruleset.Family) bool {
	switch f {
	case ruleset.IP:
		return k.Conntrack4
	case ruleset.IP6:
		return k.Conntrack6
	}
	return k.Conntrack4 && k.Conntrack6
}

// builder makes one table.
type builder struct {
	*nftexpr.Batch
	p      *Plan
	family ruleset.Family
	suffix string // of chain names, so that no two tables share one
}

func (p *Plan) table(f ruleset.Family, rate uint64) *builder {
	b := &builder{Batch: nftexpr.NewBatch(f, p.Name), p: p, family: f}
	if f != ruleset.Inet {
		b.suffix = map[ruleset.Family]string{ruleset.IP: "-ip", ruleset.IP6: "-ip6", ruleset.Bridge: "-bridge", ruleset.Netdev: "-netdev"}[f]
	}
	flags := nftexpr.Owner
	if p.wish.NoOwner {
		flags = 0
	}
	b.Table(flags, identity())
	b.Counter(countTraced)
	b.Counter(countOver)
	if rate > 0 {
		b.Limit(limitRate, rate, uint32(min(max(rate, 5), 1000)))
	}
	p.batches = append(p.batches, b.Batch)
	p.tables = append(p.tables, f)
	return b
}

// traceChain makes the chain behind MATCH: it sets the trace bit as long as the
// rate allows and counts what it lets go untraced.
func (b *builder) traceChain(name string) (string, error) {
	own := name + b.suffix
	if err := b.Chain(nftexpr.Chain{Name: own}); err != nil {
		return "", err
	}
	b.p.Own[own] = event.OwnChain{Role: event.TraceRole, Cause: name, Family: b.family}
	rule := []nftexpr.Stmt{nftexpr.Count(countTraced), nftexpr.SetTrace(), nftexpr.Accept()}
	if b.p.wish.Rate > 0 {
		rule = append([]nftexpr.Stmt{nftexpr.Limit(limitRate)}, rule...)
	}
	b.Rule(own, "", rule...)
	b.Rule(own, "", nftexpr.Count(countOver), nftexpr.Accept())
	return own, nil
}

func (b *builder) armChain(hook ruleset.Hook, device string, priority int32) (string, error) {
	name := "from-" + string(hook) + b.suffix
	if device != "" {
		name += "-" + device
	}
	b.p.Own[name] = event.OwnChain{Role: event.Arm, Family: b.family, Hook: hook, Priority: priority}
	return name, b.Chain(nftexpr.Chain{Name: name, Hook: hook, Priority: priority, Device: device})
}

func (b *builder) jumps(chain, to string, rules [][]nftexpr.Stmt) {
	for _, r := range rules {
		b.Rule(chain, "", append(slices.Clone(r), nftexpr.Jump(to))...)
	}
}

// arming makes the table that starts traces in prerouting and output.
func (p *Plan) arming(f ruleset.Family, rate uint64, k Known) error {
	b := p.table(f, rate)
	for _, name := range []string{chainMatch, chainAnswer} {
		if _, err := b.traceChain(name); err != nil {
			return err
		}
	}
	tracks := k.tracks(f)
	if p.wish.Both {
		if err := b.replies(tracks); err != nil {
			return err
		}
	}
	if p.wish.Widen {
		if _, err := b.traceChain(chainWiden); err != nil {
			return err
		}
		b.flowSets(setWidened, false)
	}
	for _, hook := range []ruleset.Hook{ruleset.Prerouting, ruleset.Output} {
		if err := b.arm(hook, tracks); err != nil {
			return err
		}
	}
	if !p.wish.NoMilestones {
		return b.milestones(k)
	}
	return nil
}

// arm makes the chain that meets packets first at a hook. Answers that a reject
// sends start in output, replies come in by prerouting or leave by output.
func (b *builder) arm(hook ruleset.Hook, tracks bool) error {
	wanted := slices.Contains(b.p.wish.From, hook)
	if !wanted && hook == ruleset.Prerouting && !b.p.wish.Both && !b.p.wish.Widen {
		return nil
	}
	chain, err := b.armChain(hook, "", Priority)
	if err != nil {
		return err
	}
	m := &b.p.wish.Match
	if wanted {
		place := match.Prerouting
		if hook == ruleset.Output {
			place = match.Output
		}
		rules, wider, err := Compile(m, b.family, place)
		if err != nil {
			return err
		}
		b.p.wider(wider)
		b.jumps(chain, chainMatch+b.suffix, rules)
	}
	if b.p.wish.Widen {
		b.lookups(chain, setWidened, chainWiden+b.suffix)
	}
	if b.p.wish.Both {
		if err := b.replyRules(chain, tracks); err != nil {
			return err
		}
	}
	if hook == ruleset.Output {
		return b.answers(chain, tracks)
	}
	return nil
}

// answers adds the rules for what a reject sends: resets and ICMP errors whose
// flow or quoted packet is MATCH's. Where connections are tracked the answer
// carries the entry of the packet that it answers, whatever was translated.
func (b *builder) answers(chain string, tracks bool) error {
	m := &b.p.wish.Match
	resets, _, err := CompileReset(m, b.family, match.Output)
	if err != nil {
		return err
	}
	quoted, err := CompileQuoted(m, b.family)
	if err != nil {
		return err
	}
	b.jumps(chain, chainAnswer+b.suffix, resets)
	b.jumps(chain, chainAnswer+b.suffix, quoted)
	if !tracks {
		return nil
	}
	return b.trackedAnswers(chain, m)
}

// trackedAnswers finds answers by the original tuple of the entry that the
// kernel attached to them (net/netfilter/nf_conntrack_core.c: nf_conntrack_attach).
func (b *builder) trackedAnswers(chain string, m *match.Match) error {
	flow := *m
	flow.Proto = match.Set[uint8]{} // an ICMP error has another protocol than its flow
	originals, err := CompileOriginal(&flow, b.family)
	if err != nil {
		return err
	}
	for _, f := range b.protocols() {
		errors := errorTypes(packet.ProtoICMP, nftexpr.ICMPType(), 3, 11, 12)
		if f == ruleset.IP6 {
			errors = errorTypes(packet.ProtoICMPv6, nftexpr.ICMPv6Type(), 1, 2, 3, 4)
		}
		b.jumps(chain, chainAnswer+b.suffix, prefixed(slices.Concat(b.guard(f), errors), originals))
	}
	if m.Proto.Given() && slices.Contains(m.Proto.Values, packet.ProtoTCP) == m.Proto.Not {
		return nil
	}
	reset := []nftexpr.Stmt{
		nftexpr.Equal(nftexpr.L4Proto(), nftexpr.Word("tcp", packet.ProtoTCP), false),
		nftexpr.AnyBit(nftexpr.TCPFlags(), nftexpr.Word("rst", uint8(packet.RST))),
	}
	b.jumps(chain, chainAnswer+b.suffix, prefixed(reset, originals))
	return nil
}

// prefixed puts conditions before each rule.
func prefixed(first []nftexpr.Stmt, rules [][]nftexpr.Stmt) [][]nftexpr.Stmt {
	all := make([][]nftexpr.Stmt, len(rules))
	for i, r := range rules {
		all[i] = slices.Concat(first, r)
	}
	return all
}

func (p *Plan) wider(reasons []match.Reason) {
	for _, r := range reasons {
		if !slices.Contains(p.Wider, r) {
			p.Wider = append(p.Wider, r)
		}
	}
}

// bridge makes the table that starts traces where packets enter a bridge.
func (p *Plan) bridge(rate uint64) error {
	b := p.table(ruleset.Bridge, rate)
	if _, err := b.traceChain(chainMatch); err != nil {
		return err
	}
	chain, err := b.armChain(ruleset.Prerouting, "", Priority)
	if err != nil {
		return err
	}
	rules, wider, err := Compile(&p.wish.Match, ruleset.Bridge, match.Prerouting)
	if err != nil {
		return err
	}
	p.wider(wider)
	b.jumps(chain, chainMatch+b.suffix, rules)
	return nil
}

// ingress makes the table that starts traces at devices.
func (p *Plan) ingress(rate uint64, devices []string) error {
	if len(devices) == 0 {
		return fmt.Errorf("--from ingress: no device to start at: name one with -i")
	}
	b := p.table(ruleset.Netdev, rate)
	if _, err := b.traceChain(chainMatch); err != nil {
		return err
	}
	rules, wider, err := Compile(&p.wish.Match, ruleset.Netdev, match.Ingress)
	if err != nil {
		return err
	}
	p.wider(wider)
	for _, d := range devices {
		chain, err := b.armChain(ruleset.Ingress, d, Priority)
		if err != nil {
			return err
		}
		b.jumps(chain, chainMatch+b.suffix, rules)
	}
	return nil
}

// legacy says whose lines must be made to reach us.
func (p *Plan) legacy(k Known) {
	for _, f := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		if p.meets(f) && len(legacyTables(k.Tables, f)) > 0 {
			p.Loggers = append(p.Loggers, f)
		}
	}
}

// meets reports whether packets of the family can be traced by the plan.
func (p *Plan) meets(f ruleset.Family) bool {
	m := p.wish.Match.Family
	return m == 0 || ruleset.Family(m) == f
}

func legacyTables(tables []*ruleset.Table, f ruleset.Family) []*ruleset.Table {
	var found []*ruleset.Table
	for _, t := range tables {
		if t.Backend == ruleset.Legacy && t.Family == f {
			found = append(found, t)
		}
	}
	return found
}
