package iptnft

import (
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// ofARP is a rule that asks for addresses of Ethernet and IPv4 as arptables does,
// and for more.
func ofARP(more ...[]byte) []byte {
	return list(load(1, 0, 2), compare(equal, "\x00\x01"), load(1, 4, 1), compare(equal, "\x06"),
		load(1, 5, 1), compare(equal, "\x04"), list(more...))
}

func TestARPRules(t *testing.T) {
	plen := list(load(1, 5, 1), compare(equal, "\x04"))
	for _, c := range []struct {
		want string
		rule []byte
	}{
		{"", ofARP()},
		{"-j DROP -i eth+ -s 10.0.0.0/8 ! -d 10.1.2.3", ofARP(meta(metaIIFName), compare(equal, "eth"),
			load(1, 14, 1), compare(equal, "\x0a"), load(1, 24, 4), compare(notEqual, "\x0a\x01\x02\x03"), counted(1, 2), decides(verdictDrop, ""))},
		{"--src-mac 02:00:00:00:00:00/ff:ff:00:00:00:00 ! --dst-mac 01:00:00:00:00:00/01:00:00:00:00:00", ofARP(
			load(1, 8, 2), compare(equal, "\x02\x00"), load(1, 18, 6), mask("\x01\x00\x00\x00\x00\x00"), compare(notEqual, "\x01\x00\x00\x00\x00\x00"))},
		{"--opcode 1/15 --proto-type 0x800/0xff00", ofARP(load(1, 2, 2), mask("\xff\x00"), compare(equal, "\x08\x00"),
			load(1, 6, 2), mask("\x00\x0f"), compare(equal, "\x00\x01"))},
		{"--h-length 0/0 --h-type 0/0x0", plen}, // it asks for neither
		{"! --h-length 6 --h-type 0x18", list(load(1, 0, 2), compare(equal, "\x00\x18"), load(1, 4, 1), compare(notEqual, "\x06"), plen)},
		{"-j user", ofARP(decides(verdictJump, "user"))},
		{"-j MARK --set-mark 4", ofARP(loads(native(4)), sets(metaMark))},
		{"-j MARK --or-mark 3", ofARP(one("target", attr(xtName, "MARK\x00"), attr(xtRevision, 2), attr(xtInfo, native(3)+native(3))))},
		{"-j CLASSIFY --set-class 1:a2", ofARP(one("target", attr(xtName, "CLASSIFY\x00"), attr(xtRevision, 0), attr(xtInfo, native(0x100a2))))},
		{"-j later [revision 3: 01]", ofARP(one("target", attr(xtName, "later\x00"), attr(xtRevision, 3), attr(xtInfo, "\x01")))},
	} {
		got, err := said(ruleset.ARP, c.rule)
		if want := strings.TrimSpace("-A INPUT " + c.want); err != nil || got != want {
			t.Errorf("%q, %v\n want %q", got, err, want)
		}
	}
	for what, rule := range map[string][]byte{
		"addresses of any length": list(load(1, 0, 2), compare(equal, "\x00\x01")),
		"another length":          list(load(1, 5, 1), compare(equal, "\x10")),
		"a number below":          ofARP(load(1, 6, 2), compare(less, "\x00\x02")),
		"a number twice":          ofARP(load(1, 4, 1), compare(equal, "\x06")),
		"half a number":           ofARP(load(1, 6, 1), compare(equal, "\x00")),
		"between the fields":      ofARP(load(1, 9, 2), compare(equal, "\x00\x00")),
		"bits beside the mask":    ofARP(load(1, 8, 6), mask("\x01\x00\x00\x00\x00\x00"), compare(equal, "\x03\x00\x00\x00\x00\x00")),
		"the Ethernet header":     ofARP(load(0, 8, 2), compare(equal, "\x00\x00")),
		"the mark":                ofARP(meta(metaMark), compare(equal, native(1))),
		"a range":                 ofARP(load(1, 6, 2), within(equal, "\x00\x01", "\x00\x02")),
		"a match":                 ofARP(one("match", attr(xtName, "comment\x00"), attr(xtRevision, 0), attr(xtInfo, make([]byte, 256)))),
		"a goto":                  ofARP(decides(verdictGoto, "user")),
		"a trace":                 ofARP(loads("\x01"), sets(metaTrace)),
	} {
		if got, err := said(ruleset.ARP, rule); err == nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}
