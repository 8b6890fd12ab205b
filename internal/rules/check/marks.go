package check

import (
	"fmt"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

const wholeMark = 0xffffffff

// overwrittenMarks finds rules that set all bits of the packet's mark where
// others share it bit by bit.
func overwrittenMarks(h *host) (found []doctor.Finding) {
	readers := h.bitReaders()
	if len(readers) == 0 {
		return nil
	}
	h.eachRule(func(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) {
		if !r.Known || !r.Effect.SetsMark || r.Effect.MarkMask != wholeMark || onlyUnmarked(r) {
			return
		}
		f := doctor.Finding{
			ID: "mark-overwritten", Severity: doctor.Medium, Certainty: doctor.Suspect,
			Title:    fmt.Sprintf("%s sets all bits of the mark, and others keep bits of their own there", ruleName(t, c, r)),
			Evidence: append([]doctor.Evidence{{What: "rule", Is: r.Text, Want: "a mask with its own bits alone"}}, bounded(readers)...),
			Fix:      []string{"set the bits that are yours alone: --set-xmark VALUE/MASK, or in nft `meta mark set meta mark & ~MASK | VALUE`"},
		}
		if h.kubernetes() {
			f.ID = "masq-mark-clobbered"
		}
		found = append(found, f)
	})
	return found
}

// bitReaders are the rules that look at some bits of the mark and not at others.
func (h *host) bitReaders() (all []doctor.Evidence) {
	h.eachRule(func(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) {
		for i := range r.When {
			w := &r.When[i]
			if len(w.Fields) == 1 && w.Fields[0] == ruleset.Mark && w.Mask != (ruleset.Value{}) && w.Mask != ruleset.Number(wholeMark) {
				all = append(all, doctor.Evidence{What: ruleName(t, c, r), Is: fmt.Sprintf("looks at bits 0x%x: %s", w.Mask.Low, r.Text)})
				return
			}
		}
	})
	return all
}

// onlyUnmarked: a rule for packets without any bit overwrites none.
func onlyUnmarked(r *ruleset.Rule) bool {
	facts, _ := factsOf(r)
	marks := facts[ruleset.Mark]
	return len(marks) == 1 && marks[0] == ruleset.Span(0, 0)
}

// kubernetes reports whether kube-proxy's masquerading mark is in use.
func (h *host) kubernetes() bool {
	for _, t := range h.tables {
		for _, c := range t.Chains {
			if c.Name == "KUBE-MARK-MASQ" || c.Name == "mark-for-masquerade" {
				return true
			}
		}
	}
	return false
}
