package explain

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// Decider names the rule or policy that a step stands for: "rule 2 of chain
// forward in table inet filter". It is empty for a step of another kind.
func Decider(s *journey.Step) string {
	if s.Rule == nil {
		return ""
	}
	where := "chain " + s.Rule.Chain + " in " + tableWords(s)
	switch {
	case s.Kind == journey.KindPolicy:
		return "policy of " + where
	case s.Kind == journey.KindReturn && s.Rule.Number == 0 && s.Rule.Handle == 0:
		return "end of " + where
	}
	return ruleWords(s) + " of " + where
}

func ruleWords(s *journey.Step) string {
	switch {
	case s.Rule.Number > 0:
		return "rule " + strconv.Itoa(s.Rule.Number)
	case s.Rule.Handle > 0:
		return "the rule with handle " + strconv.FormatUint(s.Rule.Handle, 10)
	}
	return "a rule"
}

// RuleText is the text of a rule without the words that its chain's name
// repeats: the -A CHAIN of iptables-save, and packet counters before it.
func RuleText(r *journey.Rule) string {
	text := strings.TrimSpace(r.Text)
	if r.Dialect != ruleset.Iptables {
		return text
	}
	if strings.HasPrefix(text, "[") {
		if _, rest, ok := strings.Cut(text, "] "); ok {
			text = rest
		}
	}
	for _, chain := range []string{r.Chain, `"` + r.Chain + `"`} {
		if rest, ok := strings.CutPrefix(text, "-A "+chain+" "); ok {
			return rest
		}
	}
	if text == "-A "+r.Chain {
		return "(no match, no target)"
	}
	return text
}

func tableWords(s *journey.Step) string {
	if s.Rule.Backend == ruleset.Legacy {
		return "table " + s.Rule.Table + " (legacy)"
	}
	if s.Family == "" {
		return "table " + s.Rule.Table
	}
	return "table " + s.Family + " " + s.Rule.Table
}
