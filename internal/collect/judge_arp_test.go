package collect

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// TestJudgeARP is [TestJudgeAgreesWithTheKernel] for rules of arptables.
func TestJudgeARP(t *testing.T) {
	rounds, frames := 1, 40
	if corpus.Whole() {
		rounds, frames = 6, 150
	}
	for n := range 2 * rounds {
		tool := []string{"arptables-legacy", "arptables-nft"}[n%2]
		t.Run(fmt.Sprint(tool, n/2), func(t *testing.T) {
			ns := newNS(t)
			if _, complaint, err := tryRun(ns, "", tool, "-N", "user"); err != nil {
				lab.Lacks(t, "no tables of ARP: "+complaint)
			}
			c := &court{T: t, Rand: rand.New(rand.NewPCG(uint64(n), 11)), fam: ruleset.ARP, nft: n%2 == 1, host: New(ns), counts: map[string][]uint64{}}
			maker := frameMaker{r: c.Rand, ethernet: true}
			c.openARP(ns, tool, &maker)
			send := frameSender(t, ns, "v1")
			for n := range frames {
				if maker.to = maker.own; c.IntN(2) == 0 {
					maker.to = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
				}
				f := maker.link(0x0806, maker.arp)
				f.facts[ruleset.InName] = []ruleset.Range{ruleset.Only(ruleset.Name("v0"))}
				f.facts[ruleset.OutName] = []ruleset.Range{ruleset.Only(ruleset.Name(""))}
				send(f)
				c.awaitARP(f, uint64(n+1))
				after := counted(c.readARP(false))
				c.compare(f, f.facts, "INPUT", after)
				c.counts["INPUT"] = after
				if t.Failed() {
					return
				}
			}
			c.sum()
		})
	}
}

func (c *court) openARP(ns *netns.NS, tool string, maker *frameMaker) {
	c.Helper()
	const rules = 60
	run(c.T, ns, "", "sh", "-ec", "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up")
	var script strings.Builder
	for range rules {
		fmt.Fprintf(&script, "%s -A INPUT %s\n", tool, arpRule(c.Rand))
	}
	script.WriteString("nft 'table arp behind { chain seen { type filter hook input priority 300; counter drop; }; }'\n")
	run(c.T, ns, script.String(), "sh", "-e")
	c.rules = map[string][]ruleset.Rule{"INPUT": c.readARP(true)}
	c.counts["INPUT"] = counted(c.rules["INPUT"])
	if err := ns.Do(func() error {
		l, err := net.InterfaceByName("v0")
		if err == nil {
			copy(maker.own[:], l.HardwareAddr)
		}
		return err
	}); err != nil {
		c.Fatal(err)
	}
}

// awaitARP waits until so many frames have come through the chain.
func (c *court) awaitARP(f *frame, n uint64) {
	c.Helper()
	lab.Await(c, func() string {
		native, err := c.host.NFTables()
		if err != nil {
			return err.Error()
		}
		for _, t := range native.Tables {
			if t.Name == "behind" && packetsOf(&t.Model(&nft.Style{}, false).Chain("seen").Rules[0]) == n {
				return ""
			}
		}
		return fmt.Sprint("comes through: ", f)
	})
}

func (c *court) readARP(when bool) []ruleset.Rule {
	c.Helper()
	var table *xt.Table
	if c.nft {
		native, err := c.host.NFTables()
		if err != nil {
			c.Fatal(err)
		}
		at := slices.IndexFunc(native.Tables, func(t *nft.Table) bool { return t.Name == "filter" })
		if table, err = iptnft.Table(native.Tables[at], xt.Env{Family: ruleset.ARP}); err != nil {
			c.Fatal(err)
		}
	} else {
		tables, err := c.host.XTables(ruleset.ARP)
		if err != nil || len(tables) != 1 {
			c.Fatal(tables, err)
		}
		table = tables[0]
	}
	return table.Model(when, nil).Chain("INPUT").Rules
}

// arpRule is all but the chain.
func arpRule(r *rand.Rand) string {
	var parts []string
	for _, option := range [...][]string{
		{"-i v0", "-i v+", "-i v1"}, {"-s 10.0.0.0/24", "-s 10.0.1.2", "-s 10.0.0.1/255.255.0.255", "-s 10.0.0.0/21"},
		{"-d 10.0.2.0/24", "-d 10.0.0.3", "-d 10.0.0.4/255.255.0.254"}, {"--opcode 1", "--opcode 2", "--opcode 3"},
		{"--src-mac 02:00:00:00:00:01", "--src-mac 02:00:00:00:00:02/ff:ff:ff:ff:ff:fe", "--src-mac 00:00:00:00:00:01/00:00:00:00:00:01"},
		{"--dst-mac 02:00:00:00:00:03", "--dst-mac 02:00:00:00:00:00/ff:ff:ff:ff:ff:02"},
		{"--h-type 1", "--h-type 6"}, {"--proto-type 0x800", "--proto-type 0x86dd"}, {"--h-length 6"},
	} {
		if r.IntN(3) > 0 {
			continue
		}
		not := pick(r, "", "", "! ")
		parts = append(parts, not+pick(r, option...))
	}
	return strings.Join(parts, " ")
}
