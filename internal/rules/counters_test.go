package rules_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// hits is what was hit, a line for each rule, and the counts.
func hits(h *rules.Hits) (lines []string) {
	for _, r := range h.Rules {
		lines = append(lines, fmt.Sprintf("%s %d %d/%d %.1f/s %s", r.Chain, r.Number, r.Packets, r.Bytes, r.PacketsPerSecond, r.Text))
	}
	return append(lines, fmt.Sprintf("hit %d quiet %d uncounted %d came %d went %d zeroed %d", h.Hit, h.Quiet, h.Uncounted, h.Came, h.Went, h.Zeroed))
}

func TestHitsOfLegacyRules(t *testing.T) {
	before := tables(t, ruleset.Legacy, `
*filter
:INPUT ACCEPT
[5:500] -A INPUT -s 10.0.0.1/32 -j ACCEPT
[7:700] -A INPUT -j LOG
[9:900] -A INPUT -j LOG
[3:300] -A INPUT -s 10.0.0.2/32 -j DROP`)
	// A rule was put before the others, one went, one was set back.
	after := tables(t, ruleset.Legacy, `
*filter
:INPUT ACCEPT
[2:80] -A INPUT -s 10.0.0.9/32 -j DROP
[25:2500] -A INPUT -s 10.0.0.1/32 -j ACCEPT
[7:700] -A INPUT -j LOG
[4:400] -A INPUT -j LOG`)
	began := time.Unix(1000, 0)
	h := rules.LookAt(after, began.Add(10*time.Second)).Since(rules.LookAt(before, began))
	want := []string{
		"INPUT 2 20/2000 2.0/s -A INPUT -s 10.0.0.1/32 -j ACCEPT",
		"INPUT 4 4/400 0.4/s -A INPUT -j LOG",
		"INPUT 1 2/80 0.2/s -A INPUT -s 10.0.0.9/32 -j DROP",
		"hit 3 quiet 2 uncounted 0 came 1 went 1 zeroed 1",
	}
	if diff := cmp.Diff(want, hits(h)); diff != "" {
		t.Error(diff)
	}
}

func TestHitsByHandle(t *testing.T) {
	look := func(packets uint64, numbers ...int) []*ruleset.Table {
		c := &ruleset.Chain{Name: "in", Base: base(ruleset.Input, 0, "filter"), Policy: ruleset.Drop}
		for i, n := range numbers {
			r := ruleset.Rule{Number: i + 1, Handle: uint64(n), Text: "accept"}
			if n != 4 {
				r.Counter = &ruleset.Counter{Packets: packets * uint64(n), Bytes: 1}
			}
			c.Rules = append(c.Rules, r)
		}
		return []*ruleset.Table{native(ruleset.Inet, "f", c)}
	}
	began := time.Unix(1000, 0)
	h := rules.LookAt(look(3, 5, 4, 3), began.Add(time.Second)).Since(rules.LookAt(look(1, 3, 4, 5), began))
	want := []string{"in 1 10/0 10.0/s accept", "in 3 6/0 6.0/s accept", "hit 2 quiet 0 uncounted 1 came 0 went 0 zeroed 0"}
	if diff := cmp.Diff(want, hits(h)); diff != "" {
		t.Error(diff)
	}
}
