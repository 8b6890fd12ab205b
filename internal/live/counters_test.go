package live

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// place names a rule.
type place struct {
	family, table, chain string
	number               int
}

// counters reads the packet counters of all rules of a world in the router.
func counters(t testing.TB, l *lab.Lab, w lab.World) map[place]int {
	t.Helper()
	all := map[place]int{}
	if w == lab.NFT {
		return nftCounters(t, run(t, l, "rt", "nft", "-a", "list", "ruleset"), all)
	}
	for family, tool := range map[string]string{"ip": "iptables", "ip6": "ip6tables"} {
		variant := "-legacy-save"
		if w == lab.IptablesNFT {
			variant = "-nft-save"
		}
		savedCounters(t, family, run(t, l, "rt", tool+variant, "-c"), all)
	}
	return all
}

var savedRule = regexp.MustCompile(`^\[(\d+):\d+\] -A (\S+)`)

func savedCounters(t testing.TB, family, text string, all map[place]int) {
	table, numbers := "", map[string]int{}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "*"); ok {
			table, numbers = name, map[string]int{}
			continue
		}
		m := savedRule.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		numbers[m[2]]++
		all[place{family, table, m[2], numbers[m[2]]}] = number(t, m[1])
	}
}

func nftCounters(t testing.TB, text string, all map[place]int) map[place]int {
	n, err := nft.ParseRuleset(strings.NewReader(text), "nft")
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range n.Tables {
		for _, c := range tab.Model(&nft.Style{}, false).Chains {
			for _, r := range c.Rules {
				if r.Counter != nil {
					all[place{tab.Family.String(), tab.Name, c.Name, r.Number}] = int(r.Counter.Packets)
				}
			}
		}
	}
	return all
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLegacyStepsEqualCounters sends packets through chains that hold all that
// TRACE names misleadingly: rules without matches whose target is a verdict, in
// user and base chains, in the middle and at the end, behind jumps and gotos.
func TestLegacyStepsEqualCounters(t *testing.T) {
	t.Parallel()
	for _, s := range sides() {
		t.Run(s.name(), func(t *testing.T) {
			l := lab.New(t, "router")
			load(t, l, "rt", lab.Legacy, s.family, trickyLegacy)
			time.Sleep(ownReports)
			running := watch(t, l, Options{}, "rt")
			before := counters(t, l, lab.Legacy)
			for i := range uint16(40) {
				send(t, l, "client", datagram(t, s.client, s.server, 21000+i, 1000+i%10))
				send(t, l, "client", datagram(t, s.client, s.host, 22000+i, 1000+i%10))
				send(t, l, "rt", datagram(t, s.router, s.server, 23000+i, 1000+i%10))
			}
			to := running.stop()
			sure(t, &to)
			equal(t, before, counters(t, l, lab.Legacy), &to)
			checkTricky(t, &to)
		})
	}
}

// ownReports is how long hosts that have just got an address send reports of
// their multicast groups: the first at once, another within a second (RFC 3810,
// 9.11). One between the trace's end and the reading of the counters would be
// counted by one and not by the other.
const ownReports = 1500 * time.Millisecond

const trickyLegacy = `*raw
-A PREROUTING -p udp -m udp --dport 1000 -j ACCEPT
-A PREROUTING -j ACCEPT
COMMIT
*mangle
:BARE-RETURN - [0:0]
:BARE-ACCEPT - [0:0]
:EMPTY - [0:0]
:DEEP - [0:0]
-A PREROUTING -p udp -m udp --dport 1001 -j BARE-RETURN
-A PREROUTING -p udp -m udp --dport 1002 -j BARE-ACCEPT
-A PREROUTING -p udp -m udp --dport 1003 -j EMPTY
-A PREROUTING -p udp -m udp --dport 1004 -g DEEP
-A PREROUTING -j MARK --set-xmark 0x7/0xffffffff
-A BARE-RETURN -j MARK --set-xmark 0x1/0xffffffff
-A BARE-RETURN -j RETURN
-A BARE-RETURN -j DROP
-A BARE-ACCEPT -m mark --mark 0x9 -j DROP
-A BARE-ACCEPT -j ACCEPT
-A DEEP -p udp -j BARE-RETURN
-A DEEP -j EMPTY
COMMIT
*filter
:LOGDROP - [0:0]
-A FORWARD -p udp -m udp --dport 1005 -j LOGDROP
-A FORWARD -p udp -m udp --dport 1006 -j DROP
-A FORWARD
-A FORWARD -j ACCEPT
-A FORWARD -p udp -j DROP
-A INPUT -p udp -m udp --dport 1007 -j LOGDROP
-A INPUT -p udp -m udp --dport 1008:1009 -j RETURN
-A OUTPUT -p udp -m udp --dport 1005:1006 -j LOGDROP
-A LOGDROP -p udp -m udp --dport 1006 -j RETURN
-A LOGDROP -j DROP
COMMIT
`

func checkTricky(t *testing.T, to *told) {
	for _, j := range to.journeys {
		if j.Packet.SrcPort == nil || *j.Packet.SrcPort < 21000 || *j.Packet.SrcPort >= 24000 {
			continue
		}
		want := trickyFate(*j.Packet.SrcPort, *j.Packet.DstPort)
		st := &j.Steps[*j.Outcome.Step]
		if got := (place{st.Family, st.Rule.Table, st.Rule.Chain, st.Rule.Number}); j.Outcome.Result != want.result || got.chain != want.chain || got.number != want.number {
			t.Errorf("%s by %s %d, want %s by %s %d\n%s", j.Outcome.Result, got.chain, got.number, want.result, want.chain, want.number, show(j))
		}
	}
}

type decision struct {
	result journey.Result
	chain  string
	number int
}

func trickyFate(sport, dport uint16) decision {
	dropped := decision{journey.Dropped, "LOGDROP", 2}
	switch way := sport / 1000; {
	case way == 21 && dport == 1005, way == 22 && dport == 1007, way == 23 && dport == 1005:
		return dropped
	case way == 21 && dport == 1006:
		return decision{journey.Dropped, "FORWARD", 2}
	case way == 21:
		return decision{journey.Forwarded, "POSTROUTING", 0}
	case way == 22:
		return decision{journey.Delivered, "INPUT", 0}
	}
	return decision{journey.Sent, "POSTROUTING", 0}
}
