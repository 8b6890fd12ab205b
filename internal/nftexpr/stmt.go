package nftexpr

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func operator(not bool) (word string, op uint32) {
	if not {
		return "!= ", unix.NFT_CMP_NEQ
	}
	return "", unix.NFT_CMP_EQ
}

// Equal holds when the field is the value, or with not when it is another. A
// value shorter than the field is compared with the field's beginning.
func Equal(f Field, v Value, not bool) Stmt {
	word, op := operator(not)
	return Stmt{f.Text + " " + word + v.Text, []Expr{f.load(unix.NFT_REG_1), compare(op, unix.NFT_REG_1, v.Bytes)}}
}

// Within holds when the field lies in the interval, or with not when it lies outside.
func Within(f Field, i Interval, not bool) Stmt {
	if i.Lo.Text == i.Hi.Text {
		return Equal(f, i.Lo, not)
	}
	word, _ := operator(not)
	s := Stmt{f.Text + " " + word + i.text(), []Expr{f.load(unix.NFT_REG_1)}}
	if not {
		s.Exprs = append(s.Exprs, outside(unix.NFT_REG_1, i.Lo.Bytes, i.Hi.Bytes))
		return s
	}
	s.Exprs = append(s.Exprs,
		compare(unix.NFT_CMP_GTE, unix.NFT_REG_1, i.Lo.Bytes),
		compare(unix.NFT_CMP_LTE, unix.NFT_REG_1, i.Hi.Bytes))
	return s
}

// Masked holds when the field and the mask give the value.
func Masked(f Field, mask, v Value, not bool) Stmt {
	word, op := operator(not)
	if !not {
		word = "== "
	}
	return Stmt{f.Text + " & " + mask.Text + " " + word + v.Text, []Expr{
		f.load(unix.NFT_REG_1), bitwise(unix.NFT_REG_1, mask.Bytes), compare(op, unix.NFT_REG_1, v.Bytes)}}
}

// AnyBit holds when at least one of the bits is set: `ct state established`.
func AnyBit(f Field, bits Value) Stmt {
	return Stmt{f.Text + " " + bits.Text, []Expr{
		f.load(unix.NFT_REG_1), bitwise(unix.NFT_REG_1, bits.Bytes),
		compare(unix.NFT_CMP_NEQ, unix.NFT_REG_1, make([]byte, len(bits.Bytes)))}}
}

// Prefix holds when the address field lies in the prefix.
func Prefix(f Field, p netip.Prefix, not bool) Stmt {
	if p.IsSingleIP() {
		return Equal(f, Addr(p.Addr()), not)
	}
	word, op := operator(not)
	mask := make([]byte, f.Size)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return Stmt{f.Text + " " + word + p.Masked().String(), []Expr{
		f.load(unix.NFT_REG_1), bitwise(unix.NFT_REG_1, mask),
		compare(op, unix.NFT_REG_1, p.Masked().Addr().AsSlice())}}
}

// HasTransport holds when the packet carries its transport header; a later
// fragment does not. It must stand before every load of 1, 2 or 4 aligned bytes
// from that header: the kernel's short cut for these takes a later fragment's
// data for the header (net/netfilter/nf_tables_core.c: nft_payload_fast_eval),
// which the long way, taken for three bytes, does not (nft_payload_eval).
func HasTransport() Stmt {
	f := Raw(Transport, 0, 3)
	return Stmt{f.Text + " >= 0x0", []Expr{
		f.load(unix.NFT_REG_1), compare(unix.NFT_CMP_GTE, unix.NFT_REG_1, make([]byte, 3))}}
}

// OneOf holds when the field lies in one of the intervals, or with not in none.
// It makes an anonymous set, whose intervals are merged where they overlap. nft lists a set of Raw values in decimal, whatever was written.
func OneOf(f Field, of []Interval, not bool) Stmt {
	merged := merge(of)
	if len(merged) == 1 {
		return Within(f, merged[0], not)
	}
	texts := make([]string, len(merged))
	for i, m := range merged {
		texts[i] = m.text()
	}
	word, _ := operator(not)
	return Stmt{f.Text + " " + word + "{ " + strings.Join(texts, ", ") + " }", []Expr{
		f.load(unix.NFT_REG_1), {Name: "lookup", set: &anonymous{field: f, elements: merged, not: not}}}}
}

// InSet holds when the fields, one after the other, are an element of the named set.
func InSet(name string, not bool, fields ...Field) Stmt {
	word, _ := operator(not)
	text, exprs := concatenate(fields)
	return Stmt{text + " " + word + "@" + name, append(exprs, lookup(name, 0, unix.NFT_REG_1, not))}
}

// Add puts the fields into the named set, unless they are there; Update starts
// their timeout again too. A timeout of zero is the set's own.
func Add(set string, timeout time.Duration, fields ...Field) Stmt {
	return dynset("add", unix.NFT_DYNSET_OP_ADD, set, timeout, fields)
}

// Update is Add that starts the timeout again for elements that are there.
func Update(set string, timeout time.Duration, fields ...Field) Stmt {
	return dynset("update", unix.NFT_DYNSET_OP_UPDATE, set, timeout, fields)
}

func dynset(word string, op uint32, set string, timeout time.Duration, fields []Field) Stmt {
	text, exprs := concatenate(fields)
	a := attrs(nil).be32(unix.NFTA_DYNSET_SREG_KEY, unix.NFT_REG_1).be32(unix.NFTA_DYNSET_OP, op)
	if timeout > 0 {
		text += " timeout " + span(timeout)
		a = a.be64(unix.NFTA_DYNSET_TIMEOUT, uint64(timeout.Milliseconds()))
	}
	a = a.text(unix.NFTA_DYNSET_SET_NAME, set)
	return Stmt{word + " @" + set + " { " + text + " }", append(exprs, Expr{Name: "dynset", attrs: a})}
}

// concatenate loads fields into registers that follow each other, each rounded
// up to 32 bits.
func concatenate(fields []Field) (string, []Expr) {
	texts := make([]string, len(fields))
	exprs := make([]Expr, len(fields))
	var word uint32
	for i, f := range fields {
		reg := uint32(unix.NFT_REG_1)
		if word > 0 {
			reg = unix.NFT_REG32_00 + word
		}
		texts[i], exprs[i] = f.Text, f.load(reg)
		word += uint32(f.Size+3) / 4
	}
	return strings.Join(texts, " . "), exprs
}

// span is a duration in nft's words.
func span(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// SetTrace starts the kernel's trace of the packet.
func SetTrace() Stmt {
	return Stmt{"meta nftrace set 1", []Expr{
		immediate(unix.NFT_REG_1, []byte{1}), metaSet(unix.NFT_META_NFTRACE, unix.NFT_REG_1)}}
}

// Counter counts packets and bytes inside the rule.
func Counter() Stmt {
	return Stmt{"counter", []Expr{{Name: "counter"}}}
}

// Limit holds for packets that the named limit lets through.
func Limit(name string) Stmt {
	return Stmt{"limit name " + quoted(name), []Expr{objref(unix.NFT_OBJECT_LIMIT, name)}}
}

// Count counts with a named counter.
func Count(name string) Stmt {
	return Stmt{"counter name " + quoted(name), []Expr{objref(unix.NFT_OBJECT_COUNTER, name)}}
}

// Verdicts: what becomes of the packet.
func Accept() Stmt   { return Stmt{"accept", []Expr{verdict(verdictAccept, "")}} }
func Drop() Stmt     { return Stmt{"drop", []Expr{verdict(verdictDrop, "")}} }
func Continue() Stmt { return Stmt{"continue", []Expr{verdict(verdictContinue, "")}} }
func Return() Stmt   { return Stmt{"return", []Expr{verdict(verdictReturn, "")}} }

// Jump goes on in a chain and comes back.
func Jump(chain string) Stmt { return Stmt{"jump " + chain, []Expr{verdict(verdictJump, chain)}} }

// Goto goes on in a chain and does not come back to this one.
func Goto(chain string) Stmt { return Stmt{"goto " + chain, []Expr{verdict(verdictGoto, chain)}} }
