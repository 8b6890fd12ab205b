package live

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// TestRulesChangeWhileTracing sends a packet before the rules change, one right
// behind the change, and one when they have been read again.
func TestRulesChangeWhileTracing(t *testing.T) {
	s := sides()[0]
	change := map[lab.World][]string{
		lab.Legacy:      {"iptables-legacy", "-I", "FORWARD", "1", "-p", "udp", "--dport", "2000:2999", "-j", "MARK", "--set-mark", "7"},
		lab.IptablesNFT: {"iptables-nft", "-I", "FORWARD", "1", "-p", "udp", "--dport", "2000:2999", "-j", "MARK", "--set-mark", "7"},
		lab.NFT:         {"nft", "insert", "rule", "ip", "moving", "forward", "udp", "dport", "2000-2999", "meta", "mark", "set", "7"},
	}
	rules := map[lab.World]string{
		lab.Legacy:      "*filter\n-A FORWARD -p udp -m udp --dport 2001 -j ACCEPT\n-A FORWARD -p udp -m udp --dport 2002 -j ACCEPT\n-A FORWARD -p udp -m udp --dport 2003 -j ACCEPT\nCOMMIT\n",
		lab.NFT:         "table ip moving { chain forward { type filter hook forward priority 0; udp dport 2001 accept; udp dport 2002 accept; udp dport 2003 accept; }; }\n",
		lab.IptablesNFT: "*filter\n-A FORWARD -p udp -m udp --dport 2001 -j ACCEPT\n-A FORWARD -p udp -m udp --dport 2002 -j ACCEPT\n-A FORWARD -p udp -m udp --dport 2003 -j ACCEPT\nCOMMIT\n",
	}
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, "router")
			load(t, l, "rt", w, map[bool]packet.Family{true: packet.Unspec, false: packet.IPv4}[w == lab.NFT], rules[w])
			running := watch(t, l, Options{Match: matching(t, "-p", "udp", "--dport", "2000:2999")}, "rt")
			running.texts(1)
			send(t, l, "client", datagram(t, s.client, s.server, 20001, 2001))
			running.journeys(1)
			run(t, l, "rt", change[w]...)
			send(t, l, "client", datagram(t, s.client, s.server, 20002, 2002))
			running.texts(2)
			send(t, l, "client", datagram(t, s.client, s.server, 20003, 2003))
			to := running.stop()
			for i, j := range to.journeys {
				told := steadyTexts(j, fmt.Sprint(2001+i))
				if told != "" {
					t.Errorf("packet %d: %s\n%s", i+1, told, show(j))
				}
				if i != 1 && !certainTexts(j) {
					t.Errorf("packet %d, at rest, has doubts\n%s", i+1, show(j))
				}
			}
			if len(to.journeys) != 3 || to.journeys[0].Outcome.Result != journey.Forwarded || to.journeys[2].Outcome.Result != journey.Forwarded {
				t.Errorf("want three packets\n%s", all(to.journeys))
			}
		})
	}
}

// steadyTexts says which text without doubt is of a rule that the packet, to a
// port, cannot have met.
func steadyTexts(j *journey.Journey, port string) string {
	for _, st := range rules(j, journey.KindRule) {
		text := st.Rule.Text
		if text == "" || st.Rule.Doubt != "" {
			continue
		}
		inserted := strings.Contains(text, "2000") && strings.Contains(text, "2999")
		if !strings.Contains(text, port) && !inserted {
			return fmt.Sprintf("claims rule %d, %q", st.Rule.Number, text)
		}
	}
	return ""
}

func certainTexts(j *journey.Journey) bool {
	for _, st := range rules(j, journey.KindRule) {
		if st.Rule.Text == "" || st.Rule.Doubt != "" || st.Rule.NoText != "" {
			return false
		}
	}
	return true
}
