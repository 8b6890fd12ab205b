package sysctl

// forwarding are the settings that make a host pass packets on.
func forwarding() []Setting {
	all := []Setting{
		{Name: "net.ipv4.ip_forward", Default: "0", Takes: onOff(), Aliases: []string{"net.ipv4.conf.all.forwarding"},
			Meaning: "pass on IPv4 packets that are for others: be a router.",
			When:    "containers, virtual machines or other networks go through this host: then 1.",
			Mind: []string{
				"a change of it writes forwarding of every interface and of net.ipv4.conf.default, and sets accept_redirects of net.ipv4.conf.all to fit",
				"without it packets are dropped after prerouting: no forward chain ever sees them",
				"a new network namespace begins with the first one's value, unless net.core.devconf_inherit_init_net is 2",
			}},
		{Name: "net.ipv4.conf.*.forwarding", Default: "0", Takes: onOff(), Through: []string{"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"},
			Meaning: "pass on IPv4 packets that come in by this interface.",
			When:    "one interface should differ from the rest: after net.ipv4.ip_forward, which writes them all.",
			Mind:    []string{"the interface by which the packet came in decides, not the one by which it leaves"}},
		{Name: "net.ipv6.conf.*.forwarding", Default: "0", Takes: onOff(), Needs: NeedsIPv6, Through: []string{"net.ipv6.conf.all.forwarding"},
			Meaning: "IPv6: all decides whether packets are passed on; an interface's own value makes it a router's or a host's towards its neighbours.",
			When:    "IPv6 goes through this host: then net.ipv6.conf.all.forwarding=1.",
			Mind: []string{
				"writing all writes every interface and default",
				"with 1 an interface takes no router advertisements any more, and loses its default route, unless accept_ra is 2",
			}},
		{Name: "net.ipv6.conf.*.force_forwarding", Default: "0", Takes: onOff(), Needs: NeedsNewer, Through: []string{"net.ipv6.conf.all.force_forwarding"},
			Meaning: "pass on IPv6 packets that come in by this interface, whatever net.ipv6.conf.all.forwarding says (Linux 6.17 and later).",
			When:    "one interface should be routed and the others not.",
			Mind:    []string{"writing all writes every interface, but not default"}},
		{Name: "net.ipv6.conf.*.accept_ra", Default: "1", Takes: oneOf("never", "unless forwarding is on", "even if forwarding is on"), Needs: NeedsIPv6,
			Meaning: "take addresses and routes from router advertisements.",
			When:    "a router or node gets its own IPv6 uplink by advertisements: then 2 at that interface.",
			Mind:    []string{"writing all changes no interface: default is for those to come, the interface's own for those that are there"}},
		{Name: "net.ipv4.ip_forward_use_pmtu", Default: "0", Takes: number(0, 255),
			Meaning: "use path MTUs that were learned, also for packets that are passed on; 0 is the MTU of the interface.",
			When:    "hardly ever: who can forge an ICMP error can then shrink forwarded packets."},
		{Name: "net.ipv4.conf.*.send_redirects", Default: "1", Larger: true, Takes: onOff(),
			Meaning: "tell a sender by ICMP redirect of a better router; on where all or the interface has it.",
			When:    "packets leave by the interface they came in by on purpose: then 0, at all and at the interface."},
		{Name: "net.ipv4.conf.*.accept_redirects", Default: "1", Takes: onOff(),
			Meaning: "take routes from ICMP redirects; on a router only where all and the interface have it, on a host where one of them has.",
			When:    "routes must not change by what others send: then 0.",
			Mind:    []string{"a change of net.ipv4.ip_forward writes that of all"}},
		{Name: "net.ipv6.conf.*.accept_redirects", Default: "1", Takes: onOff(), Needs: NeedsIPv6,
			Meaning: "take IPv6 routes from ICMPv6 redirects.",
			When:    "routes must not change by what others send: then 0."},
		{Name: "net.ipv6.conf.*.disable_ipv6", Default: "0", Takes: onOff(), Needs: NeedsIPv6, Through: []string{"net.ipv6.conf.all.disable_ipv6"},
			Meaning: "no IPv6 on this interface, and no IPv6 address.",
			When:    "a host must not speak IPv6.",
			Mind:    []string{"switched off and on again, addresses that were set by hand are gone", "some CNI plugins switch it on for their interfaces"}},
		{Name: "net.ipv4.fib_multipath_hash_policy", Default: "0", Takes: oneOf("addresses", "addresses and ports", "addresses, or those inside a tunnel", "what fib_multipath_hash_fields says"),
			Meaning: "by what a route with several next hops chooses one.",
			When:    "flows between the same two hosts should be spread: then 1."},
		{Name: "net.ipv4.fib_multipath_use_neigh", Default: "0", Takes: onOff(),
			Meaning: "a route with several next hops leaves out those whose neighbour does not answer.",
			When:    "a share of all flows dies with one of several routers."},
	}
	return grouped("forwarding", all)
}

func grouped(group string, all []Setting) []Setting {
	for i := range all {
		all[i].Group = group
	}
	return all
}
