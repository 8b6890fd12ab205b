package nft

import "github.com/pktrail/pktrail/ruleset"

// Reject drops the packet and answers it (Type: NFT_REJECT_*).
type Reject struct {
	Type uint32
	Code uint8
}

func decodeReject(f *fields) Expr { return &Reject{Type: f.u32(1), Code: f.u8(2)} }

// Kind is the kernel's name of the expression.
func (e *Reject) Kind() string   { return "reject" }
func (e *Reject) lift(l *lifter) { l.add(&rejectStmt{Reject: *e}) }

const (
	rejectICMP  = 0 // NFT_REJECT_ICMP_UNREACH
	rejectReset = 1 // NFT_REJECT_TCP_RST
	rejectICMPX = 2 // NFT_REJECT_ICMPX_UNREACH
)

// rejectStmt is a reject, with the family that its ICMP code is of.
type rejectStmt struct {
	Reject
	fam ruleset.Family
	// verbose: the code is always said, since the family would not be clear.
	verbose bool
}

// settle: in tables of one family a TCP reset says that it is about TCP, and in
// the others the kind of ICMP says which family (stmt_reject_postprocess).
func (s *rejectStmt) settle(c *settler) {
	defer c.add(s)
	switch c.fam {
	case ruleset.IP, ruleset.IP6:
		s.fam = c.fam
		if s.Type == rejectReset {
			c.deps.release(baseTransport)
		}
		return
	case ruleset.Inet, ruleset.Bridge, ruleset.Netdev:
	default:
		return
	}
	if s.Type == rejectICMPX {
		return
	}
	s.verbose = true
	switch c.heads[baseNetwork] {
	case headIP:
		s.fam = ruleset.IP
	case headIP6:
		s.fam = ruleset.IP6
	}
	c.deps.release(baseNetwork)
}

func (s *rejectStmt) print(p *printer) {
	p.s("reject")
	code := newNumber(uint64(s.Code), 8, typeICMPXCode, orderHost)
	switch s.Type {
	case rejectReset:
		p.s(" with tcp reset")
	case rejectICMPX:
		if s.Code != 1 {
			p.s(" with icmpx ")
			p.value(code)
		}
	case rejectICMP:
		s.printICMP(p, code)
	}
}

func (s *rejectStmt) printICMP(p *printer, code *term) {
	usual := uint8(3) // ICMP_PORT_UNREACH
	word := " with icmp "
	code.typ = typeICMPCode
	switch s.fam {
	case ruleset.IP:
	case ruleset.IP6:
		usual, word, code.typ = 4, " with icmpv6 ", typeICMPv6Code
	default:
		return
	}
	if s.verbose || s.Code != usual {
		p.s(word)
		p.value(code)
	}
}
