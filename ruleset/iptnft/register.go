package iptnft

// register is what a register holds: a load from the packet or of what the
// kernel knows about it, or a value. It is never more than one mask away from that.
type register struct {
	kind   holds
	key    uint32 // NFT_META_*
	base   uint32 // NFT_PAYLOAD_*
	offset uint32 // in bytes
	length uint32 // in bytes
	data   []byte
	mask   []byte // nil for none
}

type holds uint8

const (
	holdsNothing holds = iota
	holdsMeta
	holdsPayload
	holdsValue
)

// registers are sixteen of four bytes. Those of sixteen bytes, numbered from 1,
// begin where every fourth of these does, numbered from 8 (enum nft_registers).
type registers [16]register

// at returns the register of a number, or nil.
func (r *registers) at(n uint32) *register {
	switch {
	case n >= 1 && n <= 4:
		return &r[4*(n-1)]
	case n >= 8 && n < 24:
		return &r[n-8]
	}
	return nil
}

// after returns the register so many bytes behind the begin of another.
func (r *registers) after(n uint32, distance int) *register {
	first := r.at(n)
	for i := range r {
		if &r[i] == first && i+distance/4 < len(r) {
			return &r[i+distance/4]
		}
	}
	return nil
}
