// Package lab makes small networks of namespaces on this machine, sends real
// packets through them and loads real rules with the real tools. `pktrail lab`,
// `pktrail demo` and the tests that need a kernel share it.
//
// A topology is data (Topology, one file each); Up makes it with netlink alone.
// A lab is anonymous unless it is asked to last: its namespaces have no name
// and are gone with the process, however that ends.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/pktrail/pktrail/internal/netns"
)

// Options of Up. The zero value makes an anonymous lab.
type Options struct {
	Persistent bool   // name the namespaces <Prefix>-<ns> in /run/netns, so that they outlive the process
	Prefix     string // "" is the topology's name
	IPv4Only   bool   // as on a machine without IPv6, where it is on by itself
}

// Lab is a topology that stands.
type Lab struct {
	Topology Topology
	Prefix   string // of the names in /run/netns; "" for an anonymous lab

	hosts    map[string]*host
	names    []string // in /run/netns, bound by this Lab
	missing  []Support
	ipv4Only bool
	closers  []func()
}

// host is a namespace of the lab and the netlink socket that was opened in it.
type host struct {
	ns *netns.NS
	nl *netlink.Handle
}

// settleTime only bounds interfaces that never come up.
const settleTime = 30 * time.Second

// Up makes the topology. What was made is taken down again when a part fails.
func Up(ctx context.Context, t Topology, opts Options) (*Lab, error) {
	l := &Lab{Topology: t, hosts: map[string]*host{}, ipv4Only: opts.IPv4Only || !hasIPv6()}
	if opts.Persistent {
		l.Prefix = opts.Prefix
		if l.Prefix == "" {
			l.Prefix = t.Name
		}
	}
	if err := l.up(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("lab %s: %w", t.Name, err), l.Down())
	}
	return l, nil
}

func (l *Lab) up(ctx context.Context) error {
	if err := l.namesFree(); err != nil {
		return err
	}
	for _, step := range []func() error{
		l.makeNamespaces, l.makeLinks, l.makeBridges, l.makeVxlans, l.setUp,
		func() error { return l.settle(ctx) },
		l.addRoutes, l.setSysctls,
		func() error { return l.loadRules(ctx) },
		l.bindNames,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Down closes the lab's sockets and takes its namespaces away, with the names
// that this Lab gave them.
func (l *Lab) Down() error {
	errs := []error{}
	for _, name := range l.names {
		errs = append(errs, netns.Unbind(name))
	}
	l.names = nil
	l.Release()
	return errors.Join(errs...)
}

// Release lets go of the lab: a lab with names stands on without this process,
// an anonymous one is gone.
func (l *Lab) Release() {
	for _, end := range slices.Backward(l.closers) {
		end()
	}
	l.closers = nil
	for _, h := range l.hosts {
		if h.nl != nil {
			h.nl.Close()
		}
		_ = h.ns.Close()
	}
	clear(l.hosts)
}

// NS returns a namespace by its name in the topology, nil when there is none.
func (l *Lab) NS(name string) *netns.NS {
	if h := l.hosts[name]; h != nil {
		return h.ns
	}
	return nil
}

// Name is the name in /run/netns of a namespace of the topology; in an anonymous
// lab it is the same word.
func (l *Lab) Name(ns string) string { return boundName(l.Prefix, ns) }

// IPv6 reports whether the lab has IPv6 addresses.
func (l *Lab) IPv6() bool { return !l.ipv4Only }

// Missing tells the worlds whose rules could not be loaded here, and why.
func (l *Lab) Missing() []Support { return l.missing }

// Commands is what a person may try first, with the lab's real names.
func (l *Lab) Commands() []string {
	words := []string{"{lab}", l.Prefix}
	for _, n := range l.Topology.Namespaces {
		words = append(words, "{"+n.Name+"}", l.Name(n.Name))
	}
	r := strings.NewReplacer(words...)
	var lines []string
	for _, line := range l.Topology.Try {
		lines = append(lines, r.Replace(line))
	}
	return lines
}

// host returns a namespace of the lab, or an error that lists those there are.
func (l *Lab) host(name string) (*host, error) {
	if h := l.hosts[name]; h != nil {
		return h, nil
	}
	var names []string
	for _, n := range l.Topology.Namespaces {
		names = append(names, n.Name)
	}
	return nil, fmt.Errorf("lab %s has no namespace %q: it has %v", l.Topology.Name, name, names)
}

// do runs f inside a namespace of the lab.
func (l *Lab) do(name string, f func() error) error {
	h, err := l.host(name)
	if err != nil {
		return err
	}
	return h.ns.Do(f)
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6/conf/all")
	return err == nil
}

func boundName(prefix, ns string) string {
	if prefix == "" {
		return ns
	}
	return prefix + "-" + ns
}

// namesFree looks before anything is made: a lab that stands already is not touched.
func (l *Lab) namesFree() error {
	if l.Prefix == "" {
		return nil
	}
	if l.Prefix != filepath.Base(l.Prefix) || strings.HasPrefix(l.Prefix, ".") {
		return fmt.Errorf("prefix %q is no file name", l.Prefix)
	}
	for _, n := range l.Topology.Namespaces {
		path := filepath.Join(runNetns, l.Name(n.Name))
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s: %w: the lab may be up already; `pktrail lab list` tells, `pktrail lab down %s` ends it",
				path, os.ErrExist, l.Prefix)
		}
	}
	return nil
}

func (l *Lab) bindNames() error {
	if l.Prefix == "" {
		return nil
	}
	for _, n := range l.Topology.Namespaces {
		name := l.Name(n.Name)
		if err := l.hosts[n.Name].ns.Bind(name); err != nil {
			return err
		}
		l.names = append(l.names, name)
	}
	return nil
}
