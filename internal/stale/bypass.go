package stale

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// drifting is entries that differ from what one rule would make of them now: in
// their destination, which is of one target, or in their source.
type drifting struct {
	target
	place  string // of the rule that may decide first
	source bool
	sure   sureness
}

func (k drifting) compare(o drifting) int {
	return cmp.Or(k.target.compare(&o.target), strings.Compare(k.place, o.place), cmp.Compare(k.sure, o.sure))
}

// drifting tells, at the first look, of an entry that the rules would translate in
// another way now.
func (s *Survey) drifting(f *conntrack.Flow) bool {
	d := s.ask.of(f)
	if d == nil || d.sure == perhaps || d.other && !d.source {
		return false // of which the last two are suspicious for other reasons
	}
	if len(s.alike) < maxGroups {
		s.alike[groupOf(f)] = 0
	}
	return true
}

// today holds an entry against the rules of the second look.
func (s *Survey) today(e *followed, f *conntrack.Flow) {
	moved := e.group != nil && e.group.key.nat
	if !e.drifts && !moved && e.class != mute {
		return
	}
	d := s.ask.of(f)
	if moved {
		e.group.hold(d)
	}
	switch {
	case d == nil:
	case d.sure == perhaps:
		if e.group != nil && !d.other && !d.source {
			e.group.perhaps = d
		}
	case len(s.drifts) < maxGroups && (d.source || !d.other):
		e.drift = s.drift(d, f)
	}
}

func (s *Survey) drift(d *drift, f *conntrack.Flow) *found {
	k := drifting{source: d.source, sure: d.sure}
	if len(d.rules) > 0 {
		k.place = d.rules[0].place()
	}
	if !d.source {
		k.target = targetOf(f)
	}
	g := s.drifts[k]
	if g == nil {
		g = &found{before: map[uint32]uint32{}, drift: d, key: groupOf(f)}
		s.drifts[k] = g
	}
	return g
}

// hold notes whether the rules certainly give a group's flows other backends now.
func (g *found) hold(d *drift) {
	switch {
	case d == nil || d.source || !d.other || d.sure == perhaps:
		g.today = Truth{Yes, "the rules may translate to it"}
	case g.today.Is == Unknown:
		g.today = Truth{No, d.instead()}
	}
}

// instead says what the rules would do.
func (d *drift) instead() string {
	if len(d.rules) == 0 {
		return "no rule translates such flows now"
	}
	return "new flows are translated by " + d.rules[0].words()
}

// words are a rule's place and text.
func (r *natRule) words() string { return r.place() + ": " + r.rule.Text }

// bypassed judges entries that are older than the rule that would translate them.
// That they pass it by is certain; that it hurts is so only where nothing answers.
// Of connections that get on it is for the user to say.
func (j *judge) bypassed(key drifting, g *found) {
	certainty, classes := Suspect, []class{mute, unheeded, renewed, alive}
	silent := g.classes[mute] + g.classes[unheeded]
	if silent > 0 && key.sure == surely {
		certainty, classes = Certain, []class{mute, unheeded}
	}
	if silent+g.classes[renewed]+g.classes[alive] == 0 {
		return // nothing uses them
	}
	f := &Finding{Kind: NATBypassed, Certainty: certainty, Evidence: []Evidence{}, Samples: []Sample{}}
	if !key.source {
		f.Proto, f.Dst, f.DstPort = packet.ProtoName(key.proto), key.dst.Addr(), portOf(key.dst)
	}
	j.findings = append(j.findings, f)
	j.take(f, g, classes)
	f.Title = bypassTitle(f, &key, g.drift)
	j.evidence(f, &key, g)
	f.Delete = j.bypassDelete(f, &key, g)
}

func bypassTitle(f *Finding, key *drifting, d *drift) string {
	switch {
	case !key.source:
		return fmt.Sprintf("%s to %s: not translated, though new flows are", entries(f.Entries), key.dstWords())
	case d.other:
		return fmt.Sprintf("%s: the source is translated to what the rules do not give new flows", entries(f.Entries))
	}
	return fmt.Sprintf("%s: the source is not translated, though that of new flows is", entries(f.Entries))
}

func (j *judge) evidence(f *Finding, key *drifting, g *found) {
	for c := alive; c > once; c-- {
		if g.of[c] && len(g.samples[c]) > 0 {
			f.add("entry", entryWords(g.samples[c][0]))
			break
		}
	}
	j.decides(f, g.drift)
	if key.sure == likely {
		f.add("what it rests on", "packets come in by the interface that the route back to their source takes")
	}
	if age := j.ages(g); age != "" {
		f.add("age", age)
	}
	f.add("answers", j.answered(g))
	if others := g.classes[renewed] + g.classes[alive]; others > 0 && !g.of[alive] {
		f.add("others that pass the rule by", entries(others)+", which are answered, or were once")
	}
	j.timeouts(f, g)
}

const mostRules = 3 // that are told of a finding

func (j *judge) decides(f *Finding, d *drift) {
	if len(d.rules) == 0 {
		f.add("NAT rules", "none translates such flows now")
	}
	for _, r := range d.rules[:min(len(d.rules), mostRules)] {
		f.add("rule that is asked for new flows alone", r.words())
	}
	if more := len(d.rules) - mostRules; more > 0 {
		f.add("other rules", fmt.Sprintf("%d more may decide", more))
	}
}

// entryWords are an entry's two directions.
func entryWords(f *conntrack.Flow) string {
	return fmt.Sprintf("%s → %s, answers %s → %s",
		placeWords(srcOf(&f.Orig)), placeWords(dstOf(&f.Orig)), placeWords(srcOf(&f.Reply)), placeWords(dstOf(&f.Reply)))
}

// ages tells how old samples are, where the kernel noted it.
func (j *judge) ages(g *found) string {
	var oldest time.Duration
	for c := range g.samples {
		for _, f := range g.samples[c] {
			if d, ok := f.Lifetime(j.s.end); ok && g.of[c] {
				oldest = max(oldest, d)
			}
		}
	}
	if oldest == 0 {
		return ""
	}
	return fmt.Sprintf("made %s before the second look", oldest.Round(time.Second))
}

func (j *judge) answered(g *found) string {
	switch {
	case g.of[alive] && g.classes[alive] > 0:
		return "there were some between the looks: the flow gets on as it is"
	case g.of[renewed] && g.classes[renewed] > 0:
		j.unsure = true
		return "there were some once; whether there still are is not counted"
	}
	return "none while packets went on, though " + j.lookWords()
}

// bypassDelete is what deletes all of the finding's entries, where that deletes no other.
func (j *judge) bypassDelete(f *Finding, key *drifting, g *found) Commands {
	switch {
	case !key.source && j.s.alike[g.key] == f.Entries:
		return j.facts.Inside.ofGroup(&g.key, true)
	case f.Entries == 1 && len(f.Samples) == 1:
		return f.Samples[0].Delete
	}
	return Commands{}
}

// drifted reports whether an entry still is translated as when it was found.
func (s *Survey) drifted(g *found, f *conntrack.Flow) bool {
	d := s.ask.of(f)
	return d != nil && d.source == g.drift.source && slices.Equal(d.rules, g.drift.rules)
}
