package render

import "github.com/pktrail/pktrail/internal/doctor"

// Findings prints each finding as an object.
func (p *JSON) Findings(where string, all []doctor.Finding) error {
	for i := range all {
		if err := p.enc.Encode(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// Findings prints what was found, the worst first; where says of what, empty
// where that is clear.
func (t *Text) Findings(where string, all []doctor.Finding) error {
	if where != "" {
		t.apart(other)
		t.put(line{{t.clean(where), bold}}, 0)
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
