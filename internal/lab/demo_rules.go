package lab

import (
	"slices"

	"github.com/pktrail/pktrail/packet"
)

// role is one part in the demo's rules. It is played in the first of its worlds
// that the machine has, so that the same packets have the same fate everywhere.
type role struct {
	title  string
	worlds []World
	text   map[language]string
}

// language is what a text is written in; both iptables worlds read the same.
type language string

const (
	iptables4 language = "iptables"
	iptables6 language = "ip6tables"
	nftables  language = "nft"
)

// demoRoles are loaded in this order. Of chains of equal priority the one that
// was made last is asked first.
func demoRoles() []role {
	return []role{
		{
			title:  "the host guards itself and marks what is forbidden",
			worlds: []World{Legacy, IptablesNFT, NFT},
			text:   map[language]string{iptables4: guardIPv4, iptables6: guardIPv6, nftables: guardNFT},
		},
		{
			title:  "kube-proxy gives a service its address and drops what is marked",
			worlds: []World{IptablesNFT, Legacy, NFT},
			text:   map[language]string{iptables4: servicesIPv4, iptables6: servicesIPv6, nftables: servicesNFT},
		},
		{
			title:  "a firewall lets through what it knows",
			worlds: []World{NFT, IptablesNFT, Legacy},
			text:   map[language]string{iptables4: firewallIPv4, iptables6: firewallIPv6, nftables: firewallNFT},
		},
	}
}

// demoRules casts the roles among the worlds that are there, all when nil.
func demoRules(ns string, there []World) []Placement {
	var rules []Placement
	for _, r := range demoRoles() {
		i := slices.IndexFunc(r.worlds, func(w World) bool { return there == nil || slices.Contains(there, w) })
		if i < 0 {
			continue
		}
		w := r.worlds[i]
		if w == NFT {
			rules = append(rules, Placement{NS: ns, Ruleset: Ruleset{World: w, Text: r.text[nftables]}})
			continue
		}
		rules = append(rules,
			Placement{NS: ns, Ruleset: Ruleset{World: w, Family: packet.IPv4, Text: r.text[iptables4]}},
			Placement{NS: ns, Ruleset: Ruleset{World: w, Family: packet.IPv6, Text: r.text[iptables6]}},
		)
	}
	return rules
}

const guardIPv4 = `*mangle
:MARK-FORBIDDEN - [0:0]
-A PREROUTING -i r0 -p udp -m udp --dport 53 -m comment --comment "DNS only through the resolver" -j MARK-FORBIDDEN
-A MARK-FORBIDDEN -j MARK --set-xmark 0x8000/0x8000
COMMIT
*filter
:GUARD - [0:0]
-A INPUT -j GUARD
-A GUARD -p udp -m udp --dport 161 -m comment --comment "no SNMP from here" -j REJECT --reject-with icmp-port-unreachable
COMMIT
`

const guardIPv6 = `*mangle
:MARK-FORBIDDEN - [0:0]
-A PREROUTING -i r0 -p udp -m udp --dport 53 -m comment --comment "DNS only through the resolver" -j MARK-FORBIDDEN
-A MARK-FORBIDDEN -j MARK --set-xmark 0x8000/0x8000
COMMIT
*filter
:GUARD - [0:0]
-A INPUT -j GUARD
-A GUARD -p udp -m udp --dport 161 -m comment --comment "no SNMP from here" -j REJECT --reject-with icmp6-port-unreachable
COMMIT
`

const guardNFT = `table inet guard {
	chain prerouting {
		type filter hook prerouting priority mangle;
		iifname "r0" udp dport 53 jump mark-forbidden comment "DNS only through the resolver"
	}
	chain mark-forbidden {
		meta mark set meta mark or 0x8000
	}
	chain input {
		type filter hook input priority filter - 5;
		meta nfproto ipv4 udp dport 161 reject with icmp type port-unreachable comment "no SNMP from here"
		meta nfproto ipv6 udp dport 161 reject with icmpv6 type port-unreachable comment "no SNMP from here"
	}
}
`

const servicesIPv4 = `*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
:KUBE-SEP-WEB - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-WEB
-A KUBE-SVC-WEB ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-WEB -m comment --comment "default/web:http -> 10.2.0.2:8080" -j KUBE-SEP-WEB
-A KUBE-SEP-WEB -p tcp -m comment --comment "default/web:http" -m tcp -j DNAT --to-destination 10.2.0.2:8080
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
-A FORWARD -m mark --mark 0x8000/0x8000 -j KUBE-FIREWALL
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -j DROP
COMMIT
`

const servicesIPv6 = `*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
:KUBE-SEP-WEB - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-SERVICES -d fd00:96::10/128 -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-WEB
-A KUBE-SVC-WEB ! -s fd00:244::/32 -j KUBE-MARK-MASQ
-A KUBE-SVC-WEB -m comment --comment "default/web:http -> [fd00:2::2]:8080" -j KUBE-SEP-WEB
-A KUBE-SEP-WEB -p tcp -m comment --comment "default/web:http" -m tcp -j DNAT --to-destination [fd00:2::2]:8080
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
-A FORWARD -m mark --mark 0x8000/0x8000 -j KUBE-FIREWALL
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -j DROP
COMMIT
`

const servicesNFT = `table inet kube-proxy {
	chain nat-prerouting {
		type nat hook prerouting priority dstnat;
		jump services
	}
	chain services {
		ip daddr 10.96.0.10 tcp dport 80 goto service-web
		ip6 daddr fd00:96::10 tcp dport 80 goto service-web
	}
	chain service-web {
		ip saddr != 10.244.0.0/16 jump mark-for-masquerade
		ip6 saddr != fd00:244::/32 jump mark-for-masquerade
		meta l4proto tcp dnat ip to 10.2.0.2:8080
		meta l4proto tcp dnat ip6 to [fd00:2::2]:8080
	}
	chain mark-for-masquerade {
		meta mark set meta mark or 0x4000
	}
	chain nat-postrouting {
		type nat hook postrouting priority srcnat;
		jump masquerading
	}
	chain masquerading {
		meta mark and 0x4000 == 0 return
		meta mark set meta mark xor 0x4000
		masquerade
	}
	chain filter-forward {
		type filter hook forward priority filter - 5;
		meta mark and 0x8000 == 0x8000 jump firewall
	}
	chain firewall {
		drop comment "kubernetes firewall for dropping marked packets"
	}
}
`

const firewallIPv4 = `*filter
:FORWARD DROP [0:0]
:FIREWALL - [0:0]
-A FORWARD -j FIREWALL
-A FIREWALL -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FIREWALL -p tcp -m tcp --dport 3306 -m comment --comment "the database is not for clients" -j REJECT --reject-with tcp-reset
-A FIREWALL -p tcp -m tcp --dport 8080 -j ACCEPT
-A FIREWALL -p icmp -j ACCEPT
COMMIT
`

const firewallIPv6 = `*filter
:FORWARD DROP [0:0]
:FIREWALL - [0:0]
-A FORWARD -j FIREWALL
-A FIREWALL -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FIREWALL -p tcp -m tcp --dport 3306 -m comment --comment "the database is not for clients" -j REJECT --reject-with tcp-reset
-A FIREWALL -p tcp -m tcp --dport 8080 -j ACCEPT
-A FIREWALL -p ipv6-icmp -j ACCEPT
COMMIT
`

const firewallNFT = `table inet firewall {
	chain forward {
		type filter hook forward priority filter + 10; policy drop;
		ct state established,related accept
		tcp dport 3306 reject with tcp reset comment "the database is not for clients"
		tcp dport 8080 accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
}
`
