package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
)

// Patience is how long a test waits for what must come. It only bounds a hang: no
// machine is so busy that it takes that long.
const Patience = time.Minute

// Await blocks until nothing is missing any more, and fails the test with what is
// missing when that takes longer than Patience.
func Await(t TB, missing func() string) {
	t.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(2 * time.Millisecond) {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("waited in vain: " + what)
		}
	}
}

// AwaitIPv6 waits until a namespace answers to an IPv6 address of its own: a worker
// makes its route some time after the address (net/ipv6/addrconf.c:
// addrconf_dad_work).
func AwaitIPv6(t TB, ns *netns.NS, own netip.Addr) {
	t.Helper()
	Await(t, func() string {
		there := false
		if err := ns.Do(func() error {
			nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
			if err != nil {
				return err
			}
			defer nl.Close()
			addrs, err := answeredIPv6(nl)
			there = slices.Contains(addrs, own)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !there {
			return fmt.Sprintf("no route to %s", own)
		}
		return ""
	})
}

// answeredIPv6 is the addresses that have a route to the host itself.
func answeredIPv6(nl *netlink.Handle) (addrs []netip.Addr, err error) {
	routes, err := nl.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Table: unix.RT_TABLE_LOCAL}, netlink.RT_FILTER_TABLE)
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		if a, ok := netip.AddrFromSlice(r.Dst.IP); ok {
			addrs = append(addrs, a)
		}
	}
	return addrs, err
}
