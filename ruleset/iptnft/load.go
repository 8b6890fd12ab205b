package iptnft

// Attributes of loads (enum nft_payload_attributes, nft_meta_attributes,
// nft_bitwise_attributes).
const (
	payloadDreg   = 1
	payloadBase   = 2
	payloadOffset = 3
	payloadLen    = 4

	metaDreg = 1
	metaKey  = 2
	metaSreg = 3

	bitwiseSreg = 1
	bitwiseDreg = 2
	bitwiseMask = 4
	bitwiseXor  = 5
	bitwiseOp   = 6
)

func (d *decoder) payload(x *expr) error {
	r := d.regs.at(x.u32(payloadDreg))
	if r == nil { // writes to the packet have no such register
		return errRegister
	}
	*r = register{kind: holdsPayload, base: x.u32(payloadBase), offset: x.u32(payloadOffset), length: x.u32(payloadLen)}
	return nil
}

func (d *decoder) meta(x *expr) error {
	if !x.has(metaDreg) {
		return d.setMeta(x)
	}
	r := d.regs.at(x.u32(metaDreg))
	if r == nil {
		return errRegister
	}
	*r = register{kind: holdsMeta, key: x.u32(metaKey)}
	return nil
}

// bitwise masks a register; iptables has no other use for it.
func (d *decoder) bitwise(x *expr) error {
	from, to := d.regs.at(x.u32(bitwiseSreg)), d.regs.at(x.u32(bitwiseDreg))
	if from == nil || to == nil || from.mask != nil || from.kind != holdsMeta && from.kind != holdsPayload {
		return errRegister
	}
	mask := x.value(bitwiseMask)
	if x.u32(bitwiseOp) != 0 || mask == nil || !zero(x.value(bitwiseXor)) {
		return errOperation
	}
	*to = *from
	to.mask = mask
	return nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
