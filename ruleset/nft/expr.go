package nft

import (
	"encoding/hex"

	"github.com/pktrail/pktrail/internal/wire"
)

// Expr is one expression of a rule as the kernel holds it
// (include/uapi/linux/netfilter/nf_tables.h). Each kind has a file: its fields,
// how they are decoded, and how it becomes part of a statement in nft's words.
type Expr interface {
	// Kind is the kernel's name of the expression.
	Kind() string
	// lift runs the expression over registers that hold terms instead of bytes.
	lift(*lifter)
}

// Attributes of an expression (enum nft_expr_attributes) and of a list of them.
const (
	exprName = 1
	exprData = 2
	listElem = 1
)

// decoders are the kinds that are known.
var decoders = map[string]func(*fields) Expr{
	"bitwise": decodeBitwise, "byteorder": decodeByteorder, "cmp": decodeCmp,
	"connlimit": decodeConnlimit, "counter": decodeCounter, "ct": decodeCT,
	"dup": decodeDup, "dynset": decodeDynset, "exthdr": decodeExthdr, "fib": decodeFIB,
	"flow_offload": decodeFlowOffload, "fwd": decodeFwd, "hash": decodeHash,
	"immediate": decodeImmediate, "last": decodeLast, "limit": decodeLimit, "log": decodeLog,
	"lookup": decodeLookup, "masq": decodeMasq, "match": decodeMatch, "meta": decodeMeta,
	"nat": decodeNAT, "notrack": decodeNotrack, "numgen": decodeNumgen, "objref": decodeObjref,
	"osf": decodeOSF, "payload": decodePayload, "queue": decodeQueue, "quota": decodeQuota,
	"range": decodeRange, "redir": decodeRedir, "reject": decodeReject, "rt": decodeRT,
	"socket": decodeSocket, "synproxy": decodeSynproxy, "target": decodeTarget,
	"tproxy": decodeTProxy, "xfrm": decodeXfrm,
}

// decodeExpr decodes one NFTA_LIST_ELEM. What is not known is an *Unknown.
func decodeExpr(raw wire.Attrs) Expr {
	f := fieldsOf(raw)
	name := f.text(exprName)
	if decode := decoders[name]; decode != nil {
		data := fieldsOf(wire.Attrs(f[exprData]))
		return decode(&data)
	}
	return &Unknown{Name: name, Raw: f[exprData]}
}

// decodeExprs decodes a list of expressions.
func decodeExprs(list wire.Attrs) (all []Expr) {
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		if a.Type == listElem {
			all = append(all, decodeExpr(wire.Attrs(a.Data)))
		}
	}
	return all
}

// Unknown is an expression of a newer kernel. Raw is its NFTA_EXPR_DATA.
type Unknown struct {
	Name string
	Raw  []byte
}

// Kind is the kernel's name of the expression.
func (u *Unknown) Kind() string { return u.Name }

func (u *Unknown) lift(l *lifter) { l.keep(u.Name, "") }

// unknownStmt stands for an expression whose meaning is not known.
type unknownStmt struct {
	name, why string
	raw       []byte
}

func (s *unknownStmt) settle(c *settler) { c.add(s) }

func (s *unknownStmt) ask(c *conditions) { c.untold(s, "an expression that is not known") }

// print marks what nft itself would leave out.
func (s *unknownStmt) print(p *printer) {
	p.s("unknown ")
	p.q(s.name)
	if s.why != "" {
		p.s(" (" + s.why + ")")
	}
	if len(s.raw) > 0 {
		p.s(" 0x" + hex.EncodeToString(s.raw))
	}
}
