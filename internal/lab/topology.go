package lab

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/packet"
)

// Topology is a small network as data: what there is, not how it is made.
type Topology struct {
	Name    string
	Summary string // one line

	Namespaces []Namespace
	Links      []Link
	Bridges    []Bridge
	Vxlans     []Vxlan
	Routes     []Route
	Sysctls    []Sysctl    // set last, over the lab's own
	Rules      []Placement // loaded in this order; a world that this machine lacks is left out, see Lab.Missing

	// Try is commands to begin with, for people; {ns} stands for the name that
	// a namespace got, as in {client}.
	Try []string
}

// Namespace is one host, pod or router.
type Namespace struct {
	Name    string
	Forward bool // ip_forward and IPv6 forwarding
}

// Link is a veth pair.
type Link struct{ A, B End }

// End is an interface. A zero MAC gets one that says which link it is.
type End struct {
	NS    string
	Name  string
	MAC   MAC
	Addrs []netip.Prefix
}

// MAC is an Ethernet address.
type MAC [6]byte

// Bridge is a Linux bridge, without spanning tree and snooping.
type Bridge struct {
	End
	Ports []string // interfaces of the same namespace
}

// Vxlan is a tunnel device that learns nothing: it knows its peers.
type Vxlan struct {
	End
	ID       int
	Port     int // UDP
	Underlay string
	Local    netip.Addr
	Peers    []VTEP
}

// VTEP is the other end of a tunnel: its device's MAC and addresses, and the
// underlay address behind which it is.
type VTEP struct {
	MAC    MAC
	Behind netip.Addr
	Addrs  []netip.Addr
}

// Route is a route of the main table. OnLink: the gateway need not be in a
// subnet of Dev.
type Route struct {
	NS     string
	Dst    netip.Prefix
	Via    netip.Addr
	Dev    string
	OnLink bool
}

// Sysctl is a setting below net., with dots or slashes.
type Sysctl struct{ NS, Key, Value string }

// Placement is a ruleset in a namespace.
type Placement struct {
	NS string
	Ruleset
}

// Ruleset is rules in the words of the tool that loads them.
type Ruleset struct {
	World  World
	Family packet.Family // packet.IPv4 or packet.IPv6; packet.Unspec for NFT, whose text names its families
	Text   string        // the restore format for the iptables worlds, an nft script for NFT
}

// Topologies lists every topology. A new one is one literal in a file of its
// own and one line here.
func Topologies() []Topology {
	return []Topology{router(), node(), twoNodes(), demoTopology()}
}

// Find returns the topology of that name.
func Find(name string) (Topology, error) {
	all := Topologies()
	i := slices.IndexFunc(all, func(t Topology) bool { return t.Name == name })
	if i < 0 {
		return Topology{}, fmt.Errorf("no lab %q: there are %v", name, topologyNames(all))
	}
	return all[i], nil
}

func topologyNames(all []Topology) []string {
	var names []string
	for _, t := range all {
		names = append(names, t.Name)
	}
	return names
}

// Interfaces lists the interfaces of one namespace, without loopback.
func (t Topology) Interfaces(ns string) []End {
	return slices.DeleteFunc(t.ends(), func(e End) bool { return e.NS != ns })
}

// ends lists every interface of the topology, with its MAC filled in. Bridges
// come first: one that is brought up after its ports waits a second for its
// carrier (net/core/link_watch.c: linkwatch_urgent_event).
func (t Topology) ends() []End {
	var ends []End
	for i := range t.Bridges {
		ends = append(ends, t.bridgeEnd(i))
	}
	for i := range t.Links {
		a, b := t.linkEnds(i)
		ends = append(ends, a, b)
	}
	for _, v := range t.Vxlans {
		ends = append(ends, v.End)
	}
	return ends
}

func (t Topology) linkEnds(i int) (a, b End) {
	a, b = t.Links[i].A, t.Links[i].B
	a.MAC = a.MAC.or(MAC{2, 0, 0, 0, byte(i + 1), 0xa})
	b.MAC = b.MAC.or(MAC{2, 0, 0, 0, byte(i + 1), 0xb})
	return a, b
}

func (t Topology) bridgeEnd(i int) End {
	e := t.Bridges[i].End
	e.MAC = e.MAC.or(MAC{2, 0, 0, 0, byte(i + 1), 0xbb})
	return e
}

func (m MAC) or(other MAC) MAC {
	if m == (MAC{}) {
		return other
	}
	return m
}

func (m MAC) hardware() net.HardwareAddr { return m[:] }

// prefixes is for literals: it panics on text that is no prefix.
func prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// route is for literals: it panics on text that is no prefix or address.
func route(ns, dst, via string) Route {
	return Route{NS: ns, Dst: netip.MustParsePrefix(dst), Via: netip.MustParseAddr(via)}
}

func (r Route) over(dev string) Route {
	r.Dev, r.OnLink = dev, true
	return r
}
