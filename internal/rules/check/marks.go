package check

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

const wholeMark = 0xffffffff

// overwrittenMarks finds rules that set all bits of the packet's mark where
// others share it bit by bit.
func overwrittenMarks(h *host) (found []doctor.Finding) {
	readers := h.bitReaders()
	h.eachRule(func(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) {
		if !r.Known || !r.Effect.SetsMark || r.Effect.MarkMask != wholeMark || onlyUnmarked(r) {
			return
		}
		others := othersThan(maker(c), readers)
		if len(others) == 0 {
			return
		}
		f := doctor.Finding{
			ID: "mark-overwritten", Severity: doctor.Medium, Certainty: doctor.Suspect,
			Title:    fmt.Sprintf("%s sets all bits of the mark, and others keep bits of their own there", ruleName(t, c, r)),
			Evidence: append([]doctor.Evidence{{What: "rule", Is: r.Text, Want: "a mask with its own bits alone"}}, bounded(others)...),
			Fix:      []string{"set the bits that are yours alone: --set-xmark VALUE/MASK, in ebtables --mark-or VALUE, or in nft `meta mark set meta mark & ~MASK | VALUE`"},
		}
		if h.kubernetes() {
			f.ID = "masq-mark-clobbered"
		}
		found = append(found, f)
	})
	return found
}

// reader is a rule that looks at some bits of the mark and not at others.
type reader struct {
	maker string
	seen  doctor.Evidence
}

func (h *host) bitReaders() (all []reader) {
	h.eachRule(func(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) {
		for i := range r.When {
			w := &r.When[i]
			if len(w.Fields) == 1 && w.Fields[0] == ruleset.Mark && w.Mask != (ruleset.Value{}) && w.Mask != ruleset.Number(wholeMark) {
				is := fmt.Sprintf("looks at bits 0x%x: %s", w.Mask.Low, r.Text)
				all = append(all, reader{maker(c), doctor.Evidence{What: ruleName(t, c, r), Is: is}})
				return
			}
		}
	})
	return all
}

// maker is how the program that made a chain begins its names, as far as that
// can be told: programs know their own marks.
func maker(c *ruleset.Chain) string {
	if at := strings.IndexAny(c.Name, "-_"); at > 0 && c.Base == nil {
		return c.Name[:at]
	}
	return ""
}

func othersThan(maker string, readers []reader) (all []doctor.Evidence) {
	for _, r := range readers {
		if maker == "" || r.maker != maker {
			all = append(all, r.seen)
		}
	}
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
