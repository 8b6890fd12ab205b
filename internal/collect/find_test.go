package collect

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// What find tells of a packet is what the kernel's counters show when it comes:
// rules of all back ends with jumps, gotos, returns and maps of verdicts, made up
// by a fixed seed. Asked for the packet exactly, find names the rules that
// count, no more and no fewer; asked for less, at least these.
func TestFindAgreesWithTheKernel(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		lab.Need(t, w)
	}
	seeds := uint64(2)
	if corpus.Whole() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newSearch(t, seed).run() })
	}
}

// search is a router whose rules are searched.
type search struct {
	*testing.T
	*rand.Rand
	lab  *lab.Lab
	host *Host
	mac  []byte
}

func newSearch(t *testing.T, seed uint64) *search {
	s := &search{T: t, Rand: rand.New(rand.NewPCG(seed, 5)), lab: lab.New(t, "router")}
	for _, set := range [][2]string{
		{"net.ipv4.conf.all.rp_filter", "0"}, {"net.ipv4.conf.r0.rp_filter", "0"},
		{"net.ipv6.conf.all.disable_ipv6", "1"}, // whose own packets would be counted too
	} {
		if err := s.lab.Sysctl("rt", set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	ns := s.lab.NS("rt")
	run(t, ns, "", "ip", "route", "add", "198.51.100.0/24", "via", "10.2.0.2")
	run(t, ns, "", "ip", "route", "add", "172.16.0.0/12", "via", "10.1.0.2")
	err := ns.Do(func() error {
		dev, err := net.InterfaceByName("r0")
		if err == nil {
			s.mac = dev.HardwareAddr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := restore(ns, ruleset.IP, s.saved("mangle", "PREROUTING", "FORWARD")); err != nil {
		t.Fatal(err)
	}
	if err := restoreNFT(ns, ruleset.IP, s.saved("filter", "FORWARD")); err != nil {
		t.Fatal(err)
	}
	run(t, ns, s.native(), "nft", "-f", "-")
	s.host = New(ns)
	return s
}

const (
	searchChains  = 6
	searchRules   = 7 // in a chain
	searchPackets = 25
)

// saved are rules in iptables' words.
func (s *search) saved(table string, bases ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s\n", table)
	for _, chain := range bases {
		fmt.Fprintf(&b, ":%s %s\n", chain, pick(s.Rand, "ACCEPT", "ACCEPT", "DROP"))
	}
	for i := range searchChains {
		fmt.Fprintf(&b, ":c%d -\n", i)
	}
	for range searchRules {
		for _, chain := range bases {
			fmt.Fprintf(&b, "-A %s%s%s\n", chain, s.savedMatch(), s.savedTarget(0))
		}
		for i := range searchChains {
			fmt.Fprintf(&b, "-A c%d%s%s\n", i, s.savedMatch(), s.savedTarget(i))
		}
	}
	return b.String() + "COMMIT\n"
}

func (s *search) savedMatch() (text string) {
	not := func() string { return pick(s.Rand, " ", " ", " ! ") }
	if s.IntN(3) == 0 {
		text += not() + "-s " + pick(s.Rand, "172.16.0.0/16", "172.17.0.0/17", "172.16.0.3/32")
	}
	if s.IntN(3) == 0 {
		text += not() + "-d " + pick(s.Rand, "198.51.100.0/25", "198.51.100.7/32", "198.51.0.0/16")
	}
	if s.IntN(6) == 0 {
		text += not() + "-i " + pick(s.Rand, "r0", "r1", "r+")
	}
	switch s.IntN(4) {
	case 0:
		text += " -p " + pick(s.Rand, "tcp", "udp", "tcp -m tcp --syn", "tcp -m tcp --tcp-flags ACK,FIN FIN")
	case 1:
		p := pick(s.Rand, "tcp", "udp")
		text += " -p " + p + " -m " + p + not() + pick(s.Rand, "--dport 80", "--dport 53:443", "--sport 1024:65535", "--sport 53")
	case 2:
		text += " -p " + pick(s.Rand, "tcp", "udp") + " -m multiport" + not() + pick(s.Rand, "--dports 22,80,443", "--ports 53,1024:2000", "--sports 22,53")
	}
	return text
}

// savedTarget leads to chains of higher numbers only, so that nothing goes in rings.
func (s *search) savedTarget(from int) string {
	switch n := s.IntN(10); {
	case n < 4 && from < searchChains-1:
		return pick(s.Rand, " -j", " -j", " -g") + fmt.Sprintf(" c%d", from+s.IntN(searchChains-from-1)+1)
	case n == 4:
		return " -j DROP"
	case n < 7:
		return pick(s.Rand, " -j ACCEPT", " -j RETURN")
	}
	return ""
}

// native are rules in nft's words, in both families' table.
func (s *search) native() string {
	var b strings.Builder
	b.WriteString("table inet searched {\n set hosts { type ipv4_addr; flags interval; elements = { 172.16.0.0/18, 198.51.100.4-198.51.100.9 } }\n")
	b.WriteString(" map ways { type ipv4_addr . inet_service : verdict; elements = { 198.51.100.7 . 80 : jump c4, 198.51.100.3 . 53 : drop, 198.51.100.1 . 443 : goto c5 } }\n")
	for i := searchChains - 1; i >= 0; i-- { // nft knows a chain that stands before
		fmt.Fprintf(&b, " chain c%d {\n", i)
		s.nativeRules(&b, i)
	}
	fmt.Fprintf(&b, " chain coming {\n  type filter hook prerouting priority -20\n")
	s.nativeRules(&b, 0)
	fmt.Fprintf(&b, " chain passing {\n  type filter hook forward priority 10; policy %s\n", pick(s.Rand, "accept", "drop"))
	s.nativeRules(&b, 0)
	return b.String() + "}\n"
}

func (s *search) nativeRules(b *strings.Builder, from int) {
	for range searchRules {
		verdict := s.nativeVerdict(from)
		if !strings.Contains(verdict, "vmap") { // a counter before it would count what is not in the map
			verdict = "counter" + verdict
		}
		fmt.Fprintf(b, "  %s%s\n", s.nativeMatch(), verdict)
	}
	b.WriteString(" }\n")
}

func (s *search) nativeMatch() (text string) {
	not := func() string { return pick(s.Rand, " ", " ", " != ") }
	if s.IntN(3) == 0 {
		text += pick(s.Rand, "ip saddr", "ip daddr") + not() + pick(s.Rand, "@hosts ", "172.16.0.0/16 ", "{ 172.17.0.0/16, 198.51.100.8 } ", "198.51.100.1-198.51.100.6 ")
	}
	if s.IntN(5) == 0 {
		text += "iifname" + not() + pick(s.Rand, `"r0" `, `"r*" `, `{ "r1", "lo" } `)
	}
	switch s.IntN(4) {
	case 0:
		text += "meta l4proto" + not() + pick(s.Rand, "tcp ", "{ udp, icmp } ")
	case 1:
		text += pick(s.Rand, "tcp", "udp", "th") + pick(s.Rand, " dport", " sport") + not() + pick(s.Rand, "{ 22, 80-443 } ", "53 ", "1024-65535 ")
	case 2:
		text += pick(s.Rand, "tcp flags syn / syn,ack ", "tcp flags & (fin | ack) == fin ", "tcp flags != syn ", "ip protocol udp ", "meta nfproto ipv4 ")
	}
	return text
}

func (s *search) nativeVerdict(from int) string {
	next := func() string { return fmt.Sprintf("c%d", from+s.IntN(searchChains-from-1)+1) }
	switch n := s.IntN(12); {
	case from >= searchChains-1 && n < 5:
	case n < 3:
		return pick(s.Rand, " jump ", " jump ", " goto ") + next()
	case n == 3:
		return " th dport vmap { 22 : jump " + next() + ", 80 : accept, 443 : goto " + next() + " }"
	case n == 4 && from < 4:
		return " ip daddr . th dport vmap @ways"
	case n == 5:
		return " drop"
	case n < 8:
		return pick(s.Rand, " accept", " return")
	}
	return ""
}

// sent is a packet and the question for it.
type sent struct {
	packet.Packet
	words []string
}

func (s *search) packet() *sent {
	p := &sent{Packet: packet.Packet{
		Family: packet.IPv4, Src: netip.AddrFrom4([4]byte{172, byte(16 + s.IntN(2)), byte(s.IntN(3) * 64), byte(s.IntN(5))}),
		Dst: netip.AddrFrom4([4]byte{198, 51, 100, byte(s.IntN(10))}), Proto: pick[uint8](s.Rand, 6, 17),
		SrcPort: pick[uint16](s.Rand, 22, 53, 1024, 40000), DstPort: pick[uint16](s.Rand, 22, 53, 80, 443, 1999),
	}}
	p.words = []string{
		"-s", p.Src.String(), "-d", p.Dst.String(), "-i", "r0", "-p", packet.ProtoName(p.Proto),
		"--sport", fmt.Sprint(p.SrcPort), "--dport", fmt.Sprint(p.DstPort),
	}
	if p.Proto == packet.ProtoTCP {
		flags := pick(s.Rand, "SYN", "SYN,ACK", "FIN", "FIN,ACK", "NONE")
		p.TCP.Flags, _ = packet.ParseTCPFlags(flags)
		p.words = append(p.words, "--tcp-flags", "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR", flags)
	}
	return p
}

func (s *search) send(p *sent) {
	s.Helper()
	bytes, err := packet.Build(&p.Packet, []byte("found"))
	if err == nil {
		err = s.lab.SendFrame("client", "c0", slices.Concat(s.mac, []byte{2, 0, 0, 0, 0, 1, 8, 0}, bytes))
	}
	if err != nil {
		s.Fatal(err)
	}
}

func (s *search) run() {
	for range searchPackets {
		p := s.packet()
		tables, before := s.look()
		want := s.find(tables, p.words)
		s.send(p)
		got := s.counted(before, &want)
		vague := s.find(tables, s.lessOf(p.words))
		for _, key := range got {
			if !vague.reached[key] {
				s.Errorf("%s counted %v, and find does not name it for %v", key, p.words, vague.words)
			}
		}
	}
}

// lessOf drops some of the words, each with its value.
func (s *search) lessOf(words []string) (less []string) {
	for i := 0; i < len(words); {
		n := 2
		if words[i] == "--tcp-flags" {
			n = 3
		}
		if words[i] == "-p" || words[i] == "-s" || s.IntN(2) == 0 {
			less = append(less, words[i:i+n]...)
		}
		i += n
	}
	return less
}

// answer is the rules that find says the packets come to and match.
type answer struct {
	words   []string
	reached map[string]bool
}

func (s *search) find(tables []*ruleset.Table, words []string) answer {
	s.Helper()
	m, rest, err := match.Parse(words)
	if err != nil || len(rest) > 0 {
		s.Fatal(words, err, rest)
	}
	a := answer{words, map[string]bool{}}
	for _, q := range rules.Questions(&m) {
		found := rules.Find(tables, &q, false)
		for i := range found.Stops {
			at := &found.Stops[i]
			if at.Behind != nil || at.Chain.Base.Hook != ruleset.Prerouting && at.Chain.Base.Hook != ruleset.Forward {
				continue
			}
			for h := range at.Hits.All() {
				a.reach(found, h)
			}
		}
	}
	return a
}

// reach notes a rule, and those that were told below another base chain.
func (a *answer) reach(found *rules.Found, h *rules.Hit) {
	if h.Behind == nil && h.Rule.Counter != nil {
		a.reached[keyOf(h.Table, h.Chain, h.Rule)] = true
	}
	for _, t := range h.Told {
		if t.At == nil {
			continue
		}
		for i := range found.Stops {
			if found.Stops[i].Chain != t.At.Chain {
				continue
			}
			for below := range found.Stops[i].Hits.All() {
				if below.Chain.Name == t.Chain || slices.ContainsFunc(below.Via(), func(up rules.Ref) bool { return up.Chain.Name == t.Chain }) {
					a.reach(found, below)
				}
			}
		}
	}
}

func keyOf(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) string {
	return fmt.Sprintf("%s %s %s %s %d: %s", t.Backend, t.Family, t.Name, c.Name, r.Number, r.Text)
}

// look reads the rules and what they have counted.
func (s *search) look() ([]*ruleset.Table, map[string]uint64) {
	s.Helper()
	host, err := s.host.Rules(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	tables, counts := host.Tables(true), map[string]uint64{}
	for _, t := range tables {
		for _, c := range t.Chains {
			for i := range c.Rules {
				if r := &c.Rules[i]; r.Counter != nil {
					counts[keyOf(t, c, r)] = r.Counter.Packets
				}
			}
		}
	}
	return tables, counts
}

// counted waits for the packet, and tells which rules have counted it: those that
// find told.
func (s *search) counted(before map[string]uint64, want *answer) (hit []string) {
	s.Helper()
	told := slices.Sorted(maps.Keys(want.reached))
	lab.Await(s, func() string {
		time.Sleep(2 * time.Millisecond)
		_, now := s.look()
		hit = nil
		for key, n := range now {
			if n > before[key] {
				hit = append(hit, key)
			}
		}
		slices.Sort(hit)
		if diff := cmp.Diff(told, hit); diff != "" {
			return fmt.Sprintf("of %v find told and the kernel counted:\n%s", want.words, diff)
		}
		return ""
	})
	return hit
}
