package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
)

// firstIndex is the interface index of the first link's end A. The two ends of
// a veth pair must not have the same index: the kernel then takes a new carrier
// for a matter that may wait a second (net/core/link_watch.c: linkwatch_urgent_event).
const firstIndex = 1000

func (l *Lab) makeNamespaces() error {
	for _, n := range l.Topology.Namespaces {
		ns, err := netns.New(n.Name)
		if errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("namespace %s: %w: run as root", n.Name, err)
		}
		if err != nil {
			return fmt.Errorf("namespace %s: %w", n.Name, err)
		}
		h := &host{ns: ns}
		l.hosts[n.Name] = h
		if err := ns.Do(func() error { return l.furnish(h, n) }); err != nil {
			return fmt.Errorf("namespace %s: %w", n.Name, err)
		}
	}
	return nil
}

// furnish runs inside the new namespace.
func (l *Lab) furnish(h *host, n Namespace) error {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	h.nl = nl
	for _, s := range quietSysctls(n.Forward, !l.ipv4Only) {
		if err := writeSysctl(s.Key, s.Value); err != nil {
			return err
		}
	}
	lo, err := nl.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := nl.LinkSetAlias(lo, mark(l.Topology.Name, n.Name)); err != nil {
		return fmt.Errorf("mark loopback: %w", err)
	}
	return nl.LinkSetUp(lo)
}

func (l *Lab) makeLinks() error {
	for i := range l.Topology.Links {
		a, b := l.Topology.linkEnds(i)
		ha, err := l.host(a.NS)
		if err != nil {
			return err
		}
		hb, err := l.host(b.NS)
		if err != nil {
			return err
		}
		attrs := linkAttrs(a)
		attrs.Index = firstIndex + i
		err = ha.nl.LinkAdd(&netlink.Veth{
			LinkAttrs: attrs, PeerName: b.Name, PeerHardwareAddr: b.MAC.hardware(), PeerNamespace: netlink.NsFd(hb.ns.FD()),
		})
		if err != nil {
			return fmt.Errorf("link %s/%s - %s/%s: %w", a.NS, a.Name, b.NS, b.Name, err)
		}
	}
	return nil
}

func (l *Lab) makeBridges() error {
	off := false
	for i, b := range l.Topology.Bridges {
		h, err := l.host(b.NS)
		if err != nil {
			return err
		}
		br := &netlink.Bridge{LinkAttrs: linkAttrs(l.Topology.bridgeEnd(i)), MulticastSnooping: &off}
		if err := h.nl.LinkAdd(br); err != nil {
			return fmt.Errorf("bridge %s/%s: %w", b.NS, b.Name, err)
		}
		for _, name := range b.Ports {
			port, err := h.nl.LinkByName(name)
			if err == nil {
				err = h.nl.LinkSetMaster(port, br)
			}
			if err != nil {
				return fmt.Errorf("port %s of bridge %s/%s: %w", name, b.NS, b.Name, err)
			}
		}
	}
	return nil
}

func (l *Lab) makeVxlans() error {
	for _, v := range l.Topology.Vxlans {
		h, err := l.host(v.NS)
		if err != nil {
			return err
		}
		if err := h.makeVxlan(v, l.ipv4Only); err != nil {
			return fmt.Errorf("vxlan %s/%s: %w", v.NS, v.Name, err)
		}
	}
	return nil
}

func (h *host) makeVxlan(v Vxlan, ipv4Only bool) error {
	under, err := h.nl.LinkByName(v.Underlay)
	if err != nil {
		return fmt.Errorf("underlay %s: %w", v.Underlay, err)
	}
	dev := &netlink.Vxlan{
		LinkAttrs: linkAttrs(v.End), VxlanId: v.ID, Port: v.Port,
		VtepDevIndex: under.Attrs().Index, SrcAddr: v.Local.AsSlice(),
	}
	dev.MTU = under.Attrs().MTU - 50 // outer IPv4, UDP, VXLAN and inner Ethernet header
	if err := h.nl.LinkAdd(dev); err != nil {
		return err
	}
	for _, p := range v.Peers {
		for _, n := range p.neighbours(dev.Index, ipv4Only) {
			if err := h.nl.NeighSet(&n); err != nil {
				return fmt.Errorf("peer %s: %w", n.IP, err)
			}
		}
	}
	return nil
}

// neighbours is the forwarding entry (MAC to underlay address) and the
// neighbour entries (tunnel address to MAC) of a peer.
func (p VTEP) neighbours(index int, ipv4Only bool) []netlink.Neigh {
	list := []netlink.Neigh{{
		LinkIndex: index, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF,
		IP: p.Behind.AsSlice(), HardwareAddr: p.MAC.hardware(),
	}}
	for _, a := range p.Addrs {
		if a.Is6() && ipv4Only {
			continue
		}
		list = append(list, netlink.Neigh{
			LinkIndex: index, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: p.MAC.hardware(),
		})
	}
	return list
}

// setUp gives every interface its addresses and brings it up.
func (l *Lab) setUp() error {
	for _, e := range l.Topology.ends() {
		h, err := l.host(e.NS)
		if err != nil {
			return err
		}
		if err := h.setUp(e, l.ipv4Only); err != nil {
			return fmt.Errorf("interface %s/%s: %w", e.NS, e.Name, err)
		}
	}
	return nil
}

func (h *host) setUp(e End, ipv4Only bool) error {
	link, err := h.nl.LinkByName(e.Name)
	if err != nil {
		return err
	}
	for _, p := range e.Addrs {
		if p.Addr().Is6() && ipv4Only {
			continue
		}
		addr := &netlink.Addr{IPNet: ipNet(p)}
		if p.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.nl.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("address %s: %w", p, err)
		}
	}
	return h.nl.LinkSetUp(link)
}

func (l *Lab) addRoutes() error {
	for _, r := range l.Topology.Routes {
		if r.Dst.Addr().Is6() && l.ipv4Only {
			continue
		}
		h, err := l.host(r.NS)
		if err == nil {
			err = h.addRoute(r)
		}
		if err != nil {
			return fmt.Errorf("route to %s in %s: %w", r.Dst, r.NS, err)
		}
	}
	return nil
}

func (h *host) addRoute(r Route) error {
	nr := &netlink.Route{Dst: ipNet(r.Dst.Masked()), Gw: r.Via.AsSlice()}
	if r.OnLink {
		nr.SetFlag(netlink.FLAG_ONLINK)
	}
	if r.Dev != "" {
		link, err := h.nl.LinkByName(r.Dev)
		if err != nil {
			return err
		}
		nr.LinkIndex = link.Attrs().Index
	}
	return h.nl.RouteAdd(nr)
}

// settle waits until every interface carries packets: the kernel tells a new
// carrier to the protocols a moment later.
func (l *Lab) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for name, h := range l.hosts {
		for {
			waiting, err := h.unready(l.ipv4Only)
			changing := errors.Is(err, netlink.ErrDumpInterrupted) // while it was listed
			if err != nil && !changing {
				return fmt.Errorf("namespace %s: %w", name, err)
			}
			if waiting == "" && !changing {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("interface %s/%s does not come up: %w", name, waiting, ctx.Err())
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
	return nil
}

// unready names an interface that is not up, or has an IPv6 address that it does
// not answer to yet, or no link-local one and so cannot ask for its neighbours.
func (h *host) unready(ipv4Only bool) (string, error) {
	links, err := h.nl.LinkList()
	if err != nil {
		return "", err
	}
	for _, link := range links {
		a := link.Attrs()
		if a.Flags&net.FlagUp == 0 || a.Flags&net.FlagLoopback != 0 {
			continue
		}
		if a.OperState != netlink.OperUp && a.OperState != netlink.OperUnknown {
			return a.Name, nil
		}
		if ipv4Only {
			continue
		}
		if ready, err := h.answersIPv6(link); err != nil || !ready {
			return a.Name, err
		}
	}
	return "", nil
}

// answersIPv6 reports whether the namespace answers to all addresses of an interface,
// and a link-local one is among them.
func (h *host) answersIPv6(link netlink.Link) (bool, error) {
	addrs, err := h.nl.AddrList(link, netlink.FAMILY_V6)
	if err != nil {
		return false, err
	}
	answered, err := answeredIPv6(h.nl)
	if err != nil {
		return false, err
	}
	linkLocal := false
	for _, a := range addrs {
		linkLocal = linkLocal || a.IP.IsLinkLocalUnicast()
		if own, ok := netip.AddrFromSlice(a.IP); !ok || !slices.Contains(answered, own) {
			return false, nil
		}
	}
	return linkLocal, nil
}

func linkAttrs(e End) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = e.Name
	if e.MAC != (MAC{}) {
		a.HardwareAddr = e.MAC.hardware()
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
