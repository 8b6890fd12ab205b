package render

import (
	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/internal/rules"
)

// foundIn is a finding and whose rules it is about.
type foundIn struct {
	*doctor.Finding
	rules.Origin
}

// Findings prints each finding as an object, with where the rules were read.
func (p *JSON) Findings(from rules.Origin, all []doctor.Finding) error {
	for i := range all {
		if err := p.enc.Encode(foundIn{&all[i], from}); err != nil {
			return err
		}
	}
	return nil
}

// Findings prints what was found, the worst first; of several network namespaces
// it says which one is meant.
func (t *Text) Findings(from rules.Origin, all []doctor.Finding) error {
	if from.Netns != nil && t.opt.Netns {
		t.apart(other)
		t.put(line{{t.clean("network namespace " + from.Netns.Name), bold}}, 0)
	}
	for i := range all {
		t.apart(other)
		t.finding(&all[i])
	}
	if len(all) == 0 {
		t.apart(other)
		t.put(line{{"nothing found that is wrong with the rules in themselves", green}}, 0)
	}
	return t.flush()
}
