package lab

import "net/netip"

// twoNodes is two hosts joined as flannel joins them: pod subnets behind each
// other's vxlan device, whose peers are known and not learned.
func twoNodes() Topology {
	mac1, mac2 := MAC{2, 0, 0, 0x24, 0x41, 1}, MAC{2, 0, 0, 0x24, 0x41, 2}
	return Topology{
		Name:    "two-nodes",
		Summary: "pod1 - node1 - node2 - pod2: the pods reach each other through vxlan",
		Namespaces: []Namespace{
			{Name: "pod1"}, {Name: "node1", Forward: true}, {Name: "node2", Forward: true}, {Name: "pod2"},
		},
		Links: []Link{
			{
				A: End{NS: "pod1", Name: "eth0", Addrs: prefixes("10.244.1.2/24", "fd00:244:1::2/64")},
				B: End{NS: "node1", Name: "vethpod1"},
			},
			{
				A: End{NS: "node1", Name: "eth0", Addrs: prefixes("192.168.50.1/24", "fd00:50::1/64")},
				B: End{NS: "node2", Name: "eth0", Addrs: prefixes("192.168.50.2/24", "fd00:50::2/64")},
			},
			{
				A: End{NS: "pod2", Name: "eth0", Addrs: prefixes("10.244.2.2/24", "fd00:244:2::2/64")},
				B: End{NS: "node2", Name: "vethpod2"},
			},
		},
		Bridges: []Bridge{
			{
				End:   End{NS: "node1", Name: "cni0", Addrs: prefixes("10.244.1.1/24", "fd00:244:1::1/64")},
				Ports: []string{"vethpod1"},
			},
			{
				End:   End{NS: "node2", Name: "cni0", Addrs: prefixes("10.244.2.1/24", "fd00:244:2::1/64")},
				Ports: []string{"vethpod2"},
			},
		},
		Vxlans: []Vxlan{
			{
				End: End{NS: "node1", Name: "flannel.1", MAC: mac1, Addrs: prefixes("10.244.1.0/32", "fd00:244:1::/128")},
				ID:  1, Port: 8472, Underlay: "eth0", Local: netip.MustParseAddr("192.168.50.1"),
				Peers: []VTEP{vtep(mac2, "192.168.50.2", "10.244.2.0", "fd00:244:2::")},
			},
			{
				End: End{NS: "node2", Name: "flannel.1", MAC: mac2, Addrs: prefixes("10.244.2.0/32", "fd00:244:2::/128")},
				ID:  1, Port: 8472, Underlay: "eth0", Local: netip.MustParseAddr("192.168.50.2"),
				Peers: []VTEP{vtep(mac1, "192.168.50.1", "10.244.1.0", "fd00:244:1::")},
			},
		},
		Routes: []Route{
			route("pod1", "0.0.0.0/0", "10.244.1.1"),
			route("pod1", "::/0", "fd00:244:1::1"),
			route("pod2", "0.0.0.0/0", "10.244.2.1"),
			route("pod2", "::/0", "fd00:244:2::1"),
			route("node1", "10.244.2.0/24", "10.244.2.0").over("flannel.1"),
			route("node1", "fd00:244:2::/64", "fd00:244:2::").over("flannel.1"),
			route("node2", "10.244.1.0/24", "10.244.1.0").over("flannel.1"),
			route("node2", "fd00:244:1::/64", "fd00:244:1::").over("flannel.1"),
		},
		Try: []string{
			"pktrail lab shell {lab} pod1 -- ping -c 1 10.244.2.2",
			"pktrail trace --netns {node1} --netns {node2} -p icmp -s 10.244.1.2",
			"pktrail lab down {lab}",
		},
	}
}

func vtep(mac MAC, behind string, addrs ...string) VTEP {
	v := VTEP{MAC: mac, Behind: netip.MustParseAddr(behind)}
	for _, a := range addrs {
		v.Addrs = append(v.Addrs, netip.MustParseAddr(a))
	}
	return v
}
