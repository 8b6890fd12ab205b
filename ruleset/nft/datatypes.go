package nft

// knownTypes are the types that a set's key may have.
var knownTypes = []*dataType{
	typeInvalid, typeVerdict, typeNFProto, typeBitmask, typeInteger, typeString,
	typeLLAddr, typeIPAddr, typeIP6Addr, typeEtherAddr, typeEtherType, typeARPOp,
	typeInetProto, typeInetService, typeICMPType, typeTCPFlag, typeDCCPType, typeMHType,
	typeTime, typeMark, typeIfIndex, typeARPHRD, typeRealm, typeClassID, typeUID, typeGID,
	typeCTState, typeCTDir, typeCTStatus, typeICMP6Type, typeCTLabel, typePktType,
	typeICMPCode, typeICMPv6Code, typeICMPXCode, typeDevGroup, typeDSCP, typeECN,
	typeFIBAddr, typeBoolean, typeCTEvent, typeIfName, typeIGMPType,
	typeDate, typeHour, typeDay, typeCgroup,
}

var (
	typeInvalid = &dataType{id: idInvalid, name: "invalid", print: printInvalid}
	typeVerdict = &dataType{id: idVerdict, name: "verdict", print: printVerdict}
	typeInteger = &dataType{id: idInteger, name: "integer", print: printInteger}
	// typeHex is an integer of a piece of the packet that has no name.
	typeHex     = &dataType{id: idInteger, name: "integer", base: typeInteger, hex: 1, print: printInteger}
	typeBitmask = &dataType{id: idBitmask, name: "bitmask", base: typeInteger, hex: 1}
	typeString  = &dataType{id: idString, name: "string", order: orderHost, print: printString}
	typeIfName  = &dataType{id: idIfName, name: "ifname", order: orderHost, bits: 128, base: typeString}

	typeLLAddr    = &dataType{id: idLLAddr, name: "ll_addr", order: orderBig, base: typeInteger, print: printLLAddr}
	typeEtherAddr = &dataType{id: idEtherAddr, name: "ether_addr", order: orderBig, bits: 48, base: typeLLAddr}
	typeIPAddr    = &dataType{id: idIPAddr, name: "ipv4_addr", order: orderBig, bits: 32, base: typeInteger, prefix: true, print: printAddr}
	typeIP6Addr   = &dataType{id: idIP6Addr, name: "ipv6_addr", order: orderBig, bits: 128, base: typeInteger, prefix: true, print: printAddr}

	typeInetProto   = &dataType{id: idInetProto, name: "inet_proto", bits: 8, base: typeInteger, print: printProto}
	typeInetService = &dataType{id: idInetService, name: "inet_service", order: orderBig, bits: 16, base: typeInteger, print: printInteger}

	typeTime    = &dataType{id: idTime, name: "time", order: orderHost, bits: 32, base: typeInteger, print: printTime}
	typeMark    = &dataType{id: idMark, name: "mark", order: orderHost, bits: 32, base: typeInteger, prefix: true, hex: 8, print: printMark}
	typeIfIndex = &dataType{id: idIfIndex, name: "iface_index", order: orderHost, bits: 32, base: typeInteger, print: printIfIndex}
	typeRealm   = &dataType{id: idRealm, name: "realm", order: orderHost, bits: 32, base: typeInteger, prefix: true, print: printRealm}
	typeClassID = &dataType{id: idClassID, name: "classid", order: orderHost, bits: 32, base: typeInteger, print: printClassID}
	typeUID     = &dataType{id: idUID, name: "uid", order: orderHost, bits: 32, base: typeInteger}
	typeGID     = &dataType{id: idGID, name: "gid", order: orderHost, bits: 32, base: typeInteger}

	typeCTLabel  = &dataType{id: idCTLabel, name: "ct_label", order: orderHost, bits: 128, base: typeBitmask, print: printCTLabel}
	typeDevGroup = &dataType{id: idDevGroup, name: "devgroup", order: orderHost, bits: 32, base: typeInteger, prefix: true, print: printDevGroup}
	typeDate     = &dataType{id: idDate, name: "time", order: orderHost, bits: 64, base: typeInteger, print: printDate}
	typeHour     = &dataType{id: idHour, name: "hour", order: orderHost, bits: 32, base: typeInteger, print: printHour}
	typeCgroup   = &dataType{id: idCgroup, name: "cgroupsv2", order: orderHost, bits: 64, base: typeInteger, print: printCgroup}
	// typeDay: its names stand in quotes.
	typeDay = &dataType{id: idDay, name: "day", order: orderHost, bits: 8, base: typeInteger, print: printDay}
)

// Types whose values have words.
var (
	typeNFProto = &dataType{id: idNFProto, name: "nf_proto", bits: 8, base: typeInteger,
		names: []symbol{{"ipv4", 2}, {"ipv6", 10}}}
	typeEtherType = &dataType{id: idEtherType, name: "ether_type", order: orderBig, bits: 16, base: typeInteger, hex: 4,
		names: []symbol{{"ip", 0x0800}, {"arp", 0x0806}, {"ip6", 0x86dd}, {"8021q", 0x8100}, {"8021ad", 0x88a8}}}
	typeARPOp = &dataType{id: idARPOp, name: "arp_op", order: orderBig, bits: 16, base: typeInteger,
		names: []symbol{{"request", 1}, {"reply", 2}, {"rrequest", 3}, {"rreply", 4}, {"inrequest", 8}, {"inreply", 9}, {"nak", 10}}}
	typeARPHRD = &dataType{id: idARPHRD, name: "iface_type", order: orderHost, bits: 16, base: typeInteger,
		names: []symbol{{"ether", 1}, {"ppp", 512}, {"ipip", 768}, {"ipip6", 769}, {"loopback", 772}, {"sit", 776}, {"ipgre", 778}}}
	typePktType = &dataType{id: idPktType, name: "pkt_type", order: orderHost, bits: 8, base: typeInteger,
		names: []symbol{{"host", 0}, {"broadcast", 1}, {"multicast", 2}, {"other", 3}}}
	typeBoolean = &dataType{id: idBoolean, name: "boolean", bits: 1, base: typeInteger,
		names: []symbol{{"exists", 1}, {"missing", 0}}}
	typeFIBAddr = &dataType{id: idFIBAddr, name: "fib_addrtype", order: orderHost, bits: 32, base: typeInteger,
		names: []symbol{{"unspec", 0}, {"unicast", 1}, {"local", 2}, {"broadcast", 3}, {"anycast", 4},
			{"multicast", 5}, {"blackhole", 6}, {"unreachable", 7}, {"prohibit", 8}}}
)

// Types of fields of headers.
var (
	typeICMPType = &dataType{id: idICMPType, name: "icmp_type", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"echo-reply", 0}, {"destination-unreachable", 3}, {"source-quench", 4}, {"redirect", 5},
			{"echo-request", 8}, {"router-advertisement", 9}, {"router-solicitation", 10}, {"time-exceeded", 11},
			{"parameter-problem", 12}, {"timestamp-request", 13}, {"timestamp-reply", 14}, {"info-request", 15},
			{"info-reply", 16}, {"address-mask-request", 17}, {"address-mask-reply", 18}}}
	typeICMP6Type = &dataType{id: idICMP6Type, name: "icmpv6_type", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"destination-unreachable", 1}, {"packet-too-big", 2}, {"time-exceeded", 3},
			{"parameter-problem", 4}, {"echo-request", 128}, {"echo-reply", 129}, {"mld-listener-query", 130},
			{"mld-listener-report", 131}, {"mld-listener-done", 132}, {"nd-router-solicit", 133},
			{"nd-router-advert", 134}, {"nd-neighbor-solicit", 135}, {"nd-neighbor-advert", 136}, {"nd-redirect", 137},
			{"router-renumbering", 138}, {"ind-neighbor-solicit", 141}, {"ind-neighbor-advert", 142},
			{"mld2-listener-report", 143}}}
	typeICMPCode = &dataType{id: idICMPCode, name: "icmp_code", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"net-unreachable", 0}, {"host-unreachable", 1}, {"prot-unreachable", 2}, {"port-unreachable", 3},
			{"net-prohibited", 9}, {"host-prohibited", 10}, {"admin-prohibited", 13}, {"frag-needed", 4}}}
	typeICMPv6Code = &dataType{id: idICMPv6Code, name: "icmpv6_code", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"no-route", 0}, {"admin-prohibited", 1}, {"addr-unreachable", 3}, {"port-unreachable", 4},
			{"policy-fail", 5}, {"reject-route", 6}}}
	typeICMPXCode = &dataType{id: idICMPXCode, name: "icmpx_code", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"port-unreachable", 1}, {"admin-prohibited", 3}, {"no-route", 0}, {"host-unreachable", 2}}}
	typeIGMPType = &dataType{id: idIGMPType, name: "igmp_type", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"membership-query", 0x11}, {"membership-report-v1", 0x12}, {"membership-report-v2", 0x16},
			{"membership-report-v3", 0x22}, {"leave-group", 0x17}}}
	typeTCPFlag = &dataType{id: idTCPFlag, name: "tcp_flag", order: orderBig, bits: 8, base: typeBitmask,
		names: []symbol{{"fin", 1}, {"syn", 2}, {"rst", 4}, {"psh", 8}, {"ack", 16}, {"urg", 32}, {"ecn", 64}, {"cwr", 128}}}
	typeDCCPType = &dataType{id: idDCCPType, name: "dccp_pkttype", bits: 4, base: typeInteger,
		names: []symbol{{"request", 0}, {"response", 1}, {"data", 2}, {"ack", 3}, {"dataack", 4}, {"closereq", 5},
			{"close", 6}, {"reset", 7}, {"sync", 8}, {"syncack", 9}}}
	typeMHType = &dataType{id: idMHType, name: "mh_type", order: orderBig, bits: 8, base: typeInteger,
		names: []symbol{{"binding-refresh-request", 0}, {"home-test-init", 1}, {"careof-test-init", 2}, {"home-test", 3},
			{"careof-test", 4}, {"binding-update", 5}, {"binding-acknowledgement", 6}, {"binding-error", 7},
			{"fast-binding-update", 8}, {"fast-binding-acknowledgement", 9}, {"fast-binding-advertisement", 10},
			{"experimental-mobility-header", 11}, {"home-agent-switch-message", 12}}}
	typeDSCP = &dataType{id: idDSCP, name: "dscp", order: orderBig, bits: 6, base: typeInteger, hex: 2,
		names: []symbol{{"cs0", 0}, {"cs1", 8}, {"cs2", 16}, {"cs3", 24}, {"cs4", 32}, {"cs5", 40}, {"cs6", 48}, {"cs7", 56},
			{"lephb", 1}, {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18}, {"af22", 20}, {"af23", 22},
			{"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34}, {"af42", 36}, {"af43", 38}, {"va", 44}, {"ef", 46}}}
	typeECN = &dataType{id: idECN, name: "ecn", order: orderBig, bits: 2, base: typeInteger, hex: 1,
		names: []symbol{{"not-ect", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}}}
)

// Types of connection tracking.
var (
	typeCTState = &dataType{id: idCTState, name: "ct_state", order: orderHost, bits: 32, base: typeBitmask,
		names: []symbol{{"invalid", 1}, {"new", 8}, {"established", 2}, {"related", 4}, {"untracked", 64}}}
	typeCTDir = &dataType{id: idCTDir, name: "ct_dir", bits: 8, base: typeInteger,
		names: []symbol{{"original", 0}, {"reply", 1}}}
	typeCTStatus = &dataType{id: idCTStatus, name: "ct_status", order: orderHost, bits: 32, base: typeBitmask,
		names: []symbol{{"expected", 1}, {"seen-reply", 2}, {"assured", 4}, {"confirmed", 8}, {"snat", 16}, {"dnat", 32}, {"dying", 512}}}
	typeCTEvent = &dataType{id: idCTEvent, name: "ct_event", order: orderHost, bits: 32, base: typeBitmask,
		names: []symbol{{"new", 1}, {"related", 2}, {"destroy", 4}, {"reply", 8}, {"assured", 16}, {"protoinfo", 32},
			{"helper", 64}, {"mark", 128}, {"seqadj", 256}, {"secmark", 512}, {"label", 1024}}}
)
