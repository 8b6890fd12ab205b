package xt

import "github.com/pktrail/pktrail/ruleset"

// Ebt802_3 looks at the LLC header of a frame with a length
// (include/uapi/linux/netfilter_bridge/ebt_802_3.h).
type Ebt802_3 struct {
	Asked, Not uint8 // EBT_802_3_*
	SAP        uint8
	Type       uint16 // of SNAP
}

func decodeEbt802_3(b info, _ Env) Match {
	return Ebt802_3{Asked: b.u8(4), Not: b.u8(5), SAP: b.u8(0), Type: b.be16(2)}
}

// Name is "802_3".
func (Ebt802_3) Name() string { return "802_3" }

// AppendSave implements [Match].
func (m Ebt802_3) AppendSave(dst []byte) []byte {
	if m.Asked&1 != 0 {
		dst = padded(append(ebtOption(dst, "802_3-sap", m.Not&1 != 0), " 0x"...), uint32(m.SAP), 2)
	}
	if m.Asked&2 != 0 {
		dst = padded(append(ebtOption(dst, "802_3-type", m.Not&2 != 0), " 0x"...), uint32(m.Type), 4)
	}
	return dst
}

func (m Ebt802_3) parts() []Match {
	return eachBit(uint16(m.Asked), func(bit uint16) Match { m.Asked = uint8(bit); return m })
}

// when mirrors net/bridge/netfilter/ebt_802_3.c: ebt_802_3_mt, where both access
// points are compared, negated or not.
func (m Ebt802_3) when(asked) (all []ruleset.Condition) {
	if m.Asked&1 != 0 {
		all = append(all, number8(llcSource, m.SAP, m.Not&1 != 0), number8(llcDest, m.SAP, m.Not&1 != 0))
	}
	if m.Asked&2 != 0 {
		const snap = 0xaa
		all = append(all, number8(llcSource, snap, false), number8(llcDest, snap, false),
			number16(snapType, Ports{m.Type, m.Type}, m.Not&2 != 0))
	}
	return all
}

func parseEbt802_3(a *arguments, _ Env) Match {
	var m Ebt802_3
	a.each(func(g given) bool {
		bit := uint8(1)
		switch g.name {
		case "802_3-sap":
			m.SAP = uint8(a.numberOf(g, a.text(g), 16, 8))
		case "802_3-type":
			bit, m.Type = 2, uint16(a.numberOf(g, a.text(g), 16, 16))
		default:
			return false
		}
		m.Asked, m.Not = ask(m.Asked, m.Not, bit, g)
		return true
	})
	return m
}
