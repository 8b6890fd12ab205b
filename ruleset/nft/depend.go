package nft

import "github.com/pktrail/pktrail/ruleset"

// dependencies are matches that nft adds by itself, such as `meta l4proto tcp`
// before `tcp dport 22`, and that a listing leaves out again: the last one that
// told the header of each layer (src/payload.c: struct payload_dep_ctx).
type dependencies struct {
	by       [baseInner + 2]*exprStmt
	prev     *exprStmt // the statement before, if it is a match
	icmpType uint8
}

func (d *dependencies) reset() { *d = dependencies{} }

func (d *dependencies) at(base headerBase) headerBase {
	if d.by[base] == nil && base == baseTransport && d.by[baseInner] != nil {
		return baseInner
	}
	return base
}

// get is the match that told the header of a layer; nil when there was none.
func (d *dependencies) get(base headerBase) *term {
	if s := d.by[d.at(base)]; s != nil {
		return s.e
	}
	return nil
}

// release leaves it out of the listing.
func (d *dependencies) release(base headerBase) {
	at := d.at(base)
	s := d.by[at]
	if s == nil {
		return
	}
	s.dead = true
	if d.prev == s {
		d.prev = nil
	}
	d.by[at] = nil
}

// store remembers a match that tells the header above a layer. Types of ICMP
// messages that come in pairs imply nothing.
func (d *dependencies) store(s *exprStmt, t *term, base headerBase) {
	if !d.storeICMP(t) {
		d.by[base+1] = s
	}
}

func (d *dependencies) storeICMP(t *term) (ignore bool) {
	l := t.left.payload()
	if l == nil || t.right.kind != kindValue || t.right.bits != 8 {
		return false
	}
	typ := uint8(t.right.uint())
	switch l.head {
	case headICMP:
		if typ == 0 {
			typ = icmpEcho.icmpType()
		}
		d.icmpType = typ
		return typ == icmpEcho.icmpType()
	case headICMP6:
		d.icmpType = typ
		return typ == 128 || typ == 129
	}
	return false
}

// killPayload leaves a match out that a field of a header implies.
func (d *dependencies) killPayload(fam ruleset.Family, t *term) {
	l := t.payload()
	if l.head == headUnknown {
		return
	}
	if dep := d.get(l.base); dep != nil && d.payloadImplies(fam, dep, t, l) {
		d.release(l.base)
	}
}

// payloadImplies is src/payload.c: payload_may_dependency_kill.
func (d *dependencies) payloadImplies(fam ruleset.Family, dep, t *term, l *payloadLeaf) bool {
	told := dep.left.payload()
	if told != nil && (fam == ruleset.Bridge || fam == ruleset.Netdev || fam == ruleset.Inet) {
		if told.base == baseNetwork && (told.head == headIP || told.head == headIP6) && l.base == baseTransport {
			return false
		}
		if dep.op == opEq && l.base == told.base {
			if t.protocol {
				return false
			}
			if l.base == baseLink {
				return linkImplies(dep, told)
			}
		}
	}
	if l.base != baseTransport || told == nil || told.base != baseTransport {
		return true
	}
	if told.head == headICMP || told.head == headICMP6 {
		return d.icmpImplies(told, l)
	}
	return true
}

// linkImplies: `vlan id 2` implies `ether type 8021q`, and no other type.
func linkImplies(dep *term, told *payloadLeaf) bool {
	if told.head == headVLAN {
		return false
	}
	if told.head == headEther && dep.right.kind == kindValue && dep.right.bits == 16 {
		return dep.right.uint() == etherVLAN
	}
	return true
}

func (d *dependencies) icmpImplies(told, l *payloadLeaf) bool {
	if l.field < 1 || l.field >= len(l.head.fields) {
		return false
	}
	need := l.head.fields[l.field].icmp
	return need != icmpAny && told.head == l.head && d.icmpType == need.icmpType()
}

// killExthdr leaves the match of the header out that has the option.
func (d *dependencies) killExthdr(l *exthdrLeaf) {
	switch l.op {
	case exthdrTCP:
		d.release(baseTransport)
	case exthdrIPv6, exthdrIPv4:
		d.release(baseNetwork)
	}
}

// metaImplies is src/netlink_delinearize.c: meta_may_dependency_kill. A match
// of the family is kept in tables of several families, except before ICMP of
// the other one's number.
func (d *dependencies) metaImplies(fam ruleset.Family, t *term) bool {
	dep := d.get(baseNetwork)
	if dep == nil {
		return true
	}
	told, ok := familyTold(dep)
	if !ok {
		return true
	}
	switch fam {
	case ruleset.Inet, ruleset.Netdev, ruleset.Bridge:
	case ruleset.IP, ruleset.IP6:
		return fam == told
	default:
		return true
	}
	if m := t.left.meta(); m == nil || m.key != metaL4Proto {
		return true
	}
	switch t.right.uint() {
	case protoICMPNum:
		return told != ruleset.IP6
	case protoICMP6Num:
		return told != ruleset.IP
	}
	return false
}

// familyTold is the family that a match asks for; ok is false where it asks for
// something else.
func familyTold(dep *term) (ruleset.Family, bool) {
	n := dep.right.uint()
	if m := dep.left.meta(); m != nil {
		switch m.key {
		case metaNFProto:
			return ruleset.Family(n), true
		case metaProtocol:
			return etherFamily(n), true
		}
		return 0, false
	}
	if l := dep.left.payload(); l != nil && l.base == baseLink && dep.left.typ == typeEtherType {
		return etherFamily(n), true
	}
	return 0, false
}

func etherFamily(n uint64) ruleset.Family {
	switch n {
	case etherIP:
		return ruleset.IP
	case etherIP6:
		return ruleset.IP6
	}
	return 0
}
