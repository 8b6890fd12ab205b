package explain

import (
	"slices"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// Callers tells for every step the index of the jump or goto that led into the
// chain it happened in, or -1 where that is a base chain. Steps without a rule
// belong to the chain of the rule before them.
func Callers(steps []journey.Step) []int {
	callers := make([]int, len(steps))
	var open []int
	for i := range steps {
		s := &steps[i]
		if s.Rule != nil {
			for len(open) > 0 && !leadsTo(&steps[open[len(open)-1]], s) {
				open = open[:len(open)-1]
			}
		}
		callers[i] = -1
		if len(open) > 0 {
			callers[i] = open[len(open)-1]
		}
		if s.Rule != nil && (s.Verdict == ruleset.Jump || s.Verdict == ruleset.Goto) && s.Rule.Target != "" {
			open = append(open, i)
		}
	}
	return callers
}

func leadsTo(jump, s *journey.Step) bool {
	return jump.Hook == s.Hook && sameTable(jump, s) && jump.Rule.Target == s.Rule.Chain
}

func sameTable(a, b *journey.Step) bool {
	return a.Rule.Backend == b.Rule.Backend && a.Family == b.Family && a.Rule.Table == b.Rule.Table
}

// because collects the jumps that led into the deciding chain, and what the
// deciding rule and those jumps looked at: mark, conntrack state, sets.
func because(steps []journey.Step, decided int) []int {
	led := []int{}
	if decided < 0 {
		return led
	}
	callers := Callers(steps)
	readers := []int{decided}
	for c := callers[decided]; c >= 0; c = callers[c] {
		led = append(led, c)
		readers = append(readers, c)
	}
	for _, r := range readers {
		led = append(led, lookedAt(steps, r)...)
	}
	slices.Sort(led)
	return slices.Compact(led)
}

// lookedAt finds the steps that made what the rule of step n reads.
func lookedAt(steps []journey.Step, n int) []int {
	rule := steps[n].Rule
	if rule == nil {
		return nil
	}
	var found []int
	if rule.Effect.ReadsMark {
		found = append(found, markSetters(steps[:n])...)
	}
	if rule.Effect.ReadsCT {
		found = append(found, last(steps[:n], func(s *journey.Step) bool { return s.Kind == journey.KindCT })...)
	}
	for _, set := range rule.Effect.ReadsSets {
		found = append(found, last(steps[:n], func(s *journey.Step) bool {
			return s.Rule != nil && slices.Contains(s.Rule.Effect.WritesSets, set) &&
				(rule.Dialect == ruleset.Iptables || sameTable(s, &steps[n]))
		})...)
	}
	return found
}

// markSetters finds the last change of the mark and the rule that made it. A
// rule after that change wrote the value that the mark had already.
func markSetters(steps []journey.Step) []int {
	change := last(steps, func(s *journey.Step) bool { return s.Kind == journey.KindMark })
	if len(change) > 0 {
		steps = steps[:change[0]]
	}
	rule := last(steps, func(s *journey.Step) bool { return s.Rule != nil && s.Rule.Effect.SetsMark })
	if len(change) > 0 && len(rule) > 0 && slices.ContainsFunc(steps[rule[0]+1:], maySetMark) {
		rule = nil
	}
	return append(rule, change...)
}

// maySetMark: a change that was an earlier rule's doing, or a rule of which nothing is known.
func maySetMark(s journey.Step) bool {
	return s.Kind == journey.KindMark || s.Kind == journey.KindRule && s.Rule != nil && !s.Rule.Effect.Known
}

// last is the index of the last step that fits, as a slice of one or none.
func last(steps []journey.Step, fits func(*journey.Step) bool) []int {
	for i := len(steps) - 1; i >= 0; i-- {
		if fits(&steps[i]) {
			return []int{i}
		}
	}
	return nil
}
