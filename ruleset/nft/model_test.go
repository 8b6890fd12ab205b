package nft

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

func TestModelMarks(t *testing.T) {
	for rule, want := range map[string]uint32{
		"meta mark set 0x1":                                           0xffffffff,
		"meta mark set meta mark | 0x4000":                            0x4000,
		"meta mark set meta mark & 0xffff00ff":                        0xff00,
		"meta mark set meta mark & 0xffffff00 | 0x1":                  0xff,
		"meta mark set meta mark xor 0xf":                             0xf,
		"meta mark set ct mark":                                       0xffffffff,
		"meta mark set tcp dport map { 22 : 0x1 }":                    0xffffffff,
		"ct mark set meta mark":                                       0,
		"meta mark 0x1 accept":                                        0,
		"meta mark set meta mark | 0x1 meta mark set meta mark | 0x2": 0x3,
	} {
		table, _ := ruleOf(t, "ip", "", rule)
		got := table.Model(&Style{}, false).Chain("c").Rules[0].Effect
		if got.MarkMask != want || got.SetsMark != (want != 0) {
			t.Errorf("%s: writes %#x, want %#x: %+v", rule, got.MarkMask, want, got)
		}
	}
}

func TestModelCounters(t *testing.T) {
	const counters = `
counter alone { packets 7 bytes 8 }
counter shared { packets 9 bytes 10 }
chain first {
	counter name "shared"
}`
	for rule, want := range map[string]*ruleset.Counter{
		"counter packets 3 bytes 4 accept":               {Packets: 3, Bytes: 4},
		"accept":                                         nil,
		`counter name "alone" accept`:                    {Packets: 7, Bytes: 8},
		`counter name "shared" accept`:                   nil,
		`counter packets 1 bytes 2 counter name "alone"`: {Packets: 1, Bytes: 2},
	} {
		table, _ := ruleOf(t, "ip", counters, rule)
		got := table.Model(&Style{}, false).Chain("c").Rules[0]
		if diff := cmp.Diff(want, got.Counter); diff != "" || got.Known || got.When != nil {
			t.Errorf("%s: %+v\n%s", rule, got, diff)
		}
	}
}
