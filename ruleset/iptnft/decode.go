package iptnft

import (
	"errors"
	"fmt"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// decoder runs over the rules of one table, one expression after the other, as
// iptables does (iptables/nft-ruleparse.c: nft_rule_to_iptables_command_state).
type decoder struct {
	env   xt.Env
	names map[string]string // of matches and targets, each once
	jumps jumps
	sets  []*nft.Set // of the table
	spare []xt.Match // room for the matches of rules to come

	// Of the rule at hand.
	rule    *xt.Rule
	regs    registers
	matches []xt.Match
	ports   ports
	counted bool
	decided bool // its target or verdict came
	among   int  // the place of ebtables' match of that name, or -1
	onlyIP  bool // it asks for IPv4, as ebtables does before it looks up pairs with IPv4 addresses
	amongIP bool // it looks up such pairs

	fourBytes bool // it asks for protocol addresses of four bytes, as arptables does
}

// jumps are the targets of rules that jump to a chain, by its name: the same for
// all of them.
type jumps map[string]xt.Target

func jumpsTo(chains []*nft.Chain) jumps {
	to := make(jumps, len(chains))
	for _, c := range chains {
		to[c.Name] = xt.Jump{Chain: c.Name}
	}
	return to
}

var (
	errText      = errors.New("it was read from text, which keeps no expressions")
	errAfter     = errors.New("something follows its target or verdict")
	errCounter   = errors.New("its counter does not stand behind all matches")
	errRegister  = errors.New("a register holds what iptables puts into none")
	errLookup    = errors.New("it looks up a set in a way that iptables does not")
	errTwice     = errors.New("it looks twice at what iptables says once")
	errOperation = errors.New("a comparison that iptables has no words for")
	errLength    = errors.New("it does not ask for protocol addresses of four bytes, as arptables does")
)

// decode tells one rule.
func (d *decoder) decode(to *xt.Rule, r *nft.Rule) error {
	if r.Raw() == nil {
		return errText
	}
	d.begin(to, r)
	list := wire.Attrs(r.Raw())
	var x expr
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		if a.Type != listElem {
			continue
		}
		x.read(a.Data)
		if d.decided {
			return errAfter
		}
		if err := d.expression(&x); err != nil {
			return err
		}
	}
	return d.end(r)
}

func (d *decoder) begin(to *xt.Rule, r *nft.Rule) {
	d.rule = to
	for i := range d.regs {
		d.regs[i].kind = holdsNothing
	}
	d.matches = d.matches[:0]
	d.ports = ports{}
	d.counted, d.decided = false, false
	d.among, d.onlyIP, d.amongIP = -1, false, false
	d.fourBytes = false
	switch d.env.Family {
	case ruleset.Bridge:
		to.Frame = &xt.Frame{}
	case ruleset.ARP:
		to.ARP = &xt.ARP{Ethernet: true}
	}
	to.Handle = r.Handle
}

// end puts the matches in their place; a comment that is not a match comes last.
func (d *decoder) end(r *nft.Rule) error {
	if d.onlyIP != d.amongIP {
		return errOperation
	}
	if d.ports.proto != 0 {
		d.matches[d.ports.at] = d.ports.match()
	}
	if r.Comment != "" {
		d.add(xt.MatchComment{Comment: r.Comment})
	}
	if d.rule.ARP != nil {
		if err := d.endARP(); err != nil {
			return err
		}
	}
	d.rule.Uncounted = !d.counted
	d.rule.Matches = d.keep(d.matches)
	return nil
}

// chunk is how many matches are made room for at a time.
const chunk = 1024

// keep copies matches to where they stay; nil for none.
func (d *decoder) keep(matches []xt.Match) []xt.Match {
	n := len(matches)
	if n == 0 {
		return nil
	}
	if n > len(d.spare) {
		d.spare = make([]xt.Match, max(chunk, n))
	}
	kept := d.spare[:n:n]
	d.spare = d.spare[n:]
	copy(kept, matches)
	return kept
}

func (d *decoder) add(m xt.Match) { d.matches = append(d.matches, m) }

func (d *decoder) expression(x *expr) error {
	if d.counted && !isAction(x) {
		return errCounter
	}
	switch string(x.name) {
	case "payload":
		return d.payload(x)
	case "meta":
		return d.meta(x)
	case "bitwise":
		return d.bitwise(x)
	case "cmp":
		return d.compare(x)
	case "range":
		return d.inRange(x)
	case "match":
		return d.match(x)
	case "limit":
		return d.limit(x)
	case "counter":
		d.counted = true
		d.rule.Bytes, d.rule.Packets = x.u64(1), x.u64(2)
		return nil
	case "immediate":
		return d.immediate(x)
	case "target":
		return d.target(x)
	case "log":
		return d.log(x)
	case "lookup":
		return d.lookup(x)
	}
	return fmt.Errorf("iptables writes no expression of kind %q", x.name)
}

// isAction: what iptables writes behind the counter.
func isAction(x *expr) bool {
	switch string(x.name) {
	case "immediate", "target", "log":
		return true
	case "meta":
		return !x.has(metaDreg)
	}
	return false
}

// name returns a name without making it anew each time.
func (d *decoder) name(b []byte) string {
	if s, ok := d.names[string(b)]; ok {
		return s
	}
	s := string(b)
	d.names[s] = s
	return s
}
