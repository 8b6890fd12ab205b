package xt

// TargetLog writes a line to the kernel's log
// (include/uapi/linux/netfilter/xt_LOG.h: XT_LOG_*).
type TargetLog struct {
	Level, Flags uint8
	Prefix       string
}

func decodeLog(b info, _ Env) Target { return TargetLog{b.u8(0), b.u8(1), b.text(2, 30)} }

// Name is "LOG".
func (TargetLog) Name() string { return "LOG" }

// AppendSave implements [Target].
func (t TargetLog) AppendSave(dst []byte) []byte {
	if t.Prefix != "" {
		dst = quoted(option(dst, false, "log-prefix"), t.Prefix)
	}
	dst = unless(dst, uint32(t.Level), 4, "log-level")
	for _, f := range logFlags() {
		if t.Flags&f.bit != 0 {
			dst = option(dst, false, f.name)
		}
	}
	return dst
}

type logFlag struct {
	bit  uint8
	name string
}

func logFlags() [5]logFlag {
	return [...]logFlag{
		{1, "log-tcp-sequence"}, {2, "log-tcp-options"}, {4, "log-ip-options"}, {8, "log-uid"}, {0x20, "log-macdecode"},
	}
}

func parseLog(a *arguments, _ Env) Target {
	t := TargetLog{Level: 4}
	a.plain(func(g given) bool {
		switch g.name {
		case "log-prefix":
			t.Prefix = a.text(g)
			return true
		case "log-level":
			t.Level = a.logLevel(g)
			return true
		}
		for _, f := range logFlags() {
			if f.name == g.name {
				t.Flags |= f.bit
				return a.flag(g)
			}
		}
		return false
	})
	return t
}

// logLevel reads a number or a word of syslog's.
func (a *arguments) logLevel(g given) uint8 {
	words := map[string]uint8{
		"emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4, "notice": 5, "info": 6, "debug": 7,
	}
	if level, ok := words[a.text(g)]; ok {
		return level
	}
	return a.u8(g)
}
