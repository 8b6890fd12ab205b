package xt

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
)

// EbtVLAN looks at the tag of a virtual LAN (include/uapi/linux/netfilter_bridge/ebt_vlan.h).
type EbtVLAN struct {
	Asked, Not    uint8 // EBT_VLAN_*
	ID            uint16
	Priority      uint8
	Encapsulation uint16 // the type of what is in it
}

func decodeEbtVLAN(b info, _ Env) Match {
	return EbtVLAN{Asked: b.u8(6), Not: b.u8(7), ID: b.u16(0), Priority: b.u8(2), Encapsulation: b.be16(4)}
}

// Name is "vlan".
func (EbtVLAN) Name() string { return "vlan" }

// AppendSave implements [Match].
func (m EbtVLAN) AppendSave(dst []byte) []byte {
	if m.Asked&1 != 0 {
		dst = number(ebtOption(dst, "vlan-id", m.Not&1 != 0), m.ID)
	}
	if m.Asked&2 != 0 {
		dst = number(ebtOption(dst, "vlan-prio", m.Not&2 != 0), m.Priority)
	}
	if m.Asked&4 != 0 {
		dst = fmt.Appendf(ebtOption(dst, "vlan-encap", m.Not&4 != 0), " %04X", m.Encapsulation)
	}
	return dst
}

func (m EbtVLAN) parts() []Match {
	if m.hasID() {
		m.Asked &^= 2
	}
	return eachBit(uint16(m.Asked), func(bit uint16) Match { m.Asked = uint8(bit); return m })
}

func (m EbtVLAN) hasID() bool { return m.Asked&1 != 0 && m.ID != 0 }

// when mirrors net/bridge/netfilter/ebt_vlan.c: ebt_vlan_mt, and
// ebt_vlan_mt_check, which forgets the priority where there is an identifier.
func (m EbtVLAN) when(asked) (all []ruleset.Condition) {
	if m.Asked&1 != 0 {
		all = append(all, number16(vlanID, Ports{m.ID, m.ID}, m.Not&1 != 0))
	}
	if m.Asked&2 != 0 && !m.hasID() {
		all = append(all, number8(vlanPriority, m.Priority, m.Not&2 != 0))
	}
	if m.Asked&4 != 0 {
		all = append(all, number16(vlanType, Ports{m.Encapsulation, m.Encapsulation}, m.Not&4 != 0))
	}
	return all
}

func parseEbtVLAN(a *arguments, _ Env) Match {
	var m EbtVLAN
	a.each(func(g given) bool {
		bit := uint8(1)
		switch g.name {
		case "vlan-id":
			m.ID = a.u16(g)
		case "vlan-prio":
			bit, m.Priority = 2, a.u8(g)
		case "vlan-encap":
			bit, m.Encapsulation = 4, a.etherType(g, a.text(g))
		default:
			return false
		}
		m.Asked, m.Not = ask(m.Asked, m.Not, bit, g)
		return true
	})
	return m
}
