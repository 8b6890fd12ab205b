package logline

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

const (
	udpText = "PROTO=UDP SPT=5 DPT=6 LEN=40 "
	udpLine = "IN=eth0 OUT= " + ipv4Text + udpText
)

// TestPrefix: where the rule's text ends and the kernel's begins.
func TestPrefix(t *testing.T) {
	rule3 := event.TraceLine{Table: "raw", Chain: "PRE", Type: event.LineRule, Number: 3}
	for prefix, want := range map[string]struct {
		prefix string
		trace  event.TraceLine
	}{
		"":                                    {},
		"drop ":                               {prefix: "drop "},
		"a:b=c SRC=bad OUT=of the way ":       {prefix: "a:b=c SRC=bad OUT=of the way "},
		"IN=x OUT=y ":                         {prefix: "IN=x OUT=y "},
		"IN=x OUT=y SRC=z ":                   {prefix: "IN=x OUT=y SRC=z "},
		"DROP(src wan)":                       {prefix: "DROP(src wan)"},
		"LOGDROP":                             {prefix: "LOGDROP"},
		"[1] TTL=5 ":                          {prefix: "[1] TTL=5 "},
		"TRACE: raw:PRE:rule:3 ":              {trace: rule3},
		"TRACE: raw:PRE:rule:3":               {trace: rule3},
		"[ 12.345678] TRACE: raw:PRE:rule:3 ": {prefix: "[ 12.345678] ", trace: rule3},
		"TRACE: raw:PRE:rule: ":               {prefix: "TRACE: raw:PRE:rule: "},
	} {
		var p Parser
		var l event.LogLine
		if _, err := p.Parse([]byte(prefix+udpLine), &l); err != nil {
			t.Errorf("%q: %v", prefix, err)
		}
		if l.Prefix != want.prefix || l.Trace != want.trace || l.In != "eth0" || l.Cut != 0 {
			t.Errorf("%q: prefix %q, trace %+v, in %q, cut %d", prefix, l.Prefix, l.Trace, l.In, l.Cut)
		}
	}
}

// TestDamage: shortened, cut, wrapped and mangled lines give what they still have.
func TestDamage(t *testing.T) {
	udp := func(h *event.Headers) { h.SrcPort, h.DstPort, h.L4Length = 5, 6, 40 }
	whole := v4(packet.ProtoUDP, udpHas, udp)
	for text, want := range map[string]event.LogLine{
		"x IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 PROTO=TCP SPT=5 DPT=6 SYN": line("x ", event.Headers{
			Has: event.HasAddrs | event.HasProto | event.HasPorts | event.HasFlags, Family: packet.IPv4,
			Src: addr("192.0.2.7"), Dst: addr("198.51.100.9"), Proto: packet.ProtoTCP, SrcPort: 5, DstPort: 6, Flags: packet.SYN,
		}, func(l *event.LogLine) { l.Cut, l.Form = event.CutGaps|event.CutTail, event.FormTrimmed }),
		"IN=eth0 SRC=192.0.2.7 DST=198.51.100.9 PROTO=ICMP TYPE=8 ": line("", event.Headers{
			Has: event.HasAddrs | event.HasProto | event.HasICMP, Family: packet.IPv4,
			Src: addr("192.0.2.7"), Dst: addr("198.51.100.9"), Proto: packet.ProtoICMP, ICMPType: 8,
		}, func(l *event.LogLine) { l.Has, l.Cut = event.HasIn, event.CutGaps|event.CutTail }),
		"28 ID=4711 DF " + udpText: {
			Cut: event.CutHead, Rest: []byte("28"), Headers: event.Headers{
				Has: event.HasID | event.HasDF | event.HasProto | udpHas, Family: packet.IPv4, ID: 4711, Proto: packet.ProtoUDP,
				SrcPort: 5, DstPort: 6, L4Length: 40,
			},
		},
		"DROP SRC=192.0.2.7 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=4711 " + udpText: {
			Prefix: "DROP ", Cut: event.CutHead, Headers: whole,
		},
		"IN=eth0 OUT= MAC=52:54:00:aa":                      line("", event.Headers{}, cutMAC("52:54:00:aa")),
		"IN=eth0 OUT=":                                      line("", event.Headers{}, cutTail),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=UDP SPT=5 DP":   line("", v4(packet.ProtoUDP, 0, func(h *event.Headers) { h.SrcPort = 5 }), cutRest("DP")),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=UDP SPT=5 DPT=": line("", v4(packet.ProtoUDP, 0, func(h *event.Headers) { h.SrcPort = 5 }), cutRest("DPT=")),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=UD":             line("", v4(0, 0, func(h *event.Headers) { h.Has &^= event.HasProto }), cutRest("PROTO=UD")),
		"IN=eth0 OUT= " + ipv4Text + "DF PR   OTO=UDP SPT=5   DPT=6 LEN=40": line("", v4(packet.ProtoUDP, udpHas|event.HasDF, udp),
			func(l *event.LogLine) { l.Form = event.FormSpaced | event.FormTrimmed }),
		strings.NewReplacer("60 TOS", "60TOS", "64 ID", "64ID", "5 DPT", "5DPT").Replace(udpLine): line("", whole,
			func(l *event.LogLine) { l.Form = event.FormSpaced }),
		"IN=eth0\u00a0OUT=\u00a0" + ipv4Text + udpText: line("", whole, func(l *event.LogLine) { l.Form = event.FormSpaced }),
		"IN=OUT=eth1 " + ipv4Text + udpText:            line("", whole, func(l *event.LogLine) { l.In, l.Out = "", "eth1" }),
		"IN=eth0 OUT= " + ipv4Text + "foo NEW=1 " + udpText + "bar": line("", whole,
			func(l *event.LogLine) { l.Rest = []byte("foo NEW=1 bar") }),
		"IN=eth0 OUT= MAC= " + strings.Replace(ipv4Text, "TOS=0x00", "TOS=00", 1) + udpText + "MARK=0": line("", whole, func(l *event.LogLine) {
			l.Has |= event.HasMAC | event.HasMark
			l.MAC, l.Form = []byte{}, event.FormLOGEMU|event.FormTrimmed
		}),
		"IN=eth0 OUT= SRC=2001:db8::1 DST=2001:db8::2 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 " + udpText: line(
			"", v6(packet.ProtoUDP, udpHas, udp), func(l *event.LogLine) { l.Form = event.FormCompressed }),
	} {
		var p Parser
		var got event.LogLine
		if rest, err := p.Parse([]byte(text), &got); err != nil || len(rest) > 0 {
			t.Errorf("%s: %v, rest %q", text, err, rest)
		}
		if diff := cmp.Diff(want, got, byValue); diff != "" {
			t.Errorf("%s: -want +got\n%s", text, diff)
		}
		if Find([]byte(text)) < 0 {
			t.Errorf("%s: not found", text)
		}
	}
}

func cutTail(l *event.LogLine) { l.Cut, l.Form = event.CutTail, event.FormTrimmed }

func cutRest(rest string) func(*event.LogLine) {
	return func(l *event.LogLine) { l.Cut, l.Rest = event.CutTail, []byte(rest) }
}

func cutMAC(mac string) func(*event.LogLine) {
	return func(l *event.LogLine) {
		cutTail(l)
		l.Has |= event.HasMAC
		l.MAC = []byte(mac)
	}
}

// TestMerged: a second line in the first is handed back.
func TestMerged(t *testing.T) {
	for _, between := range []string{
		"[ 12.345678] ", "<4>[ 12.345678] drop: ", "Mar 15 20:55:15 host kernel: [1.2] TRACE: raw:PRE:rule:3 ", "DROP(src wan)", "",
	} {
		for _, first := range []string{udpLine, strings.TrimSpace(udpLine), udpLine[:len(udpLine)-len("0 ")], "IN=eth0 OUT= SRC=192.0.2.7 DST=198.5"} {
			text := first + between + udpLine
			if between == "" && !strings.HasSuffix(first, " ") || between == "DROP(src wan)" && !strings.HasSuffix(first, " ") {
				continue // nothing tells where one ends
			}
			var p Parser
			var l event.LogLine
			rest, err := p.Parse([]byte(text), &l)
			if err != nil || string(rest) != between+udpLine {
				t.Errorf("%s:\n rest %q\n want %q, %v", text, rest, between+udpLine, err)
			}
			if l.In != "eth0" || l.Headers.Src != addr("192.0.2.7") {
				t.Errorf("%s: %+v", text, l)
			}
		}
	}
}

// TestMergedTail: the end of one line and the whole of another.
func TestMergedTail(t *testing.T) {
	var p Parser
	var l event.LogLine
	rest, err := p.Parse([]byte("L=51 ID=4711 DF "+udpText+"[ 12.345678] drop: "+udpLine), &l)
	if err != nil || string(rest) != "[ 12.345678] drop: "+udpLine {
		t.Errorf("rest %q, %v", rest, err)
	}
	if l.Cut != event.CutHead || l.Headers.DstPort != 6 || string(l.Rest) != "L=51" {
		t.Errorf("%+v", l)
	}
}

// TestErrors: a word that cannot be read is told, with what was read before it.
func TestErrors(t *testing.T) {
	for word, want := range map[string]string{
		"TTL=abc":                        `"TTL=abc": want a number from 0 to 255`,
		"TTL=256":                        `"TTL=256": want a number from 0 to 255`,
		"PROTO=TCP SPT=99999":            `"SPT=99999": want a number from 0 to 65535`,
		"PROTO=TCP SPT=80x":              `"SPT=80x": want a value that ends here`,
		"PROTO=TCP SEQ=4294967296 ACK=0": `"SEQ=4294967296": want a number from 0 to 4294967295`,
		"PROTO=FOO":                      `"PROTO=FOO": want a protocol's name or a number from 0 to 255`,
		"PROTO=256":                      `"PROTO=256": want a number from 0 to 255`,
		"FRAG:8192":                      `"FRAG:8192": want a number from 0 to 8191`,
		"OPT (xy)":                       `"OPT": want options in hexadecimal, at most 40 bytes`,
		"MARK=0xg":                       `"MARK=0xg": want a hexadecimal number`,
		"PROTO=ICMP GATEWAY=1.2.3.400":   `"GATEWAY=1.2.3.400": want an IPv4 or IPv6 address`,
		"PROTO=TCP INCOMPLETE [5 words]": `"INCOMPLETE": want [n bytes]`,
	} {
		var p Parser
		var l event.LogLine
		before := "IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=60 "
		_, err := p.Parse([]byte(before+word+" more"), &l)
		bad, ok := errors.AsType[*Error](err)
		if !ok || bad.Reason != want || bad.Offset < len(before) {
			t.Errorf("%s: %v", word, err)
			continue
		}
		if rest := (before + word + " more")[bad.Offset:]; string(l.Rest) != rest || l.Headers.Length != 60 {
			t.Errorf("%s: rest %q, want %q", word, l.Rest, rest)
		}
	}
}

func TestNoPacket(t *testing.T) {
	for _, text := range []string{
		"", "=", "IN=", "OUT=", "IN=eth0", "usb 1-1: new device", "uid=0 UID=0", "PATH=/bin:/usr/bin HOME=/root",
		"TYPE=x ID=1", "ID=1 LEN=2 SEQ=3 ACK=4", "SRC=nowhere", "TTL=64", "DST=192.0.2.1",
		"TRACE: raw:PRE:rule:3", "audit: IN=eth0 UID=0", "\x00\xff\x00=\xff",
	} {
		var p Parser
		l := event.LogLine{Prefix: "x"}
		if _, err := p.Parse([]byte(text), &l); !errors.Is(err, ErrNoPacket) || l.Prefix != "" {
			t.Errorf("%q: %v %+v", text, err, l)
		}
	}
}

// TestCutAnywhere: wherever a whole line is cut, what is left is read without an
// error and marked, and Find sees all but the shortest pieces.
func TestCutAnywhere(t *testing.T) {
	var p Parser
	var l event.LogLine
	for _, table := range []map[string]event.LogLine{wholeLines(), wholeICMP(), wholeEbtables()} {
		for text := range table {
			for i := range text {
				for _, piece := range []string{text[:i], text[i:]} {
					_, err := p.Parse([]byte(piece), &l)
					if err != nil && !errors.Is(err, ErrNoPacket) {
						t.Errorf("%s: %v", piece, err)
					}
					if err == nil && Find([]byte(piece)) < 0 {
						t.Errorf("%s: read, and not found", piece)
					}
				}
			}
		}
	}
}

// TestBothWays: the usual shapes are read the same word by word.
func TestBothWays(t *testing.T) {
	var p Parser
	for _, table := range []map[string]event.LogLine{wholeLines(), wholeICMP()} {
		for text := range table {
			var atOnce, byWord event.LogLine
			slow := bytes.ReplaceAll([]byte(text), []byte(" SRC="), []byte("  SRC="))
			slow = bytes.ReplaceAll(slow, []byte(" MAC="), []byte("  MAC="))
			if _, err := p.Parse([]byte(text), &atOnce); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Parse(slow, &byWord); err != nil {
				t.Errorf("%s: %v", slow, err)
			}
			byWord.Form &^= event.FormSpaced
			if diff := cmp.Diff(atOnce, byWord, byValue); diff != "" {
				t.Errorf("%s: -at once +by word\n%s", text, diff)
			}
		}
	}
}

func TestParseAllocates(t *testing.T) {
	var p Parser
	var l event.LogLine
	for _, text := range []string{logText, traceText, ipv6Text} {
		line := []byte(text)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := p.Parse(line, &l); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
	text := []byte(nil)
	if n := testing.AllocsPerRun(100, func() { text = Append(text[:0], &l) }); n != 0 {
		t.Errorf("Append: %v allocations", n)
	}
}
