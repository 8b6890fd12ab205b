package nft

var allHeaders = []*protocol{
	headAH, headESP, headComp, headICMP, headIGMP, headUDP, headUDPLite, headTCP, headDCCP,
	headSCTP, headTH, headIP, headIP6, headICMP6, headARP, headVLAN, headEther,
}

// Headers that stand for something else: a packet of which the layer is not known,
// what inet and netdev tables begin with, and what IPv4 and IPv6 have in common.
var (
	headUnknown     = &protocol{name: "unknown"}
	headInet        = &protocol{name: "inet", base: baseLink}
	headNetdev      = &protocol{name: "netdev", base: baseLink}
	headInetService = &protocol{name: "inet-service", base: baseTransport}
)

var (
	headAH = &protocol{name: "ah", id: 1, base: baseTransport, key: 1, fields: []field{{},
		{"nexthdr", typeInetProto, 0, 8, 0}, num("hdrlength", 8, 8), num("reserved", 16, 16),
		num("spi", 32, 32), num("sequence", 64, 32)}}
	headESP  = &protocol{name: "esp", id: 2, base: baseTransport, fields: []field{{}, num("spi", 0, 32), num("sequence", 32, 32)}}
	headComp = &protocol{name: "comp", id: 3, base: baseTransport, key: 1, fields: []field{{},
		{"nexthdr", typeInetProto, 0, 8, 0}, {"flags", typeBitmask, 8, 8, 0}, num("cpi", 16, 16)}}

	headICMP = &protocol{name: "icmp", id: 4, base: baseTransport, key: 1, fields: []field{{},
		{"type", typeICMPType, 0, 8, 0}, {"code", typeICMPCode, 8, 8, 0}, num("checksum", 16, 16),
		{"id", typeInteger, 32, 16, icmpEcho}, {"sequence", typeInteger, 48, 16, icmpEcho},
		{"gateway", typeInteger, 32, 32, icmpAddress}, {"mtu", typeInteger, 48, 16, icmpMTU}}}
	headICMP6 = &protocol{name: "icmpv6", id: 14, base: baseTransport, key: 1, fields: []field{{},
		{"type", typeICMP6Type, 0, 8, 0}, {"code", typeICMPv6Code, 8, 8, 0}, num("checksum", 16, 16),
		{"parameter-problem", typeInteger, 32, 32, icmp6Pointer}, {"mtu", typeInteger, 32, 32, icmp6MTU},
		{"id", typeInteger, 32, 16, icmp6Echo}, {"sequence", typeInteger, 48, 16, icmp6Echo},
		{"max-delay", typeInteger, 32, 16, icmp6Query}}}
	headIGMP = &protocol{name: "igmp", id: 5, base: baseTransport, fields: []field{{},
		{"type", typeIGMPType, 0, 8, 0}, num("checksum", 16, 16), num("mrt", 8, 8), num("group", 32, 32)}}

	headUDP = &protocol{name: "udp", id: 6, base: baseTransport, fields: []field{{},
		port("sport", 0), port("dport", 16), num("length", 32, 16), num("checksum", 48, 16)}}
	headUDPLite = &protocol{name: "udplite", id: 7, base: baseTransport, fields: []field{{},
		port("sport", 0), port("dport", 16), num("csumcov", 32, 16), num("checksum", 48, 16)}}
	headTCP = &protocol{name: "tcp", id: 8, base: baseTransport, fields: []field{{},
		port("sport", 0), port("dport", 16), num("sequence", 32, 32), num("ackseq", 64, 32),
		num("doff", 96, 4), num("reserved", 100, 4), {"flags", typeTCPFlag, 104, 8, 0},
		num("window", 112, 16), num("checksum", 128, 16), num("urgptr", 144, 16)}}
	headDCCP = &protocol{name: "dccp", id: 9, base: baseTransport, fields: []field{{},
		port("sport", 0), port("dport", 16), {"type", typeDCCPType, 67, 4, 0}}}
	headSCTP = &protocol{name: "sctp", id: 10, base: baseTransport, fields: []field{{},
		port("sport", 0), port("dport", 16), num("vtag", 32, 32), num("checksum", 64, 32)}}
	headTH = &protocol{name: "th", id: 11, base: baseTransport, fields: []field{{}, port("sport", 0), port("dport", 16)}}
)

var (
	headIP = &protocol{name: "ip", id: 12, base: baseNetwork, fields: []field{{},
		num("version", 0, 4), num("hdrlength", 4, 4), {"dscp", typeDSCP, 8, 6, 0}, {"ecn", typeECN, 14, 2, 0},
		num("length", 16, 16), num("id", 32, 16), num("frag-off", 48, 16), num("ttl", 64, 8),
		{"protocol", typeInetProto, 72, 8, 0}, num("checksum", 80, 16),
		{"saddr", typeIPAddr, 96, 32, 0}, {"daddr", typeIPAddr, 128, 32, 0}}}
	headIP6 = &protocol{name: "ip6", id: 13, base: baseNetwork, fields: []field{{},
		num("version", 0, 4), {"dscp", typeDSCP, 4, 6, 0}, {"ecn", typeECN, 10, 2, 0}, num("flowlabel", 12, 20),
		num("length", 32, 16), {"nexthdr", typeInetProto, 48, 8, 0}, num("hoplimit", 56, 8),
		{"saddr", typeIP6Addr, 64, 128, 0}, {"daddr", typeIP6Addr, 192, 128, 0}}}
	headARP = &protocol{name: "arp", id: 15, base: baseNetwork, fields: []field{{},
		num("htype", 0, 16), {"ptype", typeEtherType, 16, 16, 0}, num("hlen", 32, 8), num("plen", 40, 8),
		{"operation", typeARPOp, 48, 16, 0}, {"saddr ether", typeEtherAddr, 64, 48, 0},
		{"saddr ip", typeIPAddr, 112, 32, 0}, {"daddr ether", typeEtherAddr, 144, 48, 0},
		{"daddr ip", typeIPAddr, 192, 32, 0}}}
	headVLAN = &protocol{name: "vlan", id: 16, base: baseLink, key: 5, bits: 32, fields: []field{{},
		num("pcp", 0, 3), num("dei", 3, 1), num("cfi", 3, 1), num("id", 4, 12), {"type", typeEtherType, 16, 16, 0}}}
	headEther = &protocol{name: "ether", id: 17, base: baseLink, key: 3, bits: 112, fields: []field{{},
		{"daddr", typeEtherAddr, 0, 48, 0}, {"saddr", typeEtherAddr, 48, 48, 0}, {"type", typeEtherType, 96, 16, 0}}}
)

// Fields that tell the next protocol although another field is used to ask for
// it: IPv4's protocol and IPv6's next header.
const (
	ipProtocol = 9
	ip6NextHdr = 6
)
