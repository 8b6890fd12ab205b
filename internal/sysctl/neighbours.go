package sysctl

// neighbours are the settings of the tables of link addresses, for IPv4 (ARP) and
// IPv6 (net/core/neighbour.c).
func neighbours() []Setting {
	var all []Setting
	for _, f := range []struct {
		path, name string
		need       Need
	}{{"net.ipv4.neigh.", "IPv4", ""}, {"net.ipv6.neigh.", "IPv6", NeedsIPv6}} {
		family := append(neighbourTable(f.path+"default.", f.name), neighbourTimes(f.path+"*.", f.name)...)
		for i := range family {
			family[i].Needs = f.need
		}
		all = append(all, family...)
	}
	return grouped("neighbours", all)
}

// neighbourTable is the settings of the table that all namespaces share.
func neighbourTable(at, family string) []Setting {
	return []Setting{
		{Name: at + "gc_thresh1", Default: "128", Unit: "entries", Takes: number(0, maxInt), Hidden: true,
			Meaning: "with fewer " + family + " neighbours than this nothing is cleared away.",
			When:    "together with gc_thresh3, and below gc_thresh2."},
		{Name: at + "gc_thresh2", Default: "512", Unit: "entries", Takes: number(0, maxInt), Hidden: true,
			Meaning: "with more " + family + " neighbours than this, those unused for five seconds are cleared away at once.",
			When:    "together with gc_thresh3, and below it."},
		{Name: at + "gc_thresh3", Default: "1024", Unit: "entries", Takes: number(0, maxInt), Hidden: true,
			Meaning: "how many " + family + " neighbours there may be, in all network namespaces together.",
			When:    "the kernel's log says \"neighbor table overflow!\", or many pods and hosts are on one link.",
			Mind: []string{
				"in a full table new neighbours are refused: packets to them fail as if there were no host, and no rule shows it",
				"entries that were set by hand or by a control plane are not counted by current kernels",
			}},
		{Name: at + "gc_interval", Default: "30", Unit: "seconds", Takes: seconds(), Hidden: true,
			Meaning: "how often the kernel looks for " + family + " neighbours to clear away.",
			When:    "hardly ever."},
	}
}

// neighbourTimes is the settings that each interface has.
func neighbourTimes(at, family string) []Setting {
	return []Setting{
		{Name: at + "gc_stale_time", Default: "60", Unit: "seconds", Takes: seconds(),
			Meaning: "how long an unused " + family + " neighbour stays before it may be cleared away.",
			When:    "addresses move between hosts without an announcement."},
		{Name: at + "base_reachable_time_ms", Default: "30000", Unit: "milliseconds", Takes: number(1, maxInt),
			Meaning: "how long a " + family + " neighbour that answered is believed in without asking; the kernel takes between half and one and a half of it, by chance.",
			When:    "failed neighbours should be noticed sooner."},
		{Name: at + "ucast_solicit", Default: "3", Unit: "packets", Takes: number(0, maxInt),
			Meaning: "how often a known " + family + " neighbour is asked directly before everybody is.",
			When:    "hardly ever."},
		{Name: at + "mcast_solicit", Default: "3", Unit: "packets", Takes: number(0, maxInt),
			Meaning: "how often everybody is asked before a " + family + " neighbour counts as failed.",
			When:    "links lose packets, and neighbours fail by it."},
		{Name: at + "unres_qlen_bytes", Default: "212992", Unit: "bytes", Takes: number(0, maxInt),
			Meaning: "how much is kept for a " + family + " neighbour until it answers; the oldest packets are dropped beyond that.",
			When:    "the first packets to a new neighbour are lost in bursts.",
			Mind:    []string{"the default follows from sizes in the kernel: this is that of 64-bit ones"}},
	}
}

// local are settings of the host's own traffic that NAT and long connections meet.
func local() []Setting {
	all := []Setting{
		{Name: "net.ipv4.ip_local_port_range", Default: "32768 60999", Takes: Takes{Ports: PortRange},
			Meaning: "the ports that outgoing connections of this namespace take their own from, for IPv4 and IPv6.",
			When:    "many connections to one target fail with \"cannot assign requested address\".",
			Mind:    []string{"not below net.ipv4.ip_unprivileged_port_start", "masquerading does not go by it: it keeps the port that a packet has, and takes any other above 1023 where that is taken", "node ports of Kubernetes (30000-32767) must stay outside"}},
		{Name: "net.ipv4.ip_local_reserved_ports", Takes: Takes{Ports: PortList},
			Meaning: "ports that the kernel never chooses by itself for an outgoing connection.",
			When:    "a service's port inside the range is sometimes taken already when it starts."},
		{Name: "net.ipv4.ip_nonlocal_bind", Default: "0", Takes: number(0, 255),
			Meaning: "let programs listen on IPv4 addresses that this host does not have; 0 is no.",
			When:    "a standby with a moving address starts its services first."},
		{Name: "net.ipv4.ip_no_pmtu_disc", Default: "0", Takes: oneOf("find the path's MTU", "use the least MTU after an error", "do not listen to such errors", "listen only where the error can be checked"),
			Meaning: "how the MTU of a path is found.",
			When:    "large packets hang because a firewall eats \"fragmentation needed\": better to let that pass."},
		{Name: "net.ipv4.tcp_keepalive_time", Default: "7200", Unit: "seconds", Takes: seconds(),
			Meaning: "how long a connection with SO_KEEPALIVE may be silent before the kernel asks the peer.",
			When:    "idle connections lose their conntrack entry or the load balancer's: keep it below nf_conntrack_tcp_timeout_established and below the balancer's time.",
			Mind:    []string{"it counts only for sockets that asked for keepalives"}},
	}
	return grouped("the host's own traffic", all)
}
