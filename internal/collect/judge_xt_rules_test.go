package collect

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// judgeMarks are the marks of packets, by the two lowest bits of the source.
var judgeMarks = [4]uint32{0, 0x1, 0x4000, 0xff00ff01}

// written makes up rules in iptables' words.
type written struct {
	*rand.Rand
	fam       ruleset.Family
	tracked   bool
	forwarded bool
	sets      []string // ipsets that there are
}

func (w written) maybe(word string) string {
	if w.IntN(2) == 0 {
		return word
	}
	return ""
}

// not is "! " now and then.
func (w written) not() string {
	if w.IntN(3) == 0 {
		return "! "
	}
	return ""
}

// rule is all but the chain: up to three things that a packet must be.
func (w written) rule() string {
	var parts []string
	own := []func() string{w.source, w.dest, w.in}
	if w.fam == ruleset.IP && !w.tracked {
		own = append(own, func() string { return w.not() + "-f" })
	}
	if w.forwarded {
		own = append(own, func() string { return w.not() + "-o " + pick(w.Rand, "r1", "r+", "r0", "r11", "s1") })
	}
	w.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
	for _, part := range own[:w.IntN(3)] {
		if p := part(); !strings.Contains(strings.Join(parts, " "), p[:2]) {
			parts = append(parts, p)
		}
	}
	if w.IntN(2) == 0 {
		parts = append(parts, w.protocol())
	}
	matches := w.matches()
	for range w.IntN(2) + 1 {
		parts = append(parts, matches[w.IntN(len(matches))]())
	}
	return strings.Join(parts, " ")
}

func (w written) source() string {
	if w.fam == ruleset.IP6 {
		return w.not() + "-s " + pick(w.Rand, "2001:db8:0:1::/64", "2001:db8:0:1::4/126", "::5/::5", "2001:db8::/32", "2001:db8:0:1::3", "fc00::/7")
	}
	return w.not() + "-s " + pick(w.Rand, "172.16.0.0/12", "172.16.1.0/24", "172.16.0.4/30", "0.0.0.5/0.0.0.5", "172.16.2.3", "10.0.0.0/8")
}

func (w written) dest() string {
	if w.fam == ruleset.IP6 {
		return w.not() + "-d " + pick(w.Rand, "2001:db8:0:2::/64", "2001:db8:0:2::8/125", "::2/::2", "fd00:1::1", "2001:db8:0:2::3")
	}
	return w.not() + "-d " + pick(w.Rand, "198.51.100.0/24", "198.51.100.8/29", "0.0.0.2/0.0.0.2", "10.1.0.1", "198.51.100.3")
}

func (w written) in() string {
	return w.not() + "-i " + pick(w.Rand, "r0", "r+", "r1", "r00", "e+")
}

func (w written) protocol() string {
	switch w.IntN(12) {
	case 0, 1, 2:
		return "-p tcp -m tcp" + w.tcp()
	case 3, 4:
		return "-p udp -m udp" + w.ports()
	case 5:
		return fmt.Sprintf("-p %s -m multiport %s--%s %s", pick(w.Rand, "tcp", "udp", "sctp", "dccp", "udplite"), w.not(),
			pick(w.Rand, "ports", "sports", "dports"), pick(w.Rand, "80", "443,80,22", "1:1024", "53,1000:9000,0", "65535,1:52,53", "80,79:81,1024:65535"))
	case 6:
		return w.icmp()
	case 7:
		return "-p sctp -m sctp" + w.ports()
	case 8:
		return fmt.Sprintf("-p esp -m esp %s--espspi %s", w.not(), pick(w.Rand, "0", "256", "1:256", "257:4294967295"))
	case 9:
		return w.dccp()
	case 10:
		if w.fam == ruleset.IP6 {
			return fmt.Sprintf("-p mobility-header -m mh %s--mh-type %s", w.not(), pick(w.Rand, "0", "3", "1:8", "8:11"))
		}
		return fmt.Sprintf("-p ah -m ah %s--ahspi %s", w.not(), pick(w.Rand, "0", "256", "1:256"))
	}
	return w.not() + "-p " + pick(w.Rand, "tcp", "udp", "icmp", "ipv6-icmp", "253", "esp", "sctp")
}

func (w written) ports() (words string) {
	for _, side := range []string{"sport", "dport"} {
		if w.IntN(2) == 0 {
			words += " " + w.not() + "--" + side + " " + pick(w.Rand, "80", "0", "53:443", "1024:65535", "65535", "22", ":1023")
		}
	}
	return words
}

func (w written) tcp() string {
	words := w.ports()
	switch w.IntN(3) {
	case 0:
		words += " " + w.not() + "--syn"
	case 1:
		words += " " + w.not() + "--tcp-flags " + pick(w.Rand, "ALL SYN", "SYN,ACK ACK", "FIN,SYN,RST,PSH,ACK,URG NONE", "RST RST", "SYN NONE", "NONE NONE", "FIN,RST FIN,SYN")
	}
	// Later fragments of IPv6 are dropped by tcpmss, which takes another header for TCP's.
	if w.IntN(4) == 0 && (w.tracked || w.fam == ruleset.IP) {
		words += fmt.Sprintf(" -m tcpmss %s--mss %s", w.not(), pick(w.Rand, "536", "1000:1460", "1461:65535"))
	}
	if w.IntN(4) == 0 {
		words += " -m ecn " + w.not() + pick(w.Rand, "--ecn-tcp-ece", "--ecn-tcp-cwr")
	}
	return words
}

func (w written) icmp() string {
	if w.fam == ruleset.IP6 {
		return fmt.Sprintf("-p ipv6-icmp -m icmp6 %s--icmpv6-type %s", w.not(), pick(w.Rand, "128", "135", "1/4", "3/0", "255", "8/0"))
	}
	return fmt.Sprintf("-p icmp -m icmp %s--icmp-type %s", w.not(), pick(w.Rand, "8", "3/1", "any", "8/0", "11", "0/0", "3"))
}

func (w written) dccp() string {
	if w.IntN(2) == 0 {
		return "-p dccp -m dccp" + w.ports()
	}
	return fmt.Sprintf("-p dccp -m dccp %s--dccp-types %s", w.not(), pick(w.Rand, "REQUEST", "ACK,DATA,SYNC", "INVALID,RESPONSE"))
}

// matches are those that need no protocol.
func (w written) matches() []func() string {
	word := func(match, option string, values ...string) func() string {
		return func() string { return "-m " + match + " " + w.not() + "--" + option + " " + pick(w.Rand, values...) }
	}
	all := []func() string{
		word("mark", "mark", "0x1", "0x0", "0x1/0x1", "0x4000/0x4000", "0xff00ff01", "0x0/0x0", "0x0/0xff", "0x2/0x1"),
		word("length", "length", "40", "20:100", "100:65535", "0:60", "500"),
		word("dscp", "dscp", "0x2e", "0", "0x04"),
		word("tos", "tos", "0x10/0xff", "0xb8/0xfc", "0x03/0x03", "0x00/0x1f", "0x00/0x00", "0xbb/0xff"),
		word("ecn", "ecn-ip-ect", "0", "1", "3"),
		word("mac", "mac-source", "02:aa:00:00:00:01", "02:aa:00:00:00:03", "02:bb:00:00:00:00"),
		word("pkttype", "pkt-type", "unicast", "broadcast", "multicast"),
		word("devgroup", "src-group", "0x5", "0x4/0xc", "0x0", "0x1/0x1"),
		w.ranges, w.hops, w.addrType,
		func() string { return `-m comment --comment "any \"packet\""` },
		func() string { return "-m statistic --mode random --probability 1" },
	}
	if w.forwarded {
		all = append(all, word("devgroup", "dst-group", "0x16", "0x10/0x10", "0x0"))
	}
	if w.forwarded && w.fam == ruleset.IP {
		all = append(all, word("realm", "realm", "0x0", "0x1/0xf"))
	}
	if w.fam == ruleset.IP6 && !w.tracked {
		all = append(all, w.fragment)
	}
	if w.fam == ruleset.IP6 {
		all = append(all, w.extension, w.extension, w.extension)
	}
	if len(w.sets) > 0 {
		all = append(all, w.set, w.set)
	}
	if w.tracked {
		all = append(all, w.flow, w.flow, w.flow, word("connmark", "mark", "0x7", "0x0/0x1", "0x1/0x1", "0x0"))
	}
	return all
}

func (w written) ranges() string {
	side, values := pick(w.Rand, "src", "dst"), []string{"172.16.0.3-172.16.1.7", "198.51.100.2-198.51.100.9", "0.0.0.0-255.255.255.255"}
	if w.fam == ruleset.IP6 {
		values = []string{"2001:db8:0:1::3-2001:db8:0:1::b", "2001:db8:0:2::-2001:db8:0:2::5", "::-2001:db8:0:1::ffff"}
	}
	return "-m iprange " + w.not() + "--" + side + "-range " + pick(w.Rand, values...)
}

func (w written) hops() string {
	name := "ttl"
	if w.fam == ruleset.IP6 {
		name = "hl"
	}
	switch mode := pick(w.Rand, "eq", "lt", "gt"); mode {
	case "eq":
		return fmt.Sprintf("-m %s %s--%s-eq %s", name, w.not(), name, pick(w.Rand, "64", "63", "1"))
	default:
		return fmt.Sprintf("-m %s --%s-%s %s", name, name, mode, pick(w.Rand, "64", "63", "1", "255"))
	}
}

func (w written) addrType() string {
	types := []string{"UNICAST", "LOCAL", "MULTICAST"}
	if w.fam == ruleset.IP {
		types = append(types, "UNICAST,LOCAL", "BROADCAST,MULTICAST")
	}
	return "-m addrtype " + w.not() + "--" + pick(w.Rand, "src", "dst") + "-type " + pick(w.Rand, types...)
}

func (w written) fragment() string {
	return "-m frag" + pick(w.Rand, " --fragid 0:2147483647", " ! --fragid 0:2147483647", " --fragid 0:4294967295") +
		w.maybe(" --fragres") + pick(w.Rand, "", " --fragfirst", " --fragmore", " --fraglast")
}

// flow asks for what the flow is, now and then for a state as well.
func (w written) flow() string {
	words := "-m conntrack"
	states := w.IntN(3) > 0
	if states {
		words += " " + w.not() + "--ctstate " + pick(w.Rand, "NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "NEW,INVALID", "DNAT", "ESTABLISHED,DNAT", "INVALID,NEW,SNAT")
	}
	if states && w.IntN(2) == 0 {
		return words
	}
	addr := func(a, b string) string {
		if w.fam == ruleset.IP6 {
			return b
		}
		return a
	}
	switch w.IntN(6) {
	case 0:
		return words + " " + w.not() + "--ctproto " + pick(w.Rand, "6", "17", "1", "58")
	case 1:
		return words + " " + w.not() + "--ctstatus " + pick(w.Rand, "CONFIRMED", "NONE", "SEEN_REPLY,ASSURED", "EXPECTED")
	case 2:
		return words + " --ctdir " + pick(w.Rand, "ORIGINAL", "REPLY")
	case 3:
		return words + " " + w.not() + pick(w.Rand, "--ctorigsrc ", "--ctrepldst ") + addr("172.16.0.0/24", "2001:db8:0:1::/125")
	case 4:
		return words + " " + w.not() + pick(w.Rand, "--ctorigdst ", "--ctreplsrc ") + addr("198.51.100.0/29", "2001:db8:0:2::/125")
	}
	return words + " " + w.not() + "--" + pick(w.Rand, "ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport") + " " + pick(w.Rand, "80", "0:1023", "53:443")
}

func (w written) set() string {
	side := func() string { return pick(w.Rand, "src", "dst") }
	sides, name := side(), pick(w.Rand, w.sets...)
	switch name {
	case "ipport", "netport", "netnet", "ipmark":
		sides += "," + side()
	case "netiface":
		sides += ",src"
	}
	return fmt.Sprintf("-m set %s--match-set %s %s", w.not(), name, sides)
}

// judgeSets are the ipsets of [written.set].
func judgeSets(fam ruleset.Family) string {
	text := `create ip hash:ip family inet
add ip 172.16.0.3
add ip 172.16.2.8/30
add ip 198.51.100.5
create net hash:net family inet
add net 172.16.0.0/12
add net 172.16.1.0/24 nomatch
add net 172.16.1.4/30
add net 198.51.100.8/29
create empty hash:net family inet
create port bitmap:port range 0-1024
add port 80
add port 443
add port 0
create ipport hash:ip,port family inet
add ipport 172.16.0.0/30,tcp:80
add ipport 172.16.1.0/29,udp:53
add ipport 198.51.100.0/30,tcp:8080
add ipport 198.51.100.0/29,icmp:8/0
create netport hash:net,port family inet
add netport 172.16.0.0/14,tcp:22
add netport 198.51.100.0/28,udp:443
add netport 198.51.100.4/30,udp:443 nomatch
add netport 198.51.100.0/28,sctp:80
create netnet hash:net,net family inet
add netnet 172.16.0.0/24,198.51.100.0/28
add netnet 172.16.0.4/30,198.51.100.8/29 nomatch
add netnet 198.51.100.0/29,172.16.0.0/16
create ipmark hash:ip,mark family inet
add ipmark 172.16.0.1,0x1
add ipmark 172.16.2.2,0x4000
add ipmark 198.51.100.1,0x1
create netiface hash:net,iface family inet
add netiface 172.16.0.0/16,r0
add netiface 198.51.100.0/29,r0
add netiface 198.51.100.8/29,r1
`
	if fam == ruleset.IP {
		return text
	}
	for _, six := range [...][2]string{
		{"172.16.0.0/12", "2001:db8:0:1::/64"}, {"172.16.1.0/24", "2001:db8:0:1::/125"}, {"172.16.1.4/30", "2001:db8:0:1::4/126"},
		{"172.16.2.8/30", "2001:db8:0:1::8"}, {"172.16.0.0/30", "2001:db8:0:1::1"}, {"172.16.1.0/29", "2001:db8:0:1::2"},
		{"198.51.100.0/30,tcp", "2001:db8:0:2::1,tcp"}, {"198.51.100.0/29,icmp:8/0", "2001:db8:0:2::4,icmpv6:128/0"},
		{"/14,", "/124,"}, {"/16,", "/124,"}, {"/24,", "/125,"}, {"/28", "/124"}, {"/29", "/125"}, {"/30", "/126"}, {"/16", "/126"},
		{"172.16.0.", "2001:db8:0:1::"}, {"172.16.2.", "2001:db8:0:1::"}, {"198.51.100.", "2001:db8:0:2::"}, {"family inet", "family inet6"},
	} {
		text = strings.ReplaceAll(text, six[0], six[1])
	}
	return text
}
