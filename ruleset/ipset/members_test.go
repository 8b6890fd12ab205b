package ipset

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// askAll asks for each set in several ways, and holds conditions to their form.
func askAll(t testing.TB, sets []*Set) {
	t.Helper()
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		members := Members(sets, fam)
		for _, s := range sets {
			for _, source := range [][]bool{nil, {true}, {false, true}, {true, true, false}} {
				wellFormed(t, s, members(s.Name, source))
			}
		}
	}
}

func wellFormed(t testing.TB, s *Set, c ruleset.Condition) {
	t.Helper()
	if c.Why == "" && len(c.Fields) == 0 || c.Set != s.Name || c.Not {
		t.Errorf("%s %s: %+v", s.Type, s.Name, c)
	}
	var last ruleset.Value
	for i, row := range c.Rows {
		if len(row.Ranges) != len(c.Fields) {
			t.Errorf("%s: row %d has %d ranges for %v", s.Name, i, len(row.Ranges), c.Fields)
			continue
		}
		if len(c.Fields) == 1 {
			if r := row.Ranges[0]; i > 0 && r.From.Compare(last) <= 0 {
				t.Errorf("%s: row %d overlaps the one before", s.Name, i)
			}
			last = row.Ranges[0].To
		}
	}
}

// facts reads "ip saddr 10.0.0.1, th dport 80".
func facts(t testing.TB, text string) ruleset.Facts {
	t.Helper()
	f := ruleset.Facts{}
	for part := range strings.SplitSeq(text, ", ") {
		at := strings.LastIndexByte(part, ' ')
		field, word := ruleset.Field(part[:at]), part[at+1:]
		var v ruleset.Value
		if addr, err := netip.ParseAddr(word); err == nil {
			v = ruleset.Addr(addr)
		} else if _, err := fmt.Sscan(word, &v.Low); err != nil {
			v = ruleset.Name(word)
		}
		f[field] = []ruleset.Range{ruleset.Only(v)}
	}
	return f
}

var src, dst = true, false

// TestMembers asks the recorded sets about packets.
func TestMembers(t *testing.T) {
	messages, err := os.ReadFile("testdata/sets.messages")
	if err != nil {
		t.Fatal(err)
	}
	sets := replay(t, messages).Sets
	askAll(t, sets)
	for _, c := range []struct {
		set    string
		source []bool
		fam    ruleset.Family
		facts  string
		want   ruleset.Truth
	}{
		{"a", []bool{src}, ruleset.IP, "ip saddr 192.0.2.4", ruleset.Yes},
		{"a", []bool{dst}, ruleset.IP, "ip saddr 192.0.2.4", ruleset.Maybe},
		{"a", []bool{dst}, ruleset.IP, "ip daddr 192.0.2.6", ruleset.No},
		{"a", []bool{src}, ruleset.IP6, "ip6 saddr 2001:db8::1", ruleset.No},
		{"b", []bool{src}, ruleset.IP, "ip saddr 10.0.7.200", ruleset.Yes},
		{"b", []bool{src}, ruleset.IP, "ip saddr 10.0.8.9", ruleset.No},
		{"c", []bool{src}, ruleset.IP, "ip saddr 10.0.3.77", ruleset.Yes},
		{"d", []bool{src, src}, ruleset.IP, "ip saddr 10.0.0.5, ether saddr 2199023255723", ruleset.Yes},
		{"d", []bool{src, src}, ruleset.IP, "ip saddr 10.0.0.5, ether saddr 1", ruleset.No},
		{"d", []bool{src, src}, ruleset.IP, "ip saddr 10.0.0.6", ruleset.Yes},
		{"d", []bool{src}, ruleset.IP, "ip saddr 10.0.0.6", ruleset.No}, // too few dimensions
		{"e", []bool{dst}, ruleset.IP, "meta l4proto 17, th dport 443", ruleset.Yes},
		{"e", []bool{dst}, ruleset.IP6, "meta l4proto 132, th dport 443", ruleset.No},
		{"f", []bool{src, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 6, th dport 81", ruleset.Yes},
		{"f", []bool{src, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 17, th dport 81", ruleset.No},
		{"f", []bool{src, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 1, icmp type 200, icmp code 3", ruleset.Yes},
		{"f", []bool{src, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 1, icmp type 200, icmp code 4", ruleset.No},
		{"f", []bool{src, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 47", ruleset.Yes},
		{"g", []bool{src, dst, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 132, th dport 80, ip daddr 10.0.0.2", ruleset.Yes},
		{"h", []bool{src, dst, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 17, th dport 53, ip daddr 10.1.3.1", ruleset.Yes},
		{"h", []bool{src, dst, dst}, ruleset.IP, "ip saddr 10.0.0.1, meta l4proto 17, th dport 53, ip daddr 10.1.2.1", ruleset.No},
		{"i", []bool{dst}, ruleset.IP6, "ip6 daddr 2001:db8:2::1", ruleset.Yes},
		{"i", []bool{dst}, ruleset.IP6, "ip6 daddr 2001:db8:1::1", ruleset.No},
		{"j", []bool{dst, dst}, ruleset.IP, "ip daddr 192.0.2.1, meta l4proto 50", ruleset.Yes},
		{"k", []bool{src, src}, ruleset.IP, "ip saddr 10.0.0.1, iifname eth0", ruleset.Maybe}, // it has a port of a bridge
		{"l", []bool{src}, ruleset.IP6, "ip6 saddr 2001:ffff::", ruleset.Yes},
		{"m", []bool{src, dst}, ruleset.IP6, "ip6 saddr 2001:db8::ffff, meta l4proto 6, th dport 0", ruleset.Yes},
		{"n", []bool{src, dst}, ruleset.IP, "ip saddr 10.9.2.3, meta l4proto 17, th dport 9", ruleset.Maybe}, // a mask with a gap
		{"empty", []bool{src}, ruleset.IP, "ip saddr 10.0.0.1", ruleset.No},
		{"o", []bool{src}, ruleset.IP, "ip saddr 10.0.7.1", ruleset.Yes},
		{"o", []bool{src}, ruleset.IP, "ip saddr 192.0.2.5", ruleset.Yes},
		{"o", []bool{src}, ruleset.IP, "ip saddr 192.0.2.9", ruleset.No},
		{"absent", []bool{src}, ruleset.IP, "ip saddr 192.0.2.9", ruleset.Maybe},
	} {
		cond := Members(sets, c.fam)(c.set, c.source)
		if got := cond.Judge(facts(t, c.facts)); got != c.want {
			t.Errorf("%s %v %s: %v, want %v (%+v)", c.set, c.source, c.facts, got, c.want, cond)
		}
	}
}

// TestMembersOfOtherTypes has what the recording's kernel lacks.
func TestMembersOfOtherTypes(t *testing.T) {
	mac := attr(attrEther, []byte{2, 0, 0, 0, 0, 0xab})
	net8 := join(ip(attrIP, "10.0.0.0"), attr(attrCIDR, []byte{8}))
	net2 := join(ip(attrIP2, "192.0.2.0"), attr(attrCIDR2, []byte{24}))
	sets := take(t,
		message("mark", "hash:ip,mark", 2, be32(attrMarkMask, 0xffff0000), join(ip(attrIP, "10.0.0.1"), be32(attrMark, 0x50000))),
		message("gaps", "hash:ip,mark", 2, be32(attrMarkMask, 0xff), join(ip(attrIP, "10.0.0.1"), be32(attrMark, 5))),
		message("mac", "hash:mac", 0, nil, mac),
		message("nets", "hash:net,net", 2, nil, join(net8, net2)),
		message("but", "hash:net,net", 2, nil, join(net8, net2, be32(attrFlags, flagNoMatch))),
		message("wild", "hash:net,iface", 2, nil, join(net8, attr(attrIface, []byte("eth\x00")), be32(attrFlags, flagWildcard))),
		message("both", "list:set", 0, nil, attr(attrName, []byte("mac\x00")), attr(attrName, []byte("nets\x00"))),
		message("lost", "list:set", 0, nil, attr(attrName, []byte("gone\x00"))),
		message("new", "hash:moon", 2, nil, nil),
	).Sets
	askAll(t, sets)
	members := Members(sets, ruleset.IP)
	for _, c := range []struct {
		set, facts string
		want       ruleset.Truth
	}{
		{"mark", "ip saddr 10.0.0.1, meta mark 327681", ruleset.Yes},
		{"mark", "ip saddr 10.0.0.1, meta mark 5", ruleset.No},
		{"gaps", "ip saddr 10.0.0.1, meta mark 5", ruleset.Maybe},
		{"mac", "ether saddr 2199023255723", ruleset.Yes},
		{"nets", "ip saddr 10.3.0.1, ip daddr 192.0.2.3", ruleset.Yes},
		{"nets", "ip saddr 10.3.0.1, ip daddr 192.0.3.3", ruleset.No},
		{"but", "ip saddr 10.3.0.1, ip daddr 192.0.3.3", ruleset.Maybe},
		{"wild", "ip saddr 10.3.0.1, oifname eth7", ruleset.Yes},
		{"wild", "ip saddr 10.3.0.1, oifname lo", ruleset.No},
		{"both", "ether saddr 1, ip saddr 10.3.0.1, ip daddr 192.0.2.3", ruleset.Yes},
		{"both", "ether saddr 2199023255723, ip saddr 11.3.0.1", ruleset.Yes},
		{"both", "ether saddr 1, ip saddr 11.3.0.1", ruleset.No},
		{"lost", "ip saddr 11.3.0.1", ruleset.Maybe},
		{"new", "ip saddr 11.3.0.1", ruleset.Maybe},
	} {
		cond := members(c.set, []bool{src, dst})
		if got := cond.Judge(facts(t, c.facts)); got != c.want {
			t.Errorf("%s %s: %v, want %v (%+v)", c.set, c.facts, got, c.want, cond)
		}
	}
}

// TestExceptions compares with looking each address up, the longest network first.
func TestExceptions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		s := &Set{Name: "n", Type: "hash:net", Family: uint8(ruleset.IP)}
		for range 1 + r.IntN(12) {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, byte(r.IntN(256))}), 24+r.IntN(9)).Masked()
			if !slices.ContainsFunc(s.Elements, func(e Element) bool { return e.Addr == p }) {
				s.Elements = append(s.Elements, Element{Addr: p, NoMatch: r.IntN(2) == 0})
			}
		}
		c := Members([]*Set{s}, ruleset.IP)("n", []bool{src})
		wellFormed(t, s, c)
		for i := range 256 {
			a := netip.AddrFrom4([4]byte{255, 255, 255, byte(i)})
			want := ruleset.No
			if longest(s, a) {
				want = ruleset.Yes
			}
			f := ruleset.Facts{ruleset.IPSource: {ruleset.Only(ruleset.Addr(a))}}
			if got := c.Judge(f); got != want {
				t.Fatalf("%s: %v, want %v\n%s", a, got, want, s.AppendSave(nil))
			}
		}
	}
}

func longest(s *Set, a netip.Addr) (in bool) {
	bits := -1
	for _, e := range s.Elements {
		if e.Addr.Contains(a) && e.Addr.Bits() > bits {
			bits, in = e.Addr.Bits(), !e.NoMatch
		}
	}
	return in
}
