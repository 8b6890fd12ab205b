package nft

// findExtHeader finds a description by kind; nil when there is none.
func findExtHeader(op uint32, kind uint8) *extHeader {
	var all []*extHeader
	switch op {
	case exthdrIPv6:
		all = ip6Headers
	case exthdrTCP:
		all = tcpOptions
	case exthdrIPv4:
		all = ipOptions
	case exthdrSCTP:
		all = sctpChunks
	}
	for _, h := range all {
		if h.kind == kind {
			return h
		}
	}
	return nil
}

// Extension headers of IPv6, by protocol number.
var (
	extRouting = &extHeader{name: "rt", id: 2, kind: 43, fields: []field{{},
		{"nexthdr", typeInetProto, 0, 8, 0}, num("hdrlength", 8, 8), num("type", 16, 8), num("seg-left", 24, 8)}}
	extRouting0 = &extHeader{name: "rt0", id: 3, kind: 43, fields: []field{{},
		num("reserved", 32, 32), {"addr[1]", typeIP6Addr, 64, 128, 0}, {"addr[2]", typeIP6Addr, 192, 128, 0}}}
	extRouting2 = &extHeader{name: "rt2", id: 4, kind: 43}
	extSegments = &extHeader{name: "srh", id: 5, kind: 43, fields: []field{{},
		num("last-entry", 32, 8), num("flags", 40, 8), num("tag", 48, 16),
		{"sid[1]", typeIP6Addr, 64, 128, 0}, {"sid[2]", typeIP6Addr, 192, 128, 0}}}

	ip6Headers = []*extHeader{
		{name: "hbh", id: 1, kind: 0, fields: []field{{}, {"nexthdr", typeInetProto, 0, 8, 0}, num("hdrlength", 8, 8)}},
		extRouting, extRouting0, extRouting2, extSegments,
		{name: "frag", id: 6, kind: 44, fields: []field{{}, {"nexthdr", typeInetProto, 0, 8, 0}, num("reserved", 8, 8),
			num("frag-off", 16, 13), num("reserved2", 29, 2), num("more-fragments", 31, 1), num("id", 32, 32)}},
		{name: "dst", id: 7, kind: 60, fields: []field{{}, {"nexthdr", typeInetProto, 0, 8, 0}, num("hdrlength", 8, 8)}},
		{name: "mh", id: 8, kind: 135, fields: []field{{}, {"nexthdr", typeInetProto, 0, 8, 0}, num("hdrlength", 8, 8),
			{"type", typeMHType, 16, 8, 0}, num("reserved", 24, 8), num("checksum", 32, 16)}},
	}
)

func tcpOption(name string, kind uint8, more ...field) *extHeader {
	return &extHeader{name: name, kind: kind, fields: append([]field{num("kind", 0, 8), num("length", 8, 8)}, more...)}
}

var tcpOptions = []*extHeader{
	{name: "eol", kind: 0, fields: []field{num("kind", 0, 8)}},
	{name: "nop", kind: 1, fields: []field{num("kind", 0, 8)}},
	tcpOption("maxseg", 2, num("size", 16, 16)),
	tcpOption("window", 3, num("count", 16, 8)),
	tcpOption("sack-perm", 4),
	tcpOption("sack", 5, num("left", 16, 32), num("right", 48, 32), num("left", 80, 32), num("right", 112, 32),
		num("left", 144, 32), num("right", 176, 32), num("left", 208, 32), num("right", 240, 32)),
	tcpOption("timestamp", 8, num("tsval", 16, 32), num("tsecr", 48, 32)),
	tcpOption("md5sig", 19),
	tcpOption("mptcp", 30, num("subtype", 16, 4)),
	tcpOption("fastopen", 34),
}

func routeOption(name string, kind uint8) *extHeader {
	return &extHeader{name: name, kind: kind, fields: []field{{},
		num("type", 0, 8), num("length", 8, 8), num("ptr", 16, 8), num("addr", 24, 32)}}
}

var ipOptions = []*extHeader{
	routeOption("rr", 7), routeOption("lsrr", 131), routeOption("ssrr", 137),
	{name: "ra", kind: 148, fields: []field{{}, num("type", 0, 8), num("length", 8, 8), num("value", 16, 16)}},
}

func sctpChunk(name string, kind uint8, more ...field) *extHeader {
	return &extHeader{name: name, kind: kind,
		fields: append([]field{num("type", 0, 8), num("flags", 8, 8), num("length", 16, 16)}, more...)}
}

var sctpChunks = []*extHeader{
	sctpChunk("data", 0, num("tsn", 32, 32), num("stream", 64, 16), num("ssn", 80, 16), num("ppid", 96, 32)),
	sctpChunk("init", 1, num("init-tag", 32, 32), num("a-rwnd", 64, 32), num("num-outbound-streams", 96, 16),
		num("num-inbound-streams", 112, 16), num("initial-tsn", 128, 32)),
	sctpChunk("init-ack", 2, num("init-tag", 32, 32), num("a-rwnd", 64, 32), num("num-outbound-streams", 96, 16),
		num("num-inbound-streams", 112, 16), num("initial-tsn", 128, 32)),
	sctpChunk("sack", 3, num("cum-tsn-ack", 32, 32), num("a-rwnd", 64, 32), num("num-gap-ack-blocks", 96, 16),
		num("num-dup-tsns", 112, 16)),
	sctpChunk("heartbeat", 4), sctpChunk("heartbeat-ack", 5), sctpChunk("abort", 6),
	sctpChunk("shutdown", 7, num("cum-tsn-ack", 32, 32)),
	sctpChunk("shutdown-ack", 8), sctpChunk("error", 9), sctpChunk("cookie-echo", 10), sctpChunk("cookie-ack", 11),
	sctpChunk("ecne", 12, num("lowest-tsn", 32, 32)), sctpChunk("cwr", 13, num("lowest-tsn", 32, 32)),
	sctpChunk("shutdown-complete", 14),
	sctpChunk("asconf-ack", 128, num("seqno", 32, 32)), sctpChunk("forward-tsn", 192, num("new-cum-tsn", 32, 32)),
	sctpChunk("asconf", 193, num("seqno", 32, 32)),
}
