package collect

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Routes asks a namespace for its routes, address by address. It is for one
// goroutine at a time.
type Routes struct{ ways *ways }

// OpenRoutes opens a socket in the namespace, which must be closed.
func (h *Host) OpenRoutes() (*Routes, error) {
	w := &ways{links: map[int]netlink.Link{}}
	err := h.NS.Do(func() (err error) {
		if w.rt, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("open route socket: %w", err)
		}
		return w.readPolicies()
	})
	if err != nil {
		if w.rt != nil {
			w.rt.Close()
		}
		return nil, fmt.Errorf("ask the routes of namespace %s: %w", h.NS.Name, err)
	}
	return &Routes{w}, nil
}

// To asks for the way to an address, as a packet of the namespace's own without a
// mark would go, the index of its link, and how many rules of policy routing look
// at more than the destination.
func (r *Routes) To(a netip.Addr) (route snapshot.Route, link, choosy int, err error) {
	route, link, err = r.ways.route(a)
	if a.Is6() {
		return route, link, r.ways.choosy6, err
	}
	return route, link, r.ways.choosy4, err
}

// Close closes the socket.
func (r *Routes) Close() { r.ways.rt.Close() }
