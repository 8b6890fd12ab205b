package source

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
)

func datagrams(t testing.TB, path string) [][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all [][]byte
	for sc := bufio.NewScanner(f); sc.Scan(); {
		d, err := hex.DecodeString(sc.Text())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// TestCorpusDecodes: every datagram of the recorded runs becomes the event that it is.
func TestCorpusDecodes(t *testing.T) {
	for name, want := range map[string]event.Kind{
		"nft.trace.hex":        event.KindTrace,
		"nft.nflog5.hex":       event.KindLog,
		"nft.conntrack.hex":    event.KindUndecoded, // not asked for by this reader
		"legacy.conntrack.hex": event.KindUndecoded,
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder()
			var events []event.Event
			for i, raw := range datagrams(t, corpus.Path(t, "logs/kernel", name)) {
				events = d.Datagram(time.Now(), 0, raw, events[:0])
				if len(events) == 0 {
					t.Fatalf("datagram %d: no event", i)
				}
				for _, e := range events {
					if e.Kind != want || want == event.KindUndecoded && e.Undecoded.Reason != "a message of a type that was not asked for" {
						t.Errorf("datagram %d: kind %d, %+v", i, e.Kind, e.Undecoded)
					}
				}
			}
		})
	}
}

// TestCorpusAgainstNft compares the trace events of a run with what `nft monitor
// trace` printed of the same run, up to the frame on which it aborted.
func TestCorpusAgainstNft(t *testing.T) {
	theirs := monitorLines(t, corpus.Path(t, "logs/kernel", "nft.nft-monitor.txt"))
	d := NewDecoder()
	var ours []string
	var events []event.Event
	for _, raw := range datagrams(t, corpus.Path(t, "logs/kernel", "nft.trace.hex")) {
		events = d.Datagram(time.Now(), 0, raw, events[:0])
		for i := range events {
			ours = append(ours, asMonitor(&events[i].Trace)...)
		}
	}
	// nft began one packet earlier.
	id := strings.Fields(ours[0])[0]
	for len(theirs) > 0 && !strings.HasPrefix(theirs[0], id) {
		theirs = theirs[1:]
	}
	if len(theirs) < 2000 {
		t.Fatalf("only %d lines to compare", len(theirs))
	}
	for i, want := range theirs {
		if ours[i] != want {
			t.Fatalf("line %d of %d:\nours %s\n nft %s", i, len(theirs), ours[i], want)
		}
	}
	t.Logf("%d lines agree", len(theirs))
}

var (
	monitorLine = regexp.MustCompile(`^trace id ([0-9a-f]{8}) (\S+) (\S+) (\S+) (packet:|rule|policy|verdict|unknown rule handle)(.*)$`)
	verdictEnd  = regexp.MustCompile(`\(verdict ([a-z ]+?)( \S+)?\)$`)
	policyEnd   = regexp.MustCompile(`^ (accept|drop) ?(?:meta mark 0x([0-9a-f]+))? ?$`)
	packetField = regexp.MustCompile(`(?:^| )(iif|oif|ether saddr|ether daddr|ip6? saddr|ip6? daddr|meta mark) "?([^" ]+)"?`)
)

// monitorLines reads nft's text into lines that asMonitor can write too.
func monitorLines(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, _, found := strings.Cut(string(raw), "nft: payload.c")
	if !found {
		t.Fatal("where nft aborted is not in the text")
	}
	lines := strings.Split(whole, "\n")
	var all []string
	for _, line := range lines[:len(lines)-1] { // the last is cut
		m := monitorLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("line %q", line)
		}
		all = append(all, strings.Join(m[1:5], " ")+" "+monitorRest(t, m[5], m[6]))
	}
	return all
}

func monitorRest(t *testing.T, kind, rest string) string {
	t.Helper()
	switch kind {
	case "packet:":
		out := "packet"
		for _, f := range packetField.FindAllStringSubmatch(rest, -1) {
			out += " " + f[1] + " " + f[2]
		}
		return out
	case "rule":
		v := verdictEnd.FindStringSubmatch(rest)
		if v == nil {
			t.Fatalf("rule without a verdict: %q", rest)
		}
		return "rule " + v[1] + v[2]
	case "policy":
		v := policyEnd.FindStringSubmatch(rest)
		if v == nil {
			t.Fatalf("policy %q", rest)
		}
		return "policy " + v[1] + " mark " + strings.TrimLeft("0"+v[2], "0")
	}
	t.Fatalf("line of kind %q", kind)
	return ""
}

// asMonitor is an event in the words of src/netlink.c: netlink_events_trace_cb.
func asMonitor(t *event.Trace) []string {
	families := map[ruleset.Family]string{
		ruleset.Inet: "inet", ruleset.IP: "ip", ruleset.IP6: "ip6", ruleset.ARP: "arp", ruleset.Netdev: "netdev",
	}
	head := fmt.Sprintf("%08x %s %s %s ", t.ID, families[t.Family], t.Table, t.Chain)
	switch t.Type {
	case event.TracePolicy:
		return []string{head + "policy " + string(t.Policy) + " mark " + strings.TrimLeft(fmt.Sprintf("%08x", t.Mark), "0")}
	case event.TraceRule:
		var lines []string
		if len(t.Link)+len(t.Network) > 0 {
			lines = append(lines, head+"packet"+packetWords(t))
		}
		if t.Handle != 0 {
			line := head + "rule " + string(t.Verdict)
			if t.Target != "" {
				line += " " + t.Target
			}
			lines = append(lines, line)
		}
		return lines
	}
	return []string{fmt.Sprintf("%stype %d", head, t.Type)}
}

func packetWords(t *event.Trace) string {
	names := map[uint32]string{1: "lo", 2: "tac0", 3: "tas0"}
	var out string
	if t.In != 0 {
		out += " iif " + names[t.In]
	}
	if t.Out != 0 {
		out += " oif " + names[t.Out]
	}
	if l := t.Link; len(l) >= 14 {
		out += fmt.Sprintf(" ether saddr %s ether daddr %s", mac(l[6:12]), mac(l[:6]))
	}
	switch n := t.Network; {
	case t.NFProto == 2 && len(n) >= 20:
		out += fmt.Sprintf(" ip saddr %s ip daddr %s", addr(n[12:16]), addr(n[16:20]))
	case t.NFProto == 10 && len(n) >= 40:
		out += fmt.Sprintf(" ip6 saddr %s ip6 daddr %s", addr(n[8:24]), addr(n[24:40]))
	case len(n) >= 20 && len(t.Link) >= 14 && t.Link[12] == 8 && t.Link[13] == 0:
		out += fmt.Sprintf(" ip saddr %s ip daddr %s", addr(n[12:16]), addr(n[16:20]))
	case len(n) >= 40 && len(t.Link) >= 14 && t.Link[12] == 0x86:
		out += fmt.Sprintf(" ip6 saddr %s ip6 daddr %s", addr(n[8:24]), addr(n[24:40]))
	}
	return out
}

func addr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func mac(b []byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5])
}
