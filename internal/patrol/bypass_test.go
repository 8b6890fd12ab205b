package patrol_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/internal/stale"
)

// natRules are rules of each chain of a nat table, in the words of a world.
func natRules(world lab.World, saved, native string) string {
	if world == lab.NFT {
		return "table ip late\ndelete table ip late\ntable ip late {\n" + native + "}\n"
	}
	return "*nat\n" + saved + "COMMIT\n"
}

// lateRule is a rule that comes too late for a flow.
type lateRule struct {
	from, to      string // of the flow
	saved, native string
	source        bool // it is the source that is not translated
	certainty     stale.Certainty
}

func lateRules() []lateRule {
	return []lateRule{
		{
			"pod1", "10.96.0.20:53",
			"-A PREROUTING -d 10.96.0.20/32 -p udp --dport 53 -j DNAT --to-destination 10.244.1.3:5353\n",
			"chain pre { type nat hook prerouting priority -100; ip daddr 10.96.0.20 udp dport 53 dnat to 10.244.1.3:5353; }\n", false, stale.Certain,
		},
		{
			"host", "10.96.0.21:53",
			"-A OUTPUT -d 10.96.0.21/32 -p udp --dport 53 -j DNAT --to-destination 10.244.1.3:5353\n",
			"map to { type ipv4_addr . inet_service : ipv4_addr . inet_service; elements = { 10.96.0.21 . 53 : 10.244.1.3 . 5353 }; }\n" +
				"chain out { type nat hook output priority -100; meta l4proto udp dnat to ip daddr . udp dport map @to; }\n", false, stale.Certain,
		},
		{
			"pod1", "192.168.50.9:5300",
			"-A PREROUTING -i cni0 -p udp --dport 5300 -j REDIRECT --to-ports 53\n",
			"chain red { type nat hook prerouting priority -99; iifname cni0 udp dport 5300 redirect to :53; }\n", false, stale.Suspect,
		},
		{
			"pod1", "192.168.50.9:9999",
			"-A POSTROUTING -s 10.244.0.0/16 -o eth0 -p udp --dport 9999 -j MASQUERADE\n",
			"chain masq { type nat hook postrouting priority 100; ip saddr 10.244.0.0/16 oif eth0 udp dport 9999 masquerade; }\n", true, stale.Certain,
		},
		{
			"pod2", "192.168.50.9:9998",
			"-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -p udp --dport 9998 -j SNAT --to-source 192.168.50.1\n",
			"chain fixed { type nat hook postrouting priority 101; ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 udp dport 9998 snat to 192.168.50.1; }\n", true, stale.Certain,
		},
	}
}

// TestBypassed: flows began before a rule of each kind was there, and go on
// without it.
func TestBypassed(t *testing.T) {
	for _, world := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		t.Run(string(world), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, world)
			n.sh("host", "ip", "route", "add", "10.96.0.0/24", "via", "192.168.50.9")
			for _, network := range []string{"10.96.0.0/24", "10.244.0.0/16"} {
				n.sh("peer", "ip", "route", "add", "blackhole", network)
			}
			saved, native := "", ""
			for _, r := range lateRules() {
				n.send(n.dial(r.from, "udp", r.to))
				saved, native = saved+r.saved, native+r.native
			}
			if s := n.search(patrol.StaleOptions{}); s.Deletable(false) != 0 || n.kinds(s)[stale.NATBypassed] != 0 {
				t.Errorf("without a rule: %+v", s.Report.Findings)
			}
			n.load(natRules(world, saved, native))
			s := n.search(patrol.StaleOptions{})
			if n.kinds(s)[stale.NATBypassed] != len(lateRules()) {
				t.Errorf("%d findings", len(s.Report.Findings))
			}
			for _, r := range lateRules() {
				n.bypassed(s, &r)
			}
			if err := s.Delete(t.Context(), true); err != nil { // which spares what came anew
				t.Error(err)
			}
			if s = n.search(patrol.StaleOptions{}); n.kinds(s)[stale.NATBypassed] != 0 {
				t.Errorf("the new entries are found too: %+v", s.Report.Findings)
			}
		})
	}
}

// bypassed finds the entry that a rule came too late for, and deletes it with the
// command that is told.
func (n *node) bypassed(s *patrol.Search, r *lateRule) {
	n.t.Helper()
	for _, f := range s.Report.Findings {
		if !strings.Contains(f.Evidence[0].Is, "→ "+r.to+",") {
			continue
		}
		if f.Certainty != r.certainty || f.Entries != 1 || f.Dst.IsValid() == r.source || !strings.HasPrefix(f.Evidence[1].Is, "rule ") {
			n.t.Errorf("%+v", f)
		}
		n.deletes(f.Delete.Conntrack, 1)
		return
	}
	n.t.Errorf("the flow to %s is not found", r.to)
}

func (n *node) kinds(s *patrol.Search) map[stale.Kind]int {
	kinds := map[stale.Kind]int{}
	for _, f := range s.Report.Findings {
		kinds[f.Kind]++
	}
	return kinds
}

// TestMovedService: the rules of a service name another backend now, while its
// former one is that of another service, so that some rule translates to it.
func TestMovedService(t *testing.T) {
	for _, world := range []lab.World{lab.IptablesNFT, lab.NFT} {
		t.Run(string(world), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, world)
			n.send(n.dial("pod1", "udp", service+":53"))
			n.load(dnat(world, "10.244.1.3"))
			n.load(natRules(world,
				"-A PREROUTING -d 10.96.0.99/32 -p udp --dport 53 -j DNAT --to-destination "+backendIP+":5353\n",
				"chain pre { type nat hook prerouting priority -90; ip daddr 10.96.0.99 udp dport 53 dnat to "+backendIP+":5353; }\n"))
			s := n.search(patrol.StaleOptions{All: append(n.all(), n.backend)})
			f := n.one(s, stale.BackendLeft, stale.Certain, 1)
			if !strings.Contains(fmt.Sprint(f.Evidence), "--to-destination 10.244.1.3") && !strings.Contains(fmt.Sprint(f.Evidence), "dnat to 10.244.1.3") {
				t.Errorf("%v", f.Evidence)
			}
			if err := s.Delete(t.Context(), false); err != nil || *s.Report.Deleted != 1 {
				t.Errorf("deleted %d: %v", *s.Report.Deleted, err)
			}
		})
	}
}

// TestNotBypassed: rules that look like those that an entry passes by, and are for
// others: another interface, the host's own flows, a mark, chance.
func TestNotBypassed(t *testing.T) {
	for _, world := range []lab.World{lab.Legacy, lab.NFT} {
		t.Run(string(world), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, world)
			n.serveBackend()
			peer, err := n.UDPServer("peer", netip.MustParseAddrPort("192.168.50.9:7000"))
			if err != nil {
				t.Fatal(err)
			}
			n.load(natRules(world,
				"-A PREROUTING -i eth0 -p udp --dport 7000 -j DNAT --to-destination 10.244.1.3\n"+
					"-A OUTPUT -p udp --dport 7000 -j DNAT --to-destination 10.244.1.3\n"+
					"-A PREROUTING -p udp -m mark --mark 7 -j DNAT --to-destination 10.244.1.3\n"+
					"-A PREROUTING -p udp --dport 7000 -m statistic --mode random --probability 0.0001 -j DNAT --to-destination 10.244.1.3\n"+
					"-A PREROUTING -m addrtype --dst-type LOCAL -j REDIRECT\n"+
					"-A POSTROUTING -s 10.244.0.0/16 -o lo -j MASQUERADE\n-A POSTROUTING -m mark --mark 7 -j MASQUERADE\n",
				"chain pre { type nat hook prerouting priority -90; iifname eth0 udp dport 7000 dnat to 10.244.1.3\n"+
					"meta mark 7 dnat to 10.244.1.3\nnumgen random mod 10000 < 1 dnat to 10.244.1.3\nfib daddr type local redirect\n}\n"+
					"chain out { type nat hook output priority -90; udp dport 7000 dnat to 10.244.1.3; }\n"+
					"chain post { type nat hook postrouting priority 100; ip saddr 10.244.0.0/16 oifname lo masquerade\nmeta mark 7 masquerade\n}\n"))
			for _, to := range []string{service + ":53", peer.Addr.String()} {
				c := n.dial("pod1", "udp", to)
				n.exchange(c)
				n.send(c)
			}
			n.dial("pod1", "tcp", service+":80")
			s := n.search(patrol.StaleOptions{All: append(n.all(), n.backend)})
			if len(s.Report.Findings) > 0 {
				t.Errorf("found %+v", s.Report.Findings)
			}
			if d, err := n.table.Conn.Dump(t.Context(), conntrack.Tracked, conntrack.Filter{}, func(*conntrack.Flow) error { return nil }); err != nil || d.Meant < 3 {
				t.Errorf("%d entries: %v", d.Meant, err)
			}
		})
	}
}
