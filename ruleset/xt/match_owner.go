package xt

import (
	"math"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchOwner looks at who owns the socket that sent the packet
// (include/uapi/linux/netfilter/xt_owner.h: XT_OWNER_*).
type MatchOwner struct {
	Ops, Not uint8
	UID, GID Span
}

func decodeOwner(b info, _ Env) Match { return MatchOwner{b.u8(16), b.u8(17), b.span(0), b.span(8)} }

// Name is "owner".
func (MatchOwner) Name() string { return "owner" }

// AppendSave implements [Match].
func (m MatchOwner) AppendSave(dst []byte) []byte {
	if m.Ops&4 != 0 {
		dst = option(dst, m.Not&4 != 0, "socket-exists")
	}
	if m.Ops&1 != 0 {
		dst = ids(option(dst, m.Not&1 != 0, "uid-owner"), m.UID)
	}
	if m.Ops&2 != 0 {
		dst = ids(option(dst, m.Not&2 != 0, "gid-owner"), m.GID)
	}
	if m.Ops&8 != 0 {
		dst = option(dst, m.Not&8 != 0, "suppl-groups")
	}
	return dst
}

func ids(dst []byte, s Span) []byte {
	dst = number(dst, s.Low)
	if s.High != s.Low {
		dst = strconv.AppendUint(append(dst, '-'), uint64(s.High), 10)
	}
	return dst
}

// parseOwner reads numbers, as iptables-save prints them; names of users and
// groups are kept as they stand.
func parseOwner(a *arguments, _ Env) Match {
	var m MatchOwner
	a.each(func(g given) bool {
		var op uint8
		switch g.name {
		case "uid-owner":
			op, m.UID = 1, a.ids(g)
		case "gid-owner":
			op, m.GID = 2, a.ids(g)
		case "socket-exists":
			op = 4
		case "suppl-groups":
			op = 8
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

func (a *arguments) ids(g given) Span {
	low, high, ranged := strings.Cut(a.text(g), "-")
	s := Span{Low: uint32(a.number(g, low, 32))}
	if s.High = s.Low; ranged {
		s.High = uint32(a.number(g, high, 32))
	}
	return s
}

// when mirrors net/netfilter/xt_owner.c: owner_mt. Who has a user has a socket.
func (m MatchOwner) when(asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.Ops&4 != 0 {
		all = append(all, number32(ruleset.SocketUID, Span{0, math.MaxUint32}, m.Not&4 != 0))
	}
	if m.Ops == 8 { // which asks nothing of a socket but that there is one
		return append(all, number32(ruleset.SocketUID, Span{0, math.MaxUint32}, false))
	}
	if m.Ops&1 != 0 {
		all = append(all, number32(ruleset.SocketUID, m.UID, m.Not&1 != 0))
	}
	if m.Ops&2 == 0 {
		return all
	}
	if m.Ops&8 == 0 {
		return append(all, number32(ruleset.SocketGID, m.GID, m.Not&2 != 0))
	}
	others := ruleset.Condition{Why: "depends on the other groups of the process"}
	return append(all, either(m.Not&2 != 0, number32(ruleset.SocketGID, m.GID, false), others))
}

func (m MatchOwner) parts() []Match {
	var parts []Match
	for _, ops := range [...]uint8{4, 1, 2 | 8} { // other groups belong to --gid-owner
		if part := m; m.Ops&ops != 0 {
			part.Ops &= ops
			parts = append(parts, part)
		}
	}
	return parts
}
