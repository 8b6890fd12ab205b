package collect

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// ruleMaker makes rules in nft's words.
type ruleMaker struct {
	r      *rand.Rand
	fam    ruleset.Family
	ct     bool
	link   string
	at     *nftPlace // nil for what comes in by the link
	sets   []string  // declarations of named sets
	chains int       // that maps lead to
	added  []string  // their commands
}

const rulesOfRound = 70

// script is the commands that make the table: each rule counts, and maps of
// verdicts lead to chains that count.
func (m *ruleMaker) script() []string {
	table := m.fam.String() + " t"
	if m.at != nil {
		return m.scriptAt(table)
	}
	hook := "prerouting priority 0"
	if m.fam == ruleset.Netdev {
		hook = fmt.Sprintf("ingress device %s priority 0", m.link)
	}
	const ours = "ether saddr & ff:ff:ff:ff:ff:00 == 02:00:00:00:00:00"
	rules := m.rules(table)
	script := []string{"flush ruleset", "add table " + table, "add chain " + table + " tested",
		"add chain " + table + " base { type filter hook " + hook + "; }", "add chain " + table + " ending",
		"add rule " + table + " base " + ours + " jump tested", "add rule " + table + " base " + ours + " jump ending",
		"add rule " + table + " ending counter drop"}
	script = append(script, m.sets...)
	script = append(script, m.added...)
	return append(script, rules...)
}

func (m *ruleMaker) rules(table string) (rules []string) {
	for range rulesOfRound {
		rules = append(rules, "add rule "+table+" tested "+m.rule(table))
	}
	return rules
}

// rule is one to three matches, and a counter or a map of verdicts.
func (m *ruleMaker) rule(table string) string {
	var parts []string
	for range 1 + m.r.IntN(2) {
		parts = append(parts, m.match(table))
	}
	if m.r.IntN(5) == 0 {
		return strings.Join(append(parts[1:], m.vmap(table)), " ")
	}
	if m.r.IntN(8) == 0 {
		parts = append(parts, "meta priority set "+m.key()+" map { "+m.mapped()+" }")
	}
	return strings.Join(parts, " ") + " counter"
}

// subject is something that rules look at, with values of it.
type subject struct {
	words string
	value func() string
	// only says what cannot be done with it: "<" comparisons and ranges, "{" sets, "/" prefixes
	not string
}

func (m *ruleMaker) port() string  { return fmt.Sprint(pick(m.r, somePorts...)) }
func (m *ruleMaker) mark() string  { return fmt.Sprintf("0x%x", pick(m.r, someMarks...)) }
func (m *ruleMaker) ttl() string   { return fmt.Sprint(pick(m.r, someTTLs...)) }
func (m *ruleMaker) addr4() string { return address4(m.r).String() }
func (m *ruleMaker) addr6() string { return address6(m.r).String() }
func (m *ruleMaker) small() string { return fmt.Sprint(m.r.IntN(5)) }
func (m *ruleMaker) proto() string {
	return pick(m.r, "tcp", "udp", "icmp", "icmpv6", "sctp", "udplite")
}
func (m *ruleMaker) link2() string {
	if m.at != nil {
		return pick(m.r, m.link, "w0", "q0", "lo", "zz")
	}
	return pick(m.r, m.link, "other0", "zz")
}
func (m *ruleMaker) present() string { return pick(m.r, m.link, "lo") }
func (m *ruleMaker) dscp() string    { return fmt.Sprint(m.r.IntN(64)) }
func (m *ruleMaker) length() string  { return fmt.Sprint(pick(m.r, 43, 44, 45, 64, 72)) }
func (m *ruleMaker) ether() string   { return fmt.Sprintf("02:00:00:00:00:%02x", m.r.IntN(4)) }

func (m *ruleMaker) subjects() []subject {
	all := []subject{
		{"th sport", m.port, ""}, {"th dport", m.port, ""}, {"tcp dport", m.port, ""}, {"tcp sport", m.port, ""},
		{"udp dport", m.port, ""}, {"udp sport", m.port, ""}, {"sctp dport", m.port, ""},
		{"meta mark", m.mark, ""}, {"meta l4proto", m.proto, "<"}, {"meta length", m.length, ""},
		{"iif", m.present, "<"}, {"iifname", m.link2, "<"}, {"oifname", m.link2, "<"}, {"meta pkttype", func() string { return pick(m.r, "host", "multicast") }, "<"},
		{"tcp sequence", m.small, ""}, {"tcp window", func() string { return pick(m.r, "0", "1000", "2000") }, ""},
		{"tcp doff", func() string { return pick(m.r, "5", "6") }, ""},
		{"tcp option maxseg size", func() string { return fmt.Sprint(1400 + m.r.IntN(3)) }, ""},
		{"udp length", func() string { return pick(m.r, "24", "25") }, ""},
		{"@th,16,16", m.port, ""}, {"@nh,0,4", func() string { return pick(m.r, "4", "6") }, "{"},
	}
	if m.fam != ruleset.IP6 {
		all = append(all, subject{"ip saddr", m.addr4, "/"}, subject{"ip daddr", m.addr4, "/"}, subject{"ip ttl", m.ttl, ""},
			subject{"ip dscp", m.dscp, ""}, subject{"ip ecn", m.ecn, "<"}, subject{"ip id", m.small, ""}, subject{"ip length", m.length, ""},
			subject{"ip protocol", m.proto, "<"}, subject{"icmp type", func() string { return pick(m.r, "8", "0", "3") }, ""},
			subject{"icmp code", m.small, ""}, subject{"icmp id", m.small, ""}, subject{"ip version", func() string { return "4" }, ""})
	}
	if m.fam != ruleset.IP {
		all = append(all, subject{"ip6 saddr", m.addr6, "/"}, subject{"ip6 daddr", m.addr6, "/"}, subject{"ip6 hoplimit", m.ttl, ""},
			subject{"ip6 dscp", m.dscp, ""}, subject{"ip6 flowlabel", m.small, ""}, subject{"ip6 nexthdr", m.nextHeader, "<"},
			subject{"ip6 length", m.length, ""}, subject{"icmpv6 type", func() string { return pick(m.r, "128", "129", "1") }, ""},
			subject{"icmpv6 id", m.small, ""})
	}
	if m.fam == ruleset.Bridge || m.fam == ruleset.Netdev {
		all = append(all, subject{"ether saddr", m.ether, ""}, subject{"ether type", m.etherType, "<"})
	}
	if m.fam != ruleset.Netdev {
		all = append(all, subject{"meta protocol", m.etherType, "<"}, subject{"meta nfproto", func() string { return pick(m.r, "ipv4", "ipv6") }, "<"})
	}
	if m.ct {
		all = append(all, subject{"ct mark", m.mark, ""}, subject{"ct direction", func() string { return pick(m.r, "original", "reply") }, "<{"},
			subject{"ct state", m.state, "<"}, subject{"ct protocol", m.proto, "<"})
	}
	return all
}

func (m *ruleMaker) ecn() string        { return pick(m.r, "not-ect", "ect0", "ect1", "ce") }
func (m *ruleMaker) etherType() string  { return pick(m.r, "ip", "ip6", "arp") }
func (m *ruleMaker) nextHeader() string { return pick(m.r, "tcp", "udp", "60") }
func (m *ruleMaker) state() string {
	return pick(m.r, "new", "established", "related", "untracked", "invalid")
}

func (m *ruleMaker) match(table string) string {
	if m.r.IntN(4) == 0 {
		return m.special()
	}
	if m.r.IntN(5) == 0 {
		return m.joined()
	}
	s := pick(m.r, m.subjects()...)
	return s.words + " " + m.value(&s, table)
}

// value is what a subject is compared with.
func (m *ruleMaker) value(s *subject, table string) string {
	ordered, prefix := !strings.Contains(s.not, "<"), strings.Contains(s.not, "/")
	not := pick(m.r, "", "", "!= ")
	switch n := m.r.IntN(10); {
	case n < 2 && ordered:
		return not + m.between(s)
	case n < 3 && ordered && !prefix:
		return pick(m.r, "<", ">", "<=", ">=") + " " + s.value()
	case n < 5 && prefix:
		return not + m.prefix(s.value())
	case n < 8 && !strings.Contains(s.not, "{"):
		if m.r.IntN(3) == 0 && !strings.HasPrefix(s.words, "@") {
			return not + m.named(s, table, ordered)
		}
		return not + "{ " + m.elements(s, ordered, prefix) + " }"
	}
	return not + s.value()
}

func (m *ruleMaker) between(s *subject) string {
	a, b := s.value(), s.value()
	for range 20 {
		if len(a) < len(b) || len(a) == len(b) && a < b {
			return a + "-" + b
		}
		a, b = s.value(), s.value()
	}
	return a
}

func (m *ruleMaker) prefix(addr string) string {
	if strings.Contains(addr, ":") {
		return fmt.Sprintf("%s/%d", addr, pick(m.r, 8, 104, 110, 112, 126, 127))
	}
	return fmt.Sprintf("%s/%d", addr, pick(m.r, 8, 21, 22, 23, 24, 30, 31))
}

func (m *ruleMaker) elements(s *subject, ordered, prefix bool) string {
	var all []string
	ranges := m.r.IntN(2) == 0
	for range 1 + m.r.IntN(3) {
		switch {
		case ranges && prefix && m.r.IntN(2) == 0:
			all = append(all, m.prefix(s.value()))
		case ranges && ordered && m.r.IntN(2) == 0:
			all = append(all, m.between(s))
		case s.words == "iifname" && m.r.IntN(3) == 0:
			all = append(all, pick(m.r, `"v*"`, `"p*"`, `"zz*"`))
		default:
			all = append(all, s.value())
		}
	}
	return strings.Join(all, ", ")
}

// named declares a set and refers to it.
func (m *ruleMaker) named(s *subject, table string, ordered bool) string {
	name := fmt.Sprintf("s%d", len(m.sets))
	flags := ""
	prefix := strings.Contains(s.not, "/")
	if ordered && m.r.IntN(2) == 0 {
		flags = "flags interval; auto-merge; "
	} else {
		ordered, prefix = false, false
	}
	m.sets = append(m.sets, fmt.Sprintf("add set %s %s { typeof %s; %selements = { %s }; }", table, name, s.words, flags, m.elements(s, ordered, prefix)))
	return "@" + name
}

// joined is a lookup of several fields at once.
func (m *ruleMaker) joined() string {
	addr, one := "ip saddr", m.addr4
	if m.fam == ruleset.IP6 || m.fam != ruleset.IP && m.r.IntN(2) == 0 {
		addr, one = "ip6 saddr", m.addr6
	}
	second := pick(m.r, subject{"tcp dport", m.port, ""}, subject{"meta mark", m.mark, "<"}, subject{"iifname", m.link2, "<"},
		subject{"meta l4proto", m.proto, "<"}, subject{"th sport", m.port, ""})
	var all []string
	for range 1 + m.r.IntN(4) {
		key := one()
		if m.r.IntN(3) == 0 {
			key = m.prefix(key)
		}
		value := second.value()
		if second.not == "" && m.r.IntN(3) == 0 {
			value = m.between(&second)
		}
		all = append(all, key+" . "+value)
	}
	return addr + " . " + second.words + pick(m.r, " ", " != ") + "{ " + strings.Join(all, ", ") + " }"
}

// special is a match of a form of its own.
func (m *ruleMaker) special() string {
	flag := func() string { return pick(m.r, "syn", "ack", "fin", "rst", "psh") }
	mask := pick(m.r, "0xff", "0xff00", "0xf0f0", "0x80000000", "0x1")
	all := []string{
		"tcp flags " + flag(), "tcp flags " + flag() + "," + flag(), "tcp flags ! " + flag() + "," + flag(),
		"tcp flags & (" + flag() + "|" + flag() + ") == " + flag(), "tcp flags & (" + flag() + "|" + flag() + ") != 0",
		"tcp flags " + flag() + " / syn,ack," + flag(), "tcp flags != " + flag(), "tcp flags == syn", "tcp flags { syn, syn|ack }",
		"meta mark & " + mask + " == " + m.mark(), "meta mark & " + mask + " != " + m.mark(), "meta mark & " + mask + " > 0x10",
		"meta mark and " + mask + " or 0x1 == " + m.mark(), "meta mark xor 0xff == " + m.mark(),

		"iifname \"" + pick(m.r, "v", "p", "z") + "*\"", "iifname != \"" + pick(m.r, "v", "p", "z") + "*\"", "iif " + pick(m.r, m.link, "lo"), "oif 0",
		"meta length " + pick(m.r, "<", ">=") + " 60", "tcp option maxseg exists", "tcp option sack-perm missing",
		"numgen inc mod 2 { 0, 1 }", "@th,0,16 & 0xff00 == 0x0300", "@nh,8,8 & 0xfc == 0x20",
		"tcp dport & 0xfff0 == 80", "tcp dport & 1 == 1",
	}
	if m.fam == ruleset.IP || m.fam == ruleset.Inet {
		all = append(all, "ip frag-off & 0x1fff != 0", "ip frag-off & 0x4000 == 0x4000", "ip saddr & 0.0.0.3 == 0.0.0.1",
			"ip saddr & 255.255.0.255 == 10.0.0.2", "ip ttl < 64", "ip dscp & 0x30 == 0x10", "@nh,96,32 "+fmt.Sprintf("0x0a00%02x%02x", m.r.IntN(3), m.r.IntN(6)))
	}
	if m.fam != ruleset.IP {
		all = append(all, "exthdr dst exists", "exthdr dst missing", "exthdr frag exists", "ip6 saddr & ::ff == ::3", "ip6 dscp cs1")
	}
	if m.at != nil {
		all = append(all, m.placed()...)
	}
	if m.ct {
		all = append(all, "ct state new,established", "ct state != established,related", "ct state { new, invalid }", "ct mark & 0xff == 0",
			"ct state & (new | established) != 0", "ct original ip daddr "+m.addr4(), "ct mark != 0x1",
			"meta l4proto udp ct original proto-dst "+m.port(), "meta l4proto udp ct original proto-dst != "+m.port())
	}
	return pick(m.r, all...)
}

func (m *ruleMaker) key() string { return pick(m.r, "tcp dport", "udp sport", "th dport") }

func (m *ruleMaker) mapped() string {
	var all []string
	for i, p := range m.r.Perm(len(somePorts))[:3] {
		all = append(all, fmt.Sprintf("%d : 1:%d", somePorts[p], i))
	}
	return strings.Join(all, ", ")
}

// chain adds one that counts.
func (m *ruleMaker) chain(table string) string {
	name := fmt.Sprintf("c%d", m.chains)
	m.chains++
	m.added = append(m.added, "add chain "+table+" "+name, "add rule "+table+" "+name+" counter")
	return name
}

// vmap leads to chains by what the packet is.
func (m *ruleMaker) vmap(table string) string {
	s := pick(m.r, subject{m.key(), m.port, ""}, subject{"meta mark", m.mark, ""}, subject{"iifname", m.link2, "<"}, subject{"iif", m.present, "<"},
		subject{"meta l4proto", m.proto, "<"}, subject{"ip saddr", m.addr4, "/"}, subject{"ip daddr . tcp dport", nil, ""},
		subject{"numgen random mod 3", nil, ""})
	if m.fam == ruleset.IP6 && strings.HasPrefix(s.words, "ip ") {
		s = subject{"ip6 saddr", m.addr6, "/"}
	}
	var all []string
	seen := map[string]bool{}
	add := func(key string) {
		if !seen[key] {
			seen[key] = true
			all = append(all, key+" : jump "+m.chain(table))
		}
	}
	for n := range 3 {
		switch {
		case strings.HasPrefix(s.words, "numgen"):
			add(fmt.Sprint(n))
		case s.value == nil:
			add(m.addr4() + " . " + m.port())
		default:
			add(s.value())
		}
	}
	if m.r.IntN(4) == 0 && !strings.HasPrefix(s.words, "numgen") {
		add("*")
	}
	return s.words + " vmap { " + strings.Join(all, ", ") + " }"
}
