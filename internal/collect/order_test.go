package collect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// marker is a chain whose rule matches the packets that no marker before it saw.
type marker struct{ family, table, chain string }

// make makes the chain, at priority 0 of output.
func (m marker) make(t *testing.T, ns *netns.NS) {
	switch m.family {
	case "legacy":
		run(t, ns, "", "iptables-legacy", "-A", "OUTPUT", "-m", "mark", "--mark", "0", "-j", "MARK", "--set-mark", "1")
	case "iptables":
		run(t, ns, "", "iptables-nft", "-A", "OUTPUT", "-m", "mark", "--mark", "0", "-j", "MARK", "--set-mark", "1")
	default:
		text := fmt.Sprintf("add table %[1]s %[2]s\nadd chain %[1]s %[2]s %[3]s { type filter hook output priority 0; }\n"+
			"add rule %[1]s %[2]s %[3]s meta mark 0 counter meta mark set 1\n", m.family, m.table, m.chain)
		run(t, ns, text, "nft", "-f", "-")
	}
}

// grown are the stops whose rules have counted more than before, which is kept.
func grown(stops []rules.Stop, before map[string]uint64) (more string) {
	for _, s := range stops {
		for _, r := range s.Chain.Rules {
			name := stopName(&s)
			if r.Counter.Packets > before[name] {
				more += name
			}
			before[name] = r.Counter.Packets
		}
	}
	return more
}

func stopName(s *rules.Stop) string {
	return fmt.Sprintf("%s %s %s %s", s.Table.Backend, s.Table.Family, s.Table.Name, s.Chain.Name)
}

// TestLastMadeIsAskedFirst: of chains of equal priority, whatever made them, the
// kernel asks that first which was made last; what is known of it, the listing says.
func TestLastMadeIsAskedFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 13))
	markers := []marker{
		{"legacy", "filter", "OUTPUT"}, {"iptables", "filter", "OUTPUT"}, {"ip", "a", "x"}, {"ip", "a", "y"}, {"inet", "b", "x"},
		{"inet", "b", "y"}, {"ip", "c", "x"},
	}
	for range 4 {
		ns := newNS(t)
		before := map[string]uint64{}
		random.Shuffle(len(markers), func(i, k int) { markers[i], markers[k] = markers[k], markers[i] })
		var made []string
		for _, m := range markers {
			m.make(t, ns)
			made = append(made, fmt.Sprint(m))
			run(t, ns, "", "ping", "-c", "1", "-W", "5", "127.0.0.1")
			host, err := New(ns).Rules(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stops := rules.Stops(host.Tables(false))
			want := map[string]string{
				"legacy": "legacy ip filter OUTPUT", "iptables": "nft ip filter OUTPUT",
			}[m.family]
			if want == "" {
				want = strings.Join([]string{"nft", m.family, m.table, m.chain}, " ")
			}
			if got := grown(stops, before); got != want {
				t.Fatalf("made in the order %v, asked first is %q", made, got)
			}
			if host.Calls != nil {
				last(t, host, made)
			} else {
				later(t, stops, made)
			}
		}
		_ = ns.Close()
	}
}

// last: the kernel told the order, of all tables.
func last(t *testing.T, host *rules.Host, made []string) {
	t.Helper()
	var got []string
	for _, p := range rules.Arrange(host.Tables(false)).Places {
		m := marker{p.Table.Family.String(), p.Table.Name, p.Chain.Name}
		switch {
		case p.Chain.Base.Hook != ruleset.Output:
			continue
		case p.Table.Backend == ruleset.Legacy:
			m.family = "legacy"
		case p.Table.Dialect == ruleset.Iptables:
			m.family = "iptables"
		}
		if got = append(got, fmt.Sprint(m)); p.Tied {
			t.Errorf("%v is said to have no order that is known", m)
		}
	}
	slices.Reverse(got)
	if !slices.Equal(got, made) {
		t.Errorf("made in the order %v, they are listed from the last to the first as %v", made, got)
	}
}

// later: of the chains of one table those stand first that were made later.
func later(t *testing.T, stops []rules.Stop, made []string) {
	t.Helper()
	at := func(name string) int {
		for i := range made {
			if made[i] == name {
				return i
			}
		}
		return -1
	}
	last := map[string]int{}
	for i := range stops {
		s := &stops[i]
		if s.Table.Dialect != ruleset.Nftables || s.Chain.Base.Hook != ruleset.Output {
			continue
		}
		now := at(fmt.Sprint(marker{s.Table.Family.String(), s.Table.Name, s.Chain.Name}))
		if before, there := last[s.Table.Name]; there && before < now {
			t.Errorf("made in the order %v, %s is listed behind one that was made before it", made, stopName(s))
		}
		last[s.Table.Name] = now
	}
}
