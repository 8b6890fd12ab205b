package sysctl

// tcpTracking are the settings of TCP's tracker (net/netfilter/nf_conntrack_proto_tcp.c).
func tcpTracking() []Setting {
	all := []Setting{
		{Name: "tcp_be_liberal", Default: "0", Takes: onOff(),
			Meaning: "of packets outside the window, call only RSTs INVALID.",
			When:    "a host sees one direction alone (asymmetric routes, several uplinks), or connections through DNAT are reset by peers that answer late.",
			Mind: []string{
				"kube-proxy leaves out its rule that drops INVALID packets where this is on: restart it after a change",
				"the check of the window becomes weaker",
			}},
		{Name: "tcp_ignore_invalid_rst", Default: "0", Takes: onOff(),
			Meaning: "do not call a RST outside the window INVALID.",
			When:    "peers send RSTs late, and connections hang because a rule drops them.",
			Mind:    []string{"it lets through RSTs that somebody made up without seeing the flow"}},
		{Name: "tcp_loose", Default: "1", Takes: onOff(),
			Meaning: "make an entry for a connection that is already under way.",
			When:    "leave it on at routers and nodes: they lose their tables at restarts and fail-overs.",
			Mind: []string{
				"at 0, every connection dies when the table is emptied",
				"a connection that is picked up so has no NAT: those that were translated break either way",
			}},
		{Name: "tcp_max_retrans", Default: "3", Unit: "packets", Takes: number(0, 255),
			Meaning: "so many retransmissions without an answer, and tcp_timeout_max_retrans is the entry's time.",
			When:    "hardly ever.",
		},
		tcpTimeout("syn_sent", "120", "after a SYN that nobody has answered.",
			"entries of connections to dead hosts fill the table.",
			"every retransmitted SYN starts the time anew, so an entry that leads to a backend that is gone lives as long as somebody tries"),
		tcpTimeout("syn_recv", "60", "after the SYN-ACK, until the handshake is complete.", "half-open connections fill the table."),
		tcpTimeout("established", "432000", "in an established connection without any packet (432000 is five days).",
			"idle connections fill the table: not below the keepalive time of the applications (the kernel's is 7200).",
			"an idle connection whose entry is gone loses its NAT, and its next packet is reset or dropped",
			"keep it above the idle time of load balancers in front",
			"kube-proxy writes 86400 at its start (--conntrack-tcp-timeout-established)"),
		tcpTimeout("fin_wait", "120", "after the first FIN.", "closing connections fill the table."),
		tcpTimeout("close_wait", "60", "after a FIN was answered, until the other side closes too.",
			"applications keep half-closed connections for longer.",
			"kube-proxy writes 3600 at its start (--conntrack-tcp-timeout-close-wait): clients that never close then fill the table"),
		tcpTimeout("last_ack", "30", "after the second FIN, until it is answered.", "hardly ever."),
		tcpTimeout("time_wait", "120", "after both sides have closed.",
			"short connections fill the table: 30 to 60 is common then.",
			"much shorter, and late packets of the old connection are taken for a new one's"),
		tcpTimeout("close", "10", "after a RST.", "hardly ever."),
		tcpTimeout("max_retrans", "300", "once tcp_max_retrans packets went unanswered, where the usual time is longer.",
			"half-dead peers should be forgotten sooner."),
		tcpTimeout("unacknowledged", "300", "while sent data waits for its ACK, where the usual time is longer.", "hardly ever."),
	}
	for i := range all {
		all[i].Group = "TCP tracking"
		all[i] = tracked(all[i])
	}
	return all
}

func tcpTimeout(state, value, after, when string, mind ...string) Setting {
	return Setting{Name: "tcp_timeout_" + state, Default: value, Unit: "seconds", Takes: seconds(),
		Meaning: "how long an entry lives " + after, When: when, Mind: mind}
}
