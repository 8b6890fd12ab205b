package lab

// router is the smallest network in which a packet is forwarded.
func router() Topology {
	return Topology{
		Name:       "router",
		Summary:    "client - rt - server: two subnets and a router between them",
		Namespaces: []Namespace{{Name: "client"}, {Name: "rt", Forward: true}, {Name: "server"}},
		Links: []Link{
			{
				A: End{NS: "client", Name: "c0", Addrs: prefixes("10.1.0.2/24", "fd00:1::2/64")},
				B: End{NS: "rt", Name: "r0", Addrs: prefixes("10.1.0.1/24", "fd00:1::1/64")},
			},
			{
				A: End{NS: "rt", Name: "r1", Addrs: prefixes("10.2.0.1/24", "fd00:2::1/64")},
				B: End{NS: "server", Name: "s0", Addrs: prefixes("10.2.0.2/24", "fd00:2::2/64")},
			},
		},
		Routes: []Route{
			route("client", "0.0.0.0/0", "10.1.0.1"),
			route("client", "::/0", "fd00:1::1"),
			route("server", "0.0.0.0/0", "10.2.0.1"),
			route("server", "::/0", "fd00:2::1"),
		},
		Try: []string{
			"pktrail lab shell {lab} client -- ping -c 1 10.2.0.2",
			"pktrail trace --netns {rt} -p icmp -d 10.2.0.2",
			"pktrail lab down {lab}",
		},
	}
}
