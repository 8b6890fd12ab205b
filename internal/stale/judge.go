package stale

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// Facts is how the host stands.
type Facts struct {
	Reach   func(netip.Addr) Truth
	Local   func(netip.Addr) bool // whether the namespace itself has the address
	Targets *Targets
	Inside  Inside
}

const maxFindings = 500

// Judge says which entries are stale. It is called once, after the second look.
func (s *Survey) Judge(facts Facts) *Report {
	j := &judge{s: s, facts: facts, why: map[string]int64{}, dead: map[target]bool{}}
	r := &Report{
		Schema: Schema, Time: journey.Time{Time: s.end}, Entries: s.entries, OneWay: s.oneWay,
		Findings: []Finding{}, NotJudged: []NotJudged{}, Notes: []string{},
	}
	if !s.began.IsZero() && s.end.After(s.began) {
		r.Seconds = s.end.Sub(s.began).Round(time.Millisecond).Seconds()
	}
	j.seconds = r.Seconds
	for _, key := range sortedKeys(s.sources, func(a, b source) int { return cmp.Or(a.addr.Compare(b.addr), cmp.Compare(a.zone, b.zone)) }) {
		j.source(key, s.sources[key])
	}
	for _, key := range sortedKeys(s.drifts, drifting.compare) {
		j.bypassed(key, s.drifts[key])
	}
	r.Followed = s.claim()
	for _, key := range sortedKeys(s.groups, func(a, b group) int { return cmp.Or(a.compare(&b.target), a.backend.Compare(b.backend)) }) {
		g := s.groups[key]
		j.group(g)
	}
	for _, key := range sortedKeys(s.piles, func(a, b pile) int { return cmp.Or(a.compare(&b.target), cmp.Compare(a.state, b.state)) }) {
		j.pile(key, s.piles[key])
	}
	j.report(r)
	return r
}

func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}

func (t *target) compare(o *target) int {
	return cmp.Or(cmp.Compare(t.proto, o.proto), t.dst.Compare(o.dst), cmp.Compare(t.zone, o.zone))
}

// judge is a judgement under way.
type judge struct {
	s        *Survey
	facts    Facts
	seconds  float64
	findings []*Finding
	why      map[string]int64 // entries that are not judged, by reason
	dead     map[target]bool  // with a finding that says why nothing is answered
	unsure   bool             // accounting would have told more
}

// report puts the findings in order: the certain first, then those of most entries.
func (j *judge) report(r *Report) {
	slices.SortStableFunc(j.findings, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.Certainty, b.Certainty), cmp.Compare(b.Entries, a.Entries))
	})
	for i, f := range j.findings {
		if i == maxFindings {
			r.Notes = append(r.Notes, fmt.Sprintf("%d findings of fewer entries are not shown", len(j.findings)-i))
			break
		}
		r.Findings = append(r.Findings, *f)
	}
	if j.s.passed > 0 {
		j.why["there are more than can be followed from look to look"] += j.s.passed
	}
	for _, why := range sortedKeys(j.why, func(a, b string) int { return cmp.Or(cmp.Compare(j.why[b], j.why[a]), cmp.Compare(a, b)) }) {
		r.NotJudged = append(r.NotJudged, NotJudged{why, j.why[why]})
	}
	if j.unsure {
		r.Notes = append(r.Notes, "whether what was answered once is answered still is not counted here: "+
			j.facts.Inside.Enter+"sysctl -w net.netfilter.nf_conntrack_acct=1 counts packets of new entries")
	}
}

// group judges entries that go to one place.
func (j *judge) group(g *found) {
	if !g.key.nat {
		j.muteGroup(g)
		return
	}
	reach := j.facts.Reach(g.key.backend.Addr())
	rules := Truth{Unknown, "TCP connections outlive the rules that translated them"}
	if g.key.proto == packet.ProtoUDP {
		rules = j.facts.Targets.Has(g.key.backend, j.facts.Local(g.key.backend.Addr()))
	}
	if rules.Is != No && g.today.Is == No {
		rules = g.today
	}
	switch {
	case g.classes[alive] > 0:
		j.muteGroup(g)
	case reach.Is == No:
		j.unreachable(g, reach, rules)
	case rules.Is == No && (g.key.proto == packet.ProtoUDP || g.classes[mute] > 0):
		j.left(g, reach, rules)
	case g.classes[mute] > 0:
		j.muteGroup(g)
		j.notJudged(g, reach, g.classes[renewed]+g.classes[unheeded])
	default:
		j.notJudged(g, reach, g.classes[renewed]+g.classes[unheeded])
	}
}

// maxReasons bounds what is told apart of entries that are not judged.
const maxReasons = 20

func (j *judge) notJudged(g *found, reach Truth, n int64) {
	if reach.Is != Unknown || n == 0 {
		return
	}
	why := "translated to " + g.key.backend.Addr().String() + ": " + reach.Why
	if _, told := j.why[why]; !told && len(j.why) >= maxReasons {
		why = "translated to other addresses that may be reached or not"
	}
	j.why[why] += n
}

// unreachable: whatever the rules say, no packet of the group arrives.
func (j *judge) unreachable(g *found, reach, rules Truth) {
	f := j.finding(g, DNATUnreachable, Certain, idle, mute, renewed, unheeded)
	f.Title = fmt.Sprintf("%s to %s: translated to %s, which cannot be reached", entries(f.Entries), g.key.dstWords(), g.key.backendWords())
	f.add(g.key.backend.Addr().String(), reach.Why)
	j.dead[g.key.target] = true
	if rules.Is == No {
		f.Kind = BackendLeft
		f.Title = fmt.Sprintf("%s to %s: translated to %s, which has left", entries(f.Entries), g.key.dstWords(), g.key.backendWords())
	}
	if g.key.proto == packet.ProtoUDP {
		f.add("NAT rules", rules.Why)
	}
	j.timeouts(f, g)
}

// left: the rules translate to others now, and the flow goes on to the old one.
// One that nothing renews is gone soon by itself.
func (j *judge) left(g *found, reach, rules Truth) {
	var f *Finding
	switch {
	case g.classes[mute]+g.classes[unheeded] > 0:
		f = j.finding(g, BackendLeft, Certain, mute, unheeded)
		f.add("answers", "none while packets went on, though "+j.lookWords())
	case g.classes[renewed] > 0:
		f = j.finding(g, BackendLeft, Suspect, renewed)
		f.add("answers", "there were some once; whether there still are is not counted")
		j.unsure = true
	default:
		return
	}
	f.Title = fmt.Sprintf("%s to %s: packets go on to %s, which the rules have left", entries(f.Entries), g.key.dstWords(), g.key.backendWords())
	f.add("NAT rules", rules.Why)
	f.add(g.key.backend.Addr().String(), reach.Why)
	j.timeouts(f, g)
}

// muteGroup judges entries that are renewed and were never answered. That alone
// is no proof of harm: what is one-way by design looks the same.
func (j *judge) muteGroup(g *found) {
	if g.classes[mute] == 0 || j.inPile(g) {
		return
	}
	f := j.finding(g, NeverReplied, Suspect, mute)
	f.Title = fmt.Sprintf("%s to %s: renewed by packets and never answered", entries(f.Entries), g.key.dstWords())
	if g.perhaps != nil {
		f.add("rule that may translate new flows", g.perhaps.rules[0].words())
	}
	f.add("what speaks against it", againstWords(g.key.proto))
	j.timeouts(f, g)
	reach := j.facts.Reach(g.key.backend.Addr())
	f.add(g.key.backend.Addr().String(), reach.Why)
}

func againstWords(proto uint8) string {
	if proto == packet.ProtoTCP {
		return "a destination that is silent for all looks the same: then a new entry is no better"
	}
	return "what is one-way by design looks the same"
}

func (j *judge) inPile(g *found) bool {
	for _, state := range [...]conntrack.TCPState{conntrack.TCPSynSent, conntrack.TCPSynRecv, conntrack.TCPSynSent2} {
		if p := j.s.piles[pile{g.key.target, state}]; p != nil && j.heap(p) {
			return true
		}
	}
	return false
}

// heap reports whether half-open connections are enough for a pile.
func (j *judge) heap(p *piled) bool { return p.stuck >= int64(j.s.opt.Pile) }

// finding begins one of entries of some classes.
func (j *judge) finding(g *found, kind Kind, certainty Certainty, classes ...class) *Finding {
	f := j.begin(kind, &g.key.target)
	f.Certainty = certainty
	j.take(f, g, classes)
	if g.key.nat {
		f.To = &Backend{Addr: g.key.backend.Addr(), Port: portOf(g.key.backend)}
	}
	f.Delete = j.facts.Inside.ofGroup(&g.key, g.total == f.Entries)
	return f
}

// take makes the entries of some classes the finding's.
func (j *judge) take(f *Finding, g *found, classes []class) {
	for _, c := range classes {
		f.Entries += g.classes[c]
		g.of[c] = true
		for _, sample := range g.samples[c] {
			f.sample(sample, g.before[sample.ID], j.facts.Inside)
		}
	}
	g.verdict = f
}

func (j *judge) begin(kind Kind, t *target) *Finding {
	f := &Finding{Kind: kind, Proto: packet.ProtoName(t.proto), Dst: t.dst.Addr(), DstPort: portOf(t.dst), Evidence: []Evidence{}, Samples: []Sample{}}
	if t.zone != 0 {
		f.Zone = &t.zone
	}
	j.findings = append(j.findings, f)
	return f
}

func portOf(a netip.AddrPort) *uint16 {
	if a.Port() == 0 {
		return nil
	}
	return new(a.Port())
}

func (f *Finding) add(what, is string) { f.Evidence = append(f.Evidence, Evidence{what, is}) }

func (f *Finding) sample(e *conntrack.Flow, before uint32, in Inside) {
	if len(f.Samples) >= maxSamples {
		return
	}
	s := Sample{Src: e.Orig.Src, Timeout: e.Timeout, Before: &before, Delete: in.ofEntry(e)}
	if e.Orig.Has&conntrack.HasSrcPort != 0 {
		s.SrcPort = &e.Orig.SrcPort
	}
	f.Samples = append(f.Samples, s)
}

// timeouts tells of one entry how it was at both looks.
func (j *judge) timeouts(f *Finding, g *found) {
	for c := alive; c > once; c-- {
		if !g.of[c] || len(g.samples[c]) == 0 {
			continue
		}
		e := g.samples[c][0]
		words := fmt.Sprintf("%d s, and %.0f s later %d s: ", g.before[e.ID], j.seconds, e.Timeout)
		switch {
		case c == idle:
			words += "nothing renewed it"
		case e.Has&conntrack.HasCountersOrig != 0:
			words += fmt.Sprintf("renewed; %d packets went, %d came back", e.CountersOrig.Packets, e.CountersReply.Packets)
		default:
			words += "packets renewed it"
		}
		if e.Status&conntrack.SeenReply == 0 {
			words += ", UNREPLIED"
		}
		f.add("timeout of the entry from "+sourceWords(e), words)
		return
	}
}

func (j *judge) lookWords() string { return fmt.Sprintf("%.0f s lay between the looks", j.seconds) }

// pile judges half-open connections.
func (j *judge) pile(key pile, p *piled) {
	if !j.heap(p) || j.dead[key.target] {
		return
	}
	f := j.begin(HalfOpen, &key.target)
	p.verdict = f
	f.Certainty, f.State, f.Entries = Certain, key.state.String(), p.stuck
	waits := "wait for an answer to their SYN"
	if key.state == conntrack.TCPSynRecv {
		waits = "were answered and never completed"
	}
	f.Title = fmt.Sprintf("%d connections to %s %s", p.stuck, key.dstWords(), waits)
	f.add("in "+f.State+" at both looks", fmt.Sprintf("%d, of %d that are there now; %s", p.stuck, p.open, j.lookWords()))
	f.add("sources", sourcesWords(p))
	if key.state != conntrack.TCPSynRecv {
		reach := j.facts.Reach(key.dst.Addr())
		f.add(key.dst.Addr().String(), reach.Why)
	}
	f.Delete = j.facts.Inside.ofPile(&key)
	for _, e := range p.samples {
		s := Sample{Src: e.Orig.Src, SrcPort: &e.Orig.SrcPort, Timeout: e.Timeout, Delete: j.facts.Inside.ofEntry(e)}
		f.Samples = append(f.Samples, s)
	}
}

func sourcesWords(p *piled) string {
	switch {
	case len(p.sources) >= maxSources:
		return "at least " + strconv.Itoa(len(p.sources))
	case len(p.sources) > 1:
		return strconv.Itoa(len(p.sources))
	}
	for a := range p.sources {
		return "one, " + a.String()
	}
	return ""
}

// Stale reports whether an entry is one of those that were found certainly stale,
// or suspected, and still is as it was found.
func (s *Survey) Stale(f *conntrack.Flow, suspected bool) bool {
	e, known := s.followed[f.ID]
	if !known {
		return false
	}
	if e.source != nil && s.sources[sourceOf(f)] == e.source && e.source.has(&e, f, suspected) {
		return true
	}
	if e.drift.claims(e.class) {
		return e.drift.has(&e, f, suspected) && s.drifted(e.drift, f)
	}
	if e.group == nil || e.group.key != groupOf(f) {
		return false
	}
	if p := s.piles[pile{e.group.key.target, e.state}]; e.stuck && p != nil && p.verdict != nil {
		return f.Has&conntrack.HasTCPState != 0 && f.TCP.State == e.state
	}
	return e.group.has(&e, f, suspected)
}

// has reports whether an entry is one of the verdict's.
func (g *found) has(e *followed, f *conntrack.Flow, suspected bool) bool {
	v := g.verdict
	if v == nil || v.Certainty != Certain && !suspected || !g.of[e.class] || e.class == once {
		return false
	}
	return e.class != mute || f.Status&conntrack.SeenReply == 0
}

func (t *target) dstWords() string { return packet.ProtoName(t.proto) + " " + placeWords(t.dst) }

func (g *group) backendWords() string { return placeWords(g.backend) }

func placeWords(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

func sourceWords(f *conntrack.Flow) string {
	if f.Orig.Has&conntrack.HasSrcPort == 0 {
		return f.Orig.Src.String()
	}
	return netip.AddrPortFrom(f.Orig.Src, f.Orig.SrcPort).String()
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.FormatInt(n, 10) + " entries"
}
