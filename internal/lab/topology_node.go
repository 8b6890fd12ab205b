package lab

// node is a host as a container runtime leaves it: pods on a bridge, an uplink.
func node() Topology {
	return Topology{
		Name:    "node",
		Summary: "pod1, pod2 on the bridge cni0 of host, whose uplink eth0 leads to peer",
		Namespaces: []Namespace{
			{Name: "pod1"}, {Name: "pod2"}, {Name: "host", Forward: true}, {Name: "peer"},
		},
		Links: []Link{
			{
				A: End{NS: "pod1", Name: "eth0", Addrs: prefixes("10.244.1.2/24", "fd00:244:1::2/64")},
				B: End{NS: "host", Name: "vethpod1"},
			},
			{
				A: End{NS: "pod2", Name: "eth0", Addrs: prefixes("10.244.1.3/24", "fd00:244:1::3/64")},
				B: End{NS: "host", Name: "vethpod2"},
			},
			{
				A: End{NS: "host", Name: "eth0", Addrs: prefixes("192.168.50.1/24", "fd00:50::1/64")},
				B: End{NS: "peer", Name: "eth0", Addrs: prefixes("192.168.50.9/24", "fd00:50::9/64")},
			},
		},
		Bridges: []Bridge{{
			End:   End{NS: "host", Name: "cni0", Addrs: prefixes("10.244.1.1/24", "fd00:244:1::1/64")},
			Ports: []string{"vethpod1", "vethpod2"},
		}},
		Routes: []Route{
			route("pod1", "0.0.0.0/0", "10.244.1.1"),
			route("pod1", "::/0", "fd00:244:1::1"),
			route("pod2", "0.0.0.0/0", "10.244.1.1"),
			route("pod2", "::/0", "fd00:244:1::1"),
			route("peer", "10.244.1.0/24", "192.168.50.1"),
			route("peer", "fd00:244:1::/64", "fd00:50::1"),
		},
		Try: []string{
			"pktrail lab shell {lab} pod1 -- ping -c 1 192.168.50.9",
			"pktrail trace --netns {host} -p icmp -s 10.244.1.2",
			"pktrail lab down {lab}",
		},
	}
}
