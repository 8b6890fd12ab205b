package nft

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// EffectOf tells what a rule in nft's words does. The family of its table
// decides what a reject without further words answers with: "icmpx-…", as nft
// calls it, is ICMP or ICMPv6 after the packet.
func EffectOf(text string, fam ruleset.Family) ruleset.Effect {
	r := &rule{words: split(text), fam: fam}
	r.e = ruleset.Effect{Known: true, Verdict: ruleset.Continue}
	for i := range r.words {
		r.look(i)
		if r.words[i].depth == 0 && !r.decided {
			r.decide(i)
		}
	}
	return r.e
}

type rule struct {
	words   []word
	fam     ruleset.Family
	decided bool // the verdict is found; what follows is not reached
	e       ruleset.Effect
}

// at returns a word; quoted ones and those beyond the ends are empty.
func (r *rule) at(i int) string {
	if i < 0 || i >= len(r.words) || r.words[i].quoted {
		return ""
	}
	return r.words[i].text
}

// look fills in what the word at i reads or writes.
func (r *rule) look(i int) {
	w := r.at(i)
	switch {
	case w == "mark":
		r.lookMark(i)
	case w == "ct":
		r.e.ReadsCT = r.e.ReadsCT || !r.setsCT(i)
	case w == "notrack":
		r.e.NoTrack = true
		r.does("notrack")
	case w == "meter" && i+1 < len(r.words):
		r.e.WritesSets = append(r.e.WritesSets, r.words[i+1].text)
	case strings.HasPrefix(w, "@"):
		r.lookSet(i, strings.TrimSuffix(w[1:], ","))
	}
}

// setsCT: `ct mark set …`, `ct original zone set …`.
func (r *rule) setsCT(i int) bool {
	if key := r.at(i + 1); key == "original" || key == "reply" {
		i++
	}
	return r.at(i+2) == "set"
}

func (r *rule) lookMark(i int) {
	owner := r.at(i - 1)
	switch {
	case owner == "ct" || owner == "socket":
	case r.at(i+1) == "set":
		r.e.SetsMark = true
		r.does("mark")
	case r.insideOwnSet(i):
	default:
		r.e.ReadsMark = true
	}
}

// insideOwnSet: `meta mark set meta mark | 0x1` changes the mark and does not ask for it.
func (r *rule) insideOwnSet(i int) bool {
	if r.at(i-1) == "meta" {
		i--
	}
	return r.at(i-1) == "set" && r.at(i-2) == "mark" && r.at(i-3) != "ct"
}

// lookSet: `@th,16,16` is a piece of the packet, `flow add @f` a flowtable.
func (r *rule) lookSet(i int, name string) {
	before := r.at(i - 1)
	switch {
	case name == "" || strings.Contains(name, ",") || r.at(i-2) == "flow":
	case isSetChange(before) || r.isOldSetChange(i):
		r.e.WritesSets = append(r.e.WritesSets, name)
	default:
		r.e.ReadsSets = append(r.e.ReadsSets, name)
	}
}

func isSetChange(w string) bool { return w == "add" || w == "update" || w == "delete" }

// isOldSetChange: `set add ip saddr @name`, as nft before 0.9 wrote it.
func (r *rule) isOldSetChange(i int) bool {
	for ; i > 0; i-- {
		if isSetChange(r.at(i)) && r.at(i-1) == "set" {
			return true
		}
		if r.at(i) == "}" {
			return false
		}
	}
	return false
}

// does names what a rule without a verdict is for; the first statement wins.
func (r *rule) does(target string) {
	if r.e.Target == "" {
		r.e.Target = target
	}
}

// end sets the verdict.
func (r *rule) end(v ruleset.Verdict, target string) {
	r.e.Verdict, r.e.Target, r.decided = v, target, true
}

// decide looks whether the word at i is a statement that ends the rule.
func (r *rule) decide(i int) {
	if r.isOperand(i) {
		return
	}
	switch w := r.at(i); w {
	case "accept", "drop", "return", "continue", "queue":
		r.end(ruleset.Verdict(w), w)
	case "jump", "goto":
		if i+1 < len(r.words) {
			r.end(ruleset.Verdict(w), r.words[i+1].text)
		}
	case "reject":
		r.end(ruleset.Reject, w)
		r.e.RejectWith = r.rejectWith(i + 1)
	case "vmap", "synproxy":
		r.end(ruleset.Unknown, w)
	case "fwd":
		r.end(ruleset.Stolen, w)
	case "snat", "dnat", "masquerade", "redirect":
		r.end(ruleset.Accept, w)
		r.e.NAT = ruleset.NAT(w)
	case "tproxy":
		r.e.NAT = ruleset.TProxy
		r.does(w)
	case "log", "dup":
		r.does(w)
	case "xt":
		r.foreign(i)
	}
}

// isOperand: the word is a value or a name, not a statement of its own
// (`icmp type redirect`, `ct status dnat`).
func (r *rule) isOperand(i int) bool {
	switch before := r.at(i - 1); before {
	case "type", "status", "!=", "==", "jump", "goto", "meter", "name":
		return true
	default:
		return strings.HasSuffix(before, ",")
	}
}

// foreign is an xt target that nft has no words for: what it decides is not told.
func (r *rule) foreign(i int) {
	if r.at(i+1) == "target" && i+2 < len(r.words) {
		r.end(ruleset.Unknown, r.words[i+2].text)
	}
}

// rejectWith reads the words after reject: `with tcp reset`, `with icmp [type] host-unreachable`.
func (r *rule) rejectWith(i int) string {
	if r.at(i) != "with" {
		switch r.fam {
		case ruleset.IP:
			return "icmp-port-unreachable"
		case ruleset.IP6:
			return "icmpv6-port-unreachable"
		}
		return "icmpx-port-unreachable"
	}
	kind, word := r.at(i+1), r.at(i+2)
	if word == "type" {
		word = r.at(i + 3)
	}
	return kind + "-" + word
}
