package iptnft

// Attributes of comparisons (enum nft_cmp_attributes, nft_range_attributes).
const (
	cmpSreg = 1
	cmpOp   = 2
	cmpData = 3

	rangeSreg = 1
	rangeOp   = 2
	rangeFrom = 3
	rangeTo   = 4
)

// operator is how a register is compared: NFT_CMP_*, whose first two are those
// of NFT_RANGE_* too.
type operator uint32

const (
	equal operator = iota
	notEqual
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// Layers of the packet (enum nft_payload_bases).
const (
	linkHeader      = 0
	networkHeader   = 1
	transportHeader = 2
)

// compare tells what a register is compared with.
func (d *decoder) compare(x *expr) error {
	r, data := d.regs.at(x.u32(cmpSreg)), x.value(cmpData)
	op := operator(x.u32(cmpOp))
	if r == nil || data == nil {
		return errRegister
	}
	switch {
	case r.kind == holdsMeta && d.rule.Frame != nil:
		return d.compareBridgeMeta(r, op, data)
	case r.kind == holdsMeta && d.rule.ARP != nil:
		return d.compareARPMeta(r, op, data)
	case r.kind == holdsMeta:
		return d.compareMeta(r, op, data)
	case r.kind == holdsPayload && r.mask != nil && len(r.mask) != int(r.length):
		return errOperation
	case r.kind == holdsPayload && len(data) != int(r.length):
		return errOperation
	case r.kind == holdsPayload && d.rule.Frame != nil:
		return d.compareFrame(r, op, data)
	case r.kind == holdsPayload && d.rule.ARP != nil:
		return d.compareARP(r, op, data)
	case r.kind == holdsPayload && r.base == networkHeader:
		return d.compareNetwork(r, op, data)
	case r.kind == holdsPayload && r.base == transportHeader:
		return d.compareTransport(r, op, data)
	}
	return errRegister
}

// inRange tells a range of ports.
func (d *decoder) inRange(x *expr) error {
	r, from, to := d.regs.at(x.u32(rangeSreg)), x.value(rangeFrom), x.value(rangeTo)
	op := operator(x.u32(rangeOp))
	if r == nil || d.rule.Frame != nil || d.rule.ARP != nil || r.kind != holdsPayload || r.base != transportHeader || r.mask != nil || op > notEqual {
		return errRegister
	}
	if r.length != 2 || len(from) != 2 || len(to) != 2 {
		return errOperation
	}
	return d.portRange(r.offset, span(from, to), op == notEqual)
}

// negated is whether a comparison is of the kind that "!" stands for; ok is false
// where it is neither that nor its opposite.
func (op operator) negated() (not, ok bool) { return op == notEqual, op <= notEqual }
