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

// List finds the labs that stand on this machine by the marks they bear. unread
// counts the names that may be a lab's but could not be looked into: that needs
// root.
func List() (labs []Standing, unread int, err error) {
	entries, err := os.ReadDir(runNetns)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list labs: %w", err)
	}
	for _, e := range entries {
		text, err := readMark(filepath.Join(runNetns, e.Name()))
		if errors.Is(err, os.ErrPermission) {
			unread++
		}
		topology, ns, ok := strings.Cut(text, " ")
		prefix, fits := strings.CutSuffix(e.Name(), "-"+ns)
		if err != nil || !ok || !fits {
			continue
		}
		i := slices.IndexFunc(labs, func(s Standing) bool { return s.Prefix == prefix && s.Topology == topology })
		if i < 0 {
			labs, i = append(labs, Standing{Prefix: prefix, Topology: topology}), len(labs)
		}
		labs[i].Namespaces = append(labs[i].Namespaces, ns)
	}
	return labs, unread, nil
}

// Get finds the standing lab of that prefix.
func Get(prefix string) (Standing, error) {
	labs, unread, err := List()
	if err != nil {
		return Standing{}, err
	}
	for _, s := range labs {
		if s.Prefix == prefix {
			return s, nil
		}
	}
	if unread > 0 {
		return Standing{}, fmt.Errorf("lab %q: %w: %d names in %s cannot be looked into; run as root",
			prefix, os.ErrPermission, unread, runNetns)
	}
	return Standing{}, fmt.Errorf("no lab %q is up: `pktrail lab list` tells which are, `pktrail lab up` makes one", prefix)
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

// Become turns this process into a command inside one of the lab's namespaces,
// as exec does: it returns only when that failed.
func (s Standing) Become(ns string, argv, env []string) error {
	if len(argv) == 0 {
		return errors.New("no command given")
	}
	path, err := findTool(argv[0])
	if err != nil {
		return fmt.Errorf("run in %s: %w", s.Name(ns), err)
	}
	in, err := s.Open(ns)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return in.Do(func() error {
		if err := unix.Exec(path, argv, env); err != nil {
			return fmt.Errorf("run %s in %s: %w", path, s.Name(ns), err)
		}
		return nil
	})
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

// readMark reads what the mark of the namespace at path says, "" when it bears none.
func readMark(path string) (string, error) {
	ns, err := netns.Open(path)
	if err != nil {
		return "", err
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
	if !marked {
		return "", err
	}
	return text, err
}
