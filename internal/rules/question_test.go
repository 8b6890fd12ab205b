package rules_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// A packet that MATCH means fits one form of the question, and one that it does
// not mean fits none: both are made up.
func TestQuestionsMeanWhatMatchMeans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var yes, no int
	for range 20000 {
		words := matchWords(r)
		m, _, err := match.Parse(strings.Fields(words))
		if err != nil {
			continue // options that contradict each other
		}
		p, in := madeUp(r), pick(r, "eth0", "eth1", "wg0")
		want := m.Judge(&p, in, "", nil).Answer
		got := fits(&m, &p, in)
		if want == match.Unknown || got != (want == match.Yes) {
			t.Fatalf("%s: judged %v, fits %v: %v %v:%d > %v:%d icmp %v tcp %v in %s", words, want, got,
				p.Proto, p.Src, p.SrcPort, p.Dst, p.DstPort, p.ICMP, p.TCP.Flags, in)
		}
		if got {
			yes++
		} else {
			no++
		}
	}
	if yes < 1000 || no < 1000 {
		t.Errorf("only %d packets were meant and %d not", yes, no)
	}
}

// Of an authentication header of IPv6 no protocol is told: what is behind it some
// rules see and others do not.
func TestQuestionOfAuthentication(t *testing.T) {
	m, _, err := match.Parse(strings.Fields("-p ah"))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range rules.Questions(&m) {
		if _, told := q.Forms[0][ruleset.L4Proto]; told != (q.Family == ruleset.IP) {
			t.Errorf("%v: %v", q.Family, q.Forms)
		}
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func matchWords(r *rand.Rand) string {
	var words []string
	add := func(odds int, options ...string) {
		if r.IntN(odds) == 0 {
			not := pick(r, "", "", "! ")
			words = append(words, not+pick(r, options...))
		}
	}
	add(3, "-s 10.0.0.0/8", "-s 10.1.0.2,10.1.0.3", "-s fd00::/16", "-s 10.1.0.3/255.255.255.254")
	add(3, "-d 10.1.0.2", "-d 10.0.0.0/30,10.1.0.0/31", "-d fd00::2/127")
	add(4, "-i eth0", "-i eth+", "-i eth0,wg0")
	switch r.IntN(4) {
	case 0:
		words = append(words, pick(r, "-p tcp", "-p udp", "-p tcp,udp"))
		add(2, "--dport 80", "--dport 53,80:443", "--dport 1024:", "--dport 0:65535")
		add(3, "--sport 53", "--sport :1023")
		add(4, "--ports 53,443")
	case 1:
		words = append(words, "-p tcp")
		add(1, "--syn", "--tcp-flags SYN,ACK,FIN ACK", "--tcp-flags ALL NONE")
	case 2:
		add(1, "--icmp-type echo-request", "--icmp-type 3/1,8", "--icmp-type 3", "--icmpv6-type 128", "-p icmp", "-p 1,17", "-p ! all")
	}
	return strings.Join(words, " ")
}

func madeUp(r *rand.Rand) packet.Packet {
	p := packet.Packet{
		Has: ^packet.Fields(0), Family: packet.IPv4, Proto: pick[uint8](r, 1, 6, 17),
		Src: netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), 0, byte(r.IntN(4))}), Dst: netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), 0, byte(r.IntN(4))}),
	}
	if r.IntN(3) == 0 {
		p.Family, p.Proto = packet.IPv6, pick[uint8](r, 58, 6, 17)
		p.Src, p.Dst = netip.MustParseAddr(fmt.Sprintf("fd00::%d", r.IntN(4))), netip.MustParseAddr(fmt.Sprintf("fd0%d::%d", r.IntN(2), r.IntN(4)))
	}
	switch p.Proto {
	case 6, 17:
		p.SrcPort, p.DstPort = pick[uint16](r, 53, 80, 1024, 40000), pick[uint16](r, 53, 80, 443, 444, 2000)
		p.TCP.Flags = packet.TCPFlags(r.IntN(256))
	default:
		p.ICMP.Type, p.ICMP.Code = pick[uint8](r, 3, 8, 128), pick[uint8](r, 0, 1)
	}
	return p
}

// fits reports whether one of the forms has all that is known of the packet.
func fits(m *match.Match, p *packet.Packet, in string) bool {
	family := map[packet.Family]ruleset.Family{packet.IPv4: ruleset.IP, packet.IPv6: ruleset.IP6}[p.Family]
	for _, q := range rules.Questions(m) {
		if q.Family == family && slices.ContainsFunc(q.Forms, func(f ruleset.Facts) bool { return has(f, p, in) }) {
			return true
		}
	}
	return false
}

func has(f ruleset.Facts, p *packet.Packet, in string) bool {
	icmpType, icmpCode := ruleset.ICMPType, ruleset.ICMPCode
	source, dest := ruleset.IPSource, ruleset.IPDest
	if p.Family == packet.IPv6 {
		icmpType, icmpCode, source, dest = ruleset.ICMP6Type, ruleset.ICMP6Code, ruleset.IP6Source, ruleset.IP6Dest
	}
	for field, v := range map[ruleset.Field]ruleset.Value{
		ruleset.L4Proto: ruleset.Number(uint64(p.Proto)), source: ruleset.Addr(p.Src), dest: ruleset.Addr(p.Dst),
		ruleset.SourcePort: ruleset.Number(uint64(p.SrcPort)), ruleset.DestPort: ruleset.Number(uint64(p.DstPort)),
		ruleset.TCPFlags: ruleset.Number(uint64(p.TCP.Flags)), ruleset.InName: ruleset.Name(in), ruleset.Fragment: {},
		icmpType: ruleset.Number(uint64(p.ICMP.Type)), icmpCode: ruleset.Number(uint64(p.ICMP.Code)),
	} {
		known := f[field]
		if len(known) > 0 && !slices.ContainsFunc(known, func(r ruleset.Range) bool { return r.Has(ruleset.Only(v)) }) {
			return false
		}
	}
	return true
}

// Rows that are asked for must be sorted and apart: Judge counts on it.
func TestQuestionsAreSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		m, _, err := match.Parse(strings.Fields(matchWords(r)))
		if err != nil {
			continue
		}
		for _, q := range rules.Questions(&m) {
			for _, f := range q.Forms {
				for field, known := range f {
					if !slices.IsSortedFunc(known, func(a, b ruleset.Range) int { return a.To.Compare(b.From) }) {
						t.Fatalf("%s: %s: %v", m, field, known)
					}
				}
			}
		}
	}
}
