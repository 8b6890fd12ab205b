package xt

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

// known is facts of one value each: numbers, addresses, and names in quotes.
func known(t *testing.T, text string) ruleset.Facts {
	t.Helper()
	f := ruleset.Facts{}
	for fact := range strings.SplitSeq(text, ", ") {
		field, value, ok := strings.Cut(fact, "=")
		if !ok {
			continue
		}
		v := ruleset.Value{}
		if name, quoted := strings.CutPrefix(value, "'"); quoted {
			v = ruleset.Name(strings.TrimSuffix(name, "'"))
		} else if a, err := netip.ParseAddr(value); err == nil {
			v = ruleset.Addr(a)
		} else if _, err := fmt.Sscan(value, &v.Low); err != nil {
			t.Fatalf("%s: %v", fact, err)
		}
		f[ruleset.Field(field)] = []ruleset.Range{ruleset.Only(v)}
	}
	return f
}

const (
	no    = ruleset.No
	yes   = ruleset.Yes
	maybe = ruleset.Maybe
)

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		fam   ruleset.Family
		rule  string
		facts string
		want  ruleset.Truth
	}{
		{ip4, "", "", yes},
		{ip4, "-s 10.0.0.0/8", "ip saddr=10.1.2.3", yes},
		{ip4, "! -s 10.0.0.0/8", "ip saddr=10.1.2.3", no},
		{ip4, "-d 0.0.0.3/0.0.0.7", "ip daddr=10.1.2.11", yes},
		{ip4, "-d 0.0.0.3/0.0.0.7", "ip daddr=10.1.2.12", no},
		{ip6, "-d 2001:db8::/32", "ip6 daddr=2001:db8:1::1", yes},
		{ip4, "-p ah", "meta l4proto=51", yes},
		{ip6, "-p ah", "meta l4proto=51", maybe},
		{ip4, "-i eth+", "iifname='eth0'", yes},
		{ip4, "-i eth", "iifname='eth0'", no},
		{ip4, "! -i eth0", "iifname=''", yes},
		{ip4, "-i +", "", yes},
		{ip4, "! -i +", "", no},
		{ip4, "-f", "ip frag-off=0x4000", no},
		{ip4, "-f", "ip frag-off=0x2010", yes},
		{ip4, "! -f", "ip frag-off=0x2000", yes},
		{ip4, "-p tcp -m tcp", "meta l4proto=6", maybe},
		{ip4, "-p tcp -m tcp", "meta l4proto=6, th dport=1", yes},
		{ip4, "-p tcp -m tcp --sport 5", "meta l4proto=6, th sport=5", yes},
		{ip4, "-p tcp -m tcp --syn", "meta l4proto=6, th dport=1, tcp flags=0xc2", yes},
		{ip4, "-p tcp -m tcp ! --tcp-flags NONE NONE", "meta l4proto=6, th dport=1, tcp flags=0", no},
		{ip4, "-p tcp -m tcp --tcp-flags SYN FIN", "meta l4proto=6, th dport=1", no},
		{ip4, "-p tcp -m multiport --ports 80:90,85:99", "meta l4proto=6, th dport=95", yes},
		{ip4, "-p tcp -m multiport ! --ports 80:90", "meta l4proto=6, th dport=95", maybe},
		{ip4, "-p tcp -m multiport ! --ports 80:90", "meta l4proto=6, th dport=95, th sport=1", yes},
		{ip4, "-p icmp -m icmp --icmp-type any", "meta l4proto=1, icmp type=3", yes},
		{ip4, "-p icmp -m icmp ! --icmp-type any", "meta l4proto=1, icmp type=3", no},
		{ip4, "-p icmp -m icmp ! --icmp-type 3/1", "meta l4proto=1, icmp type=3, icmp code=0", yes},
		{ip6, "-p ipv6-icmp -m icmp6 --icmpv6-type 255", "meta l4proto=58, icmpv6 type=3", no},
		{ip4, "-m conntrack --ctstate NEW,UNTRACKED", "ct state=64", yes},
		{ip4, "-m conntrack --ctstate RELATED,ESTABLISHED,DNAT", "ct state=8, ct status=0x20", yes},
		{ip4, "-m conntrack --ctstate RELATED,ESTABLISHED,DNAT", "ct state=8, ct status=0", no},
		{ip4, "-m conntrack ! --ctstate DNAT", "ct state=1", yes},
		{ip4, "-m conntrack ! --ctstate DNAT", "ct state=8, ct status=0x20", no},
		{ip4, "-m conntrack ! --ctstate INVALID --ctproto 6", "ct state=64", yes},
		{ip4, "-m conntrack --ctstate INVALID,NEW --ctproto 6", "ct state=1", yes},
		{ip4, "-m conntrack --ctstate NEW --ctproto 6", "ct state=8, ct protocol=17", no},
		{ip4, "-m conntrack --ctstatus NONE", "ct status=0", no},
		{ip4, "-m conntrack ! --ctstatus NONE", "ct status=0", yes},
		{ip4, "-m conntrack --ctorigsrc 10.0.0.0/8 --ctorigdstport 80:90", "ct original ip saddr=10.1.1.1, ct original proto-dst=85", yes},
		{ip6, "-m conntrack --ctorigsrc ::/0", "", maybe},
		{ip6, "-m conntrack --ctorigsrc ::/0", "ct original ip6 saddr=2001:db8::1", yes},
		{ip4, "-m conntrack --ctorigsrc 0.0.0.0/0", "", maybe},
		{ip6, "! -s ::/0", "ip6 saddr=::1", no},
		{ip4, "-m conntrack --ctdir REPLY", "ct direction=1", yes},
		{ip4, "-m state --state NEW", "ct state=2", no},
		{ip4, "-m mark --mark 0x0/0x0", "meta mark=5", yes},
		{ip4, "-m mark --mark 0x2/0x1", "meta mark=5", no},
		{ip4, "-m mark ! --mark 0x2/0x1", "meta mark=5", yes},
		{ip4, "-m connmark ! --mark 0x2/0x1", "", maybe},
		{ip4, "-m connmark ! --mark 0x2/0x1", "ct mark=0", yes},
		{ip4, "-m iprange --src-range 10.0.0.9-10.0.0.1", "ip saddr=10.0.0.5", no},
		{ip4, "-m iprange ! --dst-range 10.0.0.1-10.0.0.9", "ip daddr=10.0.0.5", no},
		{ip4, "-m addrtype --dst-type LOCAL,BROADCAST", "fib daddr type=3", yes},
		{ip4, "-m addrtype --dst-type LOCAL --limit-iface-in", "fib daddr type=2", maybe},
		{ip6, "-m addrtype --src-type UNICAST", "ip6 saddr=::ffff:1.2.3.4", no},
		{ip6, "-m addrtype ! --src-type MULTICAST", "ip6 saddr=fe80::1", yes},
		{ip6, "-m addrtype --src-type UNICAST,LOCAL", "ip6 saddr=fe80::1", maybe},
		{ip4, "-m pkttype --pkt-type multicast", "meta pkttype=5, ip daddr=224.0.0.1", yes},
		{ip4, "-m pkttype --pkt-type broadcast", "meta pkttype=5, ip daddr=255.255.255.255", yes},
		{ip4, "-m pkttype ! --pkt-type broadcast", "meta pkttype=5, ip daddr=224.0.0.1", yes},
		{ip6, "-m pkttype --pkt-type broadcast", "meta pkttype=5, ip6 daddr=fe80::1", yes},
		{ip4, "-m pkttype --pkt-type unicast", "meta pkttype=0", yes},
		{ip4, "-m physdev --physdev-in vnet+", "physdev in='vnet3', physdev out=''", yes},
		{ip4, "-m physdev --physdev-in vnet+", "physdev in='', physdev out=''", no},
		{ip4, "-m physdev --physdev-in vnet+", "physdev in='', physdev out='p1'", yes},
		{ip4, "-m physdev ! --physdev-out p1", "physdev in='p0', physdev out=''", no},
		{ip4, "-m physdev ! --physdev-out p1", "physdev in='', physdev out=''", yes},
		{ip4, "-m physdev --physdev-is-bridged", "physdev in='p0', physdev out='p1'", yes},
		{ip4, "-m physdev ! --physdev-is-in --physdev-is-out", "physdev in='p0', physdev out='p1'", no},
		{ip4, "-m owner --socket-exists", "", maybe},
		{ip4, "-m owner ! --socket-exists", "meta skuid=0", no},
		{ip4, "-m owner --uid-owner 1-5 ! --gid-owner 7", "meta skuid=3, meta skgid=6", yes},
		{ip4, "-m owner --gid-owner 7 --suppl-groups", "meta skgid=6", maybe},
		{ip4, "-m owner --gid-owner 7 --suppl-groups", "meta skgid=7", yes},
		{ip4, "-m ttl --ttl-gt 5", "ip ttl=5", no},
		{ip6, "-m hl --hl-lt 5", "ip6 hoplimit=4", yes},
		{ip4, "-m length --length 40:60", "meta length=61", no},
		{ip4, "-m mac ! --mac-source 02:00:00:00:00:01", "ether saddr=0x020000000001", no},
		{ip4, "-m statistic --mode random --probability 0", "", no},
		{ip4, "-m statistic --mode nth --every 1 --packet 0", "", yes},
		{ip4, "-m statistic --mode nth --every 2 --packet 0", "", maybe},
		{ip4, "-m comment --comment x", "", yes},
		{ip4, "-m limit --limit 3/min", "", maybe},
		{ip4, "-m limit --limit 3/min -d 10.0.0.1", "ip daddr=10.0.0.2", no},
		{ip4, "-m set --match-set hosts src", "ip saddr=192.0.2.1", yes},
		{ip4, "-m set ! --match-set hosts src", "ip saddr=192.0.2.1", no},
		{ip4, "-m set --match-set hosts src --packets-gt 5", "ip saddr=192.0.2.1", maybe},
		{ip4, "-m set --match-set hosts src --return-nomatch", "ip saddr=192.0.2.1", maybe},
		{ip4, "-m set --match-set hosts dst", "ip saddr=192.0.2.1", maybe},
		{ip4, "-m nosuch --thing", "", maybe},
	} {
		_, r, err := ParseRule("-A x "+c.rule, Env{Family: c.fam})
		if r == nil || err != nil && !strings.Contains(c.rule, "nosuch") {
			t.Fatalf("%s: %v", c.rule, err)
		}
		rule := ruleset.Rule{When: r.Conditions(c.fam, hosts)}
		if got := rule.Judge(known(t, c.facts)); got != c.want {
			t.Errorf("%s: %d, want %d, of a packet with %s\n%+v", c.rule, got, c.want, c.facts, rule.When)
		}
	}
}

// hosts is an ipset with one address.
func hosts(set string, source []bool) ruleset.Condition {
	f := ruleset.IPDest
	if source[0] {
		f = ruleset.IPSource
	}
	return within(f, false, ruleset.Prefix(netip.MustParsePrefix("192.0.2.1/32")))
}

// Matches whose options are not read from text.
func TestConditionsOfTypes(t *testing.T) {
	any32 := Span{0, 0xffffffff}
	for _, c := range []struct {
		match Match
		facts string
		want  ruleset.Truth
	}{
		{MatchAH{SPI: Span{1, 5}}, "ah spi=5", yes},
		{MatchAH{SPI: any32, Length: 24, NotLength: true}, "ah spi=5, ah hdrlength=4", no},
		{MatchAH{SPI: any32, Length: 23}, "ah spi=5, ah hdrlength=4", no},
		{MatchAH{SPI: any32, Reserved: true}, "ah spi=5, ah reserved=1", no},
		{MatchRT{SegsLeft: any32, Flags: 5, Not: 1, Type: 2, Length: 24}, "exthdr rt=1, rt seg-left=1, rt type=0, rt hdrlength=2", yes},
		{MatchRT{SegsLeft: any32, Flags: 8}, "exthdr rt=1, rt seg-left=1", maybe},
		{MatchRT{SegsLeft: any32}, "exthdr rt=0", no},
		{MatchFrag{IDs: any32, Flags: 4 | 16}, "exthdr frag=1, frag id=1, frag reserved=0, frag reserved2=0, frag more-fragments=1", yes},
		{MatchFrag{IDs: any32, Flags: 8}, "frag id=1, frag frag-off=5", no},
		{MatchConnlabel{Bit: 70, Not: true}, "ct label=0", yes},
		{MatchConnlabel{Bit: 3}, "ct label=8", yes},
		{MatchConnlabel{Bit: 3, Set: true}, "ct label=8", maybe},
		{MatchDevgroup{Flags: 3, Source: 0x15, SourceMask: 0xf}, "iifgroup=0x25", no},
		{MatchCgroup{HasClass: true, Class: 9, NotClass: true}, "meta cgroup=8", yes},
		{MatchCgroup{HasPath: true, Path: "/a"}, "meta cgroup=8", maybe},
		{MatchCPU{CPU: 1}, "meta cpu=0", no},
		{MatchRealm{Realm: 0x10, Mask: 0xf0}, "rt classid=0x1f", yes},
		{MatchTOS{Value: 0x12, Mask: 0xff, Not: true}, "ip dscp=4, ip ecn=1", yes},
		{MatchTOS{Value: 0x12, Mask: 0xff, Not: true}, "ip dscp=4, ip ecn=2", no},
		{MatchTOS{Value: 2, Mask: 3}, "ip ecn=2", yes},
		{MatchECN{Ops: 0x31, Not: 0x20, ECT: 1}, "ip ecn=1, tcp flags=0x40", yes},
		{MatchDCCP{Flags: 5, Source: Ports{1, 9}, Types: 6}, "th sport=4, dccp type=2", yes},
		{MatchDCCP{Flags: 8}, "th dport=4", maybe},
		{MatchSCTP{Flags: 3, Not: 2, Source: Ports{1, 9}, Destination: Ports{5, 5}}, "th sport=4, th dport=5", no},
		{MatchSCTP{Flags: 4}, "th dport=4", maybe},
		{MatchESP{SPI: Span{7, 7}, Not: true}, "esp spi=7", no},
		{MatchIPComp{SPI: Span{7, 7}}, "comp cpi=7", yes},
		{MatchMH{Low: 1, High: 3}, "mh type=4", no},
		{MatchTCPMSS{MSS: Ports{500, 600}}, "tcp option maxseg size=536", yes},
		{MatchTCPMSS{MSS: Ports{500, 600}, Not: true}, "", maybe},
		{MatchState{State: 64 | 2}, "ct state=64", yes},
		{Unknown{Extension: "geoip"}, "", maybe},
		{MatchIPv6Header{Mask: 0x81}, noHeaders + ", exthdr hbh=1, meta l4proto=6", yes},
		{MatchIPv6Header{Mask: 0x81}, noHeaders + ", exthdr hbh=0, meta l4proto=6", no},
		{MatchIPv6Header{Mask: 0x81, Not: true}, noHeaders + ", exthdr hbh=0, meta l4proto=6", yes},
		{MatchIPv6Header{Mask: 0x81, Not: true}, noHeaders + ", exthdr hbh=1, meta l4proto=6", no},
		{MatchIPv6Header{Mask: 0x84, Soft: true}, "exthdr hbh=1, meta l4proto=50", yes},
		{MatchIPv6Header{Mask: 0x84, Soft: true}, "meta l4proto=6", no},
		{MatchIPv6Header{Mask: 0x84, Soft: true, Not: true}, "exthdr hbh=0, meta l4proto=50", no},
		{MatchIPv6Header{Mask: 0x82, Soft: true, Not: true}, "exthdr hbh=0, meta l4proto=50", yes},
		{MatchOpts{Header: "hbh", Length: 8, Flags: 1}, "exthdr hbh=1, hbh hdrlength=0", yes},
		{MatchOpts{Header: "dst", Length: 8, Flags: 1}, "exthdr dst=0", no},
		{MatchOpts{Header: "dst", Flags: 2}, "exthdr dst=1", maybe},
		{MatchSRH{Flags: 0x13, NextHeader: 6, Length: 4, SegmentsLeft: 1}, srhFacts, yes},
		{MatchSRH{Flags: 4, Length: 255}, srhFacts, no},
		{MatchSRH{Flags: 0x100, LastEntry: 1}, srhFacts, no},
		{MatchSRH{Flags: 0x100, Not: 0x100, LastEntry: 1}, srhFacts, yes},
		{MatchSRH{SegmentsLeft: 1}, "exthdr rt=1, rt type=4, rt seg-left=3, srh last-entry=2", no},
		{MatchSRH{Flags: 0x2000}, srhFacts, maybe},
		{MatchPolicy{Flags: 5}, "meta ipsec=0", yes},
		{MatchPolicy{Flags: 1, Elements: make([]PolicyElement, 1)}, "meta ipsec=1", yes},
		{MatchPolicy{Flags: 2, Elements: []PolicyElement{{Match: 4, Protocol: 50}}}, "rt ipsec=1", maybe},
		{MatchPolicy{Flags: 2, Elements: []PolicyElement{{Match: 4, Protocol: 50}}}, "rt ipsec=0", no},
	} {
		r := Rule{Matches: []Match{c.match}}
		rule := ruleset.Rule{When: r.Conditions(ip4, nil)}
		if got := rule.Judge(known(t, c.facts)); got != c.want {
			t.Errorf("%+v: %d, want %d, of a packet with %s\n%+v", c.match, got, c.want, c.facts, rule.When)
		}
	}
}

const (
	noHeaders = "exthdr dst=0, exthdr rt=0, exthdr frag=0, exthdr ah=0"
	srhFacts  = "exthdr rt=1, rt type=4, rt nexthdr=6, rt hdrlength=4, rt seg-left=1, srh last-entry=1, srh tag=0x500"
)

// Matches of ebtables look into frames.
func TestConditionsOfFrames(t *testing.T) {
	addr := netip.MustParseAddr
	all := addr("255.255.255.255")
	list := []Pair{{MAC: [6]byte{2, 0, 0, 0, 0, 1}, IP: addr("10.0.0.1")}, {MAC: [6]byte{2, 0, 0, 0, 0, 2}}}
	const mac1, mac2, mac3 = "ether saddr=0x020000000001", "ether saddr=0x020000000002", "ether saddr=0x020000000003"
	for _, c := range []struct {
		match Match
		facts string
		want  ruleset.Truth
	}{
		{EbtIP{Asked: 1, Source: addr("10.0.0.0"), SourceMask: addr("255.0.0.0")}, "ip saddr=10.1.2.3", yes},
		{EbtIP{Asked: 1, Not: 1, Source: addr("10.0.0.0"), SourceMask: addr("255.0.0.0")}, "ip saddr=10.1.2.3", no},
		{EbtIP{Asked: 2, Dest: addr("10.0.0.1"), DestMask: addr("255.0.0.0")}, "ip daddr=10.0.0.1", no},
		{EbtIP{IPv6: true, Asked: 2, Dest: addr("fd00::1"), DestMask: addr("ffff::")}, "ip6 daddr=fd00::2", yes},
		{EbtIP{Asked: 4, Class: 0x12}, "ip dscp=4, ip ecn=2", yes},
		{EbtIP{Asked: 0x28, Protocol: Protocol{Number: 6}, DestPort: Ports{80, 90}}, "meta l4proto=6, th dport=85", yes},
		{EbtIP{Asked: 0x28, Not: 0x20, Protocol: Protocol{Number: 6}, DestPort: Ports{80, 90}}, "meta l4proto=6, th dport=85", no},
		{EbtIP{Asked: 0x28, Protocol: Protocol{Number: 6}, DestPort: Ports{80, 90}}, "meta l4proto=6", maybe},
		{EbtIP{Asked: 0x48, Protocol: Protocol{Number: 1}, Type: [2]uint8{8, 8}, Code: [2]uint8{0, 255}}, "meta l4proto=1, icmp type=8", yes},
		{EbtIP{Asked: 0x48, Not: 0x40, Protocol: Protocol{Number: 1}, Type: [2]uint8{3, 5}, Code: [2]uint8{1, 1}}, "meta l4proto=1, icmp type=3, icmp code=2", yes},
		{EbtIP{IPv6: true, Asked: 8, Protocol: Protocol{Number: 6}}, "meta l4proto=6, th dport=85", yes},
		{EbtIP{IPv6: true, Asked: 8, Protocol: Protocol{Number: 6}}, "meta l4proto=6", maybe}, // later fragments
		{EbtIP{IPv6: true, Asked: 8, Protocol: Protocol{Number: 6}}, "meta l4proto=17", no},
		{EbtIP{IPv6: true, Asked: 8, Not: 8, Protocol: Protocol{Number: 6}}, "meta l4proto=6, exthdr frag=0", no},
		{EbtIP{IPv6: true, Asked: 8, Not: 8, Protocol: Protocol{Number: 6}}, "meta l4proto=17", yes},
		{EbtIP{IPv6: true, Asked: 8, Not: 8, Protocol: Protocol{Number: 6}}, "meta l4proto=59, exthdr frag=0", no},
		{EbtIP{IPv6: true, Asked: 8, Protocol: Protocol{Number: 59}}, "meta l4proto=59", no},
		{EbtIP{IPv6: true, Asked: 8, Protocol: Protocol{Number: 44}}, "meta l4proto=6, frag frag-off=0", no},
		{EbtIP{IPv6: true, Asked: 8, Protocol: Protocol{Number: 44}}, "meta l4proto=6, frag frag-off=2", yes},
		{EbtIP{Asked: 0x80, Type: [2]uint8{0x11, 0x11}}, "igmp type=0x11", yes},
		{EbtARP{Asked: 1, Opcode: 1}, "arp operation=2", no},
		{EbtARP{Asked: 8, Source: addr("10.0.0.0"), SourceMask: addr("255.0.0.0")}, "arp ptype=0x800, arp plen=4, arp saddr ip=10.0.0.9", yes},
		{EbtARP{Asked: 8, Not: 8, Source: addr("10.0.0.1"), SourceMask: all}, "arp ptype=0x86dd, arp plen=16", no},
		{EbtARP{Asked: 0x80}, "arp ptype=0x800, arp plen=4", maybe},
		{EbtARP{Asked: 0x80}, "arp ptype=0x800, arp plen=16", no},
		{EbtARP{Asked: 0x40, Not: 0x40, DestMACMask: [6]byte{255, 255}}, "arp hlen=6, arp htype=1, arp daddr ether=0x000011111111", no},
		{EbtVLAN{Asked: 7, ID: 5, Priority: 3, Encapsulation: 0x800}, "vlan id=5, vlan pcp=2, vlan type=0x800", yes},
		{EbtVLAN{Asked: 3, Priority: 3}, "vlan id=0, vlan pcp=2", no},
		{EbtSTP{Asked: 1}, "stp version=0, stp type=0x80", yes},
		{EbtSTP{Asked: 1, Type: 0x80}, "stp version=0, stp type=0x80", no},
		{EbtSTP{Asked: 1, Not: 1, Type: 0x80}, "stp version=2", no},
		{EbtSTP{Asked: 2, Flags: 0x80}, "stp version=0, stp type=0x80", yes},
		{EbtSTP{Asked: 0x10, RootCost: Span{1, 5}}, "stp version=0, stp type=0", maybe},
		{Ebt802_3{Asked: 1, SAP: 0x42}, "llc ssap=0x42, llc dsap=0x42", yes},
		{Ebt802_3{Asked: 1, Not: 1, SAP: 0x42}, "llc ssap=0x42, llc dsap=0x41", no},
		{Ebt802_3{Asked: 2, Type: 0x800}, "llc ssap=0xaa, llc dsap=0xaa, snap type=0x800", yes},
		{EbtAmong{Source: list[1:]}, mac2, yes},
		{EbtAmong{Source: list[1:], NotSource: true}, mac2, no},
		{EbtAmong{Source: list, IPv4: true}, "meta protocol=0x800, ip saddr=10.0.0.1, " + mac1, yes},
		{EbtAmong{Source: list}, "meta protocol=0x800, ip saddr=10.0.0.2, " + mac1, no},
		{EbtAmong{Source: list, NotSource: true}, "meta protocol=0x800, ip saddr=10.0.0.2, " + mac2, no},
		{EbtAmong{Source: list, NotSource: true, IPv4: true}, "meta protocol=0x806, " + mac2, no},
		{EbtAmong{Source: list, NotSource: true}, "meta protocol=0x806, " + mac2, maybe},
		{EbtAmong{Source: list, NotSource: true}, "meta protocol=0x800, " + mac3, yes},
	} {
		r := Rule{Frame: &Frame{}, Matches: []Match{c.match}}
		rule := ruleset.Rule{When: r.Conditions(ruleset.Bridge, nil)}
		if got := rule.Judge(known(t, c.facts)); got != c.want {
			t.Errorf("%+v: %d, want %d, of a packet with %s\n%+v", c.match, got, c.want, c.facts, rule.When)
		}
	}
}

// What cannot be told whatever the options are is said of options that are not read too.
func TestConditionsOfUnreadOptions(t *testing.T) {
	for rule, want := range map[string]string{
		"-m hashlimit --hashlimit-upto 1/sec --hashlimit-name a": "counts packets or bytes in a time",
		"-m time --timestart 10:00":                              "depends on the time",
		"-m nosuch --thing":                                      "its options are not understood by this version",
	} {
		_, r, err := ParseRule("-A x "+rule, Env{Family: ip4})
		if r == nil {
			t.Fatalf("%s: %v", rule, err)
		}
		if all := r.Conditions(ip4, nil); len(all) != 1 || all[0].Why != want {
			t.Errorf("%s: %+v", rule, all)
		}
	}
}

// Each condition says in the rule's own words what it stands for.
func TestConditionsText(t *testing.T) {
	_, r, err := ParseRule(`-A x ! -s 10.0.0.0/8 -i eth0 -p tcp -m tcp --sport 1 --dport 2 -m comment --comment "a b" -m mark --mark 0x1 -j ACCEPT`, Env{Family: ip4})
	if err != nil {
		t.Fatal(err)
	}
	texts := func(r *Rule) (got []string) {
		for _, c := range r.Conditions(ip4, nil) {
			got = append(got, c.Text)
		}
		return got
	}
	got := texts(r)
	want := []string{"! -s 10.0.0.0/8", "-i eth0", "-p tcp", "-m tcp --sport 1", "-m tcp --dport 2", "-m mark --mark 0x1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, r, err = ParseRule("-A x -m conntrack --ctstate NEW --ctproto 6 -m conntrack --ctstate INVALID,NEW --ctproto 6 -m owner --uid-owner 1 --gid-owner 2", Env{Family: ip4})
	if err != nil {
		t.Fatal(err)
	}
	want = []string{
		"-m conntrack --ctstate NEW", "-m conntrack --ctproto 6",
		"-m conntrack --ctstate INVALID,NEW --ctproto 6", "-m conntrack --ctstate INVALID,NEW --ctproto 6",
		"-m owner --uid-owner 1", "-m owner --gid-owner 2",
	}
	if diff := cmp.Diff(want, texts(r)); diff != "" {
		t.Error(diff)
	}
}

// Whatever bytes a match has, it has conditions: well-formed ones, with words.
func TestEveryMatchHasConditions(t *testing.T) {
	for _, fill := range []byte{0, 1, 0x7f, 0xff} {
		for name, forms := range matchForms {
			for _, f := range forms {
				fam := max(f.family, ip4)
				b := []byte(strings.Repeat(string([]byte{fill}), f.size))
				r := Rule{Matches: []Match{f.decode(b, env(fam))}}
				for _, c := range r.Conditions(fam, nil) {
					wellFormed(t, name, &c)
					c.Judge(nil)
					if name := r.Matches[0].Name(); !strings.HasPrefix(c.Text, "-m "+name) && name != "state" {
						t.Errorf("%s: the words are %q", name, c.Text)
					}
				}
			}
		}
	}
}

func wellFormed(t *testing.T, name string, c *ruleset.Condition) {
	t.Helper()
	if c.Why == "" && len(c.Fields) == 0 && len(c.Any) == 0 {
		t.Errorf("%s: a condition of nothing: %+v", name, c)
	}
	for i := range c.Any {
		wellFormed(t, name, &c.Any[i])
	}
	for i, row := range c.Rows {
		if len(row.Ranges) != len(c.Fields) {
			t.Fatalf("%s: a row of %d ranges for %d fields", name, len(row.Ranges), len(c.Fields))
		}
		for n, r := range row.Ranges {
			if r.From.Compare(r.To) > 0 || n == 0 && i > 0 && len(c.Fields) == 1 && c.Rows[i-1].Ranges[0].To.Compare(r.From) >= 0 {
				t.Errorf("%s: rows out of order: %+v", name, c)
			}
		}
	}
}
