package syslogd

import (
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// property reads `:msg, contains, "text" action`.
func (p *rsyslogParser) property(at Place) node {
	start := p.text.pos
	p.text.pos++
	name, ok := p.upTo(',')
	var op string
	if ok {
		op, ok = p.upTo(',')
	}
	if !ok || p.text.done() {
		return p.unread(start)
	}
	value := ""
	if p.text.rest()[0] == '"' {
		value = p.quoted('"')
	}
	op, negated := strings.CutPrefix(op, "!")
	judge := comparison(strings.TrimPrefix(name, "$"), op, value)
	filter := judge
	if negated {
		filter = func(m Message) Truth { return judge(m).not() }
	}
	return node{at: at, filter: filter, then: p.body(at)}
}

// upTo takes what stands before a byte on this line, and the blanks behind it.
func (p *rsyslogParser) upTo(end byte) (string, bool) {
	line, _, _ := strings.Cut(p.text.rest(), "\n")
	before, _, ok := strings.Cut(line, string(end))
	if !ok {
		p.text.toLineEnd()
		return "", false
	}
	p.text.pos += len(before) + 1
	p.text.pos += len(p.text.rest()) - len(strings.TrimLeft(p.text.rest(), " \t"))
	return strings.TrimSpace(before), true
}

// quoted takes a text in quotes, at the first of which the source stands.
func (p *rsyslogParser) quoted(quote byte) string {
	var b strings.Builder
	for p.text.pos++; !p.text.done(); p.text.pos++ {
		switch c := p.text.s[p.text.pos]; c {
		case '\\':
			if p.text.pos++; p.text.done() {
				return b.String()
			}
			b.WriteByte(p.text.s[p.text.pos])
		case quote:
			p.text.pos++
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// comparison is a filter over one property of the message, as imklog makes it.
func comparison(property, op, value string) func(Message) Truth {
	op, fold := strings.CutSuffix(strings.ToLower(op), "_i")
	if fold {
		value = strings.ToLower(value)
	}
	switch strings.ToLower(property) {
	case "msg", "rawmsg", "rawmsg-after-pri":
		switch {
		case op != "contains":
			return func(Message) Truth { return Maybe }
		case fold:
			return func(m Message) Truth { return m.containsFold(value) }
		}
		return func(m Message) Truth { return m.contains(value) }
	case "syslogfacility":
		return func(Message) Truth { return compareNumber(0, op, value) }
	case "syslogseverity", "syslogpriority":
		return func(m Message) Truth { return compareNumber(m.Level, op, value) }
	case "syslogfacility-text":
		return func(Message) Truth { return compareText("kern", op, value) }
	case "syslogseverity-text", "syslogpriority-text":
		return func(m Message) Truth { return compareText(snapshot.Levels()[m.Level&7], op, value) }
	case "programname", "app-name":
		return func(Message) Truth { return compareText("kernel", op, value) }
	case "syslogtag":
		return func(Message) Truth { return compareText("kernel:", op, value) }
	}
	return func(Message) Truth { return Maybe }
}

func compareText(is, op, value string) Truth {
	switch op {
	case "==", "isequal":
		return truth(is == value)
	case "!=", "<>":
		return truth(is != value)
	case "contains":
		return truth(strings.Contains(is, value))
	case "startswith":
		return truth(strings.HasPrefix(is, value))
	case "endswith":
		return truth(strings.HasSuffix(is, value))
	}
	return Maybe
}

func compareNumber(is uint8, op, value string) Truth {
	n, ok := snapshot.Level(value)
	if !ok {
		return Maybe // a facility above 7, or no number
	}
	switch op {
	case "==", "isequal":
		return truth(is == n)
	case "!=", "<>":
		return truth(is != n)
	case "<=":
		return truth(is <= n)
	case ">=":
		return truth(is >= n)
	case "<":
		return truth(is < n)
	case ">":
		return truth(is > n)
	}
	return Maybe
}

// condition reads `if EXPRESSION then BODY else BODY`.
func (p *rsyslogParser) condition(at Place) node {
	start := p.text.pos
	expr, ok := p.text.until("then")
	if !ok {
		return p.unread(start)
	}
	n := node{at: at, filter: parseExpression(expr)}
	n.then = p.body(at)
	p.text.blanks()
	if rest, ok := strings.CutPrefix(p.text.rest(), "else"); ok && rest != "" && strings.IndexByte(" \t\n{", rest[0]) >= 0 {
		p.text.pos += len("else")
		n.els = p.body(p.text.place(p.text.pos))
	}
	return n
}
