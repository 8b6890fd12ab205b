package xt

import "strconv"

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
