package nft

import "github.com/pktrail/pktrail/ruleset"

// Numgen loads a number that counts up, or a random one (Type: NFT_NG_*), below Modulus.
type Numgen struct{ Dreg, Modulus, Type, Offset uint32 }

func decodeNumgen(f *fields) Expr {
	return &Numgen{Dreg: f.u32(1), Modulus: f.u32(2), Type: f.u32(3), Offset: f.u32(4)}
}

// Kind is the kernel's name of the expression.
func (e *Numgen) Kind() string { return "numgen" }

func (e *Numgen) lift(l *lifter) {
	if e.Type > 1 {
		l.keep("numgen", "a type that is not known")
		return
	}
	l.set(registerOf(e.Dreg), newLeaf(&numgenLeaf{*e}, typeInteger, orderHost, 32))
}

type numgenLeaf struct{ Numgen }

func (n *numgenLeaf) copied() leaf { return n }

func (n *numgenLeaf) looksAt() (ruleset.Field, string) {
	if n.Type == 0 {
		return "", "depends on how many packets came before"
	}
	return "", "depends on a random number"
}

func (n *numgenLeaf) comesOut() (from, count uint32) { return n.Offset, n.Modulus }

func (n *numgenLeaf) print(p *printer) {
	p.s("numgen " + [...]string{"inc", "random"}[n.Type] + " mod ")
	p.n(uint64(n.Modulus))
	if n.Offset != 0 {
		p.s(" offset ")
		p.n(uint64(n.Offset))
	}
}

// Hash loads a hash of registers, or of the packet's addresses and ports (Type:
// NFT_HASH_*), below Modulus. Len is in bytes.
type Hash struct {
	Sreg, Dreg, Len, Modulus, Seed, Offset, Type uint32
	Seeded                                       bool
}

func decodeHash(f *fields) Expr {
	return &Hash{Sreg: f.u32(1), Dreg: f.u32(2), Len: f.u32(3), Modulus: f.u32(4), Seed: f.u32(5),
		Seeded: f.has(5), Offset: f.u32(6), Type: f.u32(7)}
}

// Kind is the kernel's name of the expression.
func (e *Hash) Kind() string { return "hash" }

func (e *Hash) lift(l *lifter) {
	h := &hashLeaf{Hash: *e}
	if e.Type == 0 {
		h.of = l.get(registerOf(e.Sreg))
		if h.of != nil && uint32(h.of.bits) < e.Len*8 && e.Len <= 64 {
			h.of = l.concat(registerOf(e.Sreg), int(e.Len)*8)
		}
		if h.of == nil {
			l.keep("hash", noRegister)
			return
		}
	}
	l.set(registerOf(e.Dreg), newLeaf(h, typeInteger, orderHost, 32))
}

type hashLeaf struct {
	Hash
	of *term // nil for a symmetric hash
}

func (h *hashLeaf) copied() leaf {
	c := *h
	c.of = h.of.clone()
	return &c
}

func (h *hashLeaf) looksAt() (ruleset.Field, string) { return "", "depends on a hash" }

func (h *hashLeaf) comesOut() (from, count uint32) { return h.Offset, h.Modulus }

func (h *hashLeaf) print(p *printer) {
	if h.of == nil {
		p.s("symhash")
	} else {
		p.s("jhash ")
		p.term(h.of)
	}
	p.s(" mod ")
	p.n(uint64(h.Modulus))
	if h.Seeded {
		p.s(" seed 0x")
		p.x(uint64(h.Seed))
	}
	if h.Offset != 0 {
		p.s(" offset ")
		p.n(uint64(h.Offset))
	}
}
