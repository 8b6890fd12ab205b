package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

// Each ruleset lets the sender's packets through and makes eight to ten trace
// events or lines of each of them: jumps, a user chain in a user chain, policies.

func nftRules() lab.Ruleset {
	return lab.Ruleset{World: lab.NFT, Text: `table inet gate {
	chain early { type filter hook prerouting priority -150; policy accept; ip daddr 10.2.0.0/24 accept; }
	chain forward { type filter hook forward priority 0; policy drop; meta l4proto udp jump from_client; }
	chain from_client { ip saddr 10.1.0.0/24 counter; ip saddr 10.9.0.0/16 drop; udp dport 5353 jump services; }
	chain services { udp dport 53 accept; counter; udp length 8-1500 accept; }
	chain late { type filter hook postrouting priority 100; policy accept; oifname "r1" counter accept; }
}
`}
}

const iptablesText = `*mangle
-A PREROUTING -d 10.2.0.0/24 -j ACCEPT
-A POSTROUTING -o r1 -j ACCEPT
COMMIT
*filter
:FORWARD DROP
:CLIENT -
:SERVICES -
-A FORWARD -p udp -j CLIENT
-A CLIENT -s 10.9.0.0/16 -j DROP
-A CLIENT -s 10.1.0.0/24
-A CLIENT -p udp --dport 5353 -j SERVICES
-A SERVICES -p udp --dport 53 -j ACCEPT
-A SERVICES -s 10.1.0.0/24
-A SERVICES -p udp -m length --length 28:1500 -j ACCEPT
COMMIT
`

func iptablesRules(w lab.World) lab.Ruleset {
	return lab.Ruleset{World: w, Family: packet.IPv4, Text: iptablesText}
}

// What a user of the peers adds to trace the same packets.

func nftTraceRule() lab.Ruleset {
	return lab.Ruleset{World: lab.NFT, Text: `table inet peer {
	chain from { type filter hook prerouting priority -500; ip daddr 10.2.0.2 udp dport 5353 meta nftrace set 1 accept; }
}
`}
}

func iptablesTraceRule() lab.Ruleset {
	return lab.Ruleset{World: lab.IptablesNFT, Family: packet.IPv4, Text: `*raw
-A PREROUTING -d 10.2.0.2/32 -p udp -m udp --dport 5353 -j TRACE
COMMIT
`}
}

// sink drops what arrives at the server as early as possible, but for ARP.
func sink() lab.Ruleset {
	return lab.Ruleset{World: lab.NFT, Text: `table netdev sink {
	chain in { type filter hook ingress device "s0" priority -500; meta protocol ip meta l4proto udp drop; }
}
`}
}

// router makes a lab with these rulesets on its router.
func router(t testing.TB, rules ...lab.Ruleset) *lab.Lab {
	t.Helper()
	lab.Need(t, lab.NFT)
	for _, r := range rules {
		lab.Need(t, r.World)
	}
	l := lab.New(t, "router")
	if err := l.Load(t.Context(), "server", sink()); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if err := l.Load(t.Context(), "rt", r); err != nil {
			t.Fatal(err)
		}
	}
	introduce(t, l)
	return l
}

// introduce gives the hosts on the way their neighbours for good: a machine that
// is busy with packets may be too late to answer when they are asked for again.
func introduce(t testing.TB, l *lab.Lab) {
	t.Helper()
	for _, n := range []struct{ ns, addr, mac, dev string }{
		{"client", "10.1.0.1", "02:00:00:00:01:0b", "c0"},
		{"rt", serverAddr, "02:00:00:00:02:0b", "r1"},
	} {
		if _, err := l.Exec(t.Context(), n.ns, "ip", "neigh", "replace", n.addr, "lladdr", n.mac, "dev", n.dev, "nud", "permanent"); err != nil {
			t.Fatal(err)
		}
	}
}

// many is n rules of a world that no packet of the sender matches, in chains of a
// hundred.
func many(w lab.World, n int) lab.Ruleset {
	var b strings.Builder
	const each = 100
	if w == lab.NFT {
		b.WriteString("table inet many {\n")
		for c := range n / each {
			fmt.Fprintf(&b, "chain c%d {\n", c)
			for i := range each {
				fmt.Fprintf(&b, "ip daddr 10.%d.%d.%d tcp dport %d accept\n", 100+c/250, c%250, i+1, 1000+i)
			}
			b.WriteString("}\n")
		}
		b.WriteString("chain forward { type filter hook forward priority 10; policy accept; ip daddr 10.100.0.1 jump c0; }\n}\n")
		return lab.Ruleset{World: w, Text: b.String()}
	}
	b.WriteString("*filter\n")
	for c := range n / each {
		fmt.Fprintf(&b, ":C%d -\n", c)
	}
	b.WriteString("-A FORWARD -d 10.100.0.1/32 -j C0\n")
	for c := range n / each {
		for i := range each {
			fmt.Fprintf(&b, "-A C%d -d 10.%d.%d.%d/32 -p tcp -m tcp --dport %d -j ACCEPT\n", c, 100+c/250, c%250, i+1, 1000+i)
		}
	}
	b.WriteString("COMMIT\n")
	return lab.Ruleset{World: w, Family: packet.IPv4, Text: b.String()}
}
