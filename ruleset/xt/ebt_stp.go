package xt

import "github.com/pktrail/pktrail/ruleset"

// EbtSTP looks into a BPDU of the spanning tree protocol
// (include/uapi/linux/netfilter_bridge/ebt_stp.h). Numbers are in host byte order.
type EbtSTP struct {
	Asked, Not                         uint16 // EBT_STP_*
	Type, Flags                        uint8
	RootPriority, SenderPriority, Port Ports
	RootAddr, SenderAddr               MAC
	RootCost                           Span
	MessageAge, MaxAge, HelloTime      Ports
	ForwardDelay                       Ports
}

func decodeEbtSTP(b info, _ Env) Match {
	return EbtSTP{
		Asked: b.u16(68), Not: b.u16(70), Type: b.u8(0), Flags: b.u8(4), RootPriority: b.ports(6),
		RootAddr: MAC{Addr: b.mac(10), Mask: b.mac(16)}, RootCost: b.span(24), SenderPriority: b.ports(32),
		SenderAddr: MAC{Addr: b.mac(36), Mask: b.mac(42)}, Port: b.ports(48), MessageAge: b.ports(52), MaxAge: b.ports(56),
		HelloTime: b.ports(60), ForwardDelay: b.ports(64),
	}
}

// Name is "stp".
func (EbtSTP) Name() string { return "stp" }

// AppendSave implements [Match].
func (m EbtSTP) AppendSave(dst []byte) []byte {
	names := [...]string{
		"type", "flags", "root-prio", "root-addr", "root-cost", "sender-prio", "sender-addr", "port", "msg-age", "max-age",
		"hello-time", "forward-delay",
	}
	for i, name := range names {
		if m.Asked>>i&1 != 0 {
			dst = m.appendOne(ebtOption(dst, "stp-"+name, m.Not>>i&1 != 0), name)
		}
	}
	return dst
}

func (m EbtSTP) appendOne(dst []byte, name string) []byte {
	switch name {
	case "type":
		return worded(dst, m.Type, map[uint8]string{0: "config", 0x80: "tcn"})
	case "flags":
		return worded(dst, m.Flags, map[uint8]string{1: "topology-change", 0x80: "topology-change-ack"})
	case "root-addr":
		return macMask(append(dst, ' '), m.RootAddr.Addr, m.RootAddr.Mask)
	case "sender-addr":
		return macMask(append(dst, ' '), m.SenderAddr.Addr, m.SenderAddr.Mask)
	case "root-cost":
		return reach(dst, m.RootCost.Low, m.RootCost.High)
	}
	p := map[string]Ports{
		"root-prio": m.RootPriority, "sender-prio": m.SenderPriority, "port": m.Port, "msg-age": m.MessageAge,
		"max-age": m.MaxAge, "hello-time": m.HelloTime, "forward-delay": m.ForwardDelay,
	}[name]
	return reach(dst, p.Low, p.High)
}

func worded(dst []byte, n uint8, words map[uint8]string) []byte {
	if word, ok := words[n]; ok {
		return bare(dst, word)
	}
	return number(dst, n)
}

func (m EbtSTP) parts() []Match {
	return eachBit(m.Asked, func(bit uint16) Match { m.Asked = bit; return m })
}

// when mirrors net/bridge/netfilter/ebt_stp.c: ebt_stp_mt, which takes the
// protocol's number for one byte where it has two. So what it calls the type is
// the version, which must be 0; its flags are the type, and all that comes
// behind it reads one byte too early.
func (m EbtSTP) when(asked) []ruleset.Condition {
	all := []ruleset.Condition{number8(stpVersion, 0, false)}
	if m.Asked&1 != 0 && (m.Type == 0) == (m.Not&1 != 0) {
		all = append(all, never(stpVersion))
	}
	if m.Asked&2 != 0 {
		all = append(all, number8(stpType, m.Flags, m.Not&2 != 0))
	}
	if m.Asked&^3 != 0 {
		all = append(all, untold("reads the message of the spanning tree protocol from one byte too early")...)
	}
	return all
}

func parseEbtSTP(a *arguments, _ Env) Match {
	var m EbtSTP
	a.each(func(g given) bool {
		bit, ok := oneOf(g, []string{
			"stp-type", "stp-flags", "stp-root-prio", "stp-root-addr", "stp-root-cost", "stp-sender-prio", "stp-sender-addr",
			"stp-port", "stp-msg-age", "stp-max-age", "stp-hello-time", "stp-forward-delay",
		})
		if !ok {
			return false
		}
		m.Asked, m.Not = ask(m.Asked, m.Not, 1<<bit, g)
		m.parse(a, bit, g)
		return true
	})
	return m
}

func (m *EbtSTP) parse(a *arguments, bit int, g given) {
	switch bit {
	case 0:
		m.Type = a.wordOr8(g, map[string]uint8{"config": 0, "tcn": 0x80})
	case 1:
		m.Flags = a.wordOr8(g, map[string]uint8{"topology-change": 1, "topology-change-ack": 0x80})
	case 3:
		addr := a.mac(g)
		m.RootAddr = MAC{Addr: addr.Addr, Mask: addr.Mask}
	case 4:
		m.RootCost = a.span(g, a.text(g), 32)
	case 6:
		addr := a.mac(g)
		m.SenderAddr = MAC{Addr: addr.Addr, Mask: addr.Mask}
	default:
		to := map[int]*Ports{
			2: &m.RootPriority, 5: &m.SenderPriority, 7: &m.Port, 8: &m.MessageAge, 9: &m.MaxAge, 10: &m.HelloTime, 11: &m.ForwardDelay,
		}[bit]
		*to = a.range16(g)
	}
}
