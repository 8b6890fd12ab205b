package logline

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/internal/wire/nflog"
)

// kernelMessages are the NFLOG messages of a recorded run.
func kernelMessages(t testing.TB, name string) []event.Log {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus.Path(t, "logs"), "kernel", name))
	if err != nil {
		t.Fatal(err)
	}
	var logs []event.Log
	for line := range strings.FieldsSeq(string(text)) {
		datagram, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(datagram); {
			m, next, ok, err := wire.Next(datagram, at)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			at = next
			if m.Type != nflog.MessageType {
				continue // the end of a batch
			}
			var l event.Log
			if err := nflog.Decode(m, &l); err != nil {
				t.Fatal(err)
			}
			logs = append(logs, l)
		}
	}
	return logs
}

// kernelLinks names the interfaces of that run.
func kernelLinks(t testing.TB, name string) func(uint32) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus.Path(t, "logs"), "kernel", name))
	if err != nil {
		t.Fatal(err)
	}
	links := map[uint32]string{}
	for _, found := range regexp.MustCompile(`(?m)^(\d+): ([^:@]+)`).FindAllSubmatch(text, -1) {
		index, _ := strconv.ParseUint(string(found[1]), 10, 32)
		links[uint32(index)] = string(found[2])
	}
	return func(index uint32) string { return links[index] }
}

// linesWith are the lines of a recorded log that have a prefix, from the prefix on.
func linesWith(t testing.TB, name, prefix string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus.Path(t, "logs"), "kernel", name))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for scan := bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); {
		if _, line, ok := strings.Cut(scan.Text(), "] "+prefix); ok {
			lines = append(lines, prefix+line)
		}
	}
	return lines
}

// TestMessage: two rules, one behind the other, logged the same packets to the
// kernel log and to NFLOG. What the messages tell is what the kernel printed.
func TestMessage(t *testing.T) {
	link, messages := kernelLinks(t, "nft.ip-addr.txt"), kernelMessages(t, "nft.nflog5.hex")
	for nflogPrefix, rule := range map[string]struct {
		prefix string
		asked  func(*event.Headers) // takes away what the rule did not ask for
	}{
		"ulog-in": {"nft-in-drop: ", func(*event.Headers) {}},
		"ulog-fwd": {"nft-fwd-pol ", func(h *event.Headers) {
			h.Has &^= event.HasSeq | event.HasTCPOptions | event.HasOptions
		}},
	} {
		lines, n, cut := linesWith(t, "nft.dmesg.log", rule.prefix), 0, 0
		for i := range messages {
			if string(messages[i].Prefix) != nflogPrefix {
				continue
			}
			if n == len(lines) {
				t.Fatalf("%s: more messages than lines", nflogPrefix)
			}
			if told(t, &messages[i], link, rule.prefix, rule.asked, lines[n]) {
				cut++
			}
			n++
		}
		t.Logf("%s: %d messages, of which %d have not the whole packet, for %d lines", nflogPrefix, n, cut, len(lines))
		if n < len(lines)-1 || n < 50 {
			t.Errorf("%s: %d messages for %d lines", nflogPrefix, n, len(lines))
		}
	}
}

// told compares a message with the line of the same packet, and tells whether
// the message had less of it.
func told(t *testing.T, m *event.Log, link func(uint32) string, prefix string, asked func(*event.Headers), want string) bool {
	t.Helper()
	var p Parser
	var l event.LogLine
	if err := p.Message(m, link, &l); err != nil {
		t.Fatal(err)
	}
	l.Prefix = prefix
	asked(&l.Headers)
	asked(&l.Quoted)
	if l.Cut == 0 {
		if got := string(Append(nil, &l)); got != want {
			t.Errorf("% x\n got %s\nwant %s", m.Payload, got, want)
		}
		return false
	}
	l.Has &^= event.HasMark | event.HasUID | event.HasGID
	if got := string(Append(nil, &l)); !strings.HasPrefix(want, strings.TrimRight(got, "] ")) {
		t.Errorf("% x\n got %s\nwant %s", m.Payload, got, want)
	}
	return true
}
