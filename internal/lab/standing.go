package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
)

const (
	runNetns   = "/run/netns"
	markPrefix = "pktrail lab "
)

// Standing is a lab that was made to last, as found on this machine.
type Standing struct {
	Prefix     string
	Topology   string
	Namespaces []string // of the topology, in alphabetical order
}

// mark is the alias of the loopback device by which a namespace of a lab is
// known: only what bears it is ever taken down.
func mark(topology, ns string) string { return markPrefix + topology + " " + ns }

// List finds the labs that stand on this machine by the marks they bear.
func List() ([]Standing, error) {
	entries, err := os.ReadDir(runNetns)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list labs: %w", err)
	}
	var labs []Standing
	for _, e := range entries {
		topology, ns, ok := readMark(filepath.Join(runNetns, e.Name()))
		prefix, fits := strings.CutSuffix(e.Name(), "-"+ns)
		if !ok || !fits {
			continue
		}
		i := slices.IndexFunc(labs, func(s Standing) bool { return s.Prefix == prefix && s.Topology == topology })
		if i < 0 {
			labs, i = append(labs, Standing{Prefix: prefix, Topology: topology}), len(labs)
		}
		labs[i].Namespaces = append(labs[i].Namespaces, ns)
	}
	return labs, nil
}

// Get finds the standing lab of that prefix.
func Get(prefix string) (Standing, error) {
	labs, err := List()
	if err != nil {
		return Standing{}, err
	}
	for _, s := range labs {
		if s.Prefix == prefix {
			return s, nil
		}
	}
	return Standing{}, fmt.Errorf("no lab %q is up: `pktrail lab up %s` makes it (as root)", prefix, prefix)
}

// Name is the name in /run/netns of one of the lab's namespaces.
func (s Standing) Name(ns string) string { return boundName(s.Prefix, ns) }

// Open opens one of the lab's namespaces.
func (s Standing) Open(ns string) (*netns.NS, error) {
	if !slices.Contains(s.Namespaces, ns) {
		return nil, fmt.Errorf("lab %s has no namespace %q: it has %v", s.Prefix, ns, s.Namespaces)
	}
	return netns.Open(filepath.Join(runNetns, s.Name(ns)))
}

// Down takes the names of the lab away; each namespace is gone when the last
// process in it has ended.
func (s Standing) Down() error {
	var errs []error
	for _, ns := range s.Namespaces {
		errs = append(errs, netns.Unbind(s.Name(ns)))
	}
	return errors.Join(errs...)
}

// readMark reads the mark of the namespace at path; what cannot be opened or
// asked bears none.
func readMark(path string) (topology, name string, ok bool) {
	ns, err := netns.Open(path)
	if err != nil {
		return "", "", false
	}
	defer func() { _ = ns.Close() }()
	var alias string
	err = ns.Do(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		lo, err := h.LinkByName("lo")
		if err == nil {
			alias = lo.Attrs().Alias
		}
		return err
	})
	text, marked := strings.CutPrefix(alias, markPrefix)
	topology, name, two := strings.Cut(text, " ")
	return topology, name, err == nil && marked && two
}
