package xt

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchString looks for bytes in the packet (include/uapi/linux/netfilter/xt_string.h).
type MatchString struct {
	From, To   uint16 // offsets in bytes
	Algorithm  string // bm or kmp
	Pattern    string
	Not        bool
	IgnoreCase bool
}

func decodeString(b info, _ Env) Match {
	return MatchString{
		From: b.u16(0), To: b.u16(2), Algorithm: b.text(4, 16), Pattern: string(b[20 : 20+min(int(b.u8(148)), 128)]),
		Not: b.u8(149)&1 != 0, IgnoreCase: b.u8(149)&2 != 0,
	}
}

// Name is "string".
func (MatchString) Name() string { return "string" }

// AppendSave implements [Match].
func (m MatchString) AppendSave(dst []byte) []byte {
	if pattern, hexadecimal := m.pattern(); hexadecimal {
		dst = append(append(option(dst, m.Not, "hex-string"), ' '), pattern...)
	} else {
		dst = append(append(option(dst, m.Not, "string"), ' '), pattern...)
	}
	dst = bare(option(dst, false, "algo"), m.Algorithm)
	dst = unless(dst, uint32(m.From), 0, "from")
	dst = unless(dst, uint32(m.To), 0xffff, "to")
	if m.IgnoreCase {
		dst = option(dst, false, "icase")
	}
	return dst
}

// pattern is what is searched for in quotes, in hexadecimal where it is no text.
func (m MatchString) pattern() (text string, hexadecimal bool) {
	if strings.ContainsFunc(m.Pattern, func(c rune) bool { return c < ' ' || c > '~' }) || strings.HasSuffix(m.Pattern, `\`) {
		return fmt.Sprintf(`"|%x|"`, m.Pattern), true
	}
	return `"` + string(escaped(m.Pattern)) + `"`, false
}

// when: net/netfilter/xt_string.c searches for the pattern.
func (MatchString) when(asked) []ruleset.Condition {
	return untold("searches the packet's bytes")
}
