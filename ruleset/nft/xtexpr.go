package nft

// XT is a match or target of iptables inside a rule of nf_tables. Info is its
// data as the kernel holds it, in host byte order.
type XT struct {
	Target   bool
	Name     string
	Revision uint32
	Info     []byte
}

func decodeMatch(f *fields) Expr { return &XT{Name: f.text(1), Revision: f.u32(2), Info: f[3]} }

func decodeTarget(f *fields) Expr {
	return &XT{Target: true, Name: f.text(1), Revision: f.u32(2), Info: f[3]}
}

// Kind is the kernel's name of the expression.
func (e *XT) Kind() string {
	if e.Target {
		return "target"
	}
	return "match"
}

func (e *XT) lift(l *lifter)    { l.add(e) }
func (e *XT) settle(c *settler) { c.add(e) }

// ask: a target never ends the rule before its verdict.
func (e *XT) ask(c *conditions) {
	if e.Target {
		return
	}
	if c.p.style.Asks != nil {
		if all, ok := c.p.style.Asks(c.table.Family, e); ok {
			c.all = append(c.all, all...)
			return
		}
	}
	c.untold(e, "a match of iptables inside nft")
}

// print is what nft prints where it cannot translate; its translations are not
// always right.
func (e *XT) print(p *printer) {
	p.s("xt " + e.Kind() + " ")
	p.q(e.Name)
	if p.style.XT == nil {
		return
	}
	if words := p.style.XT(p.fam, e); words != "" {
		p.remark = append(p.remark, words)
	}
}
