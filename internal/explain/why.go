package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// why is the sentence for a journey whose deciding step is d, or -1.
func why(j *journey.Journey, d int) string {
	switch j.Outcome.Result {
	case journey.Dropped, journey.Rejected, journey.Queued:
		return ended(j, d)
	case journey.Forwarded, journey.Sent, journey.Delivered:
		return accepted(j)
	}
	return unknown(j)
}

// ended is the sentence for a packet that a rule or a policy took out of the path.
func ended(j *journey.Journey, d int) string {
	if d < 0 || j.Steps[d].Rule == nil {
		return "it was " + string(j.Outcome.Result) + ", and which rule or policy did it was not seen"
	}
	s := &j.Steps[d]
	var parts []string
	if s.Kind == journey.KindPolicy {
		parts = []string{policyWords(j, s)}
	} else {
		parts = []string{Decider(s) + " " + deed(j, s) + textWords(s.Rule)}
	}
	if j.Outcome.Result == journey.Rejected {
		parts = append(parts, answerWords(j))
	}
	parts = append(parts, ledWords(j.Steps, d)...)
	if nat := tupleAt(j, d).translated(); nat != "" {
		parts = append(parts, nat)
	}
	if j.Outcome.Result == journey.Queued {
		parts = append(parts, "what the program behind the queue decides is not seen here; without a program the kernel drops it, unless the rule says bypass")
	}
	return strings.Join(parts, "; ")
}

// ledWords names the jump that led into the deciding chain, since a bare DROP
// at its end tells nothing, and what set the mark that was asked for.
func ledWords(steps []journey.Step, d int) []string {
	var parts []string
	caller := Callers(steps)[d]
	if caller >= 0 {
		s := &steps[caller]
		parts = append(parts, ruleWords(s)+" of chain "+s.Rule.Chain+" led there"+textWords(s.Rule))
	}
	for _, reader := range []int{d, caller} {
		if reader < 0 || !steps[reader].Rule.Effect.ReadsMark {
			continue
		}
		set := markSetters(steps[:reader])
		if len(set) == 2 {
			return append(parts, fmt.Sprintf("its mark %#x was set by %s", steps[set[1]].Mark.To, Decider(&steps[set[0]])))
		}
	}
	return parts
}

func policyWords(j *journey.Journey, s *journey.Step) string {
	where := "chain " + s.Rule.Chain + " in " + tableWords(s)
	if mayBeRule(s) {
		return "the end of " + where + " " + deed(j, s) + ": the chain's policy, or a last rule without any match (the rules are not known: " + s.Rule.NoText + ")"
	}
	verdict := string(s.Verdict)
	if verdict == "" {
		verdict = "not known"
	}
	return "no rule of " + where + " took it, and the chain's policy is " + verdict
}

// mayBeRule: legacy TRACE reports a last rule without match as the policy, and
// only the rules tell which it was (net/ipv4/netfilter/ip_tables.c: get_chainname_rulenum).
func mayBeRule(s *journey.Step) bool {
	return s.Rule.Backend == ruleset.Legacy && s.Rule.NoText != ""
}

// deed is what the deciding rule does to the packet.
func deed(j *journey.Journey, s *journey.Step) string {
	switch j.Outcome.Result {
	case journey.Rejected:
		if j.Outcome.With != "" {
			return "rejects it with " + j.Outcome.With
		}
		return "rejects it"
	case journey.Queued:
		if q := queueOf(s.Rule.Text); q != "" {
			return "hands it to queue " + q
		}
		return "hands it to a queue"
	}
	if s.Verdict == ruleset.Stolen {
		return "takes it for itself"
	}
	return "drops it"
}

// queueOf finds the number of the queue, or the range of them, in a rule's
// text: iptables' --queue-num 5 and --queue-balance 0:3, nft's queue to 0-3.
func queueOf(text string) string {
	words := strings.Fields(text)
	queue := slices.Index(words, "queue")
	for i := 0; i+1 < len(words); i++ {
		switch w := words[i]; {
		case w == "--queue-num" || w == "--queue-balance":
		case queue >= 0 && i > queue && (w == "num" || w == "to"):
		default:
			continue
		}
		if n := words[i+1]; n != "" && strings.Trim(n, "0123456789:-") == "" {
			return strings.Replace(n, ":", "-", 1)
		}
	}
	return ""
}

func textWords(r *journey.Rule) string {
	switch {
	case r.Text == "" && r.NoText != "":
		return " (its text is not known: " + r.NoText + ")"
	case r.Text == "":
		return ""
	case r.Doubt != "":
		return ": " + RuleText(r) + " (this text may be of another rule: " + r.Doubt + ")"
	}
	return ": " + RuleText(r)
}

func answerWords(j *journey.Journey) string {
	for _, l := range j.Links {
		if l.Kind != journey.LinkAnswer {
			continue
		}
		if l.Identity == journey.Inferred {
			return "an answer was seen that fits"
		}
		return "its answer was seen"
	}
	return "its answer was not seen"
}

// accepted is the sentence for a packet that came to the end of its hooks.
func accepted(j *journey.Journey) string {
	text := "every chain that it met let it pass"
	switch {
	case !j.Complete:
		text = "every chain that was seen let it pass"
	case !slices.ContainsFunc(j.Steps, func(s journey.Step) bool { return s.Rule != nil }):
		text = "it met no rule here"
	}
	t := tupleAt(j, len(j.Steps))
	as := ""
	if len(t.natBy) > 0 {
		as = " as " + t.String()
	}
	switch {
	case j.Outcome.Result == journey.Delivered:
		text += ", and it was handed to this host itself" + as + "; whether a socket took it is not seen here"
	case outDevice(j) != "":
		text += ", and it left through " + outDevice(j) + as
	default:
		text += ", and it left" + as
	}
	if slices.Contains(t.natBy, "entry") {
		text += "; the translation was decided by the flow's first packet"
	}
	return text
}

func outDevice(j *journey.Journey) string {
	for i := len(j.Steps) - 1; i >= 0; i-- {
		if j.Steps[i].Out != "" {
			return j.Steps[i].Out
		}
	}
	return ""
}

// unknown is the sentence where the correlator gave no reason of its own.
func unknown(j *journey.Journey) string {
	s := lastSeen(j)
	switch {
	case s == nil:
		return "no chain reported it, so what became of it is not known"
	case s.Rule == nil:
		return "it was last seen in " + string(s.Hook) + "; what became of it then is not known"
	}
	return "it was last seen in " + string(s.Hook) + " (" + Decider(s) + "); what became of it then is not known"
}

// lastSeen is the last step that tells a hook, or nil.
func lastSeen(j *journey.Journey) *journey.Step {
	for i := len(j.Steps) - 1; i >= 0; i-- {
		if j.Steps[i].Hook != "" {
			return &j.Steps[i]
		}
	}
	return nil
}
