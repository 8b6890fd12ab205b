package syslogd

import (
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Rsyslog is what rsyslog.conf says of the kernel's messages: which inputs are
// loaded, and the filters and actions of the default ruleset in their order.
type Rsyslog struct {
	Modules []Module
	// Unread are statements that may have a say and were not understood.
	Unread []Place
	rules  []node
}

// Module is a module that is loaded, with its parameters in lower case.
type Module struct {
	Name   string
	Params map[string]string
	At     Place
}

// Module returns a loaded module by name, or nil.
func (r *Rsyslog) Module(name string) *Module {
	for i := range r.Modules {
		if r.Modules[i].Name == name {
			return &r.Modules[i]
		}
	}
	return nil
}

// node is one statement: an action, or a filter and what it guards.
type node struct {
	at        Place
	filter    func(Message) Truth // nil: an action
	then, els []node
	action    action
}

type action struct {
	kind actionKind
	to   string
}

type actionKind uint8

const (
	deliver actionKind = iota
	discard
	unclear // a call of what is not known here
)

// Route is where a message goes.
type Route struct {
	To      []string // files, hosts, programs: certainly
	Perhaps []string // depending on what is not known of the message
	Stop    *Place   // the statement that ends its way; nil when none certainly does
	MayStop []Place  // statements that may end it before
}

// Route follows a message through the default ruleset.
func (r *Rsyslog) Route(m Message) Route {
	var way Route
	way.walk(r.rules, m, Yes)
	return way
}

// walk reports whether the message's way certainly ends.
func (w *Route) walk(nodes []node, m Message, sure Truth) (ended bool) {
	for i := range nodes {
		n := &nodes[i]
		if n.filter == nil {
			if w.act(n, sure) {
				return true
			}
			continue
		}
		holds := n.filter(m)
		if holds != No && w.walk(n.then, m, min(sure, holds)) {
			return true
		}
		if holds != Yes && w.walk(n.els, m, min(sure, holds.not())) {
			return true
		}
	}
	return false
}

func (w *Route) act(n *node, sure Truth) (ended bool) {
	switch {
	case n.action.kind == discard && sure == Yes:
		w.Stop = &n.at
		return true
	case n.action.kind == discard, n.action.kind == unclear:
		w.MayStop = append(w.MayStop, n.at)
	case sure == Yes && len(w.MayStop) == 0:
		w.To = append(w.To, n.action.to)
	default:
		w.Perhaps = append(w.Perhaps, n.action.to)
	}
	return false
}

// ParseRsyslog reads the lines of rsyslog.conf, its includes in their places.
func ParseRsyslog(lines []snapshot.ConfigLine) *Rsyslog {
	p := &rsyslogParser{text: newSource(lines), out: &Rsyslog{}}
	p.out.rules = p.block(false)
	return p.out
}

// RsyslogInclude returns the file pattern of a line that includes others.
func RsyslogInclude(line string) (pattern string, ok bool) {
	line = strings.TrimSpace(line)
	if len(line) > 14 && strings.EqualFold(line[:14], "$IncludeConfig") {
		return strings.TrimSpace(line[14:]), true
	}
	name, rest, ok := strings.Cut(line, "(")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "include") {
		return "", false
	}
	args, _, _ := strings.Cut(rest, ")")
	pattern, ok = params(args)["file"]
	return pattern, ok
}

// params reads `name="value" name='value'`; names in lower case.
func params(args string) map[string]string {
	found := map[string]string{}
	for {
		name, rest, ok := strings.Cut(args, "=")
		rest = strings.TrimLeft(rest, " \t\n")
		if !ok || rest == "" {
			return found
		}
		value, after := rest, ""
		if quote := rest[0]; quote == '"' || quote == '\'' {
			value, after, _ = strings.Cut(rest[1:], string(quote))
		} else if i := strings.IndexAny(rest, " \t\n"); i >= 0 {
			value, after = rest[:i], rest[i:]
		}
		found[strings.ToLower(strings.TrimSpace(name))] = value
		args = after
	}
}
