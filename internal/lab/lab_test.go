package lab

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
)

// Every topology: who reaches whom.
var reach = []struct{ topology, from, to string }{
	{"router", "client", "10.2.0.2"},
	{"router", "client", "fd00:2::2"},
	{"router", "server", "10.1.0.2"},
	{"node", "pod1", "10.244.1.3"},
	{"node", "pod1", "fd00:244:1::3"},
	{"node", "pod1", "192.168.50.9"},
	{"node", "peer", "fd00:244:1::3"},
	{"node", "host", "10.244.1.2"},
	{"two-nodes", "pod1", "10.244.2.2"},
	{"two-nodes", "pod2", "fd00:244:1::2"},
	{"two-nodes", "node1", "10.244.2.2"},
	{"two-nodes", "node1", "fd00:244:2::2"},
	{"demo", "client", "10.2.0.2"},
}

func TestEveryTopologyCarriesPackets(t *testing.T) {
	for _, top := range Topologies() {
		t.Run(top.Name, func(t *testing.T) {
			l := New(t, top.Name)
			tried := 0
			for _, r := range reach {
				if r.topology != top.Name {
					continue
				}
				tried++
				got, err := l.Ping(t.Context(), r.from, netip.MustParseAddr(r.to), 2)
				if err != nil || got.Replies != 2 {
					t.Errorf("ping %s -> %s: %+v, %v", r.from, r.to, got, err)
				}
			}
			if tried == 0 {
				t.Error("no ping is written for this topology")
			}
		})
	}
}

func TestIPv4Only(t *testing.T) {
	for _, name := range []string{"router", "two-nodes"} {
		l := New(t, name, Options{IPv4Only: true})
		out, err := l.Exec(t.Context(), l.Topology.Namespaces[1].Name, "cat", "/proc/self/net/if_inet6")
		if err != nil || strings.Contains(out, "fd00") {
			t.Errorf("%s: IPv6 addresses %q, %v", name, out, err)
		}
	}
}

func TestNamespaceByName(t *testing.T) {
	l := New(t, "two-nodes")
	if l.NS("node1") == nil || l.NS("nobody") != nil {
		t.Error("NS does not tell the lab's namespaces from others")
	}
}

// A lab says nothing by itself: what a trace shows is the user's traffic.
func TestQuiet(t *testing.T) {
	labs := []*Lab{New(t, "router"), New(t, "two-nodes")}
	time.Sleep(300 * time.Millisecond) // multicast reports of the start
	open := map[string]int{}
	for _, l := range labs {
		for _, n := range l.Topology.Namespaces {
			open[l.Topology.Name+"/"+n.Name] = capture(t, l.NS(n.Name))
		}
	}
	time.Sleep(1200 * time.Millisecond)
	for where, fd := range open {
		buf := make([]byte, 128)
		if n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT); err == nil {
			t.Errorf("%s is not quiet: %x", where, buf[:n])
		}
		_ = unix.Close(fd)
	}
}

func capture(t *testing.T, ns *netns.NS) int {
	t.Helper()
	fd := -1
	err := ns.Do(func() error {
		var err error
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(unix.ETH_P_ALL<<8))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestNothingIsLeft(t *testing.T) {
	before := footprint(t)
	for _, name := range []string{"router", "node", "two-nodes"} {
		l, err := Up(t.Context(), mustFind(t, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.TCPServer("pod1", netip.MustParseAddrPort("0.0.0.0:80")); err != nil && name != "router" {
			t.Error(err)
		}
		if err := l.Down(); err != nil {
			t.Error(err)
		}
	}
	for _, broken := range brokenTopologies() {
		if l, err := Up(t.Context(), broken, Options{Persistent: true}); err == nil {
			t.Errorf("%s came up", broken.Name)
			_ = l.Down()
		} else {
			t.Log(err)
		}
	}
	Await(t, func() string { // threads that were in a namespace end a moment later
		if after := footprint(t); !slices.Equal(before, after) {
			return fmt.Sprintf("before: %v\nafter: %v", before, after)
		}
		return ""
	})
}

// brokenTopologies fail at different stages of Up.
func brokenTopologies() []Topology {
	breakage := map[string]func(*Topology){
		"no-such-end":  func(t *Topology) { t.Links[1].B.NS = "nowhere" },
		"same-name":    func(t *Topology) { t.Links[1].A.Name = "r0" },
		"no-such-port": func(t *Topology) { t.Bridges = []Bridge{{End: End{NS: "rt", Name: "br"}, Ports: []string{"x"}}} },
		"no-gateway":   func(t *Topology) { t.Routes = append(t.Routes, route("client", "10.9.0.0/24", "10.8.0.1")) },
		"no-sysctl":    func(t *Topology) { t.Sysctls = []Sysctl{{"rt", "net.ipv4.no_such", "1"}} },
		"far-sysctl":   func(t *Topology) { t.Sysctls = []Sysctl{{"rt", "kernel.panic", "1"}} },
		"wrong-rule": func(t *Topology) {
			t.Rules = []Placement{{"rt", Ruleset{World: NFT, Text: "table inet t { nonsense }"}}}
		},
		"bad/prefix": func(*Topology) {},
	}
	var list []Topology
	for name, f := range breakage {
		t := router()
		t.Name = name
		f(&t)
		list = append(list, t)
	}
	return list
}

// footprint is every trace that a lab could leave: namespaces by inode of all
// threads and descriptors of this process, children, names, links of this
// namespace. Other processes are not its business: other tests run beside it.
func footprint(t *testing.T) []string {
	t.Helper()
	seen := map[string]bool{}
	for _, glob := range []string{"/proc/self/task/*/ns/net", "/proc/self/fd/*"} {
		paths, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if to, err := os.Readlink(p); err == nil && (strings.HasPrefix(to, "net:") || strings.HasPrefix(to, "/run/netns")) {
				seen[to] = true
			}
		}
	}
	children, _ := filepath.Glob("/proc/self/task/*/children")
	for _, p := range children {
		pids, _ := os.ReadFile(p)
		for _, pid := range strings.Fields(string(pids)) {
			seen["child "+pid] = true
		}
	}
	for _, glob := range []string{"/run/netns/*", "/sys/class/net/*", "/run/xtables*"} {
		paths, _ := filepath.Glob(glob)
		for _, p := range paths {
			seen[p] = true
		}
	}
	var list []string
	for s := range seen {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

func TestStandingLab(t *testing.T) {
	top := mustFind(t, "node")
	l, err := Up(t.Context(), top, Options{Persistent: true, Prefix: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Up(t.Context(), top, Options{Persistent: true, Prefix: "t1"}); !errors.Is(err, os.ErrExist) {
		t.Errorf("the same lab twice: %v", err)
	}
	if want := "pktrail trace --netns t1-host -p icmp -s 10.244.1.2"; l.Commands()[1] != want {
		t.Errorf("commands %q", l.Commands())
	}
	l.Release()

	stranger, err := netns.New("stranger")
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Bind("t1-stranger"); err != nil {
		t.Fatal(err)
	}
	s, err := Get("t1")
	if err != nil || s.Topology != "node" || fmt.Sprint(s.Namespaces) != "[host peer pod1 pod2]" {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := s.Open("stranger"); err == nil {
		t.Error("opened a namespace that is not the lab's")
	}
	ns, err := s.Open("pod1")
	if err != nil {
		t.Fatal(err)
	}
	_ = ns.Close()
	if err := s.Down(); err != nil {
		t.Error(err)
	}
	if _, err := Get("t1"); err == nil {
		t.Error("the lab is still listed")
	}
	if _, err := os.Stat("/run/netns/t1-stranger"); err != nil {
		t.Error("Down took what was not the lab's:", err)
	}
	if err := errors.Join(netns.Unbind("t1-stranger"), stranger.Close()); err != nil {
		t.Error(err)
	}
}

func TestTrafficOfEveryKind(t *testing.T) {
	l := New(t, "router")
	for _, server := range []string{"10.2.0.2", "fd00:2::2"} {
		tcp, err := l.TCPServer("server", at(server, 0))
		if err != nil {
			t.Fatal(err)
		}
		udp, err := l.UDPServer("server", at(server, 7))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []struct {
			network string
			s       *Server
		}{{"tcp", tcp}, {"udp", udp}} {
			c, err := l.Dial(t.Context(), "client", to.network, to.s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 5)
			if _, err := io.WriteString(c, "hello"); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
				t.Errorf("%s %s: %q, %v", to.network, server, buf, err)
			}
			if h := to.s.Heard(); len(h) != 1 || h[0].String() != c.LocalAddr().String() {
				t.Errorf("%s %s heard %v, client is %v", to.network, server, h, c.LocalAddr())
			}
			_ = c.Close()
		}
	}
}

func TestPingTellsErrors(t *testing.T) {
	l := New(t, "router")
	for _, far := range []struct {
		to, from   string
		kind, code uint8
	}{{"10.9.0.1", "10.1.0.1", 3, 0}, {"fd00:9::1", "fd00:1::1", 1, 0}} {
		got, err := l.Ping(t.Context(), "client", netip.MustParseAddr(far.to), 1)
		want := ICMPError{From: netip.MustParseAddr(far.from), Type: far.kind, Code: far.code}
		if err != nil || len(got.Errors) != 1 || got.Errors[0] != want {
			t.Errorf("ping %s: %+v, %v; want %+v", far.to, got, err, want)
		}
	}
}

func TestSendIPAndFrame(t *testing.T) {
	l := New(t, "router")
	if got, err := l.Ping(t.Context(), "client", netip.MustParseAddr("10.2.0.2"), 1); err != nil || got.Replies != 1 {
		t.Fatal(got, err)
	}
	c := capture(t, l.NS("server"))
	defer func() { _ = unix.Close(c) }()
	datagram := []byte{
		0x45, 0, 0, 28, 0x12, 0x34, 0, 0, 64, 17, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2,
		0x30, 0x39, 0x30, 0x3a, 0, 8, 0, 0,
	}
	if err := l.SendIP("client", datagram); err != nil {
		t.Fatal(err)
	}
	expect(t, c, []byte{0x12, 0x34})

	arp := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 2, 0xa, 8, 6}, make([]byte, 46)...)
	if err := l.SendFrame("rt", "r1", arp); err != nil {
		t.Fatal(err)
	}
	expect(t, c, arp[:14])
	for _, wrong := range []error{
		l.SendIP("client", []byte{0x45}), l.SendFrame("rt", "r1", nil), l.SendFrame("rt", "r9", arp), l.SendIP("moon", datagram),
	} {
		if wrong == nil {
			t.Error("nonsense was sent")
		}
	}
}

func expect(t *testing.T, fd int, part []byte) {
	t.Helper()
	tv := unix.NsecToTimeval(int64(Patience))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			t.Fatalf("%x did not arrive: %v", part, err)
		}
		if strings.Contains(string(buf[:n]), string(part)) {
			return
		}
	}
}

func mustFind(t *testing.T, name string) Topology {
	t.Helper()
	top, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return top
}
