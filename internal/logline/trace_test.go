package logline

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

func text(b []byte) string { return string(b) }

func TestParseTrace(t *testing.T) {
	for prefix, want := range map[string]event.TraceLine{
		"TRACE: raw:PREROUTING:policy:1 ":           {Table: "raw", Chain: "PREROUTING", Type: event.LinePolicy, Number: 1},
		"TRACE: nat:KUBE-SEP-ABCDEF:rule:12 ":       {Table: "nat", Chain: "KUBE-SEP-ABCDEF", Type: event.LineRule, Number: 12},
		"TRACE: filter:LOGDROP:return:2 ":           {Table: "filter", Chain: "LOGDROP", Type: event.LineReturn, Number: 2},
		"TRACE: filter:a:b:rule:3:rule:7 ":          {Table: "filter", Chain: "a:b:rule:3", Type: event.LineRule, Number: 7},
		"TRACE: filter:with space:rule:7 ":          {Table: "filter", Chain: "with space", Type: event.LineRule, Number: 7},
		"TRACE: filter::x:rule:7":                   {Table: "filter", Chain: ":x", Type: event.LineRule, Number: 7},
		"TRACE: filter:\xff\xfe:rule:2147483639   ": {Table: "filter", Chain: "\xff\xfe", Type: event.LineRule, Number: 2147483639},
	} {
		if got, ok := ParseTrace([]byte(prefix), text); !ok || got != want {
			t.Errorf("%q: %+v %v, want %+v", prefix, got, ok, want)
		}
	}
}

func TestParseTraceOthers(t *testing.T) {
	for _, prefix := range []string{
		"", "TRACE", "TRACE: ", "TRACE:raw:PREROUTING:rule:1", "trace: raw:PREROUTING:rule:1", " TRACE: raw:PREROUTING:rule:1 ",
		"TRACE: rule:1", "TRACE: raw:rule:1", "TRACE: :x:rule:1", "TRACE: raw::rule:1", "TRACE: raw:x:rules:1", "TRACE: raw:x:Rule:1",
		"TRACE: raw:x:rule:", "TRACE: raw:x:rule:0", "TRACE: raw:x:rule:-1", "TRACE: raw:x:rule:+1", "TRACE: raw:x:rule:1a",
		"TRACE: raw:x:rule:2147483648", "TRACE: raw:x:rule:99999999999999999999", "TRACE: raw:x:rule:1 more", "nft-in-drop: ",
	} {
		if got, ok := ParseTrace([]byte(prefix), text); ok || got.Table != "" {
			t.Errorf("%q: taken for %+v", prefix, got)
		}
	}
}

func TestParseTraceAllocates(t *testing.T) {
	prefix := []byte("TRACE: nat:KUBE-SEP-ABCDEF:rule:12 ")
	intern := func([]byte) string { return "x" }
	if n := testing.AllocsPerRun(100, func() { ParseTrace(prefix, intern) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParseTrace: what is taken for a line is what the kernel's format string
// (net/ipv4/netfilter/ip_tables.c: trace_packet) makes of what was read.
func FuzzParseTrace(f *testing.F) {
	f.Add([]byte("TRACE: filter:a:b:rule:3:rule:7 "))
	f.Add([]byte("TRACE: raw:PREROUTING:policy:1 "))
	words := map[event.LineType]string{event.LineRule: "rule", event.LineReturn: "return", event.LinePolicy: "policy"}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, ok := ParseTrace(b, text)
		if !ok {
			return
		}
		again := fmt.Sprintf("TRACE: %s:%s:%s:%d ", l.Table, l.Chain, words[l.Type], l.Number)
		if got, ok := ParseTrace([]byte(again), text); !ok || got != l {
			t.Fatalf("%q: %+v, and %q: %+v %v", b, l, again, got, ok)
		}
		if !bytes.HasPrefix(b, []byte("TRACE: "+l.Table+":"+l.Chain+":")) {
			t.Fatalf("%q: %+v", b, l)
		}
	})
}
