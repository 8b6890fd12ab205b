package correlate

import (
	"fmt"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// journey makes the journey of a trip that is over.
func (t *trip) journey() *journey.Journey {
	s := t.sp
	if s.info.BlindLegacy != "" && s.hasLegacy(t.nfproto) {
		t.missing |= missingLegacy
	}
	j := &journey.Journey{
		Schema:    journey.Schema,
		ID:        t.id,
		Host:      s.host,
		Netns:     s.netns,
		Start:     journey.Time{Time: timeOf(t.start)},
		Clock:     t.clock,
		Packet:    journey.PacketOf(&t.first),
		Headers:   t.first,
		Identity:  journey.Certain,
		Complete:  t.missing == 0,
		Missing:   t.missing.words(s),
		Lost:      t.lost,
		Links:     t.links,
		ArmedFrom: t.cause,
	}
	if t.cause == "match" {
		j.ArmedFrom = ""
	}
	if t.firstMark != 0 {
		j.Packet.Mark = &t.firstMark
	}
	if t.inferred {
		j.Identity = journey.Inferred
	}
	t.showIDs(j)
	j.Steps = make([]journey.Step, len(t.steps))
	for i := range t.steps {
		t.fill(&j.Steps[i], &t.steps[i])
	}
	t.attribute(j.Steps)
	t.conclude(j)
	return j
}

// showIDs gives the journey the kernel's ids; lines of a log have none.
func (t *trip) showIDs(j *journey.Journey) {
	if len(t.ids) == 0 {
		return
	}
	j.TraceID = hex(t.ids[0])
	if len(t.ids) == 1 {
		return
	}
	for _, id := range t.ids {
		j.TraceIDs = append(j.TraceIDs, hex(id))
	}
}

func hex(id uint32) string { return fmt.Sprintf("%08x", id) }

// fill makes one step as journeys show it.
func (t *trip) fill(out *journey.Step, st *step) {
	s := t.sp
	*out = journey.Step{
		Time: journey.Time{Time: timeOf(st.time)}, Netns: s.netns, Hook: st.hook, Kind: st.kind,
		In: s.link(st.in), Out: s.link(st.out), Verdict: st.verdict,
		NAT: st.nat, Device: st.device,
	}
	switch st.kind {
	case journey.KindMark:
		out.Mark = &journey.Mark{From: st.from, To: st.to}
	case journey.KindCT:
		out.CT = showCT(&st.ct)
	}
	if st.chain == nil {
		return
	}
	out.Family = st.chain.table.Family.String()
	out.Priority = s.c.priority(st.priority)
	if st.line != 0 {
		st.chain.fillLine(out, st, t.doubtful(st.time))
		st.showLogged(out)
		return
	}
	out.Rule = st.chain.shown(st, nil, "")
	if out.Rule.Effect.Verdict == ruleset.Reject && out.Verdict == ruleset.Drop {
		out.Verdict = ruleset.Reject
	}
	if st.target != "" && out.Rule.Target != st.target {
		r := *out.Rule
		r.Target = st.target
		out.Rule = &r
	}
}

// fillLine makes the step of a legacy line, by the rules where they are known.
func (c *chain) fillLine(out *journey.Step, st *step, doubt string) {
	m := c.line(st)
	if m.doubt == "" {
		m.doubt = doubt
	}
	out.Kind, out.Verdict = m.kind, m.verdict
	if c.before != nil && m.doubt == "" && st.time < c.text.at.UnixNano() {
		if old := c.before.byNumber(st.number); old == nil || m.rule == nil || old.Text != m.rule.Text {
			m.doubt = fmt.Sprintf("the chain was read at %s and was another one by %s",
				c.before.at.Format("15:04:05.000"), c.text.at.Format("15:04:05.000"))
		}
	}
	shown := *st
	shown.kind = m.kind
	out.Rule = c.shown(&shown, m.rule, m.doubt)
}

// showLogged tells of a rule whose text is not known that it logs.
func (st *step) showLogged(out *journey.Step) {
	if !st.hasLogged || out.Rule.Text != "" {
		return
	}
	r := *out.Rule
	r.Target, r.LogPrefix = "LOG", st.logged
	out.Rule, out.Verdict = &r, ruleset.Continue
}

// mostShown bounds the rules of a chain that are kept for steps to share: a log may
// name any number.
const mostShown = 1 << 16

// shown is the rule of a step; steps of one rule share it.
func (c *chain) shown(st *step, r *ruleset.Rule, doubt string) *journey.Rule {
	key := stepKey{st.kind, st.handle, st.number, doubt != ""}
	if have, ok := c.byKey[key]; ok {
		return have
	}
	if len(c.byKey) >= mostShown {
		clear(c.byKey)
	}
	j := &journey.Rule{
		Backend: c.table.Backend, Dialect: c.dialect, Table: c.table.Name, Chain: c.name,
		Handle: st.handle, Doubt: doubt,
	}
	if st.kind == journey.KindRule || st.number != 0 && (r != nil || c.text == nil) {
		j.Number = int(st.number)
		c.describe(j, r)
	}
	c.byKey[key] = j
	return j
}

func (c *chain) describe(j *journey.Rule, r *ruleset.Rule) {
	read := c.text
	if r == nil && j.Handle != 0 {
		if r = c.text.handle(j.Handle); r == nil {
			if r = c.before.handle(j.Handle); r != nil {
				read = c.before
			}
		}
	}
	if r == nil {
		j.NoText = c.noText
		if j.NoText == "" && c.text == nil {
			j.NoText = "the rules of this chain have not been read"
		} else if j.NoText == "" {
			j.NoText = "the chain held no such rule when it was read"
		}
		return
	}
	j.Number, j.Text, j.Target, j.Effect = r.Number, r.Text, r.Effect.Target, r.Effect
	if j.Doubt != "" {
		j.ReadAt = journey.Time{Time: read.at}
	}
}

func (s *space) hasLegacy(nfproto uint8) bool {
	for key := range s.chains {
		if key.table.Backend == ruleset.Legacy && key.table.Family == ruleset.Family(nfproto) {
			return true
		}
	}
	return false
}

// priority returns a shared pointer to a priority.
func (c *Correlator) priority(p int32) *int32 {
	if have, ok := c.priorities[p]; ok {
		return have
	}
	c.priorities[p] = &p
	return &p
}

// attribute says of each translation whether a rule decided it just now, or the
// flow's entry alone: nat chains are asked for a flow's first packet only. And it
// puts a mark change behind the rule that made it.
func (t *trip) attribute(steps []journey.Step) {
	for i := range steps {
		switch steps[i].Kind {
		case journey.KindNAT:
			steps[i].NAT.By = "entry"
			if t.translates(steps[:i]) {
				steps[i].NAT.By = "rule"
			}
		case journey.KindMark:
			markBehind(steps, i)
		}
	}
}

// translates looks for a rule that asked for a translation, or one of unknown
// meaning that ended the way through a nat table.
func (t *trip) translates(steps []journey.Step) bool {
	for i := len(steps) - 1; i >= 0; i-- {
		st := &steps[i]
		if st.Kind != journey.KindRule {
			continue
		}
		if st.Rule.Effect.NAT != "" {
			return true
		}
		if !st.Rule.Effect.Known && st.Verdict == ruleset.Accept && t.sp.natTable(t.steps[i].chain) {
			return true
		}
	}
	return false
}

func (s *space) natTable(of *chain) bool {
	for _, c := range s.chains {
		if c.table == of.table && c.isNAT() {
			return true
		}
	}
	return false
}

// markBehind swaps a mark step with the nft rule behind it when that rule sets
// the mark and the step before does not: its event shows the mark as the rule left it.
func markBehind(steps []journey.Step, i int) {
	if i+1 >= len(steps) || steps[i+1].Kind != journey.KindRule || steps[i+1].Rule.Backend != ruleset.NFT {
		return
	}
	if !steps[i+1].Rule.Effect.SetsMark || i > 0 && steps[i-1].Rule != nil && steps[i-1].Rule.Effect.SetsMark {
		return
	}
	steps[i].Hook = steps[i+1].Hook
	steps[i], steps[i+1] = steps[i+1], steps[i]
}

// Lost is how a stream shows the loss that an event tells of.
func (c *Correlator) Lost(e *event.Event) *journey.Lost {
	return &journey.Lost{
		Schema: journey.LostSchema, Time: journey.Time{Time: e.Time}, Netns: c.space(e.Netns).netns,
		What: e.Lost.What, Lost: journey.LostCount{Count: e.Lost.Count, More: e.Lost.More},
	}
}
