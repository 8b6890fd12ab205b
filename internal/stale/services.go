package stale

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// service is a destination that rules translate.
type service struct {
	proto uint8
	dst   netip.AddrPort
}

// translated is the rule that translates a destination, and where packets meet it.
type translated struct {
	text  string
	hooks map[ruleset.Hook]bool
}

// Translates returns the rule that translates new flows to a destination, where
// one names just this protocol, address and port and looks at nothing else; ""
// where none does. The hook is that of new flows: output for the host's own.
func (t *Targets) Translates(proto uint8, dst netip.AddrPort, hook ruleset.Hook) string {
	if s := t.services[service{proto, dst}]; s != nil && s.hooks[hook] {
		return s.text
	}
	return ""
}

// readServices goes from the nat chains of each hook where destinations are
// translated to where their rules lead.
func (t *Targets) readServices(table *ruleset.Table) {
	w := walk{t: t, table: table, leads: map[string]bool{}}
	for _, c := range table.Chains {
		if c.Base != nil && c.Base.Type == "nat" && (c.Base.Hook == ruleset.Prerouting || c.Base.Hook == ruleset.Output) {
			w.hook, w.seen = c.Base.Hook, map[string]bool{}
			w.chain(c)
		}
	}
}

// walk is a way through the chains of a table.
type walk struct {
	t     *Targets
	table *ruleset.Table
	hook  ruleset.Hook
	seen  map[string]bool
	leads map[string]bool // whether a chain leads to a translation, where that was asked
}

func (w *walk) chain(c *ruleset.Chain) {
	if c == nil || w.seen[c.Name] {
		return
	}
	w.seen[c.Name] = true
	for i := range c.Rules {
		r := &c.Rules[i]
		if s, ok := serviceOf(w.table.Dialect, r.Text); ok && w.rule(r) {
			w.note(s, r.Text)
		} else if jumps(r) && matchless(w.table.Dialect, r.Text) {
			w.chain(w.table.Chain(r.Effect.Target))
		}
	}
}

func (w *walk) note(s service, text string) {
	if w.t.services[s] == nil {
		w.t.services[s] = &translated{text: text, hooks: map[ruleset.Hook]bool{}}
	}
	w.t.services[s].hooks[w.hook] = true
}

// rule reports whether a rule leads to a translation.
func (w *walk) rule(r *ruleset.Rule) bool {
	return r.Effect.NAT == ruleset.DNAT || jumps(r) && w.leading(r.Effect.Target)
}

// leading takes each chain once, so that a loop, which the kernel would refuse, ends.
func (w *walk) leading(name string) bool {
	if leads, asked := w.leads[name]; asked {
		return leads
	}
	w.leads[name] = false
	if c := w.table.Chain(name); c != nil {
		w.leads[name] = slices.ContainsFunc(c.Rules, func(r ruleset.Rule) bool { return w.rule(&r) })
	}
	return w.leads[name]
}

func jumps(r *ruleset.Rule) bool {
	return r.Effect.Verdict == ruleset.Jump || r.Effect.Verdict == ruleset.Goto
}

// matchless reports whether every packet takes the rule.
func matchless(dialect ruleset.Dialect, text string) bool {
	p, ok := partsOf(dialect, text)
	return ok && p == parts{}
}

// serviceOf reads a rule whose matches are one protocol, destination and port.
func serviceOf(dialect ruleset.Dialect, text string) (s service, ok bool) {
	p, ok := partsOf(dialect, text)
	if !ok {
		return s, false
	}
	proto, err := packet.ParseProto(p.proto)
	if err != nil {
		return s, false
	}
	addr, err1 := netip.ParseAddr(hostOf(p.dst))
	port, err2 := strconv.ParseUint(p.port, 10, 16)
	return service{proto, netip.AddrPortFrom(addr, uint16(port))}, err1 == nil && err2 == nil
}

// partsOf reads the matches of a rule, unless it has others than parts has.
func partsOf(dialect ruleset.Dialect, text string) (p parts, ok bool) {
	take := takeNFT
	if dialect != ruleset.Nftables {
		take = takeIptables
	}
	words := strings.Fields(withoutQuotes(text))
	for len(words) > 0 {
		n := take(&p, words)
		if n == 0 || n > len(words) {
			return p, false
		}
		words = words[n:]
	}
	return p, true
}

// parts is what a rule matches on.
type parts struct{ proto, dst, port string }

// takeIptables takes an option and its value; 0 for one that narrows the rule
// down in another way.
func takeIptables(p *parts, words []string) int {
	value := ""
	if len(words) > 1 {
		value = words[1]
	}
	switch words[0] {
	case "-p":
		p.proto = value
	case "-d":
		p.dst = value
	case "--dport":
		p.port = value
	case "-m":
		if value != "comment" && value != "udp" && value != "tcp" && value != "sctp" {
			return 0
		}
	case "-A", "-j", "-g", "--comment", "--to-destination":
	case "--persistent", "--random":
		return 1
	default:
		return 0
	}
	return 2
}

// takeNFT takes a match, or the statement that ends the rule with all that follows.
func takeNFT(p *parts, words []string) int {
	second := func(word string) bool { return len(words) > 2 && words[1] == word }
	switch {
	case (words[0] == "ip" || words[0] == "ip6") && second("daddr"):
		p.dst = words[2]
		return 3
	case second("dport"):
		p.proto, p.port = words[0], words[2]
		return 3
	case words[0] == "counter" && second("packets"):
		return 5
	case words[0] == "counter":
		return 1
	case words[0] == "jump", words[0] == "goto", words[0] == "dnat":
		return len(words)
	}
	return 0
}

// hostOf takes the length of a host's prefix away.
func hostOf(prefix string) string {
	if p, err := netip.ParsePrefix(prefix); err == nil && p.IsSingleIP() {
		return p.Addr().String()
	}
	return prefix
}

// withoutQuotes puts one word in place of each quoted text, such as a comment.
func withoutQuotes(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		b.WriteString("quoted")
	}
	return b.String()
}
