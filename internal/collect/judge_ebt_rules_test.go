package collect

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// frameRules makes up rules in the words of ebtables.
type frameRules struct {
	*rand.Rand
	bridges bool // they may ask for the bridges of ports
}

// rule is all but the chain and the target.
func (w frameRules) rule(forwarded bool) string {
	var parts []string
	for _, part := range []string{
		"-s " + w.not() + pick(w.Rand, "02:00:00:00:00:01", "02:00:00:00:00:00/ff:ff:ff:ff:ff:02", "Unicast"),
		"-d " + w.not() + pick(w.Rand, "02:bb:00:00:00:01", "Multicast", "Broadcast", "BGA", "Unicast"),
		"-i " + w.not() + pick(w.Rand, "p0", "p+", "q0", "br0"),
		"--logical-in " + w.not() + pick(w.Rand, "br0", "p0", "b+"),
		"--pkttype-type " + w.not() + pick(w.Rand, "host", "multicast", "broadcast", "otherhost"),
		"--mark " + w.not() + pick(w.Rand, "0x1", "0x0/0x1", "0x4000/0x4000", "/0x11", "0xdeadbeef"),
		"--among-src " + w.not() + w.pairs("02:00:00:00:00"),
		"--among-dst " + w.not() + w.pairs("02:bb:00:00:00"),
	} {
		if w.IntN(6) == 0 && (w.bridges || !strings.HasPrefix(part, "--logical")) {
			parts = append(parts, part)
		}
	}
	if forwarded && w.IntN(4) == 0 {
		parts = append(parts, "-o "+w.not()+pick(w.Rand, "q0", "br0", "q+", "p0"))
	}
	if forwarded && w.bridges && w.IntN(4) == 0 {
		parts = append(parts, "--logical-out "+w.not()+pick(w.Rand, "q0", "br0", "b+"))
	}
	if w.IntN(6) > 0 {
		parts = w.typed(parts)
	}
	return strings.Join(parts, " ")
}

func (w frameRules) not() string {
	if w.IntN(3) == 0 {
		return "! "
	}
	return ""
}

func (w frameRules) pairs(begin string) string {
	var all []string
	for _, n := range w.Perm(4)[:1+w.IntN(3)] {
		pair := fmt.Sprintf("%s:%02x", begin, n)
		if w.IntN(2) == 0 {
			pair += "=" + address4(w.Rand).String()
		}
		all = append(all, pair)
	}
	return strings.Join(all, ",")
}

// typed adds what is asked of the frames of one type.
func (w frameRules) typed(parts []string) []string {
	without := func(begin string) bool { return !strings.Contains(" "+strings.Join(parts, " "), " "+begin+" ") }
	switch w.IntN(9) {
	case 0, 1, 2:
		return append(parts, "-p IPv4", w.ip("ip", "tos", address4(w.Rand).String(), pick(w.Rand, "8", "16", "21", "255.255.0.255", "31")))
	case 3, 4:
		return append(parts, "-p IPv6", w.ip("ip6", "tclass", address6(w.Rand).String(), pick(w.Rand, "16", "112", "127", "ffff::ff")))
	case 5:
		return append(parts, "-p "+pick(w.Rand, "ARP", "ARP", "RARP"), w.arp())
	case 6:
		return append(parts, "-p 802_1Q", w.some(
			"--vlan-id "+w.not()+pick(w.Rand, "0", "5", "10"), "--vlan-prio "+w.not()+pick(w.Rand, "0", "1", "2"), "--vlan-encap "+w.not()+pick(w.Rand, "0800", "86DD")))
	case 7:
		if without("-d") {
			return append(parts, "-d BGA", w.spanningTree())
		}
	}
	return append(parts, "-p Length", w.some("--802_3-sap "+w.not()+pick(w.Rand, "0x42", "0xaa"), "--802_3-type "+w.not()+pick(w.Rand, "0x0800", "0x0806")))
}

// some is one option at least.
func (w frameRules) some(options ...string) string {
	w.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	return strings.Join(options[:1+w.IntN(min(3, len(options)))], " ")
}

func (w frameRules) ip(name, class, addr, mask string) string {
	options := []string{
		fmt.Sprintf("--%s-src %s%s", name, w.not(), pick(w.Rand, addr, addr+"/"+mask)),
		fmt.Sprintf("--%s-dst %s%s", name, w.not(), pick(w.Rand, addr, addr+"/"+mask)),
		fmt.Sprintf("--%s-%s %s0x%02x", name, class, w.not(), w.IntN(256)),
	}
	icmp, kinds := "icmp", []string{"8", "0/0", "3/1", "0:8/1:2", "echo-request", "13"}
	if name == "ip6" {
		icmp, kinds = "ipv6-icmp", []string{"128", "129/0", "1/1", "1:3/1:2", "echo-request", "3"}
	}
	proto := "--" + name + "-proto "
	switch w.IntN(6) {
	case 0, 1:
		proto += pick(w.Rand, "tcp", "udp", "sctp", "udplite")
		for _, side := range []string{"sport", "dport"} {
			if w.IntN(2) == 0 {
				proto += fmt.Sprintf(" --%s-%s %s%s", name, side, w.not(), pick(w.Rand, "80", "1:1000", "1000:65535", "22", "0:65535"))
			}
		}
	case 2:
		proto += icmp + " --" + name + "-" + map[string]string{"ip": "icmp", "ip6": "icmp"}[name] + "-type " + w.not() + pick(w.Rand, kinds...)
	default:
		proto += w.not() + pick(w.Rand, "tcp", "udp", icmp, "44", "59", "60", "17")
	}
	return w.some(append(options, proto, proto)[:4+w.IntN(2)]...)
}

func (w frameRules) arp() string {
	options := []string{
		"--arp-op " + w.not() + pick(w.Rand, "1", "2", "Request_Reverse"), "--arp-htype " + w.not() + pick(w.Rand, "1", "6"),
		"--arp-ptype " + w.not() + pick(w.Rand, "0x0800", "0x86dd"), "--arp-ip-src " + w.not() + address4(w.Rand).String() + pick(w.Rand, "", "/30", "/255.0.255.0"),
		"--arp-ip-dst " + w.not() + address4(w.Rand).String() + pick(w.Rand, "", "/31"), "--arp-mac-src " + w.not() + "02:00:00:00:00:01",
		"--arp-mac-dst " + w.not() + "02:00:00:00:00:02/ff:ff:ff:ff:ff:fe",
	}
	return w.some(options...)
}

func (w frameRules) spanningTree() string {
	low := func() string { return pick(w.Rand, "1", "0:1", "2:3", "1:2", "3") }
	options := []string{"--stp-type " + w.not() + pick(w.Rand, "config", "tcn", "1"), "--stp-flags " + w.not() + pick(w.Rand, "1", "2", "topology-change")}
	for _, name := range []string{"root-prio", "root-cost", "sender-prio", "port", "msg-age", "max-age", "hello-time", "forward-delay"} {
		options = append(options, "--stp-"+name+" "+w.not()+low())
	}
	for _, name := range []string{"root-addr", "sender-addr"} {
		options = append(options, "--stp-"+name+" "+w.not()+pick(w.Rand, "00:00:00:00:00:01", "00:00:00:00:00:02/00:00:00:00:00:02"))
	}
	return w.some(options...)
}
