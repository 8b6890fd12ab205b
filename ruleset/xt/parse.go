package xt

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Verbatim is a match or target whose text is known but not what it means.
type Verbatim struct {
	Extension string
	Options   string // as they stood, with a blank before them
}

// Name is the extension's name.
func (v Verbatim) Name() string { return v.Extension }

// AppendSave appends the options as they stood.
func (v Verbatim) AppendSave(dst []byte) []byte { return append(dst, v.Options...) }

// ParseRule reads a rule of iptables-save or of a file for iptables-restore:
// "-A chain …", with or without "[packets:bytes] " before it; an option belongs
// to the match or target last named. Matches and targets that have no
// parser, and those whose options cannot be read, come as [Verbatim]; the
// error then says which and why, and the Rule is whole all the same. What is
// no rule at all behind its chain comes as Unread, since it may be one for a newer
// iptables. The Rule is nil only for a line that names no chain. In the families
// Bridge and ARP the words are those of ebtables and of arptables, the latter as the
// legacy tool means them.
func ParseRule(line string, e Env) (chain string, r *Rule, err error) {
	return newRuleParser(e, ruleset.Legacy).parse(line)
}

// newRuleParser is for one rule. What a rule does not say the back ends mean
// differently ([ARP.Ethernet]).
func newRuleParser(e Env, backend ruleset.Backend) *ruleParser {
	return &ruleParser{env: e, backend: backend, rule: newRule(e.Family, backend)}
}

func (p *ruleParser) parse(line string) (chain string, r *Rule, err error) {
	text, err := p.takeCounters(line)
	if err != nil {
		return "", nil, err
	}
	p.offset = len(line) - len(text)
	words, closed := p.split(text)
	if len(words) < 2 || words[0].text != "-A" && words[0].text != "--append" {
		return "", nil, p.wrong(word{}, `a rule begins with "-A chain"`, "")
	}
	p.words = words[2:]
	if closed {
		err = p.read()
	} else {
		err = p.wrong(lastWord(words), "a quote that does not end", `put " at the end of the text`)
	}
	if err != nil {
		return words[1].text, p.unread(text, words), err
	}
	return words[1].text, p.rule, errors.Join(p.problems...)
}

func (p *ruleParser) split(text string) (words []word, closed bool) {
	if p.env.Family == bridge {
		return splitFrame(text)
	}
	return split(text)
}

// newRule is one that asks for nothing.
func newRule(fam ruleset.Family, backend ruleset.Backend) *Rule {
	switch fam {
	case bridge:
		return &Rule{Frame: &Frame{}}
	case arp:
		return &Rule{ARP: newARP(backend == ruleset.NFT)}
	}
	return &Rule{}
}

// unread keeps a rule that could not be read as it stands.
func (p *ruleParser) unread(text string, words []word) *Rule {
	r := &Rule{Packets: p.rule.Packets, Bytes: p.rule.Bytes}
	if len(words) > 2 {
		r.Unread = strings.TrimSpace(text[words[2].at:])
	}
	return r
}

// ruleParser goes through a rule's words from left to right.
type ruleParser struct {
	env      Env
	backend  ruleset.Backend
	words    []word
	rule     *Rule
	not      bool        // "!" stood before the next option
	open     *unparsed   // the match or target that options belong to
	parts    []*unparsed // all of them, as they were begun
	own      uint64      // which options of its own the rule had, a bit for each letter
	counted  bool
	problems []error
	offset   int // of the words in the line
}

// wrong is an error at a word.
func (p *ruleParser) wrong(w word, why, hint string) error {
	return &placed{p.offset + w.at, errors.New(why), hint}
}

func lastWord(words []word) word {
	if len(words) == 0 {
		return word{}
	}
	return words[len(words)-1]
}

// unparsed is a match or target whose options are still being collected.
type unparsed struct {
	name           string
	target, isGoto bool
	given          []given
	text           strings.Builder
	at             int // where in the line its name stands
}

func (p *ruleParser) takeCounters(line string) (string, error) {
	rest, ok := strings.CutPrefix(line, "[")
	if !ok {
		return line, nil
	}
	counts, rest, ok := strings.Cut(rest, "] ")
	packets, bytes, both := strings.Cut(counts, ":")
	var err1, err2 error
	p.rule.Packets, err1 = strconv.ParseUint(packets, 10, 64)
	p.rule.Bytes, err2 = strconv.ParseUint(bytes, 10, 64)
	if !ok || !both || err1 != nil || err2 != nil {
		return "", &placed{0, errors.New("counters that cannot be read"), `they look like "[packets:bytes] "`}
	}
	p.counted = true
	return rest, nil
}

// setCounters reads the two words behind -c, as ebtables-save may write them.
func (p *ruleParser) setCounters(w word) error {
	if len(p.words) < 2 {
		return p.wrong(w, w.text+" needs two numbers", "packets and bytes, as in -c 3 180")
	}
	for _, to := range []*uint64{&p.rule.Packets, &p.rule.Bytes} {
		n := p.next()
		var err error
		if *to, err = strconv.ParseUint(n.text, 10, 64); err != nil {
			return p.wrong(n, "counters that cannot be read", "packets and bytes, as in -c 3 180")
		}
	}
	p.counted = true
	return nil
}

func (p *ruleParser) read() error {
	for len(p.words) > 0 {
		w := p.next()
		switch {
		case !w.quoted && w.text == "!":
			if err := p.negate(w); err != nil {
				return err
			}
			continue
		case !w.quoted && strings.HasPrefix(w.text, "-"):
			if err := p.option(w); err != nil {
				return err
			}
		default:
			if err := p.value(w); err != nil {
				return err
			}
		}
		p.not = false
	}
	for _, u := range p.parts {
		p.close(u)
	}
	return nil
}

func (p *ruleParser) negate(w word) error {
	if p.not || len(p.words) == 0 {
		return p.wrong(w, "a ! that negates nothing", "it stands before an option")
	}
	p.not = true
	return nil
}

func (p *ruleParser) next() word {
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// option is a word with a dash: one of the rule's own, the begin of a match or
// target, or an option of the one that is open.
func (p *ruleParser) option(w word) error {
	switch p.env.Family {
	case bridge:
		return p.frameOption(p.cutValue(w))
	case arp:
		return p.arpOption(p.cutValue(w))
	}
	name := w.text
	switch name {
	case "-f", "--fragment":
		p.rule.Fragment, p.rule.NotFragment = true, p.not
		return nil
	case "-m", "--match", "-j", "--jump", "-g", "--goto":
		return p.begin(w)
	case "-c", "--set-counters":
		return p.setCounters(w)
	}
	if isOwnOption(name) && !(name == "--proto" && p.open != nil && p.open.name == "policy") {
		return p.takeOwn(w)
	}
	if p.open == nil {
		p.open = p.implied()
	}
	if p.open == nil || !strings.HasPrefix(name, "--") {
		return p.wrong(w, name+" belongs to no match or target", "name the match before it, as in -m tcp, or the protocol, as in -p tcp")
	}
	return p.give(w)
}

// give hands an option to the match or target that is open.
func (p *ruleParser) give(w word) error {
	name := w.text
	p.open.given = append(p.open.given, given{not: p.not, name: name[2:], at: p.offset + w.at})
	p.open.note(p.not, name, false)
	if takesText(name) && len(p.words) > 0 {
		return p.value(p.next())
	}
	return nil
}

// implied is the match that -p brings along for its own options, as in
// "-p tcp --dport 22"; nil when the protocol has none.
func (p *ruleParser) implied() *unparsed {
	name := p.rule.Protocol.Name
	switch name {
	case "ipv6-icmp":
		name = "icmp6"
	case "mobility-header":
		name = "mh"
	}
	if p.rule.Protocol.Not || matchForms[name] == nil {
		return nil
	}
	return p.add(&unparsed{name: name})
}

func (p *ruleParser) add(u *unparsed) *unparsed {
	p.parts = append(p.parts, u)
	return u
}

func (p *ruleParser) begin(w word) error {
	option := w.text
	target := option != "-m" && option != "--match"
	switch {
	case len(p.words) == 0:
		return p.wrong(w, option+" needs a name", "of a match, a target or a chain")
	case p.not:
		return p.wrong(w, "a ! that negates nothing", "it stands before an option of a match")
	case target && slices.ContainsFunc(p.parts, func(u *unparsed) bool { return u.target }):
		return p.wrong(w, "a second target", "a rule has one")
	}
	named := p.next()
	p.open = p.add(&unparsed{name: named.text, at: p.offset + named.at, target: target})
	p.open.isGoto = option == "-g" || option == "--goto"
	return nil
}

// once refuses an option of the rule itself that it had already.
func (p *ruleParser) once(w word, letter byte) error {
	bit := uint64(1) << (letter - 'A')
	if p.own&bit != 0 {
		return p.wrong(w, w.text+" for a second time", "a rule has it once")
	}
	p.own |= bit
	return nil
}

// takeOwn reads an option of the rule itself, whose value may be negated on its own.
func (p *ruleParser) takeOwn(w word) error {
	if len(p.words) == 0 {
		return p.wrong(w, w.text+" needs a value", "")
	}
	g := given{not: p.not, name: strings.TrimLeft(w.text, "-"), args: []string{p.next().text}}
	if err := p.once(w, g.name[0]); err != nil {
		return err
	}
	a := &arguments{}
	switch g.name[0] {
	case 's':
		addr, mask := a.network(g, p.env)
		p.rule.Source = newNetwork(addr, mask, g.not)
	case 'd':
		addr, mask := a.network(g, p.env)
		p.rule.Dest = newNetwork(addr, mask, g.not)
	case 'i':
		p.rule.In = Interface{g.args[0], g.not}
	case 'o':
		p.rule.Out = Interface{g.args[0], g.not}
	case 'p':
		p.rule.Protocol = p.env.parseProtocol(a, g)
	}
	if a.err != nil {
		return &placed{p.offset + w.at, a.err, ""}
	}
	return nil
}

// parseProtocol reads a name or a number; "all" is 0 and no condition.
func (e Env) parseProtocol(a *arguments, g given) Protocol {
	if n, err := strconv.ParseUint(g.args[0], 0, 8); err == nil {
		return Protocol{uint16(n), e.protocolName(uint16(n)), g.not && n != 0}
	}
	name := strings.ToLower(g.args[0])
	switch name {
	case "all":
		return Protocol{}
	case "icmpv6":
		name = "ipv6-icmp"
	case "ipv6-mh", "mh":
		name = "mobility-header"
	}
	if n, ok := e.protocolNumber(name); ok {
		return Protocol{n, name, g.not}
	}
	a.fail(g, "no protocol of that name; try its number")
	return Protocol{}
}

// value is a word without a dash, or in quotes.
func (p *ruleParser) value(w word) error {
	if p.open == nil || len(p.open.given) == 0 {
		return p.wrong(w, strconv.Quote(w.text)+" belongs to no option", "options begin with a dash")
	}
	last := &p.open.given[len(p.open.given)-1]
	last.args = append(last.args, w.text)
	p.open.note(false, w.text, w.quoted)
	return nil
}

// note keeps the options' words for [Verbatim].
func (u *unparsed) note(not bool, text string, inQuotes bool) {
	if not {
		u.text.WriteString(" !")
	}
	if inQuotes {
		text = `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, `'`, `\'`).Replace(text) + `"`
	}
	u.text.WriteString(" " + text)
}

// close parses a match or target with all its options.
func (p *ruleParser) close(u *unparsed) {
	a := &arguments{given: u.given}
	parse := p.env.matchParser(u.name)
	switch {
	case u.target:
		p.rule.Target = p.target(u, a)
	case parse == nil:
		p.problem(u, u.at, noParser(matchForms[u.name] != nil))
		p.rule.Matches = append(p.rule.Matches, Verbatim{u.name, u.text.String()})
	default:
		m := parse(a, p.env)
		if p.problem(u, a.at, a.err) {
			m = Verbatim{u.name, u.text.String()}
		}
		if among, ok := m.(EbtAmong); ok && p.backend == ruleset.NFT {
			m = among.ofNFT()
		}
		p.rule.Matches = append(p.rule.Matches, m)
	}
}

func (p *ruleParser) target(u *unparsed, a *arguments) Target {
	parse, known := p.env.targetParser(u.name), p.env.hasTarget(u.name)
	if u.isGoto || parse == nil && len(u.given) == 0 && (!known || u.name == "TRACE") {
		return p.verdictOrJump(u)
	}
	if parse == nil {
		p.problem(u, u.at, noParser(known))
		return Verbatim{u.name, u.text.String()}
	}
	t := parse(a, p.env)
	if p.problem(u, a.at, a.err) {
		return Verbatim{u.name, u.text.String()}
	}
	return t
}

// errNoParser is for extensions that are known, but of which text is not taken apart.
var errNoParser = errors.New("its text is not taken apart")

func noParser(known bool) error {
	if known {
		return errNoParser
	}
	return errors.New("an extension that is not known")
}

func (p *ruleParser) verdictOrJump(u *unparsed) Target {
	switch u.name {
	case "ACCEPT", "DROP", "RETURN":
		return Verdict(u.name)
	case "QUEUE":
		if p.env.Family != bridge {
			return Verdict(u.name)
		}
	case "CONTINUE":
		if p.env.Family == bridge {
			return nil
		}
	case "TRACE":
		if p.env.hasTarget(u.name) {
			return Plain(u.name)
		}
	}
	return Jump{u.name, u.isGoto}
}

func (p *ruleParser) problem(u *unparsed, at int, err error) bool {
	if err != nil {
		p.problems = append(p.problems, &placed{max(at, u.at), fmt.Errorf("%s: %w", u.name, err), "its options are kept as they stand"})
	}
	return err != nil
}
