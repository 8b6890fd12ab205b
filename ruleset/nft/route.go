package nft

import "github.com/pktrail/pktrail/ruleset"

// RT loads something of the packet's route: NFT_RT_*.
type RT struct{ Dreg, Key uint32 }

func decodeRT(f *fields) Expr { return &RT{Dreg: f.u32(1), Key: f.u32(2)} }

// Kind is the kernel's name of the expression.
func (e *RT) Kind() string { return "rt" }

func (e *RT) lift(l *lifter) {
	t := newRT(e.Key)
	if t == nil {
		l.keep("rt", "a key that is not known")
		return
	}
	l.set(registerOf(e.Dreg), t)
}

var rtKeys = [...]metaKey{
	{"classid", typeRealm, 32, orderHost}, {"ip nexthop", typeIPAddr, 32, orderBig},
	{"ip6 nexthop", typeIP6Addr, 128, orderBig}, {"mtu", typeInteger, 16, orderHost}, {"ipsec", typeBoolean, 8, orderHost},
}

func newRT(key uint32) *term {
	if int(key) >= len(rtKeys) {
		return nil
	}
	k := rtKeys[key]
	return newLeaf(rtLeaf(k.name), k.typ, k.order, k.bits)
}

type rtLeaf string

func (r rtLeaf) copied() leaf     { return r }
func (r rtLeaf) print(p *printer) { p.s("rt " + string(r)) }

// FIB looks the packet up in the routing tables (NFTA_FIB_F_*, NFT_FIB_RESULT_*).
type FIB struct{ Dreg, Result, Flags uint32 }

func decodeFIB(f *fields) Expr { return &FIB{Dreg: f.u32(1), Result: f.u32(2), Flags: f.u32(3)} }

// Kind is the kernel's name of the expression.
func (e *FIB) Kind() string { return "fib" }

func (e *FIB) lift(l *lifter) {
	t := newFIB(e.Flags, e.Result)
	if t == nil {
		l.keep("fib", "a result that is not known")
		return
	}
	l.set(registerOf(e.Dreg), t)
}

const fibPresent = 1 << 5 // NFTA_FIB_F_PRESENT

func newFIB(flags, result uint32) *term {
	results := [...]metaKey{1: {"oif", typeIfIndex, 32, 0}, 2: {"oifname", typeString, 128, 0}, 3: {"type", typeFIBAddr, 32, 0}}
	if result < 1 || int(result) >= len(results) {
		return nil
	}
	k := results[result]
	if flags&fibPresent != 0 {
		k.typ = typeBoolean
	}
	return newLeaf(&fibLeaf{flags &^ fibPresent, k.name, flags&fibPresent != 0}, k.typ, orderHost, k.bits)
}

type fibLeaf struct {
	flags   uint32
	result  string
	present bool // asks only whether there is one
}

func (f *fibLeaf) copied() leaf { return f }

// looksAt: whether there is an interface is another question than which it is.
func (f *fibLeaf) looksAt() (ruleset.Field, string) {
	if !f.present {
		return "", ""
	}
	p := printer{style: &Style{}}
	f.print(&p)
	return ruleset.Field(p.b) + " exists", ""
}

func (f *fibLeaf) print(p *printer) {
	p.s("fib ")
	left := f.flags
	for i, word := range [...]string{"saddr", "daddr", "mark", "iif", "oif"} {
		if left&(1<<i) == 0 {
			continue
		}
		p.s(word)
		if left &^= 1 << i; left != 0 {
			p.s(" . ")
		}
	}
	if left != 0 {
		p.s("0x")
		p.x(uint64(left))
	}
	p.sp(f.result)
}

// Xfrm loads something of the packet's IPsec state: NFT_XFRM_KEY_*. Direction is
// XFRM_POLICY_IN or XFRM_POLICY_OUT.
type Xfrm struct {
	Dreg, Key uint32
	Direction uint8
	Number    uint32
}

func decodeXfrm(f *fields) Expr {
	return &Xfrm{Dreg: f.u32(1), Key: f.u32(2), Direction: f.u8(3), Number: f.u32(4)}
}

// Kind is the kernel's name of the expression.
func (e *Xfrm) Kind() string { return "xfrm" }

func (e *Xfrm) lift(l *lifter) {
	t := newXfrm(e.Direction, e.Number, e.Key)
	if t == nil {
		l.keep("xfrm", "a key that is not known")
		return
	}
	l.set(registerOf(e.Dreg), t)
}

func newXfrm(dir uint8, number, key uint32) *term {
	keys := [...]metaKey{1: {"ip daddr", typeIPAddr, 32, orderBig}, 2: {"ip6 daddr", typeIP6Addr, 128, orderBig},
		3: {"ip saddr", typeIPAddr, 32, orderBig}, 4: {"ip6 saddr", typeIP6Addr, 128, orderBig},
		5: {"reqid", typeInteger, 32, orderHost}, 6: {"spi", typeInteger, 32, orderBig}}
	if key < 1 || int(key) >= len(keys) || dir > 1 {
		return nil
	}
	k := keys[key]
	return newLeaf(&xfrmLeaf{[...]string{"in", "out"}[dir], number, k.name}, k.typ, k.order, k.bits)
}

type xfrmLeaf struct {
	dir    string
	number uint32
	key    string
}

func (x *xfrmLeaf) copied() leaf { return x }

func (x *xfrmLeaf) print(p *printer) {
	p.s("ipsec " + x.dir)
	if x.number != 0 {
		p.s(" spnum ")
		p.n(uint64(x.number))
	}
	p.sp(x.key)
}
