package live

import (
	"strings"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

// side is one IP family of the router lab, as the rules of the matrix see it.
type side struct {
	family                                          packet.Family
	client, host, router, server, service, stranger string
}

func sides() []side {
	return []side{
		{packet.IPv4, "10.1.0.2", "10.1.0.1", "10.2.0.1", "10.2.0.2", "10.96.0.10", "10.77.0.7"},
		{packet.IPv6, "fd00:1::2", "fd00:1::1", "fd00:2::1", "fd00:2::2", "fd00:96::10", "fd00:77::7"},
	}
}

// name is iptables' suffix and nft's family.
func (s side) name() string {
	if s.family == packet.IPv6 {
		return "ip6"
	}
	return "ip"
}

// loadedAs is the family that the world's tool wants to be told.
func (s side) loadedAs(w lab.World) packet.Family {
	if w == lab.NFT {
		return packet.Unspec
	}
	return s.family
}

// reject is the answer that the rules ask for, in nft's words.
func (s side) reject() string {
	if s.family == packet.IPv6 {
		return "icmpv6-port-unreachable"
	}
	return "icmp-port-unreachable"
}

// rules is the ruleset of the matrix in the words of a world. Some kernels have
// no queue expression for nft.
func (s side) rules(w lab.World, queue bool) string {
	text := matrixIptables
	if w == lab.NFT {
		text = matrixNFT
	}
	rule := ""
	if queue {
		rule = "\t\tudp dport 1004 counter queue num 9\n"
	}
	return strings.ReplaceAll(s.fill(text), "{queue}", rule)
}

// fill puts the side's own words into a template.
func (s side) fill(text string) string {
	icmp, reject, error, endpoint := "icmp", "icmp-port-unreachable", "icmp", func(a string) string { return a }
	if s.family == packet.IPv6 {
		icmp, reject, error = "ipv6-icmp", "icmp6-port-unreachable", "icmpv6"
		endpoint = func(a string) string { return "[" + a + "]" }
	}
	return strings.NewReplacer("{ip}", s.name(), "{icmp}", icmp, "{reject}", reject, "{error}", error,
		"{service}", s.service, "{server}", endpoint(s.server), "{host}", endpoint(s.host),
		"{router}", endpoint(s.router), "{plain}", s.server, "{stranger}", s.stranger).Replace(text)
}

// The three filter chains hold the same rules, so that a case names the number
// of its rule once.
const matrixIptables = `*mangle
:MARKED - [0:0]
-A PREROUTING -p udp -m udp --dport 1002 -j MARKED
-A OUTPUT -p udp -m udp --dport 1002 -j MARKED
-A MARKED -j MARK --set-xmark 0x2/0xf
COMMIT
*nat
-A PREROUTING -d {service} -p udp -m udp --dport 80 -j DNAT --to-destination {server}:8080
-A PREROUTING -d {service} -p udp -m udp --dport 81 -j DNAT --to-destination {host}:8081
-A INPUT -p udp -m udp --dport 8081 -j SNAT --to-source {stranger}
-A OUTPUT -d {service} -p udp -m udp --dport 80 -j DNAT --to-destination {server}:8080
-A POSTROUTING -p udp -m udp --dport 8080 -j SNAT --to-source {router}:40000-40010
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:GUARD - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m mark --mark 0x2/0xf -j GUARD
-A INPUT -p udp -m udp --dport 1003 -j REJECT --reject-with {reject}
-A INPUT -p tcp -m tcp --dport 1003 -j REJECT --reject-with tcp-reset
-A INPUT -p udp -m multiport --dports 1001,8080,8081 -j ACCEPT
-A INPUT -p {icmp} -j ACCEPT
-A INPUT -p udp -m udp --dport 1004 -j NFQUEUE --queue-num 9
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m mark --mark 0x2/0xf -j GUARD
-A FORWARD -p udp -m udp --dport 1003 -j REJECT --reject-with {reject}
-A FORWARD -p tcp -m tcp --dport 1003 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp -m multiport --dports 1001,8080,8081 -j ACCEPT
-A FORWARD -p {icmp} -j ACCEPT
-A FORWARD -p udp -m udp --dport 1004 -j NFQUEUE --queue-num 9
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -m mark --mark 0x2/0xf -j GUARD
-A OUTPUT -p udp -m udp --dport 1003 -j REJECT --reject-with {reject}
-A OUTPUT -p tcp -m tcp --dport 1003 -j REJECT --reject-with tcp-reset
-A OUTPUT -p udp -m multiport --dports 1001,8080,8081 -j ACCEPT
-A OUTPUT -p {icmp} -j ACCEPT
-A OUTPUT -p udp -m udp --dport 1004 -j NFQUEUE --queue-num 9
-A GUARD -j DROP
COMMIT
`

const matrixNFT = `table {ip} marking {
	chain PREROUTING {
		type filter hook prerouting priority mangle;
		udp dport 1002 counter jump MARKED
	}
	chain OUTPUT {
		type route hook output priority mangle;
		udp dport 1002 counter jump MARKED
	}
	chain MARKED {
		counter meta mark set meta mark and 0xfffffff0 or 0x2
	}
}
table {ip} translating {
	chain PREROUTING {
		type nat hook prerouting priority dstnat;
		{ip} daddr {service} udp dport 80 counter dnat to {server}:8080
		{ip} daddr {service} udp dport 81 counter dnat to {host}:8081
	}
	chain INPUT {
		type nat hook input priority 100;
		udp dport 8081 counter snat to {stranger}
	}
	chain OUTPUT {
		type nat hook output priority -100;
		{ip} daddr {service} udp dport 80 counter dnat to {server}:8080
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat;
		udp dport 8080 counter snat to {router}:40000-40010
	}
}
table {ip} filtering {
	chain INPUT {
		type filter hook input priority filter; policy drop;
		ct state established,related counter accept
		meta mark and 0xf == 0x2 counter jump GUARD
		udp dport 1003 counter reject with {error} type port-unreachable
		tcp dport 1003 counter reject with tcp reset
		udp dport { 1001, 8080, 8081 } counter accept
		meta l4proto {icmp} counter accept
{queue}	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		ct state established,related counter accept
		meta mark and 0xf == 0x2 counter jump GUARD
		udp dport 1003 counter reject with {error} type port-unreachable
		tcp dport 1003 counter reject with tcp reset
		udp dport { 1001, 8080, 8081 } counter accept
		meta l4proto {icmp} counter accept
{queue}	}
	chain OUTPUT {
		type filter hook output priority filter; policy drop;
		ct state established,related counter accept
		meta mark and 0xf == 0x2 counter jump GUARD
		udp dport 1003 counter reject with {error} type port-unreachable
		tcp dport 1003 counter reject with tcp reset
		udp dport { 1001, 8080, 8081 } counter accept
		meta l4proto {icmp} counter accept
{queue}	}
	chain GUARD {
		counter drop
	}
}
`
