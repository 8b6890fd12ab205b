package xt

import (
	"bufio"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

// ebtRecord is a table as Linux 6.12 handed it out, and as ebtables-legacy-save 2.0.11
// printed it there, with counters too.
type ebtRecord struct {
	name              string
	hooks             uint32
	entries, counters []byte
	save, counted     string
}

func ebtRecords(t testing.TB) (all []*ebtRecord) {
	t.Helper()
	f, err := os.Open("testdata/ebtables.record")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	var r *ebtRecord
	var text *string
	for in.Scan() {
		words := strings.Fields(in.Text())
		switch {
		case text != nil && in.Text() == "end":
			text = nil
		case text != nil:
			*text += in.Text() + "\n"
		case words[0] == "table":
			r = &ebtRecord{name: words[1]}
			for _, hook := range words[3] {
				r.hooks = 10*r.hooks + uint32(hook-'0')
			}
			all = append(all, r)
		case words[0] == "entries":
			r.entries = unhex(t, words[1])
		case words[0] == "counters":
			r.counters = unhex(t, words[1])
		case words[0] == "save":
			text = &r.save
		case words[0] == "csave":
			text = &r.counted
		}
	}
	if len(all) != 3 || in.Err() != nil {
		t.Fatalf("%d tables, %v", len(all), in.Err())
	}
	return all
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEbtTable: the kernel's form and the tool's text are the same rules.
func TestEbtTable(t *testing.T) {
	for _, r := range ebtRecords(t) {
		e := Env{Family: ruleset.Bridge, Names: &Names{Protocol: map[uint8]string{
			0: "ip", 1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "ipv6-icmp", 132: "sctp", 143: "ethernet",
		}}}
		table, err := ParseEbtTable(r.name, r.hooks, r.entries, r.counters, e)
		if err != nil {
			t.Fatal(err)
		}
		for counters, text := range map[bool]string{false: r.save, true: r.counted} {
			want, err := ParseTablesOf(strings.NewReader(text), r.name, ruleset.Legacy, e)
			if err != nil || len(want) != 1 {
				t.Fatalf("%s: %d tables, %v", r.name, len(want), err)
			}
			if diff := cmp.Diff(string(want[0].AppendSave(nil, counters)), string(table.AppendSave(nil, counters))); diff != "" {
				t.Errorf("%s (-text +kernel):\n%s", r.name, diff)
			}
			if counters {
				if diff := cmp.Diff(want[0].Model(true, nil), table.Model(true, nil)); diff != "" {
					t.Errorf("%s, modelled (-text +kernel):\n%s", r.name, diff)
				}
			}
		}
	}
}

// TestEbtTableWithoutCounters: what is not counted is not zero.
func TestEbtTableWithoutCounters(t *testing.T) {
	r := ebtRecords(t)[0]
	table, err := ParseEbtTable(r.name, r.hooks, r.entries, nil, Env{})
	if err != nil || !table.Chains[0].Rules[0].Uncounted {
		t.Errorf("%v", err)
	}
}

// FuzzParseEbtTable: any bytes are a table or an error.
func FuzzParseEbtTable(f *testing.F) {
	for _, r := range ebtRecords(f) {
		f.Add(r.hooks, r.entries, r.counters)
	}
	f.Fuzz(func(t *testing.T, hooks uint32, entries, counters []byte) {
		table, err := ParseEbtTable("filter", hooks, entries, counters, Env{})
		if err != nil {
			return
		}
		_ = table.AppendSave(nil, true)
		table.Model(true, nil)
	})
}
