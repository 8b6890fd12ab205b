package collect

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
)

// Owners knows which namespaces of a host have which addresses, as far as they
// could be looked into. It is not read again by itself.
type Owners struct {
	// Unread is how many namespaces could not be looked into.
	Unread int

	names  map[netip.Addr][]string
	spaces []space
}

// space is what a namespace's links and addresses tell of it.
type space struct {
	ns      *netns.NS
	links   map[int]netlink.Link
	addrs   map[familyOf]bool // links with addresses
	routes4 bool              // forwards IPv4
	routes6 bool
}

// familyOf is a link with an address of a family.
type familyOf struct {
	link int
	v6   bool
}

// ReadOwners looks into each namespace; all must stay open while the Owners are
// used. It changes nothing.
func ReadOwners(all []*netns.NS) *Owners {
	o := &Owners{names: map[netip.Addr][]string{}}
	for _, ns := range all {
		s := space{ns: ns, links: map[int]netlink.Link{}, addrs: map[familyOf]bool{}}
		var addrs []netip.Addr
		err := ns.Do(func() (err error) {
			addrs, err = s.read()
			return err
		})
		if err != nil {
			o.Unread++
			continue
		}
		o.spaces = append(o.spaces, s)
		for _, a := range addrs {
			if !slices.Contains(o.names[a], ns.Name) {
				o.names[a] = append(o.names[a], ns.Name)
			}
		}
	}
	return o
}

// Of names the namespaces that have the address. Those of loopback and of one
// link alone are everywhere, and nobody's.
func (o *Owners) Of(addr netip.Addr) []string { return o.names[addr] }

// read runs inside the namespace.
func (s *space) read() ([]netip.Addr, error) {
	links, err := readLinks()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		s.links[l.Attrs().Index] = l
	}
	s.routes4 = procLine("/proc/sys/net/ipv4/ip_forward") != "0"
	s.routes6 = procLine("/proc/sys/net/ipv6/conf/all/forwarding") != "0"
	return s.readAddrs()
}

func (s *space) readAddrs() ([]netip.Addr, error) {
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open route socket: %w", err)
	}
	defer rt.Close()
	list, err := dumped("list addresses", func() ([]netlink.Addr, error) { return rt.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range list {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			addrs = append(addrs, ip.Unmap())
			s.addrs[familyOf{a.LinkIndex, ip.Unmap().Is6()}] = true
		}
	}
	return addrs, nil
}

// ends reports whether the namespace's end of a veth has addresses of that family,
// and nothing lies beyond it: it is no port of a bridge, and the namespace has no
// other link that is up, or does not forward. Behind an end without addresses a
// program may answer, as those of sandboxes do.
func (s *space) ends(index int, v6 bool) bool {
	end := s.links[index]
	if end == nil || end.Attrs().MasterIndex != 0 || !s.addrs[familyOf{index, v6}] {
		return false
	}
	if v6 && !s.routes6 || !v6 && !s.routes4 {
		return true
	}
	for i, l := range s.links {
		if a := l.Attrs(); i != index && a.Flags&net.FlagUp != 0 && a.Flags&net.FlagLoopback == 0 {
			return false
		}
	}
	return true
}
