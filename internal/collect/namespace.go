package collect

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
)

// Namespace reads what steps need to be named: the host, the interfaces, and
// which of them are ports of which bridge. It needs no right beyond being able to enter the namespace.
func (h *Host) Namespace() (*event.Namespace, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read host name: %w", err)
	}
	n := &event.Namespace{
		Name: h.NS.Name, Inode: h.NS.Inode, Host: host,
		BootID:  procLine("/proc/sys/kernel/random/boot_id"),
		Links:   map[uint32]string{},
		Bridges: map[uint32]uint32{},
	}
	if h.NS.Cookie != 0 {
		n.Cookie = strconv.FormatUint(h.NS.Cookie, 10)
	}
	err = h.NS.Do(func() error {
		links, err := readLinks()
		nameLinks(n, links)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read namespace %s: %w", h.NS.Name, err)
	}
	return n, nil
}

func readLinks() ([]netlink.Link, error) {
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open route socket: %w", err)
	}
	defer rt.Close()
	for range tries {
		links, err := rt.LinkList()
		switch {
		case err == nil:
			return links, nil
		case !errors.Is(err, netlink.ErrDumpInterrupted):
			return nil, fmt.Errorf("list links: %w", err)
		}
	}
	return nil, errors.New("list links: they changed each time they were read")
}

func nameLinks(n *event.Namespace, links []netlink.Link) {
	bridges := map[int]bool{}
	for _, l := range links {
		n.Links[uint32(l.Attrs().Index)] = l.Attrs().Name
		if l.Type() == "bridge" {
			bridges[l.Attrs().Index] = true
		}
	}
	for _, l := range links {
		if a := l.Attrs(); bridges[a.MasterIndex] {
			n.Bridges[uint32(a.Index)] = uint32(a.MasterIndex)
		}
	}
}

// procLine is the first line of a small file of /proc, empty where it cannot be read.
func procLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}
