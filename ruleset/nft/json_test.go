package nft

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
)

const ownJSON = `{"nftables": [
 {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
 {"flush": {"ruleset": null}},
 {"add": {"table": {"family": "inet", "name": "fw"}}},
 {"set": {"family": "inet", "table": "fw", "name": "lan", "type": "ipv4_addr", "flags": ["interval"], "handle": 4,
  "elem": [{"prefix": {"addr": "10.1.0.0", "len": 16}}, {"range": ["10.3.0.1", "10.3.0.9"]}, {"elem": {"val": "10.2.0.1", "comment": "a printer"}}]}},
 {"chain": {"family": "inet", "table": "fw", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": -5, "policy": "drop"}},
 {"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 5, "comment": "replies",
  "expr": [{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}]}},
 {"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 6,
  "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@lan"}},
   {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, {"range": [8000, 8080]}]}}},
   {"limit": {"rate": 10, "burst": 20, "per": "second"}}, {"counter": {"packets": 3, "bytes": 180}}, {"log": {"prefix": "in: "}}, {"accept": null}]}}
]}`

func TestParseJSON(t *testing.T) {
	n, err := ParseJSON(strings.NewReader(ownJSON), "fw.json")
	if err != nil {
		t.Fatal(err)
	}
	const want = `table inet fw { # handle 0
	set lan { # handle 4
		type ipv4_addr
		flags interval
		elements = { 10.1.0.0/16, 10.2.0.1 comment "a printer",
			     10.3.0.1-10.3.0.9 }
	}

	chain in { # handle 1
		type filter hook input priority filter - 5; policy drop;
		ct state established,related accept comment "replies" # handle 5
		ip saddr @lan tcp dport { 22, 8000-8080 } limit rate 10/second burst 20 packets counter packets 3 bytes 180 log prefix "in: " accept # handle 6
	}
}
`
	if diff := cmp.Diff(want, string(n.AppendList(nil, &Style{Handles: true}))); diff != "" {
		t.Error(diff)
	}
}

// TestBadJSON: errors name the place in the JSON, and the rest is read.
func TestBadJSON(t *testing.T) {
	const text = `{"nftables": [
 {"table": {"family": "ip", "name": "t"}},
 {"chain": {"family": "ip", "table": "t", "name": "c"}},
 {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [
  {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dprot"}}, "right": 22}}, {"drop": null}]}},
 {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"novel": {"key": 1}}, {"drop": null}]}},
 {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"accept": null}]}},
 {"rule": {"family": "ip", "table": "none", "chain": "c", "expr": [{"accept": null}]}}
]}`
	n, err := ParseJSON(strings.NewReader(text), "bad.json")
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		t.Fatalf("error %v", err)
	}
	var lines []int
	for _, e := range joined.Unwrap() {
		var le *ruleset.LineError
		if !errors.As(e, &le) || le.File != "bad.json" || le.Column < 2 {
			t.Fatalf("error %v", e)
		}
		lines = append(lines, le.Line)
	}
	if diff := cmp.Diff([]int{5, 6, 8}, lines); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
	var rules []string
	for _, r := range n.Tables[0].Chains[0].Rules {
		rules = append(rules, n.Tables[0].Text(r, &Style{}))
	}
	if diff := cmp.Diff([]string{"tcp dprot == 22 drop", `json {"novel": {"key": 1}} drop`, "accept"}, rules); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{"", "[1, 2", `{"nftables": 3}`, `{"nftables": [{"rule": [}]}`} {
		if _, err := ParseJSON(strings.NewReader(broken), "x"); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}

// TestJSONOfNothingKnown: what is not known is told once, and makes no table.
func TestJSONOfNothingKnown(t *testing.T) {
	for text, column := range map[string]int{
		`{"nftables": [{"wat": {}}]}`:                                   15,
		`{"nftables": [{"table": {"family": "ip"}}]}`:                   25,
		`{"nftables": [{"chain": {"family": "ip", "name": "c"}}]}`:      25,
		`{"nftables": [{"set": {"table": 5, "name": "c"}}]}`:            23,
		`{"nftables": [{"delete": {"wat": {"name": "c"}}}]}`:            15,
		`{"nftables": [{"rule": {"family": "ip", "expr": [{"x":1}]}}]}`: 24,
	} {
		n, err := ParseJSON(strings.NewReader(text), "f")
		var e *ruleset.LineError
		if !errors.As(err, &e) || e.Column != column || strings.Contains(err.Error(), "\n") || len(n.Tables) > 0 {
			t.Errorf("%s: %v, %d tables", text, err, len(n.Tables))
		}
	}
}

// FuzzParseJSON: whatever is read ends, and what is understood prints as what
// reads as itself.
func FuzzParseJSON(f *testing.F) {
	f.Add(ownJSON)
	f.Add(`{"nftables": [{"add": {"rule": {"expr": [{"vmap": {"key": {"meta": {"key": "mark"}}, "data": {"set": [[1, {"jump": {"target": "c"}}]]}}}]}}}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseJSON(strings.NewReader(s), "json")
		once := string(n.AppendList(nil, &Style{}))
		again, _ := ParseRuleset(strings.NewReader(once), "text")
		if twice := string(again.AppendList(nil, &Style{})); err == nil && twice != once {
			t.Fatal(corpus.FirstDifference(twice, once))
		}
	})
}
