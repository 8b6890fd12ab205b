package collect

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// crossing is a packet that is bridged, or routed from or to a bridge.
type crossing struct {
	name     string
	in       string // the link whose other end sends it
	to       string // the interface it is for; empty for a host behind the bridge
	dst      [4]byte
	from, by string // the ports that rules see before it is forwarded, and from then on
}

func (x *crossing) String() string { return x.name }

func crossings() []crossing {
	return []crossing{
		{name: "bridged", in: "p0", dst: [4]byte{10, 5, 0, 9}, from: "p0", by: "q0"},
		{name: "bridged back", in: "q0", dst: [4]byte{10, 5, 0, 9}, from: "q0", by: "p0"},
		{name: "from the bridge", in: "p0", to: "br0", dst: [4]byte{198, 51, 100, 9}, from: "p0"},
		{name: "to the bridge", in: "w0", to: "w0", dst: [4]byte{10, 5, 0, 9}},
	}
}

// TestJudgePhysdev is [TestJudgeAgreesWithTheKernel] for rules about the ports of
// a bridge.
func TestJudgePhysdev(t *testing.T) {
	lab.NeedBridgeNF(t)
	for _, nft := range []bool{false, true} {
		t.Run(fmt.Sprint("nft ", nft), func(t *testing.T) {
			lab.Need(t, map[bool]lab.World{false: lab.Legacy, true: lab.IptablesNFT}[nft])
			ns := newBridge(t)
			run(t, ns, "", "sh", "-ec", `
				sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.ip_forward=1
				for c in all default br0; do sysctl -qw net.ipv4.conf.$c.rp_filter=0; done
				ip link add w0 type veth peer name w1; ip link set w0 up; ip link set w1 up
				ip addr add 10.5.0.1/24 dev br0; ip addr add 198.51.100.1/24 dev w0
				ip neigh add 10.5.0.9 lladdr 02:bb:00:00:00:09 dev br0; ip neigh add 198.51.100.9 lladdr 02:bb:00:00:00:09 dev w0`)
			c := &court{T: t, Rand: rand.New(rand.NewPCG(3, 5)), nft: nft, host: New(ns), counts: map[string][]uint64{}}
			c.loadPhysdev(ns)
			for range 3 {
				for _, x := range crossings() {
					c.cross(ns, &x)
				}
			}
			t.Logf("%d times no, %d times yes, %d times not told", c.told[ruleset.No], c.told[ruleset.Yes], c.told[ruleset.Maybe])
		})
	}
}

// cross sends a packet and holds all rules to it.
func (c *court) cross(ns *netns.NS, x *crossing) {
	c.Helper()
	frameSender(c.T, ns, strings.Replace(x.in, "0", "1", 1))(&frame{bytes: x.frame(c.T, ns)})
	var after map[string][]uint64
	lab.Await(c, func() string {
		after = map[string][]uint64{}
		for chain, rules := range c.readPhysdev(false) {
			after[chain] = counted(rules)
			if last := len(rules) - 1; after[chain][last] != c.counts[chain][last]+1 {
				return fmt.Sprintf("a packet %s passes %s", x.name, chain)
			}
		}
		return ""
	})
	for chain, counts := range after {
		by := x.by
		if chain == "PREROUTING" {
			by = ""
		}
		facts := ruleset.Facts{ruleset.L4Proto: {ruleset.Span(17, 17)}}
		facts[ruleset.PhysIn] = []ruleset.Range{ruleset.Only(ruleset.Name(x.from))}
		facts[ruleset.PhysOut] = []ruleset.Range{ruleset.Only(ruleset.Name(by))}
		c.compare(x, facts, chain, counts)
	}
	c.counts = after
}

// frame is a datagram to the host behind the bridge, or to an interface.
func (x *crossing) frame(t *testing.T, ns *netns.NS) []byte {
	t.Helper()
	to := []byte{2, 0xbb, 0, 0, 0, 9}
	if x.to != "" {
		if err := ns.Do(func() error {
			l, err := net.InterfaceByName(x.to)
			if err == nil {
				to = l.HardwareAddr
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	body := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 7, 0, 9, x.dst[0], x.dst[1], x.dst[2], x.dst[3]}
	sum := checksum(0, body)
	body[10], body[11] = byte(sum>>8), byte(sum)
	body = append(body, 3, 0xe8, 0, 9, 0, 8, 0, 0)
	return append(append(to[:6:6], 2, 0, 0, 0, 0, x.in[0], 8, 0), body...)
}

func (c *court) loadPhysdev(ns *netns.NS) {
	c.Helper()
	both := func(option string, names ...string) (all []string) {
		for _, name := range names {
			all = append(all, strings.TrimSpace("--"+option+" "+name), strings.TrimSpace("! --"+option+" "+name))
		}
		return all
	}
	in := append(both("physdev-in", "p0", "q0", "q+", "x0"), both("physdev-is-in", "")...)
	out := append(both("physdev-out", "p0", "q0", "q+", "x0"), both("physdev-is-out", "")...)
	out = append(out, both("physdev-is-bridged", "")...)
	all := map[string][]string{"PREROUTING": in, "FORWARD": append(in[:len(in):len(in)], out...)}
	for _, i := range in {
		for _, o := range out {
			all["FORWARD"] = append(all["FORWARD"], i+" "+o)
		}
	}
	all["POSTROUTING"] = all["FORWARD"]
	var b strings.Builder
	b.WriteString("*mangle\n:PREROUTING ACCEPT\n:FORWARD ACCEPT\n:POSTROUTING ACCEPT\n")
	for _, chain := range []string{"PREROUTING", "FORWARD", "POSTROUTING"} {
		for _, rule := range all[chain] {
			fmt.Fprintf(&b, "-A %s -p udp -m physdev %s\n", chain, rule)
		}
		fmt.Fprintf(&b, "-A %s -p udp\n", chain)
	}
	b.WriteString("COMMIT\n")
	load := restore
	if c.nft {
		load = restoreNFT
	}
	if err := load(ns, ruleset.IP, b.String()); err != nil {
		c.Fatal(err)
	}
	c.rules = c.readPhysdev(true)
	for chain, rules := range c.rules {
		c.counts[chain] = counted(rules)
	}
}

func (c *court) readPhysdev(when bool) map[string][]ruleset.Rule {
	c.Helper()
	var table *xt.Table
	if c.nft {
		native, err := c.host.NFTables()
		if err == nil {
			table, err = iptnft.Table(native.Tables[0], xt.Env{Family: ruleset.IP})
		}
		if err != nil {
			c.Fatal(err)
		}
	} else {
		tables, err := c.host.XTables(ruleset.IP)
		if err != nil || len(tables) != 1 {
			c.Fatal(tables, err)
		}
		table = tables[0]
	}
	found := map[string][]ruleset.Rule{}
	for _, ch := range table.Model(when, nil).Chains {
		if len(ch.Rules) > 0 {
			found[ch.Name] = ch.Rules
		}
	}
	return found
}
