package syslogd

import "strings"

type rsyslogParser struct {
	text  *source
	out   *Rsyslog
	depth int
}

// maxDepth bounds statements inside each other; a configuration needs a handful.
const maxDepth = 50

// block reads statements to the end, or to the brace that closes it.
func (p *rsyslogParser) block(inner bool) []node {
	var nodes []node
	for {
		p.text.blanks()
		switch {
		case p.text.done():
			return nodes
		case p.text.rest()[0] == '}':
			p.text.pos++
			if inner {
				return nodes
			}
		default:
			nodes = p.statement(nodes)
		}
	}
}

func (p *rsyslogParser) unread(offset int) {
	p.out.Unread = append(p.out.Unread, p.text.place(offset))
}

// statement reads one statement and appends what it does.
func (p *rsyslogParser) statement(nodes []node) []node {
	start := p.text.pos
	at := p.text.place(start)
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.unread(start)
		p.text.pos = len(p.text.s)
		return nodes
	}
	switch p.text.rest()[0] {
	case '$':
		p.directive(p.text.toLineEnd(), at)
	case '&':
		p.text.pos++
		return p.also(nodes)
	case ':':
		return append(nodes, p.property(at))
	case '~':
		p.text.pos++
		return append(nodes, node{at: at, action: action{kind: discard}})
	case '!', '+', '-', '@', '/', '|', '^', '?':
		p.unread(start) // a filter by program or host, or an action without a filter
		p.text.toLineEnd()
	default:
		return p.worded(nodes, at)
	}
	return nodes
}

// worded reads what begins with a word: an object, a statement or a selector.
func (p *rsyslogParser) worded(nodes []node, at Place) []node {
	start := p.text.pos
	name := strings.ToLower(p.text.name())
	rest := strings.TrimLeft(p.text.rest(), " \t")
	switch {
	case name == "if":
		return append(nodes, p.condition(at))
	case name == "stop":
		return append(nodes, node{at: at, action: action{kind: discard}})
	case name == "call" || name == "call_indirect":
		to := p.text.toLineEnd()
		return append(nodes, node{at: at, action: action{kind: unclear, to: to}})
	case name == "set" || name == "unset" || name == "reset":
		p.text.past(";")
		return nodes
	case strings.HasPrefix(rest, "(") && name != "":
		p.text.past("(")
		p.text.pos--
		return p.object(nodes, name, at)
	}
	p.text.pos = start
	return p.selector(nodes, at)
}

// object reads `name(parameters)`, and the block that some have behind it.
func (p *rsyslogParser) object(nodes []node, name string, at Place) []node {
	args := params(p.text.enclosed('(', ')'))
	switch name {
	case "module":
		p.out.Modules = append(p.out.Modules, Module{Name: args["load"], Params: args, At: at})
	case "action":
		return append(nodes, node{at: at, action: objectAction(args)})
	case "include": // of a file that was not read
		p.out.Unread = append(p.out.Unread, at)
	case "ruleset", "template", "foreach":
		p.text.blanks()
		if !p.text.done() && p.text.rest()[0] == '{' {
			p.text.enclosed('{', '}')
		}
	}
	return nodes
}

func objectAction(args map[string]string) action {
	for _, key := range []string{"file", "dynafile", "target", "pipe", "binary", "users"} {
		if v := args[key]; v != "" {
			return action{to: v}
		}
	}
	if args["type"] == "" {
		return action{to: "an action without a type"}
	}
	return action{to: args["type"]}
}

// directive reads a `$Name value` line. Most set what does not matter here.
func (p *rsyslogParser) directive(line string, at Place) {
	words := strings.Fields(line)
	switch {
	case len(words) < 2:
	case strings.EqualFold(words[0], "$RuleSet"), // what follows may not be for the kernel's messages
		strings.EqualFold(words[0], "$IncludeConfig"): // of a file that was not read
		p.out.Unread = append(p.out.Unread, at)
	case strings.EqualFold(words[0], "$ModLoad"):
		name := words[1][strings.LastIndexByte(words[1], '/')+1:]
		p.out.Modules = append(p.out.Modules, Module{Name: strings.TrimSuffix(name, ".so"), At: at})
	}
}

// also gives the last filter one more action: `& stop`.
func (p *rsyslogParser) also(nodes []node) []node {
	at := p.text.place(p.text.pos)
	body := p.body(at)
	if len(nodes) == 0 || nodes[len(nodes)-1].filter == nil {
		return append(nodes, body...)
	}
	last := &nodes[len(nodes)-1]
	last.then = append(last.then, body...)
	return nodes
}

// body reads what a filter guards: a block, a statement, or an action in the old form.
func (p *rsyslogParser) body(at Place) []node {
	for !p.text.done() && strings.IndexByte(" \t\n", p.text.rest()[0]) >= 0 {
		p.text.pos++
	}
	switch rest := p.text.rest(); {
	case rest == "":
		return nil
	case rest[0] == '{':
		p.text.pos++
		return p.block(true)
	case startsStatement(rest):
		return p.statement(nil)
	}
	line := p.text.pos
	text := p.text.toLineEnd()
	if strings.ContainsAny(text, " \t") { // also before a comment: rsyslog refuses it
		p.unread(line)
		return nil
	}
	return []node{{at: at, action: oldAction(text)}}
}

func startsStatement(rest string) bool {
	if rest[0] == '~' {
		return true
	}
	for _, name := range []string{"action", "stop", "if", "call", "set", "unset", "reset"} {
		after, ok := strings.CutPrefix(rest, name)
		if ok && (after == "" || strings.IndexByte(" \t\n({;}", after[0]) >= 0) {
			return true
		}
	}
	return false
}

// oldAction reads an action such as `-/var/log/kern.log;format`, `@@host` or `:omusrmsg:*`.
func oldAction(text string) action {
	text, _, _ = strings.Cut(text, ";")
	text = strings.TrimSpace(text)
	if text == "" {
		return action{kind: unclear}
	}
	return action{to: strings.TrimPrefix(text, "-")}
}

// selector reads `kern.* action`.
func (p *rsyslogParser) selector(nodes []node, at Place) []node {
	start := p.text.pos
	rest := p.text.rest()
	end := strings.IndexAny(rest, " \t\n")
	levels, ok := kernLevels(rest[:end]) // a source ends with a line end
	if !ok || rest[end] == '\n' {
		p.unread(start)
		p.text.toLineEnd()
		return nodes
	}
	p.text.pos += end
	filter := func(m Message) Truth { return truth(levels&(1<<m.Level) != 0) }
	return append(nodes, node{at: at, filter: filter, then: p.body(at)})
}
