package xt

import "strings"

// What the words of ebtables and arptables have in common, and those of iptables
// have not: an option may be negated behind its name, too, and have its value
// behind "=".

// cutValue makes two words of "--name=value".
func (p *ruleParser) cutValue(w word) word {
	name, value, ok := strings.Cut(w.text, "=")
	if !ok || !strings.HasPrefix(name, "--") {
		return w
	}
	p.words = append([]word{{text: value, at: w.at + len(name) + 1}}, p.words...)
	return word{text: name, at: w.at}
}

// ownOfLink reads an option of the rule itself.
func (p *ruleParser) ownOfLink(w word, letter byte, read func(*arguments, byte, given, Env)) error {
	if err := p.once(w, letter); err != nil {
		return err
	}
	g, err := p.value1(w)
	if err != nil {
		return err
	}
	a := &arguments{}
	if read(a, letter, g, p.env); a.err != nil {
		return &placed{p.offset + w.at, a.err, ""}
	}
	return nil
}

// value1 is the one value of an option, before which "!" may stand.
func (p *ruleParser) value1(w word) (given, error) {
	if err := p.negatedBehind(); err != nil {
		return given{}, err
	}
	if len(p.words) == 0 {
		return given{}, p.wrong(w, w.text+" needs a value", "")
	}
	return given{not: p.not, name: strings.TrimLeft(w.text, "-"), args: []string{p.next().text}, at: p.offset + w.at}, nil
}

// negatedBehind takes a "!" that stands behind an option's name.
func (p *ruleParser) negatedBehind() error {
	if len(p.words) == 0 || p.words[0].quoted || p.words[0].text != "!" {
		return nil
	}
	return p.negate(p.next())
}

// interfaceName: "+" alone is no condition, unless it is negated: that no packet is.
func (g given) interfaceName() Interface {
	if g.args[0] == "+" && !g.not {
		return Interface{}
	}
	return Interface{g.args[0], g.not}
}

// matchParser reads the text of a match in rules of the family.
func (e Env) matchParser(name string) func(*arguments, Env) Match {
	if e.Family == bridge {
		return frameMatchParsers[name]
	}
	return matchParsers[name]
}

// targetParser is as matchParser for targets.
func (e Env) targetParser(name string) func(*arguments, Env) Target {
	switch e.Family {
	case bridge:
		return frameTargetParsers[name]
	case arp:
		if parse := arpTargetParsers[name]; parse != nil {
			return parse
		}
	}
	return targetParsers[name]
}

// hasTarget reports whether a target of that name is known in the family.
func (e Env) hasTarget(name string) bool {
	for _, f := range targetForms[name] {
		if f.family == e.Family || f.family == 0 && e.Family != bridge || e.Family != bridge && e.Family != arp {
			return true
		}
	}
	return false
}
