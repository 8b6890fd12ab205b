package nft

import (
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// AppendList appends the whole ruleset as `nft list ruleset` of 1.0.6 prints it,
// but for matches and targets of iptables, which stand there as `xt match "name"`.
func (n *Native) AppendList(b []byte, style *Style) []byte {
	p := &printer{b: b, style: style, stateless: style.Stateless}
	for _, t := range n.Tables {
		p.table(t)
	}
	return p.b
}

// AppendList appends one table as `nft list table` prints it.
func (t *Table) AppendList(b []byte, style *Style) []byte {
	p := &printer{b: b, style: style, stateless: style.Stateless}
	p.table(t)
	return p.b
}

// Text is a rule of the table in nft's words, without handle.
func (t *Table) Text(r *Rule, style *Style) string {
	p := &printer{style: style, stateless: style.Stateless}
	p.rule(t, r)
	return string(p.b)
}

const (
	tableDormant = 1
	tableOwner   = 2
	tablePersist = 4 // which nft 1.0.6 does not know
)

func (p *printer) table(t *Table) {
	p.s("table " + t.Family.String() + " " + t.Name + " {")
	p.tableHandle(t)
	p.s("\n")
	delim := p.tableFlags(t)
	if t.Comment != "" {
		p.s("\tcomment ")
		p.q(t.Comment)
		p.s("\n")
	}
	each := func(print func()) {
		p.s(delim)
		print()
		delim = "\n"
	}
	for _, o := range t.Objects {
		each(func() { p.object(o) })
	}
	for _, s := range t.Sets {
		if !s.isAnonymous() {
			each(func() { p.set(s) })
		}
	}
	for _, f := range t.Flowtables {
		each(func() { p.flowtable(f) })
	}
	for _, ch := range t.Chains {
		if ch.Flags&chainBinding == 0 {
			each(func() { p.chain(t, ch) })
		}
	}
	p.s("}\n")
}

func (p *printer) tableHandle(t *Table) {
	owned := t.Flags&tableOwner != 0
	if p.style.Handles || owned {
		p.s(" #")
	}
	if p.style.Handles {
		p.s(" handle ")
		p.n(t.Handle)
	}
	if !owned {
		return
	}
	name := "unknown"
	if p.style.Names.Program != nil {
		name = p.style.Names.Program(t.Owner)
	}
	p.s(" progname " + name)
}

func (p *printer) tableFlags(t *Table) (delim string) {
	if t.Flags == 0 {
		return ""
	}
	p.s("\tflags ")
	delim = ""
	for _, f := range tableFlagWords {
		if t.Flags&uint32(f.value) != 0 {
			p.s(delim + f.name)
			delim = ","
		}
	}
	p.s("\n")
	return "\n"
}

func (p *printer) chain(t *Table, ch *Chain) {
	p.s("\tchain " + ch.Name + " {")
	p.handle(ch.Handle)
	if ch.Comment != "" {
		p.s("\n\t\tcomment ")
		p.q(ch.Comment)
	}
	p.s("\n")
	if ch.Type != "" {
		p.baseChain(t, ch)
	}
	for _, r := range ch.Rules {
		p.s("\t\t")
		p.rule(t, r)
		p.remarks()
		p.handle(r.Handle)
		p.s("\n")
	}
	p.s("\t}\n")
}

const chainOffload = 2 // NFT_CHAIN_HW_OFFLOAD

func (p *printer) baseChain(t *Table, ch *Chain) {
	p.s("\t\ttype " + ch.Type + " hook " + hookWord(t.Family, ch.Hook))
	switch len(ch.Devices) {
	case 0:
	case 1:
		p.s(" device ")
		p.q(ch.Devices[0])
	default:
		p.s(" devices = { ")
		p.names(ch.Devices)
		p.s(" }")
	}
	p.s(" priority " + priorityText(t.Family, ch.Hook, ch.Priority) + ";")
	switch ch.Policy {
	case 0:
		p.s(" policy drop;")
	case 1:
		p.s(" policy accept;")
	default:
		p.s(" policy unknown;")
	}
	if ch.Flags&chainOffload != 0 {
		p.s(" flags offload;")
	}
	p.s("\n")
}

func (p *printer) names(all []string) {
	for i, name := range all {
		if i > 0 {
			p.s(", ")
		}
		p.s(name)
	}
}

// rule prints the statements and the comment, without the handle.
func (p *printer) rule(t *Table, r *Rule) {
	p.statements(t, r, settleAll(t.Family, t.lifted(r)))
}

func (p *printer) statements(t *Table, r *Rule, all []stmt) {
	p.fam = t.Family
	for i, s := range all {
		if i > 0 {
			p.s(" ")
		}
		s.print(p)
	}
	if r.Comment != "" {
		p.s(" comment ")
		p.q(r.Comment)
	}
}

// boundRules prints the rules of a chain that has no name.
func (p *printer) boundRules(t *Table, ch *Chain) {
	before, behind, end := "\n\t\t\t", "", "\n\t\t}"
	if p.inline {
		before, behind, end = " ", ";", " }"
	}
	p.s("{")
	for _, r := range ch.Rules {
		p.s(before)
		p.rule(t, r)
		p.s(behind)
	}
	p.s(end)
}

func hookWord(fam ruleset.Family, hook uint32) string {
	words := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	switch fam {
	case ruleset.ARP:
		words = []string{"input", "output", "forward"}
	case ruleset.Netdev:
		words = []string{"ingress", "egress"}
	}
	if int(hook) < len(words) {
		return words[hook]
	}
	return "unknown"
}

// priorityText names a priority that is near a well-known one of the family and
// hook (src/rule.c: prio2str).
func priorityText(fam ruleset.Family, hook uint32, priority int32) string {
	names := []string{"raw", "mangle", "dstnat", "filter", "security", "srcnat"}
	if fam == ruleset.Bridge {
		names = []string{"dstnat", "filter", "out", "srcnat"}
	}
	for _, name := range names {
		known, _ := namedPriority(name, fam)
		diff := int64(priority) - known
		if diff < -10 || diff > 10 {
			continue
		}
		switch {
		case !hasPriority(name, fam, hook):
			return strconv.Itoa(int(priority))
		case diff > 0:
			return name + " + " + strconv.FormatInt(diff, 10)
		case diff < 0:
			return name + " - " + strconv.FormatInt(-diff, 10)
		}
		return name
	}
	return strconv.Itoa(int(priority))
}

// hasPriority: the name is used for that family and hook.
func hasPriority(name string, fam ruleset.Family, hook uint32) bool {
	const prerouting, output, postrouting = 0, 3, 4
	ip := fam == ruleset.Inet || fam == ruleset.IP || fam == ruleset.IP6
	switch name {
	case "filter":
		return true
	case "raw", "mangle", "security":
		return ip
	case "dstnat":
		return (ip || fam == ruleset.Bridge) && hook == prerouting
	case "srcnat":
		return (ip || fam == ruleset.Bridge) && hook == postrouting
	case "out":
		return hook == output
	}
	return false
}

func (p *printer) flowtable(f *Flowtable) {
	p.s("\tflowtable " + f.Name + " {")
	p.handle(f.Handle)
	p.s("\n\t\thook " + hookWord(ruleset.Netdev, f.Hook) + " priority " + priorityText(ruleset.Netdev, f.Hook, f.Priority) + "\n")
	if len(f.Devices) > 0 {
		p.s("\t\tdevices = { ")
		p.names(f.Devices)
		p.s(" }\n")
	}
	if f.Flags&1 != 0 {
		p.s("\t\tflags offload\n")
	}
	if f.Flags&2 != 0 {
		p.s("\t\tcounter\n")
	}
	p.s("\t}\n")
}
