package conntrack_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/packet"
)

// recorded are the events that a real kernel sent, one datagram each, and the
// lines that `conntrack -E` wrote of them.
func recorded(t testing.TB, name string) (events [][]byte, lines []string) {
	t.Helper()
	dir := filepath.Join(corpus.Path(t), "logs", "kernel")
	for line := range strings.Lines(string(file(t, filepath.Join(dir, name+".conntrack.hex")))) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, b)
	}
	text := bufio.NewScanner(bytes.NewReader(file(t, filepath.Join(dir, name+".conntrack-E.txt"))))
	for text.Scan() {
		lines = append(lines, text.Text())
	}
	return events, lines
}

func file(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var recordings = []string{"legacy", "nft"}

// TestRecorded: what is decoded of a kernel's events is what conntrack shows of
// them, word by word, and no attribute is left over.
func TestRecorded(t *testing.T) {
	for _, name := range recordings {
		events, lines := recorded(t, name)
		if len(events) == 0 || len(events) != len(lines) {
			t.Fatalf("%s: %d events, %d lines", name, len(events), len(lines))
		}
		var dec conntrack.Decoder
		var f conntrack.Flow
		for i, e := range events {
			if err := dec.Flow(e, &f); err != nil {
				t.Fatalf("%s %d: %v", name, i+1, err)
			}
			if len(f.Unknown) > 0 {
				t.Errorf("%s %d: left over %v", name, i+1, f.Unknown)
			}
			got, want := words(conntrack.KindOf(e), &f), strings.Fields(untimed(lines[i]))
			if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
				t.Errorf("%s %d:\ngot  %s\nwant %s", name, i+1, g, w)
			}
		}
	}
}

// untimed takes off the time of receipt and what conntrack reckons by its own clock.
func untimed(line string) string {
	line = regexp.MustCompile(`^\[[0-9.]+\]`).ReplaceAllString(line, "")
	return regexp.MustCompile(`delta-time=\S+|\[(start|stop)=[^]]*\]`).ReplaceAllString(line, "")
}

// words are those of a line of conntrack -E.
func words(k conntrack.Kind, f *conntrack.Flow) (w []string) {
	say := func(format string, args ...any) { w = append(w, strings.Fields(fmt.Sprintf(format, args...))...) }
	say("%s", map[conntrack.Kind]string{conntrack.NewFlow: "[NEW]", conntrack.UpdatedFlow: "[UPDATE]", conntrack.DestroyedFlow: "[DESTROY]"}[k])
	say("%s %d %s %d", map[packet.Family]string{packet.IPv4: "ipv4", packet.IPv6: "ipv6"}[f.Family], f.Family, protoWord(f.Orig.Proto), f.Orig.Proto)
	if f.Has&conntrack.HasTimeout != 0 {
		say("%d", f.Timeout)
	}
	if f.Has&conntrack.HasTCPState != 0 {
		say("%v", f.TCP.State)
	}
	if f.Has&conntrack.HasSCTPState != 0 {
		say("%v", f.SCTP.State)
	}
	direction(say, &f.Orig, f.CountersOrig, f.Has&conntrack.HasCountersOrig != 0)
	if f.Has&conntrack.HasStatus != 0 && f.Status&conntrack.SeenReply == 0 {
		say("[UNREPLIED]")
	}
	direction(say, &f.Reply, f.CountersReply, f.Has&conntrack.HasCountersReply != 0)
	if f.Status&conntrack.Assured != 0 {
		say("[ASSURED]")
	}
	if f.Has&conntrack.HasMark != 0 {
		say("mark=%d", f.Mark)
	}
	if f.Has&conntrack.HasID != 0 {
		say("id=%d", f.ID)
	}
	return w
}

func direction(say func(string, ...any), t *conntrack.Tuple, c conntrack.Counters, counted bool) {
	say("src=%v dst=%v", t.Src, t.Dst)
	if t.Has&conntrack.HasPorts != 0 {
		say("sport=%d dport=%d", t.SrcPort, t.DstPort)
	}
	if t.Has&conntrack.HasICMP != 0 {
		say("type=%d code=%d id=%d", t.ICMPType, t.ICMPCode, t.ICMPID)
	}
	if counted {
		say("packets=%d bytes=%d", c.Packets, c.Bytes)
	}
}

func protoWord(p uint8) string {
	switch p {
	case packet.ProtoUDPLite:
		return "udplite"
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP, packet.ProtoICMP, packet.ProtoICMPv6:
		return packet.ProtoName(p)
	}
	return "unknown"
}
