package nft

import "github.com/pktrail/pktrail/ruleset"

// Dup sends a copy of the packet to an address or interface; registers, 0 for none.
type Dup struct{ Addr, Dev uint32 }

func decodeDup(f *fields) Expr { return &Dup{Addr: f.u32(1), Dev: f.u32(2)} }

// Kind is the kernel's name of the expression.
func (e *Dup) Kind() string { return "dup" }

func (e *Dup) lift(l *lifter) {
	s := &dupStmt{}
	if e.Addr != 0 {
		if s.to = l.get(registerOf(e.Addr)); s.to == nil {
			l.keep("dup", noRegister)
			return
		}
		switch l.table.Family {
		case ruleset.IP, ruleset.IP6:
			s.to.setType(addrType(uint32(l.table.Family)), orderBig)
		}
	}
	if e.Dev != 0 {
		dev := l.get(registerOf(e.Dev))
		if dev == nil {
			l.keep("dup", noRegister)
			return
		}
		dev.setType(typeIfIndex, orderHost)
		if s.to == nil {
			s.to = dev
		} else {
			s.dev = dev
		}
	}
	l.add(s)
}

type dupStmt struct{ to, dev *term }

func (s *dupStmt) settle(c *settler) {
	for _, t := range []**term{&s.to, &s.dev} {
		if *t != nil {
			c.term(t)
		}
	}
	c.add(s)
}

func (s *dupStmt) ask(c *conditions) { c.mapped(s, s.to, s.dev) }

func (s *dupStmt) print(p *printer) {
	p.s("dup")
	if s.to == nil {
		return
	}
	p.s(" to ")
	p.term(s.to)
	if s.dev != nil {
		p.s(" device ")
		p.term(s.dev)
	}
}

// Fwd sends the packet out of an interface, or to a neighbour there; registers.
type Fwd struct{ Dev, Addr, Family uint32 }

func decodeFwd(f *fields) Expr { return &Fwd{Dev: f.u32(1), Addr: f.u32(2), Family: f.u32(3)} }

// Kind is the kernel's name of the expression.
func (e *Fwd) Kind() string { return "fwd" }

func (e *Fwd) lift(l *lifter) {
	s := &fwdStmt{fam: e.Family, dev: l.get(registerOf(e.Dev))}
	if e.Addr != 0 {
		s.addr = l.get(registerOf(e.Addr))
	}
	if s.dev == nil || e.Addr != 0 && s.addr == nil {
		l.keep("fwd", noRegister)
		return
	}
	s.dev.setType(typeIfIndex, orderHost)
	if s.addr != nil {
		s.addr.setType(addrType(e.Family), orderBig)
	}
	l.add(s)
}

type fwdStmt struct {
	fam       uint32
	dev, addr *term
}

func (s *fwdStmt) settle(c *settler) {
	c.term(&s.dev)
	if s.addr != nil {
		c.term(&s.addr)
	}
	c.add(s)
}

func (s *fwdStmt) ask(c *conditions) { c.mapped(s, s.dev, s.addr) }

func (s *fwdStmt) print(p *printer) {
	p.s("fwd ")
	if s.addr != nil {
		if s.fam == uint32(ruleset.IP) {
			p.s("ip ")
		} else {
			p.s("ip6 ")
		}
		p.s("to ")
		p.term(s.addr)
		p.s(" device ")
	} else {
		p.s("to ")
	}
	p.term(s.dev)
}

// Queue hands the packet to a program: to queue Num and those after it, Total in
// all, or to the one that a register holds.
type Queue struct {
	Num, Total, Flags uint16
	Sreg              uint32
	ByRegister        bool
}

func decodeQueue(f *fields) Expr {
	return &Queue{Num: f.u16(1), Total: f.u16(2), Flags: f.u16(3), Sreg: f.u32(4), ByRegister: f.has(4)}
}

// Kind is the kernel's name of the expression.
func (e *Queue) Kind() string { return "queue" }

func (e *Queue) lift(l *lifter) {
	s := &queueStmt{flags: e.Flags, to: newNumber(uint64(e.Num), 16, typeInteger, orderUnknown)}
	switch {
	case e.ByRegister:
		if s.to = l.get(registerOf(e.Sreg)); s.to == nil {
			l.keep("queue", noRegister)
			return
		}
	case e.Total > 1:
		s.to = newRange(s.to, newNumber(uint64(e.Num+e.Total-1), 16, typeInteger, orderUnknown))
	}
	l.add(s)
}

type queueStmt struct {
	flags uint16
	to    *term
}

func (s *queueStmt) settle(c *settler) {
	if s.to.kind != kindValue && s.to.kind != kindRange {
		c.term(&s.to)
	}
	c.add(s)
}

func (s *queueStmt) ask(c *conditions) { c.mapped(s, s.to) }

func (s *queueStmt) print(p *printer) {
	p.s("queue")
	delim := " flags "
	for i, word := range [...]string{"bypass", "fanout"} {
		if s.flags&(1<<i) != 0 {
			p.s(delim + word)
			delim = ","
		}
	}
	p.s(" to ")
	p.term(s.to)
}

// Notrack keeps connection tracking away from the packet.
type Notrack struct{}

func decodeNotrack(*fields) Expr { return &Notrack{} }

// Kind is the kernel's name of the expression.
func (e *Notrack) Kind() string      { return "notrack" }
func (e *Notrack) lift(l *lifter)    { l.add(e) }
func (e *Notrack) settle(c *settler) { c.add(e) }
func (e *Notrack) print(p *printer)  { p.s("notrack") }

// FlowOffload lets a flowtable take the packet's connection over.
type FlowOffload struct{ Table string }

func decodeFlowOffload(f *fields) Expr { return &FlowOffload{Table: f.text(1)} }

// Kind is the kernel's name of the expression.
func (e *FlowOffload) Kind() string      { return "flow_offload" }
func (e *FlowOffload) lift(l *lifter)    { l.add(e) }
func (e *FlowOffload) settle(c *settler) { c.add(e) }

// ask: what is not taken over goes on with the next rule (net/netfilter/nft_flow_offload.c:
// nft_flow_offload_eval).
func (e *FlowOffload) ask(c *conditions) {
	c.untold(e, "goes on only where the flowtable takes the connection over")
}

func (e *FlowOffload) print(p *printer) { p.s("flow add @" + e.Table) }

// Synproxy answers SYNs in place of the server (Flags: NF_SYNPROXY_OPT_*).
type Synproxy struct {
	MSS    uint16
	WScale uint8
	Flags  uint32
}

func decodeSynproxy(f *fields) Expr {
	return &Synproxy{MSS: f.u16(1), WScale: f.u8(2), Flags: f.u32(3)}
}

const (
	synproxyMSS       = 1
	synproxyWScale    = 2
	synproxySackPerm  = 4
	synproxyTimestamp = 8
)

// Kind is the kernel's name of the expression.
func (e *Synproxy) Kind() string      { return "synproxy" }
func (e *Synproxy) lift(l *lifter)    { l.add(e) }
func (e *Synproxy) settle(c *settler) { c.add(e) }

const synproxyAsks = "answers in place of a server: only TCP packets of a handshake"

func (e *Synproxy) ask(c *conditions) { c.untold(e, synproxyAsks) }

// print: nft 1.0.6 prints both numbers if either was given.
func (e *Synproxy) print(p *printer) {
	p.s("synproxy")
	if e.Flags&(synproxyMSS|synproxyWScale) != 0 {
		p.s(" mss ")
		p.n(uint64(e.MSS))
		p.s(" wscale ")
		p.n(uint64(e.WScale))
	}
	if e.Flags&synproxyTimestamp != 0 {
		p.s(" timestamp")
	}
	if e.Flags&synproxySackPerm != 0 {
		p.s(" sack-perm")
	}
}
