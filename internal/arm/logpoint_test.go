package arm

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/ruleset"
)

// someTables has a base chain of each kind.
func someTables() []*ruleset.Table {
	table := func(f ruleset.Family, name string, chains ...*ruleset.Chain) *ruleset.Table {
		return &ruleset.Table{TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: f, Name: name}, Chains: chains}
	}
	chain := func(name, kind string, hook ruleset.Hook, priority int32, devices ...string) *ruleset.Chain {
		return &ruleset.Chain{Name: name, Base: &ruleset.Base{Hook: hook, Priority: priority, Type: kind, Device: devices}}
	}
	return []*ruleset.Table{
		table(ruleset.Inet, "fw", chain("in", "filter", ruleset.Input, 0), chain("lowest", "filter", ruleset.Output, math.MinInt32), chain("highest", "filter", ruleset.Output, math.MaxInt32), &ruleset.Chain{Name: "user"}),
		table(ruleset.IP, "nat", chain("pre", "nat", ruleset.Prerouting, -90), chain("post", "nat", ruleset.Postrouting, 120)),
		table(ruleset.IP6, "fw", chain("in", "filter", ruleset.Input, 7)),
		table(ruleset.Bridge, "br", chain("fwd", "filter", ruleset.Forward, -200)),
		table(ruleset.Netdev, "dev", chain("in", "filter", ruleset.Ingress, 10, "eth0", "eth1")),
		table(ruleset.Inet, "dev", chain("ing", "filter", ruleset.Ingress, 10, "eth0")),
	}
}

func TestLogPoints(t *testing.T) {
	for word, want := range map[string]string{
		"raw/PREROUTING":   "raw/PREROUTING inet prerouting -301 -299",
		"mangle/FORWARD":   "mangle/FORWARD inet forward -151 -149",
		"nat/PREROUTING":   "nat/PREROUTING inet prerouting -101 -99 nat",
		"nat/INPUT":        "nat/INPUT inet input 99 101 nat",
		"filter/INPUT":     "filter/INPUT inet input -1 1",
		"security/OUTPUT":  "security/OUTPUT inet output 49 51",
		"forward:-150":     "forward:-150 inet forward -151 -149",
		"input:filter":     "input:filter inet input -1 1",
		"output:raw+5":     "output:raw+5 inet output -296 -294",
		"output:srcnat-10": "output:srcnat-10 inet output 89 91",
		"prerouting":       "prerouting inet prerouting -500 300",
		"inet/fw/in":       "inet/fw/in inet input -1 1",
		"ip6/fw/in":        "ip6/fw/in ip6 input 6 8",
		"nat/pre":          "nat/pre ip prerouting -101 -99 nat",
		"ip/nat/post":      "ip/nat/post ip postrouting 99 101 nat",
		"br/fwd":           "br/fwd bridge forward -201 -199",
		"netdev/dev/in":    "netdev/dev/in netdev ingress 9 11 eth0,eth1",
		"inet/dev/ing":     "inet/dev/ing netdev ingress 9 11 eth0",
		"fw/lowest":        "fw/lowest inet output -2147483648 -2147483647",
		"output":           "output inet output -2147483648 2147483647",
	} {
		before, err := LogPoints([]string{word}, Before, someTables())
		if err != nil {
			t.Error(err)
			continue
		}
		after, err := LogPoints([]string{word}, After, someTables())
		if err != nil {
			t.Fatal(err)
		}
		p := before[0]
		got := fmt.Sprintf("%s %s %s %d %d", p.Name, p.Family, p.Hook, p.Priority, after[0].Priority)
		if p.NAT {
			got += " nat"
		}
		if len(p.Devices) > 0 {
			got += " " + strings.Join(p.Devices, ",")
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", word, got, want)
		}
	}
	all, err := LogPoints([]string{"all", "forward", "input:-499"}, Before, nil)
	if err != nil || len(all) != 5 {
		t.Errorf("the same places again: %v, %v", all, err)
	}
}

func TestLogPointsRefused(t *testing.T) {
	for word, want := range map[string]string{
		"":                     "no such place",
		"PREROUTING":           "no such place",
		"ingress":              "a device's",
		"input:":               "is not a priority",
		"input:raw+":           "is not a priority",
		"input:99999999999":    "is not a priority",
		"input:raw-2147483647": "is not a priority",
		"raw/FORWARD":          "it has PREROUTING, OUTPUT",
		"filter/DOCKER-USER":   "no such chain here",
		"fw/in":                "write one of inet/fw/in, ip6/fw/in",
		"inet/fw/user":         "--legacy",
		"inet/fw/none":         "no such chain here",
		"/":                    "no such chain here",
	} {
		_, err := LogPoints([]string{word}, Before, someTables())
		var wrong *match.Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Problem+" "+wrong.Hint, want) || wrong.Hint == "" {
			t.Errorf("%q: %+v, want %q", word, err, want)
		}
	}
}

func FuzzLogPoints(f *testing.F) {
	for _, word := range []string{"all", "raw/PREROUTING", "input:raw+5", "inet/fw/in", "forward:-150", "a/b/c"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		for _, side := range []Side{Before, After} {
			points, err := LogPoints([]string{word}, side, someTables())
			if (err == nil) != (len(points) > 0) {
				t.Fatalf("%q: %v, %v", word, points, err)
			}
			if legacy, err := LegacyPoints([]string{word}); err == nil && (legacy[0].Table == "" || legacy[0].Chain == "") {
				t.Fatalf("%q: %+v", word, legacy)
			}
		}
	})
}

func TestPointOf(t *testing.T) {
	p := &Plan{Name: "pktrail-1a2b3c4d", Points: make([]LogPoint, 3)}
	for i := range p.Points {
		if got, ok := p.PointOf([]byte(p.prefix(i))); !ok || got != i {
			t.Errorf("%s is point %d, %v", p.prefix(i), got, ok)
		}
	}
	for _, prefix := range []string{"", "1", "pktrail-1a2b3c4d", "pktrail-1a2b3c4d:", "pktrail-1a2b3c4d:0", "pktrail-1a2b3c4d:4", "pktrail-ffffffff:1", "pktrail-1a2b3c4d:1x"} {
		if _, ok := p.PointOf([]byte(prefix)); ok {
			t.Errorf("%q is taken for ours", prefix)
		}
	}
}

// TestCountLine reads iptables -S -v.
func TestCountLine(t *testing.T) {
	p := &Plan{Name: "pktrail-1a2b3c4d", Points: make([]LogPoint, 11)}
	counts := make([]PointCount, 11)
	for line := range strings.Lines(`-P FORWARD ACCEPT -c 5 420
-A FORWARD -p icmp -m comment --comment "pktrail-1a2b3c4d:1 matched" -c 12 1008
-A FORWARD -p icmp -m comment --comment "pktrail-1a2b3c4d:1" -m limit --limit 100/sec -c 7 588 -j NFLOG --nflog-prefix "pktrail-1a2b3c4d:1" --nflog-group 40000
-A FORWARD -m comment --comment "pktrail-1a2b3c4d:11" -c 3 252 -j NFLOG --nflog-prefix "pktrail-1a2b3c4d:11" --nflog-group 40000
-A FORWARD -m comment --comment "pktrail-ffffffff:1" -c 99 252 -j NFLOG
-A FORWARD -j ACCEPT -c 1 2
`) {
		p.countLine(line, counts)
	}
	want := make([]PointCount, 11)
	want[0], want[10] = PointCount{7, 5, -2}, PointCount{3, 0, -1}
	if !slices.Equal(counts, want) {
		t.Errorf("%v, want %v", counts, want)
	}
}
