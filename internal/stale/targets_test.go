package stale

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

const savedRules = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:SERVICES - [0:0]
:DNS - [0:0]
:NODE - [0:0]
:MASQ - [0:0]
-A PREROUTING -m comment --comment "all services" -j SERVICES
-A PREROUTING -s 10.9.0.0/16 -j NODE
-A SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "dns \"udp\" --dport 99" -m udp --dport 53 -j DNS
-A SERVICES -d 10.96.0.11/32 -p udp -m udp --dport 53 -j MASQ
-A SERVICES -s 10.0.0.0/8 -d 10.96.0.12/32 -p udp -m udp --dport 53 -j DNS
-A SERVICES ! -d 10.96.0.13/32 -p udp -m udp --dport 53 -j DNS
-A NODE -d 10.96.0.14/32 -p udp -m udp --dport 53 -j DNS
-A DNS -p udp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.244.1.7:53
-A DNS -p udp -j DNAT --to-destination 10.244.1.8:53
-A NODE -p tcp -m tcp --dport 8000 -j DNAT --to-destination 10.1.0.5-10.1.0.9:80-90
-A NODE -p tcp -m tcp --dport 8001 -j DNAT --to-destination 10.3.0.1
-A NODE -d 192.0.2.0/24 -j NETMAP --to 10.7.0.0/24
-A MASQ -j MARK --set-xmark 0x4000/0x4000
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
COMMIT
`

func saved(t *testing.T, text string) []*ruleset.Table {
	t.Helper()
	tables, err := xt.ParseSave(strings.NewReader(text), ruleset.IP, ruleset.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		for _, c := range table.Chains {
			for _, builtin := range xt.BuiltinChains(table.Name) {
				if builtin.Name == c.Name {
					c.Base = builtin.Base
				}
			}
		}
	}
	return tables
}

func TestHas(t *testing.T) {
	targets := ReadTargets(saved(t, savedRules), nil)
	for backend, want := range map[string]Answer{
		"10.244.1.7:53": Yes, "10.244.1.7:54": No, "10.244.1.9:53": No,
		"10.1.0.5:80": Yes, "10.1.0.9:90": Yes, "10.1.0.10:80": No, "10.1.0.6:91": No,
		"10.3.0.1:8001": Yes, "10.7.0.200:1": Yes, "10.7.1.0:1": No,
	} {
		if got := targets.Has(netip.MustParseAddrPort(backend), false); got.Is != want {
			t.Errorf("%s: %+v, want %d", backend, got, want)
		}
	}
}

func listed(t *testing.T, text string) []*ruleset.Table {
	t.Helper()
	n, err := nft.ParseRuleset(strings.NewReader(text), "rules")
	if len(n.Tables) == 0 {
		t.Fatal(err)
	}
	var tables []*ruleset.Table // what is not understood stays in its rule
	for _, table := range n.Tables {
		tables = append(tables, table.Model(&nft.Style{}, false))
	}
	return tables
}

const listedRules = `table ip kube-proxy { # handle 1
	chain services { # handle 2
		ip daddr . meta l4proto . th dport vmap @service-ips # handle 9
	}
	chain endpoint-a { # handle 3
		meta l4proto tcp dnat to 10.244.0.4:8080 # handle 10
	}
	chain nat-prerouting { # handle 4
		type nat hook prerouting priority dstnat; policy accept;
		jump services # handle 11
		ip daddr 10.96.0.20 udp dport 53 counter packets 3 bytes 99 jump endpoint-b # handle 12
		udp dport 5000 dnat to 10.5.0.1-10.5.0.3:7000-7010 random # handle 13
	}
	chain endpoint-b { # handle 5
		dnat ip to 10.244.0.9 # handle 14
	}
}
table ip6 n { # handle 2
	chain pre { # handle 1
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 80 dnat to [fd00::5]:8080 # handle 2
		tcp dport 81 dnat ip6 to fd00::6 # handle 3
		tcp dport 82 redirect to :8082 # handle 4
	}
}
`

func TestHasNFT(t *testing.T) {
	targets := ReadTargets(listed(t, listedRules), nil)
	for backend, want := range map[string]Answer{
		"10.244.0.4:8080": Yes, "10.244.0.4:80": No, "10.244.0.9:1": Yes, "10.5.0.2:7005": Yes, "10.5.0.4:7005": No,
		"[fd00::5]:8080": Yes, "[fd00::5]:80": No, "[fd00::6]:80": Yes, "[fd00::7]:80": No,
	} {
		if got := targets.Has(netip.MustParseAddrPort(backend), false); got.Is != want {
			t.Errorf("%s: %+v, want %d", backend, got, want)
		}
	}
	if got := targets.Has(netip.MustParseAddrPort("[fd00::1]:8082"), true); got.Is != Yes {
		t.Errorf("redirected: %+v", got)
	}
}

const mapListing = `table ip n {
	map backends {
		type inet_service : ipv4_addr . inet_service
		elements = { 80 comment "a, : b" : 10.0.0.1 . 8080, 81 : 10.0.0.2 . 8081,
			     82 : 10.0.0.3 . 80 }
	}

	map ranges {
		type ipv4_addr : interval ipv4_addr
		flags interval
		elements = { 1.1.1.1 : 10.5.0.1-10.5.0.9, 1.1.1.2 : 10.7.0.0/24 }
	}

	map none {
		type ipv4_addr : ipv4_addr
	}

	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to tcp dport map @backends # handle 4
		dnat ip to ip daddr map @ranges # handle 5
		dnat to ip daddr map @none # handle 6
		dnat ip to numgen inc mod 2 map { 0 : 10.0.0.8, 1 : 10.0.0.9 } random # handle 7
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		snat ip to ip saddr map { 10.244.1.2 : 192.0.2.7, 10.244.1.3 : 192.0.2.8 } # handle 8
		ip saddr 10.244.2.0/24 snat to 192.0.2.16-192.0.2.20:1024-2047 # handle 9
		masquerade # handle 10
	}
}
table ip6 n {
	map m {
		type inet_service : ipv6_addr . inet_service
		elements = { 80 : fd00::5 . 8080 }
	}

	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip6 to tcp dport map @m # handle 3
	}
}
`

// TestMaps: what rules look up is what the elements say.
func TestMaps(t *testing.T) {
	listing := func(key ruleset.TableKey) string {
		four, six, _ := strings.Cut(mapListing, "table ip6")
		if key.Family == ruleset.IP6 {
			return "table ip6" + six
		}
		return four
	}
	targets := ReadTargets(listed(t, mapListing), listing)
	for backend, want := range map[string]Answer{
		"10.0.0.1:8080": Yes, "10.0.0.1:80": No, "10.0.0.3:80": Yes, "10.5.0.4:1": Yes, "10.7.0.77:1": Yes, "10.8.0.1:1": No,
		"10.0.0.9:5": Yes, "10.0.0.10:5": No, "[fd00::5]:8080": Yes, "[fd00::5]:80": No,
	} {
		if got := targets.Has(netip.MustParseAddrPort(backend), false); got.Is != want {
			t.Errorf("%s: %+v, want %d", backend, got, want)
		}
	}
	for source, want := range map[string]Answer{"192.0.2.7": Yes, "192.0.2.8": Yes, "192.0.2.9": No, "192.0.2.20": Yes, "192.0.2.21": No, "10.0.0.1": No} {
		if got := targets.HasSource(netip.MustParseAddr(source)); got.Is != want {
			t.Errorf("source %s: %+v, want %d", source, got, want)
		}
	}
	unlisted := ReadTargets(listed(t, mapListing), func(ruleset.TableKey) string { return "" })
	if got := unlisted.Has(netip.MustParseAddrPort("10.8.0.1:1"), false); got.Is != Unknown {
		t.Errorf("%+v", got)
	}
	if got := unlisted.HasSource(netip.MustParseAddr("192.0.2.9")); got.Is != No {
		t.Errorf("%+v", got)
	}
}

// TestSources: iptables' words for sources.
func TestSources(t *testing.T) {
	targets := ReadTargets(saved(t, "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.0.0.0/8 -j SNAT --to-source 192.0.2.1-192.0.2.3:1024-2047\n-A POSTROUTING -s 10.1.0.0/24 -j NETMAP --to 198.51.100.0/24\nCOMMIT\n"), nil)
	for source, want := range map[string]Answer{"192.0.2.2": Yes, "192.0.2.4": No, "198.51.100.9": Yes} {
		if got := targets.HasSource(netip.MustParseAddr(source)); got.Is != want {
			t.Errorf("%s: %+v", source, got)
		}
	}
	if got := ReadTargets(saved(t, "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j NEWNAT --to 10.0.0.1\nCOMMIT\n"), nil).HasSource(netip.MustParseAddr("192.0.2.4")); got.Is != Unknown {
		t.Errorf("%+v", got)
	}
}

// TestUnread: what may translate to anything leaves nothing certain.
func TestUnread(t *testing.T) {
	for name, tables := range map[string][]*ruleset.Table{
		"a map":            listed(t, "table ip n {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat;\n\t\tdnat to tcp dport map @backends\n\t}\n}\n"),
		"a map of ports":   listed(t, "table ip n {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat;\n\t\tdnat to 10.9.9.9:tcp dport map { 80 : 8080 }\n\t}\n}\n"),
		"odd elements":     listed(t, "table ip n {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat;\n\t\tdnat ip to ip saddr map { 10.1.1.1 : 10.0.0.3 . 80 . 7 }\n\t}\n}\n"),
		"no texts":         {{TableKey: ruleset.TableKey{Name: "nat"}, Dialect: ruleset.Iptables, NoText: "iptables-save is not there"}},
		"unknown rule":     saved(t, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j NEWNAT --to 10.0.0.1\nCOMMIT\n"),
		"ports that shift": saved(t, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j DNAT --to-destination ten\nCOMMIT\n"),
	} {
		got := ReadTargets(tables, nil).Has(netip.MustParseAddrPort("10.0.0.1:80"), false)
		if got.Is != Unknown || got.Why == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := ReadTargets(nil, nil, "IPVS").Has(netip.MustParseAddrPort("10.0.0.1:80"), false); got.Is != Unknown {
		t.Errorf("IPVS: %+v", got)
	}
}

// TestNotNAT: rules outside of nat chains translate nothing.
func TestNotNAT(t *testing.T) {
	targets := ReadTargets(listed(t, "table inet f {\n\tchain c {\n\t\ttype filter hook input priority 0;\n\t\tmeta mystery 7 accept\n\t}\n}\n"), nil)
	if got := targets.Has(netip.MustParseAddrPort("10.0.0.1:80"), false); got.Is != No {
		t.Errorf("%+v", got)
	}
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"10.0.0.1:80-90/80", "[fd00::1]:1", "10.0.0.0/8", "10.0.0.1-10.0.0.2", ":80", "dnat to", "dnat to ip daddr map { 1.1.1.1 : 10.0.0.1 . 80, fd00::1 : fd00::2 . 80 } random", "\tmap m {\n\telements = { 1 : 2 }\n\t}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		targets := ReadTargets(nil, nil)
		targets.dst.add(s)
		targets.dst.addNFT(s, "dnat", func(string) string { return s })
		_ = elementsOf(func(ruleset.TableKey) string { return s }, ruleset.TableKey{}, "m")
	})
}
