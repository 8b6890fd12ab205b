package arm

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// matches is what the property test asks for, besides random ones.
func matches() []string {
	return []string{
		"", "-4", "-6", "-p tcp", "! -p tcp", "-p tcp,udp", "! -p tcp,udp", "-p icmp", "-p icmpv6", "-p icmp,icmpv6", "-p gre",
		"-s 10.0.0.1", "! -s 10.0.0.1", "-s 10.0.0.0/30", "! -s 10.0.0.0/30", "-s 10.0.0.2,10.0.0.4/31", "! -s 10.0.0.2,10.0.0.4/31",
		"-d 10.0.0.3 -s 10.0.0.0/8", "-s 0.0.0.0/0", "-d 10.0.0.1/9", "-d 2001:db8::3", "! -d 2001:db8::3", "-s 2001:db8::/126 ! -d 2001:db8::2,2001:db8::4/127",
		"-p tcp --dport 80", "-p tcp ! --dport 80", "-p udp --sport 53,1000:2000", "-p tcp,udp ! --sport 53,1000:2000,65535", "-p tcp --dport 80,443,81:100",
		"-p tcp --dport 1024:", "-p tcp ! --dport :1023", "-p sctp --dport 80", "-p tcp,udp --ports 53,80", "-p tcp ! --ports 53,1000:", "-p udp --dport 0:65535",
		"--syn", "! --syn", "--tcp-flags ALL NONE", "--tcp-flags SYN,ACK SYN,ACK", "! --tcp-flags RST RST", "--tcp-flags ECE,CWR ECE",
		"--icmp-type echo-request", "! --icmp-type echo-request", "--icmp-type 3,8", "--icmp-type 3/1,3/3,8", "! --icmp-type 3/1,8", "--icmp-type port-unreachable",
		"--icmpv6-type ping", "! --icmpv6-type ping,1/4", "--icmpv6-type 1/4,129", "--icmpv6-type packet-too-big",
		"-i r0", "! -i r0", "-i eth0", "-i r+", "! -i r+", "-i eth0,r0,wl+", "! -i eth0,wl+", "-i eth+,r*", "-i s0 -p tcp",
		"-4 -p tcp -s 10.0.0.0/29 ! -d 10.0.0.1 --dport 80,443 -i r0 --syn", "--mark 0", "--mark 1", "! --mark 0x0/0xff", "--out-interface r0",
		"-6 -p tcp,udp ! -s 2001:db8::1 --dport 53 ! --sport 80", "-p udplite,dccp", "-4 -p tcp", "-6 -p udp", "-6 ! -p icmpv6",
	}
}

type variant struct {
	name    string
	m       match.Match
	rules   [][]nftexpr.Stmt
	expects func(p *packet.Packet) match.Answer
}

// variants compiles every match in every way.
func variants(t *testing.T, family ruleset.Family, at match.Place) []variant {
	t.Helper()
	var all []variant
	for _, line := range matches() {
		m, _, err := match.Parse(strings.Fields(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rules, reasons, err := Compile(&m, family, at)
		must(t, err)
		judged := without(&m, reasons)
		all = append(all, variant{line, m, rules, judgeOn(judged, "r0")})

		reversed := m.Reverse()
		rules, reasons, err = CompileReverse(&m, family, at)
		must(t, err)
		all = append(all, variant{"reverse of " + line, m, rules, judgeOn(without(&reversed, reasons), "r0")})

		rules, reasons, err = CompileReset(&m, family, at)
		must(t, err)
		reset := judgeOn(without(&reversed, reasons), "r0")
		all = append(all, variant{"reset of " + line, m, rules, func(p *packet.Packet) match.Answer {
			if p.Has&packet.HasTCP == 0 || p.TCP.Flags&packet.RST == 0 {
				return match.No
			}
			return reset(p)
		}})

		rules, err = CompileQuoted(&m, family)
		must(t, err)
		inner := m
		inner.In, inner.Out, inner.Mark, inner.TCPFlags = match.Set[match.Iface]{}, match.Set[match.Iface]{}, nil, nil
		quoted := judgeOn(inner, "")
		all = append(all, variant{"error about " + line, m, rules, func(p *packet.Packet) match.Answer {
			if p.Inner == nil || p.FragOffset != 0 {
				return match.No
			}
			return quoted(p.Inner)
		}})
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func judgeOn(m match.Match, in string) func(*packet.Packet) match.Answer {
	var mark uint32
	return func(p *packet.Packet) match.Answer { return m.Judge(p, in, "", &mark).Answer }
}

func TestKernelAgreesWithJudge(t *testing.T) {
	for _, place := range []struct {
		family ruleset.Family
		at     match.Place
		chain  nftexpr.Chain
	}{
		{ruleset.Inet, match.Prerouting, nftexpr.Chain{Name: "at", Hook: ruleset.Prerouting, Priority: -500}},
		{ruleset.IP, match.Prerouting, nftexpr.Chain{Name: "at", Hook: ruleset.Prerouting, Priority: -500}},
		{ruleset.IP6, match.Prerouting, nftexpr.Chain{Name: "at", Hook: ruleset.Prerouting, Priority: -500}},
		{ruleset.Netdev, match.Ingress, nftexpr.Chain{Name: "at", Hook: ruleset.Ingress, Device: "r0", Priority: -500}},
		{ruleset.Bridge, match.Prerouting, nftexpr.Chain{Name: "at", Hook: ruleset.Prerouting, Priority: -500}},
	} {
		t.Run(fmt.Sprintf("family %d", place.family), func(t *testing.T) {
			var more []string
			if place.family == ruleset.Bridge {
				more = []string{"ip link add br0 type bridge mcast_snooping 0", "ip link set br0 addrgenmode none", "ip link set r0 master br0", "ip link set br0 up"}
			}
			w := newWire(t, more...)
			all := variants(t, place.family, place.at)
			conditions := make([][][]nftexpr.Stmt, len(all))
			for i, v := range all {
				conditions[i] = v.rules
			}
			w.counting(t, place.family, place.chain, conditions)
			agree(t, w, place.family, all)
		})
	}
}

// agree sends random packets and compares the kernel's counters with Judge.
func agree(t *testing.T, w *wireNS, family ruleset.Family, all []variant) {
	t.Helper()
	random := rand.New(rand.NewPCG(2, 2026))
	before, err := nftexpr.Counters(w.nl, family, "counting")
	must(t, err)
	held := make([]int, len(all))
	for range 250 {
		raw := randomPacket(t, random, family)
		p, err := packet.DecodeIP(raw)
		must(t, err)
		now := w.counted(t, family, raw, before)
		for i, v := range all {
			moved := now[counterName(i)].Packets - before[counterName(i)].Packets
			held[i] += int(moved)
			want := v.expects(&p)
			if want == match.Unknown && p.FragOffset != 0 {
				want = match.No // the kernel must not take a fragment's data for a header
			}
			if want == match.Unknown {
				continue
			}
			if moved > 1 || (moved == 1) != (want == match.Yes) {
				t.Errorf("%q: the kernel counted %d, Judge says %d\n%+v\n% x\n%s", v.name, moved, want, p, raw, ruleTexts(v.rules))
				return
			}
		}
		before = now
	}
	some := 0
	for _, n := range held {
		if n > 0 {
			some++
		}
	}
	t.Logf("%d of %d conditions held for at least one packet", some, len(all))
	if some < len(all)/4 {
		t.Errorf("only %d of %d conditions ever held: the packets do not test them", some, len(all))
	}
}

func ruleTexts(rules [][]nftexpr.Stmt) string {
	var lines []string
	for _, r := range rules {
		lines = append(lines, nftexpr.RuleText(r))
	}
	return strings.Join(lines, "\n")
}

func TestOriginalTupleFollowsBothWays(t *testing.T) {
	for _, tt := range []struct {
		match string
		src   string
		want  uint64 // packets of the two: the SYN in, the RST out
	}{
		{"-s 10.0.0.2 -p tcp --dport 80", "10.0.0.2", 2},
		{"-s 10.0.0.2,10.0.0.8/29 -d 10.0.0.1 -p tcp,udp --dport 80,443 --sport 1000:2000", "10.0.0.2", 2},
		{"! -s 10.0.0.2", "10.0.0.2", 0},
		{"-p udp", "10.0.0.2", 0},
		{"-6", "10.0.0.2", 0},
		{"-p tcp ! --ports 80", "10.0.0.2", 0},
		{"-s 2001:db8::2 -p tcp --dport 80", "2001:db8::2", 2},
		{"! -p udp ! -d 2001:db8::2,2001:db8::8/125", "2001:db8::2", 2},
		{"-4 -p tcp", "2001:db8::2", 0},
	} {
		t.Run(tt.match, func(t *testing.T) {
			w := newWire(t, "ip addr add 10.0.0.1/24 dev r0", "ip addr add 2001:db8::1/64 dev r0 nodad",
				"ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev r0", "ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev r0")
			m, _, err := match.Parse(strings.Fields(tt.match))
			must(t, err)
			rules, err := CompileOriginal(&m, ruleset.Inet)
			must(t, err)
			b := nftexpr.NewBatch(ruleset.Inet, "counting")
			b.Table(0, nil)
			b.Counter("met")
			b.Counter("sent")
			for _, hook := range []ruleset.Hook{ruleset.Prerouting, ruleset.Output} {
				must(t, b.Chain(nftexpr.Chain{Name: string(hook), Hook: hook}))
				for _, rule := range rules {
					b.Rule(string(hook), "", append(slices.Clone(rule), nftexpr.Count("met"))...)
				}
			}
			b.Rule("output", "", nftexpr.Equal(nftexpr.L4Proto(), protocol(packet.ProtoTCP), false), nftexpr.Count("sent"))
			// Connection tracking is on even where the condition needs none of it.
			b.Rule("prerouting", "", nftexpr.AnyBit(nftexpr.CTState(), nftexpr.Host32("established", 2)), nftexpr.Accept())
			w.readable(t, b.Text())
			must(t, b.Run(w.nl))

			src := netip.MustParseAddr(tt.src)
			syn := packet.Packet{Family: packet.IPv4, Src: src, Dst: netip.MustParseAddr("10.0.0.1"), Proto: packet.ProtoTCP, SrcPort: 1234, DstPort: 80, TCP: packet.TCP{Flags: packet.SYN, Window: 1000}}
			if src.Is6() {
				syn.Family, syn.Dst = packet.IPv6, netip.MustParseAddr("2001:db8::1")
			}
			raw, err := packet.Build(&syn, nil)
			must(t, err)
			w.send(t, raw)
			if met := w.answered(t); met != tt.want {
				t.Errorf("%d packets of the connection met it, want %d\n%s", met, tt.want, ruleTexts(rules))
			}
		})
	}
}

// answered waits for the answer and returns how many packets were met.
func (w *wireNS) answered(t *testing.T) uint64 {
	t.Helper()
	var met uint64
	lab.Await(t, func() string {
		now, err := nftexpr.Counters(w.nl, ruleset.Inet, "counting")
		must(t, err)
		if met = now["met"].Packets; now["sent"].Packets == 0 {
			return "no answer was sent"
		}
		return ""
	})
	return met
}

func TestCompileRefuses(t *testing.T) {
	var m match.Match
	if _, _, err := Compile(&m, ruleset.Inet, match.Conntrack); err == nil {
		t.Error("rules for the connection table: no error")
	}
	if _, _, err := Compile(&m, ruleset.ARP, match.Prerouting); err == nil {
		t.Error("rules for an arp table: no error")
	}
	if _, err := CompileOriginal(&m, ruleset.Netdev); err == nil {
		t.Error("connections at ingress: no error")
	}
	m, _, err := match.Parse([]string{"--out-interface", "eth0", "--mark", "1"})
	must(t, err)
	_, reasons, err := Compile(&m, ruleset.Inet, match.Prerouting)
	if len(reasons) != 2 || reasons[0].Arg != "--out-interface" || reasons[1].Arg != "--mark" {
		t.Errorf("left out before routing: %v, %v", reasons, err)
	}
}
