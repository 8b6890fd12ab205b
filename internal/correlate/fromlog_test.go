package correlate

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

func readRules(t *testing.T, path string, fam ruleset.Family) []*ruleset.Table {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tables, err := xt.ParseSave(f, fam, ruleset.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		table.ReadAt = time.Unix(1, 0)
	}
	return tables
}

// logStream is a log as a source tells it.
type logStream struct {
	t      *testing.T
	c      *Correlator
	parser logline.Parser
	js     []*journey.Journey
	other  int // LOG lines that no journey holds
}

func newLogStream(t *testing.T, tables []*ruleset.Table) *logStream {
	s := &logStream{t: t, c: New(Options{Quiet: 3 * time.Second, MaxOpen: 1 << 16})}
	s.c.Add([]event.Event{{Kind: event.KindNamespace, Namespace: &event.Namespace{Host: "n1", Log: true}}})
	if tables != nil {
		s.c.Add([]event.Event{{Kind: event.KindRules, Rules: &event.Rules{Tables: tables}}})
	}
	return s
}

// line takes a line `[ uptime] text`.
func (s *logStream) line(text string) {
	s.t.Helper()
	stamp, text, ok := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	seconds, err := strconv.ParseFloat(strings.TrimSpace(stamp), 64)
	if !ok || err != nil {
		s.t.Fatalf("%q: no stamp", text)
	}
	e := event.Event{Kind: event.KindLine, Time: time.Unix(0, int64(seconds*1e9)), Line: &event.LogLine{Clock: event.ClockUptime}}
	if _, err := s.parser.Parse([]byte(text), e.Line); err != nil {
		s.t.Fatalf("%q: %v", text, err)
	}
	if e.Line.Trace.Table == "" && !s.c.Logged(&e) {
		s.other++
	}
	s.js = append(s.js, s.c.Add([]event.Event{e})...)
	s.js = append(s.js, s.c.Expire(e.Time)...)
}

func (s *logStream) finish() []*journey.Journey {
	s.js = append(s.js, s.c.Finish(time.Time{})...)
	return s.js
}

// TestKernelLogHitsAreTheCounters holds the rules that the journeys of a real
// kernel's TRACE lines met to the packets that those rules counted.
func TestKernelLogHitsAreTheCounters(t *testing.T) {
	dir := corpus.Path(t, "logs", "kernel")
	tables := append(readRules(t, filepath.Join(dir, "rules4.save"), ruleset.IP), readRules(t, filepath.Join(dir, "rules6.save"), ruleset.IP6)...)
	log, err := os.ReadFile(filepath.Join(dir, "legacy.dmesg.log"))
	if err != nil {
		t.Fatal(err)
	}
	s := newLogStream(t, tables)
	for line := range bytes.Lines(log) {
		s.line(string(bytes.TrimRight(line, "\n")))
	}
	js := s.finish()
	hits := map[string]int{}
	inferred, incomplete := 0, 0
	for _, j := range js {
		if j.Identity == journey.Inferred {
			inferred++
		}
		if !j.Complete {
			incomplete++
		}
		for i := range j.Steps {
			if st := &j.Steps[i]; st.Kind == journey.KindRule {
				hits[ruleName(st.Family, st.Rule.Table, st.Rule.Chain, st.Rule.Number)]++
				if st.Rule.Doubt != "" || st.Rule.Text == "" {
					t.Errorf("%s:%s:%d: %s %s", st.Rule.Table, st.Rule.Chain, st.Rule.Number, st.Rule.Doubt, st.Rule.NoText)
				}
			}
		}
	}
	want := map[string]int{}
	counters(t, filepath.Join(dir, "legacy.after4.legacy-save"), "ip", want)
	counters(t, filepath.Join(dir, "legacy.after6.legacy-save"), "ip6", want)
	if diff := cmp.Diff(want, hits); diff != "" {
		t.Error("counted (-), told (+):\n" + diff)
	}
	// Every packet passes raw once, and there none was taken off its way.
	packets := bytes.Count(log, []byte("TRACE: raw:PREROUTING:policy:")) + bytes.Count(log, []byte("TRACE: raw:OUTPUT:policy:"))
	if len(js) != packets || inferred != 0 || s.other > 3 {
		t.Errorf("%d journeys of %d packets, %d inferred, %d LOG lines beside them", len(js), packets, inferred, s.other)
	}
	t.Logf("%d incomplete", incomplete)
}

func ruleName(family, table, chain string, number int) string {
	return fmt.Sprintf("%s %s:%s:%d", family, table, chain, number)
}

// counters adds what the rules of a listing counted. The kernel never logs the rule
// whose target is TRACE itself.
func counters(t *testing.T, path, family string, into map[string]int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, number := "", map[string]int{}
	for in := bufio.NewScanner(f); in.Scan(); {
		line := in.Text()
		if name, ok := strings.CutPrefix(line, "*"); ok {
			table, number = name, map[string]int{}
		}
		if !strings.HasPrefix(line, "[") {
			continue
		}
		words := strings.Fields(line)
		packets, err := strconv.Atoi(strings.Split(strings.Trim(words[0], "[]"), ":")[0])
		if err != nil {
			t.Fatal(err)
		}
		number[words[2]]++
		if packets > 0 && !strings.HasSuffix(line, "-j TRACE") {
			into[ruleName(family, table, words[2], number[words[2]])] = packets
		}
	}
}

// tcpLine is a TRACE line of a SYN from 10.0.0.1 to a destination.
func tcpLine(uptime, place, in, out, dst string, id int) string {
	ways := "IN=" + in + " OUT=" + out
	if in != "" {
		ways += " MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00"
	}
	return fmt.Sprintf("[%s] TRACE: %s %s SRC=10.0.0.1 DST=%s LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=%d DF PROTO=TCP SPT=40000 DPT=80 SEQ=7 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 ",
		uptime, place, ways, dst, id)
}

func placesOf(j *journey.Journey) string {
	var places []string
	for i := range j.Steps {
		st := &j.Steps[i]
		switch st.Kind {
		case journey.KindNAT:
			places = append(places, "nat")
		default:
			places = append(places, fmt.Sprintf("%s:%s:%s/%s", st.Hook, st.Rule.Table, st.Rule.Chain, st.Verdict))
		}
	}
	return strings.Join(places, " ")
}

func TestLogWithoutRulesIsAmbiguous(t *testing.T) {
	s := newLogStream(t, nil)
	s.line(tcpLine("1.0", "raw:PREROUTING:policy:2", "eth0", "", "10.0.0.9", 5))
	s.line(tcpLine("1.0", "nat:PREROUTING:rule:1", "eth0", "", "10.0.0.9", 5))
	s.line(tcpLine("1.0", "nat:SVC:return:1", "eth0", "", "10.0.0.9", 5))
	s.line(tcpLine("1.1", "filter:FORWARD:rule:1", "eth0", "eth1", "10.9.0.2", 5))
	s.line(tcpLine("1.1", "filter:LOGDROP:rule:1", "eth0", "eth1", "10.9.0.2", 5))
	s.line("[1.1] dropped: IN=eth0 OUT=eth1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.0.0.1 DST=10.9.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=5 DF PROTO=TCP SPT=40000 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 ")
	s.line(tcpLine("1.1", "filter:LOGDROP:return:2", "eth0", "eth1", "10.9.0.2", 5))
	js := s.finish()
	if len(js) != 1 || s.other != 0 {
		t.Fatalf("%d journeys, %d lines beside", len(js), s.other)
	}
	j := js[0]
	want := "prerouting:raw:PREROUTING/accept prerouting:nat:PREROUTING/unknown prerouting:nat:SVC/unknown nat forward:filter:FORWARD/unknown forward:filter:LOGDROP/continue forward:filter:LOGDROP/unknown"
	if got := placesOf(j); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	last := j.Steps[len(j.Steps)-1]
	if last.Kind != journey.KindReturn || last.Rule.Doubt == "" || j.Outcome.Result != journey.ResultUnknown {
		t.Errorf("the last line, which may be a rule, is told as %s %q, and the packet as %s", last.Kind, last.Rule.Doubt, j.Outcome.Result)
	}
	if logs := j.Steps[5].Rule; logs.LogPrefix != "dropped: " || logs.Target != "LOG" {
		t.Errorf("the rule that logged is told as %q, prefix %q", logs.Target, logs.LogPrefix)
	}
	if j.Identity != journey.Certain || j.Clock != journey.ClockUptime || j.Netns != nil || j.TraceID != "" {
		t.Errorf("identity %s, clock %s, namespace %v, id %q", j.Identity, j.Clock, j.Netns, j.TraceID)
	}
}

func TestLogTellsRetransmissionsApart(t *testing.T) {
	s := newLogStream(t, nil)
	for _, at := range []string{"1.0", "2.0"} { // the same bytes: identification 0, as with DF
		s.line(tcpLine(at, "raw:PREROUTING:policy:2", "eth0", "", "10.0.0.9", 0))
		s.line(tcpLine(at, "filter:FORWARD:rule:3", "eth0", "eth1", "10.0.0.9", 0))
		s.line(tcpLine(at, "filter:USER:rule:1", "eth0", "eth1", "10.0.0.9", 0))
	}
	js := s.finish()
	if len(js) != 2 {
		t.Fatalf("%d journeys", len(js))
	}
	for _, j := range js {
		// Without rules the first may still be in the user chain that the second enters.
		if len(j.Steps) != 3 || j.Identity != journey.Inferred {
			t.Errorf("%d steps, %s", len(j.Steps), j.Identity)
		}
	}
}

// TestLogOfAlikePacketsThatAreTranslated: two flows, whose packets have the same
// identification and numbers, are on their way at once. Behind translation nothing
// tells which is which.
func TestLogOfAlikePacketsThatAreTranslated(t *testing.T) {
	s := newLogStream(t, nil)
	for _, dst := range []string{"10.0.0.9", "10.0.0.8"} {
		s.line(tcpLine("1.0", "raw:PREROUTING:policy:2", "eth0", "", dst, 0))
		s.line(tcpLine("1.0", "nat:PREROUTING:rule:1", "eth0", "", dst, 0))
	}
	for _, dst := range []string{"10.9.0.2", "10.8.0.2"} {
		s.line(tcpLine("1.1", "filter:FORWARD:rule:1", "eth0", "eth1", dst, 0))
		s.line(tcpLine("1.1", "filter:FORWARD:policy:2", "eth0", "eth1", dst, 0))
	}
	js := s.finish()
	if len(js) != 2 {
		t.Fatalf("%d journeys", len(js))
	}
	for _, j := range js {
		if j.Identity != journey.Inferred {
			t.Errorf("%s: %s", placesOf(j), j.Identity)
		}
	}
}

func TestLogThatBeginsInTheMiddleSaysSo(t *testing.T) {
	s := newLogStream(t, nil)
	s.line(tcpLine("1.0", "filter:FORWARD:rule:3", "eth0", "eth1", "10.0.0.9", 1))
	js := s.finish()
	if len(js) != 1 || js[0].Complete || len(js[0].Missing) == 0 {
		t.Errorf("%d journeys, complete %v, missing %q", len(js), js[0].Complete, js[0].Missing)
	}
}

// TestLogThatGoesBackInTime: two files of one host, the later first.
func TestLogThatGoesBackInTime(t *testing.T) {
	s := newLogStream(t, nil)
	s.line(tcpLine("5000.0", "raw:PREROUTING:policy:2", "eth0", "", "10.0.0.9", 1))
	s.line(tcpLine("100.0", "raw:PREROUTING:policy:2", "eth0", "", "10.0.0.9", 2))
	if len(s.js) != 1 {
		t.Errorf("%d journeys ended where the time went back, want the one before", len(s.js))
	}
	s.line(tcpLine("104.0", "raw:PREROUTING:policy:2", "eth0", "", "10.0.0.9", 3))
	if len(s.js) != 2 {
		t.Errorf("%d journeys ended when the time went on, want 2", len(s.js))
	}
}

// TestLogOfManyNames: interfaces and chains come and go, as those of containers do,
// and what is kept of them stays bounded.
func TestLogOfManyNames(t *testing.T) {
	s := newLogStream(t, nil)
	for i := range 3 * usualRoom {
		s.line(tcpLine(fmt.Sprintf("%d.5", i*10), fmt.Sprintf("raw:cali-%d:rule:1", i), fmt.Sprintf("veth%d", i), "", "10.0.0.9", 6))
	}
	sp := s.c.spaces[0]
	if len(sp.story.names) > usualRoom || len(sp.info.Links) > usualRoom || len(sp.chains) > usualRoom || len(sp.lineChains) > usualRoom {
		t.Errorf("%d names, %d links, %d chains, %d lines' chains are kept", len(sp.story.names), len(sp.info.Links), len(sp.chains), len(sp.lineChains))
	}
}

// TestLogKeepsNamesOfOpenPackets: what is forgotten is of no packet that is on its way.
func TestLogKeepsNamesOfOpenPackets(t *testing.T) {
	s := newLogStream(t, nil)
	s.line(tcpLine("1.0", "raw:PREROUTING:policy:2", "eth0", "", "10.0.0.9", 5))
	s.line(tcpLine("1.0", "mangle:FORWARD:rule:1", "eth0", "eth1", "10.0.0.9", 5))
	sp := s.c.spaces[0]
	sp.number("veth0")
	sp.story.room = 0
	s.line(tcpLine("1.0", "filter:FORWARD:rule:1", "eth0", "eth2", "10.0.0.9", 5))
	js := s.finish()
	if len(js) != 1 || len(js[0].Steps) != 3 || js[0].Steps[0].In != "eth0" || js[0].Steps[1].Out != "eth1" || js[0].Steps[2].Out != "eth2" {
		t.Errorf("%d journeys, %+v", len(js), js[0].Steps)
	}
	if _, kept := sp.story.names["veth0"]; kept {
		t.Error("an interface that no packet met is kept")
	}
}
