package ruleset

// Field is something of a packet, its connection or its way that a condition
// looks at, in nft's words. Those below are what the parts of this program
// agree on; a dialect may use any other expression of nft as it is printed.
type Field string

// Fields. Addresses of IPv4 and IPv6 are different fields: a condition on one of
// them comes with a condition on NFProto where the table has both.
//
// Of a packet of IPv6 with an authentication header, L4Proto is nothing that all
// agree on: legacy tables and ipsets look behind it, nf_tables stops at it
// (include/net/netfilter/nf_tables_ipv6.h: __nft_set_pktinfo_ipv6). So no fact is
// told of it, nor of what the transport header has.
const (
	NFProto     Field = "meta nfproto" // NFPROTO_IPV4, NFPROTO_IPV6
	EtherType   Field = "ether type"
	EtherSource Field = "ether saddr"
	EtherDest   Field = "ether daddr"

	IPSource   Field = "ip saddr"
	IPDest     Field = "ip daddr"
	IP6Source  Field = "ip6 saddr"
	IP6Dest    Field = "ip6 daddr"
	L4Proto    Field = "meta l4proto" // that behind the extension headers; see above for AH
	Length     Field = "meta length"  // bytes from the IP header on
	TTL        Field = "ip ttl"
	HopLimit   Field = "ip6 hoplimit"
	DSCP       Field = "ip dscp" // of either family
	Fragment   Field = "ip frag-off"
	SourcePort Field = "th sport" // of TCP, UDP, UDP-Lite, SCTP and DCCP, which a condition on L4Proto names
	DestPort   Field = "th dport"
	TCPFlags   Field = "tcp flags"
	ICMPType   Field = "icmp type"
	ICMPCode   Field = "icmp code"
	ICMP6Type  Field = "icmpv6 type"
	ICMP6Code  Field = "icmpv6 code"

	InName    Field = "iifname"
	OutName   Field = "oifname"
	InIndex   Field = "iif"
	OutIndex  Field = "oif"
	InPort    Field = "meta ibrname" // physdev's are PhysIn and PhysOut
	OutPort   Field = "meta obrname"
	PhysIn    Field = "physdev in" // both empty for a packet of no bridge
	PhysOut   Field = "physdev out"
	PktType   Field = "meta pkttype" // PACKET_*
	Mark      Field = "meta mark"
	SocketUID Field = "meta skuid"
	SocketGID Field = "meta skgid"

	CTState    Field = "ct state"     // one bit: 1 invalid, 2 established, 4 related, 8 new, 64 untracked
	CTStatus   Field = "ct status"    // IPS_*
	CTMark     Field = "ct mark"      //
	CTDir      Field = "ct direction" // 0 original, 1 reply
	CTProto    Field = "ct protocol"
	CTSource   Field = "ct original ip saddr"
	CTDest     Field = "ct original ip daddr"
	CTSource6  Field = "ct original ip6 saddr"
	CTDest6    Field = "ct original ip6 daddr"
	CTDestPort Field = "ct original proto-dst"

	SourceType Field = "fib saddr type" // RTN_*
	DestType   Field = "fib daddr type"
)
