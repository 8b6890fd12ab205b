package stale

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pktrail/pktrail/conntrack"
)

// source judges entries whose source is translated to an address that the namespace
// did not have when the first look began: new flows get another, and these keep it
// as long as packets come. Such an address may be one that others route here, so
// that only silence proves harm.
func (j *judge) source(key source, g *found) {
	if g.classes[alive] > 0 || j.facts.Local(key.addr) {
		return
	}
	sent := g.classes[mute] + g.classes[unheeded] + g.classes[renewed]
	rules := j.facts.Targets.HasSource(key.addr)
	switch {
	case sent == 0 || rules.Is == Yes:
		return
	case rules.Is == Unknown:
		j.why["their source is translated to an address that is none of this namespace: "+rules.Why] += sent
		return
	}
	certainty, classes := Certain, []class{mute, unheeded}
	if g.classes[mute]+g.classes[unheeded] == 0 {
		certainty, classes = Suspect, []class{renewed}
	}
	f := &Finding{Kind: SourceGone, Certainty: certainty, Source: key.addr, Evidence: []Evidence{}, Samples: []Sample{}}
	if key.zone != 0 {
		f.Zone = &key.zone
	}
	j.findings = append(j.findings, f)
	j.take(f, g, classes)
	f.Title = fmt.Sprintf("%s: the source is translated to %s, which this namespace has no more", entries(f.Entries), key.addr)
	f.Delete = j.facts.Inside.ofSource(key, g.total == f.Entries)
	f.add(key.addr.String(), "no address of this namespace")
	f.add("NAT rules", rules.Why)
	if certainty == Certain {
		f.add("answers", "none while packets went on, though "+j.lookWords())
	} else {
		f.add("answers", "there were some once; whether there still are is not counted")
		j.unsure = true
	}
	j.timeouts(f, g)
}

// claims reports whether entries of a class are of a finding.
func (g *found) claims(c class) bool { return g != nil && g.verdict != nil && g.of[c] }

// claim takes the entries of findings about sources and of those that the rules
// would translate away from what else they might be found for, so that each is told
// of once. It counts those that were met twice.
func (s *Survey) claim() (followed int64) {
	for id, e := range s.followed {
		if e.class == once {
			continue
		}
		followed++
		if !e.source.claims(e.class) && !e.drift.claims(e.class) || e.group == nil {
			continue
		}
		e.group.classes[e.class]--
		e.group.samples[e.class] = slices.DeleteFunc(e.group.samples[e.class], func(f *conntrack.Flow) bool { return f.ID == id })
		if p := s.piles[pile{e.group.key.target, e.state}]; e.stuck && p != nil {
			p.stuck--
			p.samples = slices.DeleteFunc(p.samples, func(f *conntrack.Flow) bool { return f.ID == id })
		}
		e.group, e.stuck = nil, false
		s.followed[id] = e
	}
	return followed
}

// ofSource deletes all entries whose source is translated to an address, unless
// that would delete others too.
func (in Inside) ofSource(key source, exact bool) Commands {
	if !exact {
		return Commands{}
	}
	var common words
	if key.zone != 0 {
		common.add("--zone", strconv.Itoa(int(key.zone)))
	}
	return in.commands(common, words{"--nat", "snat", "--reply-dst", key.addr.String()}, words{"--src-nat=" + key.addr.String()})
}
