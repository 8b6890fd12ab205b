package nft

import "github.com/pktrail/pktrail/ruleset"

// NAT translates addresses and ports that registers hold, the masquerade and
// redirect forms by the interface's address. Registers are 0 where they are not used.
type NAT struct {
	Word                                 string // snat, dnat, masquerade, redirect
	Family                               uint32
	AddrMin, AddrMax, ProtoMin, ProtoMax uint32
	Flags                                uint32
}

func decodeNAT(f *fields) Expr {
	word := "snat"
	if f.u32(1) == 1 {
		word = "dnat"
	}
	return &NAT{Word: word, Family: f.u32(2), AddrMin: f.u32(3), AddrMax: f.u32(4), ProtoMin: f.u32(5),
		ProtoMax: f.u32(6), Flags: f.u32(7)}
}

func decodeMasq(f *fields) Expr {
	return &NAT{Word: "masquerade", Flags: f.u32(1), ProtoMin: f.u32(2), ProtoMax: f.u32(3)}
}

func decodeRedir(f *fields) Expr {
	return &NAT{Word: "redirect", ProtoMin: f.u32(1), ProtoMax: f.u32(2), Flags: f.u32(3)}
}

// Kind is the kernel's name of the expression.
func (e *NAT) Kind() string {
	switch e.Word {
	case "masquerade":
		return "masq"
	case "redirect":
		return "redir"
	}
	return "nat"
}

func (e *NAT) lift(l *lifter) {
	s := &natStmt{word: e.Word, flags: e.Flags}
	if l.table.Family == ruleset.Inet {
		s.fam = e.Family
	}
	if !s.loadAddr(l, e) {
		l.keep(e.Kind(), noRegister)
		return
	}
	if !s.mapsPort(e.Family) && !s.loadPort(l, e) {
		l.keep(e.Kind(), noRegister)
		return
	}
	l.add(s)
}

// natStmt is `dnat ip to 10.0.0.1:80`.
type natStmt struct {
	word       string
	fam        uint32
	addr, port *term
	flags      uint32
}

// addrType is the type of an address of a family.
func addrType(fam uint32) *dataType {
	if fam == uint32(ruleset.IP) {
		return typeIPAddr
	}
	return typeIP6Addr
}

func (s *natStmt) loadAddr(l *lifter, e *NAT) bool {
	if e.AddrMin == 0 {
		return true
	}
	if s.addr = l.get(registerOf(e.AddrMin)); s.addr == nil {
		return false
	}
	s.addr.setType(addrType(e.Family), orderBig)
	if s.mapsRange(e.Family) || e.AddrMax == 0 || e.AddrMax == e.AddrMin {
		return true
	}
	to := l.get(registerOf(e.AddrMax))
	if to == nil {
		return false
	}
	to.setType(addrType(e.Family), orderBig)
	s.addr = rangeToPrefix(newRange(s.addr, to))
	return true
}

func (s *natStmt) mapData() *term {
	if s.addr == nil || s.addr.kind != kindMap || s.addr.right.set == nil {
		return nil
	}
	return s.addr.right.set.data
}

// mapsRange: the address comes from a map of intervals, which says both its ends.
func (s *natStmt) mapsRange(fam uint32) bool {
	data := s.mapData()
	if data == nil || !s.addr.right.set.dataInterval {
		return false
	}
	s.fam = fam
	one := addrType(fam).bits
	return data.bits == 2*one || data.bits == 2*(one+32)
}

// mapsPort: the address comes from a map that says the port too.
func (s *natStmt) mapsPort(fam uint32) bool {
	data := s.mapData()
	if data == nil || s.addr.right.set.dataInterval && s.mapsRange(fam) {
		return data != nil
	}
	if data.bits == addrType(fam).bits+32 {
		s.fam = fam
		return true
	}
	return false
}

func (s *natStmt) loadPort(l *lifter, e *NAT) bool {
	if e.ProtoMin == 0 {
		return true
	}
	if s.port = l.get(registerOf(e.ProtoMin)); s.port == nil {
		return false
	}
	s.port.setType(typeInetService, orderBig)
	if e.ProtoMax == 0 || e.ProtoMax == e.ProtoMin {
		return true
	}
	to := l.get(registerOf(e.ProtoMax))
	if to == nil {
		return false
	}
	to.setType(typeInetService, orderBig)
	s.port = newRange(s.port, to)
	return true
}

func (s *natStmt) ask(c *conditions) { c.mapped(s, s.addr, s.port) }

func (s *natStmt) settle(c *settler) {
	if s.addr != nil {
		c.term(&s.addr)
	}
	if s.port != nil {
		c.deps.reset()
		c.term(&s.port)
	}
	c.add(s)
}

// Flags (include/uapi/linux/netfilter/nf_nat.h).
const (
	natRandom      = 1 << 2
	natPersistent  = 1 << 3
	natFullyRandom = 1 << 4
	natNetmap      = 1 << 6
)

func (s *natStmt) print(p *printer) {
	p.s(s.word)
	if s.addr != nil || s.port != nil {
		switch s.fam {
		case uint32(ruleset.IP):
			p.s(" ip")
		case uint32(ruleset.IP6):
			p.s(" ip6")
		}
		if s.flags&natNetmap != 0 {
			p.s(" prefix")
		}
		p.s(" to ")
	}
	s.printTo(p)
	s.printFlags(p)
}

func (s *natStmt) printTo(p *printer) {
	if s.addr != nil {
		p.addrBefore(s.addr, s.port != nil)
	}
	if s.port != nil {
		p.s(":")
		p.term(s.port)
	}
}

// addrBefore prints an address; before a port, IPv6 stands in brackets.
func (p *printer) addrBefore(t *term, port bool) {
	switch {
	case port && t.kind == kindValue && t.typ == typeIP6Addr:
		p.s("[")
		p.term(t)
		p.s("]")
	case port && t.kind == kindRange && t.left.typ == typeIP6Addr:
		p.s("[")
		p.term(t.left)
		p.s("]-[")
		p.term(t.right)
		p.s("]")
	default:
		p.term(t)
	}
}

func (s *natStmt) printFlags(p *printer) {
	delim := " "
	for _, f := range [...]struct {
		bit  uint32
		word string
	}{{natRandom, "random"}, {natFullyRandom, "fully-random"}, {natPersistent, "persistent"}} {
		if s.flags&f.bit != 0 {
			p.s(delim + f.word)
			delim = ","
		}
	}
}

// TProxy hands the packet to a local socket without changing it.
type TProxy struct{ Family, Addr, Port uint32 }

func decodeTProxy(f *fields) Expr { return &TProxy{Family: f.u32(1), Addr: f.u32(2), Port: f.u32(3)} }

// Kind is the kernel's name of the expression.
func (e *TProxy) Kind() string { return "tproxy" }

func (e *TProxy) lift(l *lifter) {
	s := &tproxyStmt{}
	if l.table.Family == ruleset.Inet {
		s.fam = e.Family
	}
	if e.Addr != 0 {
		if s.addr = l.get(registerOf(e.Addr)); s.addr == nil {
			l.keep("tproxy", noRegister)
			return
		}
		s.addr.setType(addrType(e.Family), orderBig)
	}
	if e.Port != 0 {
		if s.port = l.get(registerOf(e.Port)); s.port == nil {
			l.keep("tproxy", noRegister)
			return
		}
		s.port.setType(typeInetService, orderBig)
	}
	l.add(s)
}

type tproxyStmt struct {
	fam        uint32
	addr, port *term
}

// ask: without a socket that takes the packet the rule ends here
// (net/netfilter/nft_tproxy.c: nft_tproxy_eval_v4).
func (s *tproxyStmt) ask(c *conditions) {
	c.mapped(s, s.addr, s.port)
	c.untold(s, "depends on a socket that listens")
}

func (s *tproxyStmt) settle(c *settler) {
	if s.addr != nil {
		c.term(&s.addr)
	}
	if s.port != nil {
		c.deps.reset()
		c.term(&s.port)
	}
	c.add(s)
}

func (s *tproxyStmt) print(p *printer) {
	p.s("tproxy")
	switch s.fam {
	case uint32(ruleset.IP):
		p.s(" ip")
	case uint32(ruleset.IP6):
		p.s(" ip6")
	}
	p.s(" to ")
	if s.addr != nil {
		p.addrBefore(s.addr, s.addr.kind == kindValue)
	}
	if s.port != nil {
		p.s(":")
		p.term(s.port)
	}
}
