package logline

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

// FuzzParse: any line is survived; what is found to be whole is printed as a
// line that is printed as itself.
func FuzzParse(f *testing.F) {
	for _, table := range []map[string]event.LogLine{wholeLines(), wholeICMP(), wholeEbtables()} {
		for text := range table {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(traceText + "[ 1.5] " + logText))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p Parser
		for len(text) > 0 {
			var l event.LogLine
			rest, err := p.Parse(text, &l)
			if errors.Is(err, ErrNoPacket) {
				return
			}
			if Find(text) < 0 {
				t.Fatalf("%q: not found", text)
			}
			_ = Packet(&l)
			OriginOf(l.Prefix)
			if err != nil {
				if bad, ok := errors.AsType[*Error](err); !ok || bad.Offset < 0 || bad.Offset >= len(text) {
					t.Fatalf("%q: %v", text, err)
				}
				return
			}
			if len(rest) >= len(text) {
				t.Fatalf("%q: rest %q", text, rest)
			}
			if l.Cut == 0 {
				printedAgain(t, text, &l)
			}
			text = rest
		}
	})
}

func printedAgain(t *testing.T, text []byte, l *event.LogLine) {
	t.Helper()
	var p Parser
	var again event.LogLine
	printed := Append(nil, l)
	if rest, err := p.Parse(printed, &again); err != nil || len(rest) > 0 {
		t.Fatalf("%q, printed %q: %v, rest %q", text, printed, err, rest)
	}
	if twice := Append(nil, &again); !bytes.Equal(twice, printed) {
		t.Fatalf("%q, printed\n     %q\nthen %q", text, printed, twice)
	}
}

// FuzzMessage: any packet's bytes are survived, and the record is a line that is
// read as the same record.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"4500003c36bd400040060000c0000207c6336409a112005000000001000000005002fd20fb240000",
		"46000020000040004001000001020304050607089404000008000000004d0003",
		"60000000002000400000000000000000000000000000000100000000000000000000000000000002" + "2c00000000000000" + "11000001000000ab" + "0005000600100000",
		"600000000018333ffd770001000000000000000000000002fd770002000000000000000000000002ee46c71e6e1730077fa321be",
		"0001080006040001525400ccdd02c0000207000000000000c0000201",
	} {
		payload, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload, byte(familyIPv4), uint16(0x800), []byte("\x52\x54\x00\xaa\xbb\x01\x52\x54\x00\xcc\xdd\x02\x08\x00"))
		f.Add(payload, byte(familyIPv6), uint16(0x86dd), []byte{})
		f.Add(payload, byte(familyBridge), uint16(0x806), []byte{0})
	}
	f.Fuzz(func(t *testing.T, payload []byte, family byte, etherType uint16, link []byte) {
		m := event.Log{Family: family, EtherType: etherType, Prefix: []byte("x "), In: 2, LinkHeader: link, Payload: payload, Mark: 7}
		var p Parser
		var l event.LogLine
		if err := p.Message(&m, func(uint32) string { return "eth0" }, &l); err != nil {
			return
		}
		_ = Packet(&l)
		text := Append(nil, &l)
		var again event.LogLine
		if _, err := p.Parse(text, &again); err != nil {
			t.Fatalf("%x: %s: %v", payload, text, err)
		}
		if twice := Append(nil, &again); l.Cut == 0 && !bytes.Equal(bytes.TrimRight(twice, " "), bytes.TrimRight(text, " ")) {
			t.Fatalf("%x:\n     %s\nthen %s", payload, text, twice)
		}
	})
}
