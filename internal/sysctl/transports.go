package sysctl

// sctpTracking are the settings of SCTP's tracker (net/netfilter/nf_conntrack_proto_sctp.c).
func sctpTracking() []Setting {
	all := []Setting{
		sctpTimeout("closed", "10", "before its first chunk, and after ABORT or the end"),
		sctpTimeout("cookie_wait", "3", "after INIT or INIT ACK"),
		sctpTimeout("cookie_echoed", "3", "after COOKIE ECHO"),
		sctpTimeout("established", "210", "once it stands, without any packet",
			"associations have pauses longer than this, and heartbeats are off or slower.",
			"older kernels have 432000 (five days), and the kernel's documentation still says so"),
		sctpTimeout("shutdown_sent", "3", "after SHUTDOWN", "",
			"the kernel's documentation says 0.3"),
		sctpTimeout("shutdown_recd", "3", "after SHUTDOWN from the other side", "",
			"the kernel's documentation says 0.3"),
		sctpTimeout("shutdown_ack_sent", "3", "after SHUTDOWN ACK"),
		sctpTimeout("heartbeat_sent", "30", "on a path of which nothing but a HEARTBEAT was seen",
			"hosts with several addresses send heartbeats less often on their spare paths."),
		sctpTimeout("heartbeat_acked", "210", "on a path whose HEARTBEAT was answered"),
	}
	for i := range all {
		all[i].Group = "SCTP tracking"
		switch all[i].Name {
		case "sctp_timeout_established":
			all[i].Older = Older{"6.3", "432000"}
		case "sctp_timeout_heartbeat_acked":
			all[i].Needs = NeedsGone
		}
		all[i] = tracked(all[i])
	}
	return all
}

// sctpTimeout takes when to change it, and what to mind, after the state.
func sctpTimeout(state, value, after string, more ...string) Setting {
	s := Setting{Name: "sctp_timeout_" + state, Default: value, Unit: "seconds", Takes: seconds(),
		Meaning: "how long the entry of an SCTP association lives " + after + "."}
	if len(more) > 0 {
		s.When, s.Mind = more[0], more[1:]
	}
	if s.When == "" {
		s.When = "hardly ever."
	}
	return s
}

// otherTracking are the settings of the other trackers, and of IPv6 fragments that
// connection tracking puts together (net/ipv6/netfilter/nf_conntrack_reasm.c).
func otherTracking() []Setting {
	all := []Setting{
		timeout("udp_timeout", "30", "a UDP flow without a reply, or with one in its first two seconds",
			"floods of one-way UDP fill the table.",
			"a sender that never stops keeps its entry for ever: after a backend was replaced it goes on to the old one until the entry is deleted"),
		timeout("udp_timeout_stream", "120", "a UDP flow that goes both ways for more than two seconds",
			"SIP, QUIC or WireGuard run behind NAT: keep it above their keepalive.",
			"for so long DNS entries outlive a backend that is gone"),
		timeout("icmp_timeout", "30", "an ICMP exchange, such as a ping", "hardly ever."),
		timeout("icmpv6_timeout", "30", "an ICMPv6 exchange, such as a ping", "hardly ever."),
		timeout("gre_timeout", "30", "a GRE flow that saw no reply yet", "hardly ever."),
		timeout("gre_timeout_stream", "180", "a GRE flow with packets in both directions",
			"a tunnel is idle for longer, and its other side cannot begin."),
		{Name: "frag6_high_thresh", Default: "4194304", Unit: "bytes", Takes: number(0, maxInt),
			Meaning: "memory for IPv6 fragments that wait to be put together; beyond it further fragments are dropped.",
			When:    "fragmented IPv6 traffic loses packets under load.",
			Mind: []string{
				"nothing is logged where fragments are dropped for this",
				"not below frag6_low_thresh; the kernel's documentation says 262144",
			}},
		{Name: "frag6_low_thresh", Default: "3145728", Unit: "bytes", Takes: number(0, maxInt),
			Meaning: "the lower mark beside frag6_high_thresh. Current kernels hold it to that limit and use it for nothing else.",
			When:    "before frag6_high_thresh goes below it.",
			Mind:    []string{"not above frag6_high_thresh; the kernel's documentation says 196608"}},
		{Name: "frag6_timeout", Default: "60", Unit: "seconds", Takes: seconds(),
			Meaning: "how long IPv6 fragments wait for the missing ones.",
			When:    "fragments of lost packets fill the memory: then shorter.",
		},
	}
	for i := range all {
		all[i].Group = "other tracking"
		all[i] = tracked(all[i])
	}
	return all
}

func timeout(name, value, what, when string, mind ...string) Setting {
	return Setting{Name: name, Default: value, Unit: "seconds", Takes: seconds(),
		Meaning: "how long the entry of " + what + " lives without a packet.", When: when, Mind: mind}
}
