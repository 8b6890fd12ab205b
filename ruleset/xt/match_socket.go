package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchSocket looks for an open socket that the packet is for
// (include/uapi/linux/netfilter/xt_socket.h: XT_SOCKET_*).
type MatchSocket struct{ Flags uint8 }

func decodeSocket0(info, Env) Match    { return MatchSocket{} }
func decodeSocket(b info, _ Env) Match { return MatchSocket{b.u8(0)} }

// Name is "socket".
func (MatchSocket) Name() string { return "socket" }

// AppendSave implements [Match].
func (m MatchSocket) AppendSave(dst []byte) []byte {
	for i, name := range [...]string{"transparent", "nowildcard", "restore-skmark"} {
		if m.Flags>>i&1 != 0 {
			dst = option(dst, false, name)
		}
	}
	return dst
}

func parseSocket(a *arguments, _ Env) Match {
	var m MatchSocket
	a.plain(func(g given) bool {
		m.Flags |= 1 << a.word(g, g.name, "transparent,nowildcard,restore-skmark")
		return a.flag(g)
	})
	return m
}

// affect: with --restore-skmark the packet gets the socket's mark.
func (m MatchSocket) affect(e *ruleset.Effect, _ ruleset.Family) {
	if m.Flags&4 != 0 {
		setsMark(e, 0xffffffff)
	}
}

// when: net/netfilter/xt_socket.c looks for one.
func (MatchSocket) when(asked) []ruleset.Condition {
	return untold("depends on the sockets that are open")
}
