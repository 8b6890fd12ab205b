package rules

import (
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// through is what is known of packets at a chain of devices: their interface is
// one of these. Where another was asked for, only those packets come there whose
// interface it is the bridge, bond or VLAN of, which rules do not tell: only says
// so in words.
func (q *Question) through(fam ruleset.Family, b *ruleset.Base, forms []ruleset.Facts) (known []ruleset.Facts, only string) {
	if layerOf(fam, b.Hook) != deviceLayer || len(b.Device) == 0 {
		return forms, ""
	}
	field, word := ruleset.InName, "-i"
	if b.Hook == ruleset.Egress {
		field, word = ruleset.OutName, "-o"
	}
	var devices []ruleset.Range
	for _, name := range b.Device {
		begin, wild := strings.CutSuffix(name, "*")
		devices = append(devices, ruleset.Names(begin, wild))
	}
	devices = joined(devices)
	for i, f := range forms {
		known = append(known, with(f, field, devices...))
		for _, asked := range q.Forms[i][field] {
			if !slices.ContainsFunc(devices, func(d ruleset.Range) bool { return d.Has(asked) }) {
				only = "packets of " + word + " that pass device " + strings.Join(b.Device, ", ")
			}
		}
	}
	return known, only
}
