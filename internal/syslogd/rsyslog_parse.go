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

// unread notes a statement that was not understood, and returns what may have any effect.
func (p *rsyslogParser) unread(offset int) node {
	at := p.text.place(offset)
	p.out.Unread = append(p.out.Unread, at)
	return node{at: at, action: action{kind: unclear}}
}

// statement reads one statement and appends what it does.
func (p *rsyslogParser) statement(nodes []node) []node {
	start := p.text.pos
	at := p.text.place(start)
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.text.pos = len(p.text.s)
		return append(nodes, p.unread(start))
	}
	switch p.text.rest()[0] {
	case '$':
		return p.directive(nodes, start)
	case '&':
		p.text.pos++
		return p.also(nodes)
	case ':':
		return append(nodes, p.property(at))
	case '~':
		p.text.pos++
		return append(nodes, node{at: at, action: action{kind: discard}})
	case '!', '+', '-', '@', '/', '|', '^', '?':
		p.text.toLineEnd()
		return append(nodes, p.unread(start)) // a filter by program or host, or an action without a filter
	}
	return p.worded(nodes, at)
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
		return append(nodes, node{at: at, action: action{kind: unclear}})
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
func (p *rsyslogParser) directive(nodes []node, start int) []node {
	words := strings.Fields(p.text.toLineEnd())
	switch {
	case len(words) < 2:
	case strings.EqualFold(words[0], "$RuleSet"), // what follows may not be for the kernel's messages
		strings.EqualFold(words[0], "$IncludeConfig"): // of a file that was not read
		return append(nodes, p.unread(start))
	case strings.EqualFold(words[0], "$ModLoad"):
		name := words[1][strings.LastIndexByte(words[1], '/')+1:]
		p.out.Modules = append(p.out.Modules, Module{Name: strings.TrimSuffix(name, ".so"), At: p.text.place(start)})
	}
	return nodes
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
		return []node{p.unread(line)}
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
		p.text.toLineEnd()
		return append(nodes, p.unread(start))
	}
	p.text.pos += end
	filter := func(m Message) Truth { return truth(levels&(1<<m.Level) != 0) }
	return append(nodes, node{at: at, filter: filter, then: p.body(at)})
}
