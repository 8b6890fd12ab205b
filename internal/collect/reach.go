package collect

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Reach asks the namespace for its way to each address, as a packet of its own
// without a mark would go, and what is known of the next hop. It sends no packet.
func (h *Host) Reach(o *Owners, addrs []netip.Addr) ([]snapshot.Reach, error) {
	var found []snapshot.Reach
	err := h.NS.Do(func() error {
		w, err := h.openWays(o)
		if err != nil {
			return err
		}
		defer w.rt.Close()
		for _, a := range addrs {
			found = append(found, w.reach(a))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask the routes of namespace %s: %w", h.NS.Name, err)
	}
	return found, nil
}

// HasVirtualServers reports whether IPVS has services in the namespace: it
// translates addresses without any rule.
func (h *Host) HasVirtualServers() bool {
	has := false
	_ = h.NS.Do(func() error {
		has = len(virtualServers()) > 0
		return nil
	})
	return has
}

// ways is what is asked once for all addresses.
type ways struct {
	rt      *netlink.Handle
	owners  *Owners
	links   map[int]netlink.Link
	near    map[hop]netlink.Neigh
	noNear  error
	ported  map[learned]string // the port behind which a bridge knows a hardware address
	choosy4 int
	choosy6 int
	spaces  map[int]*space // by their ids in this namespace
}

// hop is a neighbour on a link.
type hop struct {
	link int
	addr netip.Addr
}

// learned is a hardware address that a bridge knows.
type learned struct {
	bridge int
	mac    string
}

// openWays runs inside the namespace.
func (h *Host) openWays(o *Owners) (*ways, error) {
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open route socket: %w", err)
	}
	w := &ways{rt: rt, owners: o, links: map[int]netlink.Link{}, near: map[hop]netlink.Neigh{}, ported: map[learned]string{}, spaces: map[int]*space{}}
	if err := w.read(); err != nil {
		rt.Close()
		return nil, err
	}
	for i := range o.spaces {
		if id, err := rt.GetNetNsIdByFd(o.spaces[i].ns.FD()); err == nil && id >= 0 {
			w.spaces[id] = &o.spaces[i]
		}
	}
	return w, nil
}

func (w *ways) read() error {
	w.neighbours()
	if err := w.readPolicies(); err != nil {
		return err
	}
	return w.learn()
}

// readPolicies reads the links, and how many rules look at more than the destination.
func (w *ways) readPolicies() error {
	links, err := readLinks()
	if err != nil {
		return err
	}
	for _, l := range links {
		w.links[l.Attrs().Index] = l
	}
	if w.choosy4, err = w.choosy(netlink.FAMILY_V4); err != nil {
		return err
	}
	w.choosy6, err = w.choosy(netlink.FAMILY_V6)
	return err
}

func (w *ways) neighbours() {
	list, err := dumped("list neighbours", func() ([]netlink.Neigh, error) { return w.rt.NeighList(0, netlink.FAMILY_ALL) })
	w.noNear = err
	for _, n := range list {
		if a, ok := netip.AddrFromSlice(n.IP); ok {
			w.near[hop{n.LinkIndex, a.Unmap()}] = n
		}
	}
}

// learn reads behind which ports the bridges know hardware addresses.
func (w *ways) learn() error {
	list, err := dumped("list what bridges learned", func() ([]netlink.Neigh, error) { return w.rt.NeighList(0, unix.AF_BRIDGE) })
	for _, n := range list {
		if port := w.links[n.LinkIndex]; port != nil && n.MasterIndex != 0 {
			w.ported[learned{n.MasterIndex, n.HardwareAddr.String()}] = port.Attrs().Name
		}
	}
	return err
}

// choosy counts the rules of policy routing that look at more than the
// destination. Those that look at what the netlink library does not read, such as
// the master of a VRF, name no table.
func (w *ways) choosy(family int) (int, error) {
	rules, err := dumped("list rules", func() ([]netlink.Rule, error) { return w.rt.RuleList(family) })
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return 0, nil // a kernel without IPv6, or without policy routing
	}
	n := 0
	for _, r := range rules {
		if r.Mark != 0 || r.Mask != nil && *r.Mask != 0 || r.Tos != 0 || r.TunID != 0 || r.Src != nil || r.IifName != "" || r.OifName != "" ||
			r.Dport != nil || r.Sport != nil || r.IPProto > 0 || r.UIDRange != nil || r.Invert || r.Table <= 0 {
			n++
		}
	}
	return n, err
}

// dumped asks again while what is listed changes.
func dumped[T any](what string, list func() ([]T, error)) ([]T, error) {
	for range tries {
		all, err := list()
		switch {
		case err == nil:
			return all, nil
		case !errors.Is(err, netlink.ErrDumpInterrupted):
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil, fmt.Errorf("%s: they changed each time they were read", what)
}

func (w *ways) reach(a netip.Addr) snapshot.Reach {
	r := snapshot.Reach{Addr: a, Owners: w.owners.Of(a), Choosy: w.choosy4}
	if r.Owners == nil {
		r.Owners = []string{}
	}
	if a.Is6() {
		r.Choosy = w.choosy6
	}
	route, link, err := w.route(a)
	if err != nil {
		why := err.Error()
		r.Route, r.Neighbour, r.Behind = snapshot.Unknown[snapshot.Route](why), snapshot.Unknown[string](why), snapshot.Unknown[[]string](why)
		return r
	}
	r.Route = snapshot.Known(route)
	if route.Type != "unicast" {
		r.Neighbour, r.Behind = snapshot.Known(""), snapshot.Unknown[[]string]("no route to a link")
		return r
	}
	next := a
	if route.Via.IsValid() {
		next = route.Via
	}
	near := hop{link, next}
	r.Neighbour = w.neighbour(near)
	r.Behind = w.behind(link, a.Is6())
	if why := w.answers(near); why != "" {
		r.Behind = snapshot.Unknown[[]string](why)
	}
	return r
}

// route asks the kernel, which refuses in place of an answer where packets are
// refused (net/ipv4/route.c: inet_rtm_getroute, net/ipv4/fib_semantics.c: fib_props).
func (w *ways) route(a netip.Addr) (snapshot.Route, int, error) {
	routes, err := w.rt.RouteGet(a.AsSlice())
	switch {
	case errors.Is(err, unix.ENETUNREACH):
		return snapshot.Route{Type: snapshot.NoRoute}, 0, nil
	case errors.Is(err, unix.EHOSTUNREACH):
		return snapshot.Route{Type: "unreachable"}, 0, nil
	case errors.Is(err, unix.EINVAL):
		return snapshot.Route{Type: "blackhole"}, 0, nil
	case errors.Is(err, unix.EACCES):
		return snapshot.Route{Type: "prohibit"}, 0, nil
	case err != nil:
		return snapshot.Route{}, 0, fmt.Errorf("ask for the route to %s: %w", a, err)
	case len(routes) == 0:
		return snapshot.Route{}, 0, fmt.Errorf("ask for the route to %s: the kernel did not answer", a)
	}
	got := routes[0]
	r := snapshot.Route{Type: routeType(got.Type)}
	if l := w.links[got.LinkIndex]; l != nil {
		r.Dev = l.Attrs().Name
	}
	if via, ok := netip.AddrFromSlice(got.Gw); ok {
		r.Via = via.Unmap()
	}
	return r, got.LinkIndex, nil
}

// routeType is a word of ip-route(8).
func routeType(t int) string {
	if t < 0 || t >= len(routeTypes) {
		return "type " + strconv.Itoa(t)
	}
	return routeTypes[t]
}

// routeTypes are by number (include/uapi/linux/rtnetlink.h: RTN_*).
var routeTypes = [...]string{
	unix.RTN_UNSPEC: snapshot.NoRoute, unix.RTN_UNICAST: "unicast", unix.RTN_LOCAL: "local", unix.RTN_BROADCAST: "broadcast",
	unix.RTN_ANYCAST: "anycast", unix.RTN_MULTICAST: "multicast", unix.RTN_BLACKHOLE: "blackhole",
	unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit", unix.RTN_THROW: "throw", unix.RTN_NAT: "nat", unix.RTN_XRESOLVE: "xresolve",
}

func (w *ways) neighbour(h hop) snapshot.Value[string] {
	if w.noNear != nil {
		return snapshot.Unknown[string](w.noNear.Error())
	}
	for _, s := range [...]struct {
		bit  int
		word string
	}{
		{netlink.NUD_PERMANENT, "permanent"}, {netlink.NUD_NOARP, "noarp"}, {netlink.NUD_REACHABLE, "reachable"}, {netlink.NUD_STALE, "stale"},
		{netlink.NUD_DELAY, "delay"}, {netlink.NUD_PROBE, "probe"}, {netlink.NUD_FAILED, "failed"}, {netlink.NUD_INCOMPLETE, "incomplete"},
	} {
		if w.near[h].State&s.bit != 0 {
			return snapshot.Known(s.word)
		}
	}
	return snapshot.Known("")
}

// answers says what speaks for somebody at a next hop whom no namespace's
// addresses tell of, such as a network stack outside the kernel: behind a bridge
// that a port leads to its hardware address, elsewhere that it answered lately.
func (w *ways) answers(h hop) string {
	n := w.near[h]
	if l := w.links[h.link]; l != nil && l.Type() == "bridge" {
		port := w.ported[learned{h.link, n.HardwareAddr.String()}]
		if port == "" || len(n.HardwareAddr) == 0 {
			return ""
		}
		return "its hardware address is behind " + port
	}
	const lately = netlink.NUD_PERMANENT | netlink.NUD_NOARP | netlink.NUD_REACHABLE | netlink.NUD_DELAY | netlink.NUD_PROBE
	if n.State&lately != 0 {
		return "it answered lately"
	}
	return ""
}

// behind names the namespaces that are all there is behind a link.
func (w *ways) behind(index int, v6 bool) snapshot.Value[[]string] {
	l := w.links[index]
	if l == nil {
		return snapshot.Unknown[[]string]("its link is not known")
	}
	for _, other := range w.links {
		if a := other.Attrs(); a.ParentIndex == index && a.NetNsID < 0 && a.Index != index && other.Type() != "veth" {
			return snapshot.Unknown[[]string](a.Name + " stands on " + l.Attrs().Name)
		}
	}
	ends := []netlink.Link{l}
	if l.Type() == "bridge" {
		ends = w.ports(index)
	}
	names := []string{}
	for _, e := range ends {
		s := w.far(e, v6)
		if s == nil {
			return snapshot.Unknown[[]string]("what is behind " + e.Attrs().Name + " is not known")
		}
		if !slices.Contains(names, s.ns.Name) {
			names = append(names, s.ns.Name)
		}
	}
	slices.Sort(names)
	return snapshot.Known(names)
}

func (w *ways) ports(bridge int) (ports []netlink.Link) {
	for _, l := range w.links {
		if l.Attrs().MasterIndex == bridge {
			ports = append(ports, l)
		}
	}
	return ports
}

// far is the namespace of a veth's other end, nil where it is not known or there
// may be more behind it.
func (w *ways) far(l netlink.Link, v6 bool) *space {
	a := l.Attrs()
	s := w.spaces[a.NetNsID]
	if l.Type() != "veth" || a.NetNsID < 0 || s == nil || !s.ends(a.ParentIndex, v6) {
		return nil
	}
	return s
}
