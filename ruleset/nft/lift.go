package nft

import "github.com/pktrail/pktrail/internal/wire"

// register is the number of a 32-bit register, from 1; 0 is the verdict.
type register int

const maxRegister = 20 // four of the old 128-bit ones, or sixteen of 32 bits

// registerOf translates the kernel's number: 1 to 4 are of 128 bits, from 8 on
// of 32 bits (enum nft_registers).
func registerOf(n uint32) register {
	switch {
	case n >= 1 && n <= 4:
		return register(1 + (n-1)*4)
	case n >= 8 && n < 8+maxRegister:
		return register(1 + n - 8)
	case n == 0:
		return 0
	}
	return -1
}

// stmt is one statement of a rule.
type stmt interface {
	// settle gives its terms their types by what the statements before it said
	// about the packet, and adds it to the rule.
	settle(*settler)
	print(*printer)
}

// lifter turns expressions over registers back into statements, as nft's
// src/netlink_delinearize.c does.
type lifter struct {
	table *Table
	regs  [maxRegister + 1]*term
	stmts []stmt
	raw   []byte // of the expression at hand
}

// expr runs one expression, given as its NFTA_LIST_ELEM.
func (l *lifter) expr(raw wire.Attrs) {
	f := fieldsOf(raw)
	l.raw = f[exprData]
	decodeExpr(raw).lift(l)
}

func (l *lifter) set(r register, t *term) {
	if r < 1 || r > maxRegister {
		l.keep("register", "out of range")
		return
	}
	l.regs[r] = t
}

// get is a copy of what a register holds; nil when nothing loaded it.
func (l *lifter) get(r register) *term {
	if r < 1 || r > maxRegister {
		return nil
	}
	return l.regs[r].clone()
}

func (l *lifter) add(s stmt) { l.stmts = append(l.stmts, s) }

// keep adds an expression as it is, because it cannot be said in nft's words.
func (l *lifter) keep(name, why string) {
	l.add(&unknownStmt{name: name, why: why, raw: l.raw})
}

const noRegister = "its register was not loaded"

// concat is the parts that lie in registers one after the other; nil when one
// was not loaded.
func (l *lifter) concat(r register, bits int) *term {
	all := &term{kind: kindConcat, typ: typeInvalid, bits: bits}
	for bits > 0 {
		part := l.get(r)
		if part == nil || part.bits <= 0 {
			return nil
		}
		all.list = append(all.list, part)
		bits -= paddedBits(part.bits)
		r += register(paddedBits(part.bits) / 32)
	}
	return all
}

// concatKey is concat, whose parts get the types of a set's key.
func (l *lifter) concatKey(r register, key *term) *term {
	all := l.concat(r, key.bits)
	if all == nil {
		return nil
	}
	for i, part := range all.list {
		if i < len(key.typ.parts) {
			part.setType(key.typ.parts[i], key.typ.parts[i].order)
		}
	}
	return all
}

// keyOf is what a set is asked for: one register, or several where the key is longer.
func (l *lifter) keyOf(r register, key *term) *term {
	t := l.get(r)
	if t != nil && t.bits < key.bits {
		return l.concat(r, key.bits)
	}
	return t
}

// splitLike cuts a value into the parts of a concatenation.
func splitLike(parts []*term, data *term) *term {
	all := &term{kind: kindConcat, typ: typeInvalid, bits: data.bits}
	for _, part := range parts {
		if data.bits < part.bits {
			return nil
		}
		all.list = append(all.list, data.splice(part.bits))
		data.skipPadding(part.bits)
	}
	return all
}
