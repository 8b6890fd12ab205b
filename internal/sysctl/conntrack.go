package sysctl

// tracked is a setting of connection tracking by the end of its name.
func tracked(s Setting) Setting {
	s.Name = "net.netfilter.nf_conntrack_" + s.Name
	if s.Needs == "" {
		s.Needs = NeedsConntrack
	}
	return s
}

// conntrack are the settings of the table itself (net/netfilter/nf_conntrack_standalone.c).
func conntrack() []Setting {
	const group = "connection tracking"
	all := []Setting{
		{Name: "max", From: FromBuckets, Unit: "entries", Takes: number(0, maxInt), Host: true, Aliases: []string{"net.nf_conntrack_max"},
			Meaning: "how many entries one network namespace may have; each namespace's own count is held against this one number. 0 is no limit.",
			When:    "a namespace's nf_conntrack_count comes near it, or the kernel's log says \"nf_conntrack: table full, dropping packet\".",
			Mind: []string{
				"a full table drops the first packet of every new flow, in that namespace alone; entries that saw no reply go first",
				"several namespaces together may hold several times this number: plan memory for what they will really hold",
				"nf_conntrack_buckets does not follow it: with many entries a bucket every packet searches long chains",
				"kube-proxy writes it at its start: the larger of 32768 for each CPU and 131072, unless --conntrack-max-per-core and --conntrack-min say otherwise",
				"where nf_conntrack is loaded with hashsize=N, the default is eight times N",
			}},
		{Name: "count", Unit: "entries", ReadOnly: true,
			Meaning: "how many entries this network namespace has now.",
			Mind: []string{
				"entries stay until their time is over: a high count after a burst is normal",
				"the entries of all namespaces live in one hash table of the host",
			}},
		{Name: "buckets", From: FromMemory, Unit: "buckets", Takes: number(1, maxInt), Host: true,
			Meaning: "size of the hash table that all network namespaces share. An entry stands in it twice, once for each direction.",
			When:    "there are more than about four entries a bucket, or the counter chaintoolong of `conntrack -S` rises.",
			Mind: []string{
				"the kernel rounds it up to whole pages, and hashes every entry anew: on a large table that takes a moment",
				"/sys/module/nf_conntrack/parameters/hashsize is the same number; `options nf_conntrack hashsize=N` in /etc/modprobe.d sets it when the module is loaded",
			}},
		{Name: "expect_max", From: FromBuckets, Unit: "entries", Takes: number(1, maxInt), Host: true,
			Meaning: "how many expectations one network namespace may have: flows that a helper such as FTP or SIP has announced.",
			When:    "the kernel's log says \"nf_conntrack: expectation table full\".",
			Mind:    []string{"the kernel's documentation says a 256th of the buckets; the code takes four times that"}},
		{Name: "acct", Default: "0", From: FromModule, Takes: onOff(),
			Meaning: "count packets and bytes of every flow, in both directions.",
			When:    "you want to see which flows carry the traffic; some exporters need it.",
			Mind: []string{
				"only flows that begin afterwards are counted",
				"every counted entry needs some more memory and every packet a write to it",
			}},
		{Name: "timestamp", Default: "0", From: FromModule, Takes: onOff(),
			Meaning: "keep for every flow when it began and when it ended.",
			When:    "you want the age of entries, or durations in events.",
			Mind:    []string{"only flows that begin afterwards have times"}},
		{Name: "events", Default: "2", Older: Older{"5.19", "1"}, Takes: oneOf("never", "always", "when somebody listens"),
			Meaning: "tell programs that listen (conntrack -E, exporters, conntrackd) of new, changed and ended flows.",
			When:    "a listener must hear of flows that are older than itself: then 1.",
			Mind: []string{
				"at 2, a flow that began before the first listener came was not made ready for events: its end is never told",
				"at 0 listeners wait in vain, without any error",
			}},
		{Name: "checksum", Default: "1", Takes: onOff(),
			Meaning: "check checksums of arriving packets; one that is wrong makes the packet INVALID.",
			When:    "packets are copies from a mirror port, or a card's offload leaves checksums unfinished: then 0.",
			Mind:    []string{"at 0 a broken card or tunnel is no longer seen as INVALID, and the fault is only hidden"}},
		{Name: "log_invalid", Default: "0", Unit: "protocol number", Takes: number(0, 255),
			Meaning: "log why a packet was judged INVALID: 0 for none, 1 ICMP, 6 TCP, 17 UDP, 41 ICMPv6, 255 all.",
			When:    "connections break and you suspect INVALID: the reason stands in these lines.",
			Mind: []string{
				"it needs a log back end for the family, and outside the first namespace net.netfilter.nf_log_all_netns",
				"nothing limits it: every such packet is a line in the kernel's log",
			}},
		{Name: "generic_timeout", Default: "600", Unit: "seconds", Takes: seconds(),
			Meaning: "how long an idle flow of a protocol without a tracker of its own lives: ESP, IPIP, OSPF and others.",
			When:    "a tunnel is idle for longer behind a rule that needs its entry.",
			Mind:    []string{"such flows are told apart by addresses and protocol alone: two IPIP tunnels between the same hosts are one entry"}},
		{Name: "helper", Default: "0", Takes: onOff(), Needs: NeedsGone,
			Meaning: "attach helpers (FTP, SIP and others) to flows by their ports, without a rule.",
			When:    "never: a rule with the CT target or nft's ct helper says which flows a helper may read.",
			Mind:    []string{"where it was on, anybody who sent from such a port could open holes"}},
	}
	for i := range all {
		all[i].Group = group
		all[i] = tracked(all[i])
	}
	return append(all, besideTracking()...)
}

// besideTracking are settings that stand beside those of the table.
func besideTracking() []Setting {
	return []Setting{
		{Name: "net.netfilter.nf_log_all_netns", Group: "connection tracking", Default: "0", Takes: onOff(), Hidden: true,
			Meaning: "let network namespaces other than the first write packets' lines to the kernel's log.",
			When:    "LOG rules, TRACE or nf_conntrack_log_invalid of a container show nothing.",
			Mind:    []string{"whoever may make rules in a container may then fill the host's log: put it back afterwards"}},
		{Name: "net.netfilter.nf_hooks_lwtunnel", Group: "connection tracking", Default: "0", Takes: onOff(), Shared: true, OneWay: true,
			Meaning: "let rules and connection tracking see packets inside lightweight tunnels such as SRv6.",
			When:    "SRv6 traffic must be filtered or translated.",
			Mind:    []string{"it cannot be switched off again before the next restart", "it is one switch for the whole host, and any network namespace can write it"}},
		flowtable("tcp", "TCP"),
		flowtable("udp", "UDP"),
	}
}

func flowtable(protocol, name string) Setting {
	return Setting{
		Name: "net.netfilter.nf_flowtable_" + protocol + "_timeout", Group: "connection tracking", Default: "30", Unit: "seconds",
		Takes: seconds(), Needs: NeedsFlowtable,
		Meaning: "how long an idle " + name + " flow stays in a flowtable before it goes back to the usual path.",
		When:    "flows with longer pauses should stay offloaded.",
		Mind:    []string{"packets of an offloaded flow meet no forward chain: rules, counters and traces do not see them"},
	}
}
