package sysctl

// filtering are the settings by which the kernel drops, takes or answers packets
// before any rule decides (net/ipv4/fib_frontend.c, net/ipv4/arp.c, net/ipv4/route.c).
func filtering() []Setting {
	all := []Setting{
		{Name: "net.ipv4.conf.*.rp_filter", Default: "0", Larger: true, Takes: oneOf("off", "strict", "loose"),
			Meaning: "drop a packet whose source could not be answered: strict, by the interface it came in by; loose, by any. The larger of all and the interface counts.",
			When:    "packets come in by one interface and are answered by another (several uplinks, policy routes, some CNIs): then 2, or 0 where the plugin asks for it.",
			Mind: []string{
				"the drop comes after prerouting and before forward and input, without a line; log_martians shows it",
				"writing 0 at the interface does nothing while all says 1",
				"systemd sets 2, and some distributions 1, in /usr/lib/sysctl.d",
				"marks count for the look-up only where src_valid_mark is on",
			}},
		{Name: "net.ipv4.conf.*.src_valid_mark", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "let rp_filter look up the source with the packet's mark; on where all or the interface has it.",
			When:    "routes depend on marks (WireGuard, policy routing) and rp_filter drops their packets."},
		{Name: "net.ipv4.conf.*.accept_local", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "take packets from outside that carry an address of this host as their source; on where all or the interface has it.",
			When:    "packets of this host come back to it: loops through another machine, some load balancers."},
		{Name: "net.ipv4.conf.*.route_localnet", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "let packets to and from 127.0.0.0/8 through other interfaces than lo; on where all or the interface has it.",
			When:    "a DNAT rule leads to 127.0.0.1: without this the translated packet is dropped as a martian.",
			Mind:    []string{"neighbours on the link may then reach services that listen on 127.0.0.1 alone: keep a rule that drops such packets from outside (kube-proxy has one)"}},
		{Name: "net.ipv4.conf.*.log_martians", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "write packets with impossible addresses, which are dropped, to the kernel's log; on where all or the interface has it.",
			When:    "packets vanish between prerouting and input or forward, and you suspect rp_filter.",
			Mind:    []string{"the kernel limits these lines"}},
		{Name: "net.ipv4.conf.*.arp_ignore", Default: "0", Larger: true,
			Takes:   Takes{Choices: []Choice{{0, "answers for any address of the host"}, {1, "for the interface's own"}, {2, "and if the asker is of its network"}, {3, "not for addresses of scope host"}, {8, "for none"}}},
			Meaning: "for which addresses ARP is answered; the larger of all and the interface counts.",
			When:    "an address is on several hosts, on lo (direct server return, anycast): then 1."},
		{Name: "net.ipv4.conf.*.arp_announce", Default: "0", Larger: true, Takes: oneOf("any address", "one of the target's network if there is", "the best one for the target"),
			Meaning: "which source address ARP requests carry; the larger of all and the interface counts.",
			When:    "an address on lo must not show on the link (direct server return): then 2."},
		{Name: "net.ipv4.conf.*.arp_filter", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "answer ARP only by the interface that would route to the asker; on where all or the interface has it.",
			When:    "several interfaces are on one link, and the wrong one answers."},
		{Name: "net.ipv4.conf.*.proxy_arp", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "answer ARP for addresses that this host has a route to; on where all or the interface has it.",
			When:    "hosts behind this one seem to be on its link; Calico needs it on the interfaces of its pods."},
		{Name: "net.ipv6.conf.*.proxy_ndp", Default: "0", Takes: onOff(), Needs: NeedsIPv6,
			Meaning: "answer neighbour solicitations for the addresses of `ip -6 neigh show proxy`.",
			When:    "IPv6 hosts behind this one seem to be on its link."},
		{Name: "net.ipv4.conf.*.promote_secondaries", Default: "0", Larger: true, Takes: onOff(),
			Meaning: "when the first address of a network is taken away, the next becomes the first; on where all or the interface has it.",
			When:    "addresses vanish together with another of their network: systemd-networkd expects 1."},
		{Name: "net.ipv4.icmp_echo_ignore_all", Default: "0", Takes: onOff(),
			Meaning: "answer no ping.",
			When:    "hardly ever: it makes a host look dead, and no rule shows why."},
		{Name: "net.ipv4.icmp_ratelimit", Default: "1000", Unit: "milliseconds", Takes: number(0, maxInt),
			Meaning: "the least time between two ICMP errors to one target; 0 is no limit.",
			When:    "traceroute or rejects seem to lose answers while you look for a fault."},
	}
	return grouped("filtering before rules", all)
}

// bridge are the settings of br_netfilter (net/bridge/br_netfilter_hooks.c).
func bridge() []Setting {
	all := []Setting{
		{Name: "net.bridge.bridge-nf-call-iptables", Default: "1", Takes: onOff(),
			Meaning: "show bridged IPv4 packets to the rules and the connection tracking of IPv4.",
			When:    "pods on one bridge talk through Services: kube-proxy's DNAT needs 1. Where a bridge is a mere switch: 0.",
			Mind: []string{
				"at 0, a packet between two ports is not translated back: replies come from the wrong address and are reset",
				"at 1, forward chains also drop what stays inside a bridge",
				"it is there only while br_netfilter is loaded; files that are read before that have no effect",
			}},
		{Name: "net.bridge.bridge-nf-call-ip6tables", Default: "1", Takes: onOff(),
			Meaning: "show bridged IPv6 packets to the rules and the connection tracking of IPv6.",
			When:    "as bridge-nf-call-iptables."},
		{Name: "net.bridge.bridge-nf-call-arptables", Default: "1", Takes: onOff(),
			Meaning: "show bridged ARP packets to ARP's rules.",
			When:    "hardly ever."},
		{Name: "net.bridge.bridge-nf-filter-vlan-tagged", Default: "0", Takes: onOff(),
			Meaning: "do the same with packets that carry a VLAN tag.",
			When:    "rules of IP shall see tagged packets on a bridge."},
		{Name: "net.bridge.bridge-nf-filter-pppoe-tagged", Default: "0", Takes: onOff(),
			Meaning: "do the same with packets inside PPPoE.",
			When:    "rules of IP shall see PPPoE packets on a bridge."},
		{Name: "net.bridge.bridge-nf-pass-vlan-input-dev", Default: "0", Takes: onOff(),
			Meaning: "name a tagged packet's VLAN interface above the bridge as the one it came in by, where there is one.",
			When:    "rules name such interfaces; REDIRECT of tagged packets needs it too."},
	}
	for i := range all {
		all[i].Needs = NeedsBridge
	}
	return grouped("bridges", all)
}
