package xt

import "github.com/pktrail/pktrail/ruleset"

// EbtLog writes a line to the kernel's log and goes on: what ebtables calls a
// watcher (include/uapi/linux/netfilter_bridge/ebt_log.h).
type EbtLog struct {
	Level  uint8
	Flags  uint32 // EBT_LOG_*
	Prefix string
}

func decodeEbtLog(b info, _ Env) Match { return EbtLog{b.u8(0), b.u32(32), b.text(1, 30)} }

// Name is "log".
func (EbtLog) Name() string { return "log" }

// AppendSave implements [Match].
func (m EbtLog) AppendSave(dst []byte) []byte {
	dst = ebtOption(dst, "log-level", false)
	words := [...]string{"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}
	if int(m.Level) < len(words) {
		dst = bare(dst, words[m.Level])
	} else {
		dst = number(dst, m.Level)
	}
	if m.Prefix != "" {
		dst = append(append(append(ebtOption(dst, "log-prefix", false), ` "`...), m.Prefix...), '"')
	}
	for _, f := range ebtLogFlags() {
		if m.Flags&f.bit != 0 {
			dst = ebtOption(dst, f.name, false)
		}
	}
	return dst
}

type ebtLogFlag struct {
	bit  uint32
	name string
}

func ebtLogFlags() []ebtLogFlag { return []ebtLogFlag{{1, "log-ip"}, {2, "log-arp"}, {8, "log-ip6"}} }

func parseEbtLog(a *arguments, _ Env) Match {
	m := EbtLog{Level: 5}
	a.plain(func(g given) bool {
		switch g.name {
		case "log":
			return a.flag(g)
		case "log-level":
			m.Level = a.logLevel(g)
			return true
		case "log-prefix":
			m.Prefix = a.text(g)
			return true
		}
		for _, f := range ebtLogFlags() {
			if f.name == g.name {
				m.Flags |= f.bit
				return a.flag(g)
			}
		}
		return false
	})
	return m
}

func (EbtLog) when(asked) []ruleset.Condition { return nil }

// EbtNFLog hands the frame to listeners of nfnetlink_log and goes on
// (include/uapi/linux/netfilter_bridge/ebt_nflog.h).
type EbtNFLog struct {
	Prefix           string
	Group, Threshold uint16
	Length           uint32
}

func decodeEbtNFLog(b info, _ Env) Match {
	return EbtNFLog{b.text(12, 64), b.u16(4), b.u16(6), b.u32(0)}
}

// Name is "nflog".
func (EbtNFLog) Name() string { return "nflog" }

// AppendSave implements [Match].
func (m EbtNFLog) AppendSave(dst []byte) []byte {
	if m.Prefix != "" {
		dst = append(append(append(ebtOption(dst, "nflog-prefix", false), ` "`...), m.Prefix...), '"')
	}
	dst = unless(dst, uint32(m.Group), 0, "nflog-group")
	dst = unless(dst, m.Length, 0, "nflog-range")
	return unless(dst, uint32(m.Threshold), 1, "nflog-threshold")
}

func parseEbtNFLog(a *arguments, _ Env) Match {
	m := EbtNFLog{Group: 1, Threshold: 1}
	a.plain(func(g given) bool {
		switch g.name {
		case "nflog":
			return a.flag(g)
		case "nflog-group":
			m.Group = a.u16(g)
		case "nflog-prefix":
			m.Prefix = a.text(g)
		case "nflog-range":
			m.Length = a.u32(g)
		case "nflog-threshold":
			m.Threshold = a.u16(g)
		default:
			return false
		}
		return true
	})
	return m
}

func (EbtNFLog) when(asked) []ruleset.Condition { return nil }

// EbtLimit is [MatchLimit] in the words of ebtables, which always say the burst.
type EbtLimit struct{ MatchLimit }

func decodeEbtLimit(b info, _ Env) Match { return EbtLimit{MatchLimit{b.u32(0), b.u32(4)}} }

// AppendSave implements [Match].
func (m EbtLimit) AppendSave(dst []byte) []byte {
	dst, _ = appendRate(option(dst, false, "limit"), uint64(m.Period), 10_000)
	return number(option(dst, false, "limit-burst"), m.Burst)
}

func parseEbtLimit(a *arguments, e Env) Match {
	m, _ := parseLimit(a, e).(MatchLimit)
	return EbtLimit{m}
}
