package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchPhysdev looks at the ports of a bridge that a packet came and goes
// through (include/uapi/linux/netfilter/xt_physdev.h: XT_PHYSDEV_OP_*).
type MatchPhysdev struct {
	Ops, Not uint8
	In, Out  string
}

func decodePhysdev(b info, _ Env) Match {
	return MatchPhysdev{b.u8(65), b.u8(64), b.text(0, 16), b.text(32, 16)}
}

// Name is "physdev".
func (MatchPhysdev) Name() string { return "physdev" }

// AppendSave implements [Match].
func (m MatchPhysdev) AppendSave(dst []byte) []byte {
	if m.Ops&0x08 != 0 {
		dst = option(dst, m.Not&0x08 != 0, "physdev-is-in")
	}
	if m.Ops&0x01 != 0 {
		dst = bare(option(dst, m.Not&0x01 != 0, "physdev-in"), m.In)
	}
	if m.Ops&0x10 != 0 {
		dst = option(dst, m.Not&0x10 != 0, "physdev-is-out")
	}
	if m.Ops&0x02 != 0 {
		dst = bare(option(dst, m.Not&0x02 != 0, "physdev-out"), m.Out)
	}
	if m.Ops&0x04 != 0 {
		dst = option(dst, m.Not&0x04 != 0, "physdev-is-bridged")
	}
	return dst
}

func parsePhysdev(a *arguments, _ Env) Match {
	var m MatchPhysdev
	a.each(func(g given) bool {
		var op uint8
		switch g.name {
		case "physdev-in":
			op, m.In = 1, a.text(g)
		case "physdev-out":
			op, m.Out = 2, a.text(g)
		case "physdev-is-bridged":
			op = 4
		case "physdev-is-in":
			op = 8
		case "physdev-is-out":
			op = 16
		default:
			return false
		}
		if m.Ops |= op; g.not {
			m.Not |= op
		}
		return true
	})
	return m
}

// when mirrors net/netfilter/xt_physdev.c: physdev_mt. A packet of no bridge has
// two empty names, and then what is negated holds. One of a bridge that came in
// by no port passes --physdev-in; one that goes out by none never --physdev-out.
func (m MatchPhysdev) when(asked) []ruleset.Condition {
	not := func(op uint8) bool { return m.Not&op != 0 }
	none := ruleset.Only(ruleset.Name(""))
	some := ruleset.Range{From: ruleset.Number(1), To: whole(128).To}
	var all []ruleset.Condition
	if m.Ops&0x01 != 0 {
		out := ruleset.Condition{
			Fields: []ruleset.Field{ruleset.PhysIn, ruleset.PhysOut}, Rows: []ruleset.Row{{Ranges: []ruleset.Range{none, some}}},
		}
		all = append(all, either(false, within(ruleset.PhysIn, not(0x01), namesOf(m.In)), out))
	}
	if m.Ops&0x02 != 0 {
		all = append(all, within(ruleset.PhysOut, not(0x02), namesOf(m.Out)))
		all = append(all, either(false, within(ruleset.PhysOut, true, none), within(ruleset.PhysIn, false, none)))
	}
	if m.Ops&0x04 != 0 {
		all = append(all, within(ruleset.PhysOut, !not(0x04), none))
	}
	if m.Ops&0x08 != 0 {
		all = append(all, within(ruleset.PhysIn, !not(0x08), none))
	}
	if m.Ops&0x10 != 0 {
		all = append(all, within(ruleset.PhysOut, !not(0x10), none))
	}
	return all
}
