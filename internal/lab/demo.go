package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/journey"
)

// DemoRouter is the namespace of the demo in which the rules are and which is
// to be traced.
const DemoRouter = "rt"

// DemoServer is the namespace to which packets go that the router lets pass.
const DemoServer = "server"

// Demo is the scenario of `pktrail demo`: the router topology, rules in every
// world that the machine has, and packets whose fates differ.
type Demo struct {
	Lab    *Lab
	Worlds []Support
	Scenes []Scene

	servers map[netip.AddrPort]*Server
}

// Scene is one act: traffic and what becomes of its first packet on the router.
type Scene struct {
	Title string
	Match []string // as `pktrail trace` takes it
	Want  journey.Result
	With  string // what a reject answers, as in ruleset.Effect

	// Send sends the traffic and looks at both ends: an error means that
	// something else than Want happened.
	Send func(ctx context.Context) error
}

// demoTopology is the demo's network with its rules, to play with by hand.
func demoTopology() Topology {
	t := router()
	t.Name = "demo"
	t.Summary = "the router lab with the rules of `pktrail demo`: services, marks, a firewall"
	t.Rules = demoRules(DemoRouter, nil)
	t.Try = []string{
		"pktrail lab shell {lab} client -- ping -c 1 10.2.0.2",
		"pktrail trace --netns {rt} -s 10.1.0.2",
		"pktrail lab down {lab}",
	}
	return t
}

// NewDemo makes the lab of the demo, loads its rules and starts its servers.
// only, unless empty, leaves other worlds unused.
func NewDemo(ctx context.Context, only ...World) (*Demo, error) {
	worlds, err := Worlds(ctx)
	if err != nil {
		return nil, err
	}
	var there []World
	for _, s := range worlds {
		if s.OK() && (len(only) == 0 || slices.Contains(only, s.World)) {
			there = append(there, s.World)
		}
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("demo: no rules can be loaded on this machine: %s", strings.Join(words(worlds), "; "))
	}
	t := demoTopology()
	t.Rules = demoRules(DemoRouter, there)
	l, err := Up(ctx, t, Options{})
	if err != nil {
		return nil, err
	}
	d := &Demo{Lab: l, Worlds: worlds, servers: map[netip.AddrPort]*Server{}}
	if err := d.serve(); err != nil {
		return nil, errors.Join(fmt.Errorf("demo: %w", err), d.Close())
	}
	d.Scenes = d.scenes()
	return d, nil
}

func words(worlds []Support) []string {
	all := make([]string, len(worlds))
	for i, w := range worlds {
		all[i] = w.String()
	}
	return all
}

// Close takes the lab down.
func (d *Demo) Close() error { return d.Lab.Down() }

// Run plays the scenes. Either function may be nil. It ends at the first scene
// in which something else happened than was meant.
func (d *Demo) Run(ctx context.Context, before, after func(Scene)) error {
	for _, s := range d.Scenes {
		if before != nil {
			before(s)
		}
		if err := s.Send(ctx); err != nil {
			return fmt.Errorf("scene %q: %w", s.Title, err)
		}
		if after != nil {
			after(s)
		}
	}
	return nil
}

// far is the demo's server, seen through one family.
type far struct {
	name            string
	server, service string // addresses; the service is translated to the server
	host, router    string // of the router: towards the client, towards the server
}

func (d *Demo) families() []far {
	fs := []far{{name: "IPv4", server: "10.2.0.2", service: "10.96.0.10", host: "10.1.0.1", router: "10.2.0.1"}}
	if d.Lab.IPv6() {
		fs = append(fs, far{name: "IPv6", server: "fd00:2::2", service: "fd00:96::10", host: "fd00:1::1", router: "fd00:2::1"})
	}
	return fs
}

func (d *Demo) serve() error {
	for _, f := range d.families() {
		for _, port := range []uint16{8080, 9090, 3306} {
			if err := d.keep(d.Lab.TCPServer("server", at(f.server, port))); err != nil {
				return err
			}
		}
		if err := d.keep(d.Lab.UDPServer("server", at(f.server, 53))); err != nil {
			return err
		}
		if err := d.keep(d.Lab.UDPServer(DemoRouter, at(f.host, 161))); err != nil {
			return err
		}
	}
	return nil
}

func (d *Demo) keep(s *Server, err error) error {
	if err == nil {
		d.servers[s.Addr] = s
	}
	return err
}

func (d *Demo) scenes() []Scene {
	var all []Scene
	for _, f := range d.families() {
		all = append(all,
			Scene{
				Title: f.name + ": a service's address is translated to its server, and answers come back",
				Match: []string{"-p", "tcp", "-d", f.service, "--dport", "80"},
				Want:  journey.Forwarded,
				Send:  func(ctx context.Context) error { return d.delivered(ctx, f) },
			},
			Scene{
				Title: f.name + ": ping passes untouched",
				Match: []string{"-p", icmpName(f.server), "-d", f.server},
				Want:  journey.Forwarded,
				Send:  func(ctx context.Context) error { return d.pinged(ctx, f) },
			},
			Scene{
				Title: f.name + ": DNS past the resolver is marked, and dropped for its mark",
				Match: []string{"-p", "udp", "-d", f.server, "--dport", "53"},
				Want:  journey.Dropped,
				Send:  func(ctx context.Context) error { return d.silent(ctx, "udp", at(f.server, 53)) },
			},
			Scene{
				Title: f.name + ": SNMP on the router is refused with an ICMP answer",
				Match: []string{"-p", "udp", "-d", f.host, "--dport", "161"},
				Want:  journey.Rejected, With: unreachable(f.host),
				Send: func(ctx context.Context) error { return d.refused(ctx, "udp", at(f.host, 161)) },
			},
			Scene{
				Title: f.name + ": the database refuses with a TCP reset",
				Match: []string{"-p", "tcp", "-d", f.server, "--dport", "3306"},
				Want:  journey.Rejected, With: "tcp-reset",
				Send: func(ctx context.Context) error { return d.refused(ctx, "tcp", at(f.server, 3306)) },
			},
			Scene{
				Title: f.name + ": a port that no rule knows is dropped by the policy",
				Match: []string{"-p", "tcp", "-d", f.server, "--dport", "9090"},
				Want:  journey.Dropped,
				Send:  func(ctx context.Context) error { return d.silent(ctx, "tcp", at(f.server, 9090)) },
			},
		)
	}
	return all
}

func (d *Demo) delivered(ctx context.Context, f far) error {
	c, err := d.Lab.Dial(ctx, "client", "tcp", at(f.service, 80))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	const words = "where did my packet go?"
	if _, err := io.WriteString(c, words); err != nil {
		return err
	}
	buf := make([]byte, len(words))
	if _, err := io.ReadFull(c, buf); err != nil {
		return err
	}
	heard := d.servers[at(f.server, 8080)].Heard()
	if n := len(heard); n == 0 || heard[n-1].Addr().String() != f.router {
		return fmt.Errorf("the server heard %v, want a connection from %s", heard, f.router)
	}
	return nil
}

func (d *Demo) pinged(ctx context.Context, f far) error {
	got, err := d.Lab.Ping(ctx, "client", netip.MustParseAddr(f.server), 1)
	if err == nil && got.Replies != 1 {
		err = fmt.Errorf("no reply: %+v", got)
	}
	return err
}

// dropWait is how long a packet may take that must not arrive at all.
const dropWait = 80 * time.Millisecond

// answerWait is how long an answer may take that must come; longer than any
// machine needs.
const answerWait = 5 * time.Second

func (d *Demo) silent(ctx context.Context, network string, to netip.AddrPort) error {
	before := len(d.servers[to].Heard())
	ctx, cancel := context.WithTimeout(ctx, dropWait)
	defer cancel()
	c, err := d.Lab.Dial(ctx, "client", network, to)
	if err == nil {
		defer func() { _ = c.Close() }()
		err = exchange(c, dropWait)
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return fmt.Errorf("want no answer from %s, got: %w", to, err)
	}
	if n := len(d.servers[to].Heard()); n != before {
		return fmt.Errorf("the server at %s heard what was to be dropped", to)
	}
	return nil
}

var errAnswered = errors.New("an answer came")

// exchange writes and waits for an answer.
func exchange(c net.Conn, patience time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "is anybody there?"); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 64))
	if err == nil {
		return errAnswered
	}
	return err
}

// refused is about UDP too: an ICMP answer fails the next read. (A TCP socket
// would mostly miss an ICMPv6 answer to its SYN here, and hear only that to the
// second one: it comes while connect still holds the socket.)
func (d *Demo) refused(ctx context.Context, network string, to netip.AddrPort) error {
	c, err := d.Lab.Dial(ctx, "client", network, to)
	if err == nil {
		defer func() { _ = c.Close() }()
		err = exchange(c, answerWait)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("want %s to refuse, got: %w", to, err)
	}
	return nil
}

func at(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

func icmpName(addr string) string {
	if netip.MustParseAddr(addr).Is6() {
		return "icmpv6"
	}
	return "icmp"
}

func unreachable(addr string) string {
	if netip.MustParseAddr(addr).Is6() {
		return "icmpv6-port-unreachable"
	}
	return "icmp-port-unreachable"
}
