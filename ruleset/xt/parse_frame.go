package xt

import (
	"slices"
	"strconv"
	"strings"
)

// splitFrame is split for rules of ebtables. ebtables-legacy-save forgets the blank
// between a prefix for nflog and the next option, that between a range of IGMP types
// and -j, and that before -c, which then stands at the end.
func splitFrame(text string) (words []word, closed bool) {
	words, closed = splitAt(text, "--")
	for i, w := range words {
		if before, ok := strings.CutSuffix(w.text, "-j"); ok && before != "" && strings.Trim(before, "0123456789:") == "" && !w.quoted {
			words = apart(words, i, before)
			break
		}
	}
	n := len(words) - 3
	if n < 2 || !isDigits(words[n+1].text) || !isDigits(words[n+2].text) {
		return words, closed
	}
	glued := words[n]
	before, ok := strings.CutSuffix(glued.text, "-c")
	if !ok || before == "" || glued.quoted {
		return words, closed
	}
	return apart(words, n, before), closed
}

// apart makes two words of one that is two without a blank.
func apart(words []word, i int, before string) []word {
	w := words[i]
	return slices.Replace(words, i, i+1, word{text: before, at: w.at}, word{text: w.text[len(before):], at: w.at + len(before)})
}

func isDigits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// frameOption is an option of ebtables: one of the rule's own, the begin of its
// target, or one that names by itself the match it belongs to (iptables/xtables-eb.c:
// ebt_command_default).
func (p *ruleParser) frameOption(w word) error {
	switch w.text {
	case "-j", "--jump":
		return p.begin(w)
	case "-c", "--set-counters":
		return p.setCounters(w)
	}
	if letter := frameOwn(w.text); letter != 0 {
		return p.ownOfLink(w, letter, p.rule.frameOwn)
	}
	name, isTarget := ownerOf(strings.TrimPrefix(w.text, "--"))
	switch {
	case name == "" || !strings.HasPrefix(w.text, "--"):
		return p.wrong(w, w.text+" is no option of ebtables that is known", "ebtables --help lists them")
	case !isTarget:
		p.open = p.part(name, p.offset+w.at)
	case p.begun(name, true) == nil:
		return p.wrong(w, w.text+" belongs to the target "+name, "name the target before it, as in -j "+name)
	default:
		p.open = p.begun(name, true)
	}
	if err := p.give(w); err != nil {
		return err
	}
	return p.negatedValue()
}

// negatedValue takes a "!" between an option and its value. One before another
// option belongs to that.
func (p *ruleParser) negatedValue() error {
	if len(p.words) < 2 || p.words[0].quoted || p.words[0].text != "!" || strings.HasPrefix(p.words[1].text, "-") {
		return nil
	}
	if err := p.negate(p.next()); err != nil {
		return err
	}
	p.open.given[len(p.open.given)-1].not = true
	p.open.text.WriteString(" !")
	return nil
}

// part finds a match that was begun, or begins it.
func (p *ruleParser) part(name string, at int) *unparsed {
	if u := p.begun(name, false); u != nil {
		return u
	}
	return p.add(&unparsed{name: name, at: at})
}

// begun finds a match or target that was begun.
func (p *ruleParser) begun(name string, target bool) *unparsed {
	for _, u := range p.parts {
		if u.name == name && u.target == target {
			return u
		}
	}
	return nil
}

// frameOwn is a letter for an option of the rule itself; 0 for any other.
func frameOwn(option string) byte {
	switch option {
	case "-p", "--proto", "--protocol":
		return 'p'
	case "-s", "--src", "--source":
		return 's'
	case "-d", "--dst", "--destination":
		return 'd'
	case "-i", "--in-if", "--in-interface":
		return 'i'
	case "-o", "--out-if", "--out-interface":
		return 'o'
	case "--logical-in":
		return 'I'
	case "--logical-out":
		return 'O'
	}
	return 0
}

func (r *Rule) frameOwn(a *arguments, letter byte, g given, _ Env) {
	switch letter {
	case 'p':
		r.Frame.Type = a.frameType(g)
	case 's':
		r.Frame.Source = a.mac(g)
	case 'd':
		r.Frame.Dest = a.mac(g)
	case 'i':
		r.In = g.interfaceName()
	case 'o':
		r.Out = g.interfaceName()
	case 'I':
		r.Frame.LogicalIn = g.interfaceName()
	case 'O':
		r.Frame.LogicalOut = g.interfaceName()
	}
}

// frameType reads what follows the Ethernet header: a number, a name, or Length.
func (a *arguments) frameType(g given) EtherType {
	s := a.text(g)
	if strings.EqualFold(s, "length") {
		return EtherType{Length: true, Not: g.not}
	}
	n := a.etherType(g, s)
	if n < 0x600 {
		a.fail(g, "a number below 0x600 is a length")
	}
	return EtherType{Number: n, Name: EtherTypeName(n), Not: g.not}
}

// ownerOf is the match or the target that has an option, which is given without
// its dashes; empty for an option that none is known to have.
func ownerOf(option string) (name string, target bool) {
	switch option {
	case "mark":
		return "mark_m", false
	case "mark-set", "mark-or", "mark-and", "mark-xor", "mark-target", "set-mark":
		return "mark", true
	case "to-src", "to-source":
		return "snat", true
	case "to-dst", "to-destination":
		return "dnat", true
	}
	word, _, _ := strings.Cut(option, "-")
	switch word {
	case "802_3", "among", "arp", "ip", "ip6", "limit", "log", "nflog", "pkttype", "stp", "string", "ulog", "vlan":
		return word, false
	case "arpreply", "dnat", "redirect", "snat":
		return word, true
	}
	return "", false
}

// frameMatchParsers are the matches and watchers of ebtables whose text is read; of
// the others it is kept as [Verbatim].
var frameMatchParsers = map[string]func(*arguments, Env) Match{
	"802_3":   parseEbt802_3,
	"among":   parseEbtAmong,
	"arp":     parseEbtARP,
	"ip":      parseEbtIP,
	"ip6":     parseEbtIP6,
	"limit":   parseEbtLimit,
	"log":     parseEbtLog,
	"mark_m":  parseEbtMark,
	"nflog":   parseEbtNFLog,
	"pkttype": parseEbtPktType,
	"stp":     parseEbtSTP,
	"vlan":    parseEbtVLAN,
}

// frameTargetParsers are as frameMatchParsers for targets.
var frameTargetParsers = map[string]func(*arguments, Env) Target{
	"arpreply": parseEbtARPReply,
	"dnat":     parseEbtNAT,
	"mark":     parseEbtSetMark,
	"redirect": parseEbtRedirect,
	"snat":     parseEbtNAT,
}
