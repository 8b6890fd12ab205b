package patrol_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/internal/stale"
	"github.com/pktrail/pktrail/packet"
)

func TestMain(m *testing.M) {
	lab.AtOnce(8)
	os.Exit(lab.Main(m))
}

// node is the lab of that name, the table of its host, and a pod that no lab keeps
// alive.
type node struct {
	*lab.Lab
	t       *testing.T
	table   patrol.Table
	world   lab.World
	backend *netns.NS
	servers []interface{ Close() error }
}

const (
	service   = "10.96.0.10"
	backendIP = "10.244.1.50"
	interval  = 2500 * time.Millisecond
)

func newNode(t *testing.T, world lab.World) *node {
	t.Helper()
	topology, err := lab.Find("node")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Up(t.Context(), topology, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Down() })
	n := &node{Lab: l, t: t, world: world, table: open(t, l.NS("host"))}
	n.load(dnat(world, backendIP))
	n.addBackend()
	return n
}

func open(t *testing.T, ns *netns.NS) patrol.Table {
	t.Helper()
	table := patrol.Table{NS: ns}
	if err := ns.Do(func() (err error) {
		table.Conn, err = ctnetlink.Open(ctnetlink.Options{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Conn.Close() })
	return table
}

func (n *node) load(rules string) {
	n.t.Helper()
	r := lab.Ruleset{World: n.world, Text: rules, Family: packet.IPv4}
	if n.world == lab.NFT {
		r.Family = packet.Unspec
	}
	if err := n.Load(n.t.Context(), "host", r); err != nil {
		if !errors.Is(err, exec.ErrNotFound) {
			n.t.Fatal(err)
		}
		lab.Lacks(n.t, err.Error())
	}
}

// dnat is the rules that translate one service of UDP and one of TCP.
func dnat(world lab.World, backend string) string {
	if world == lab.NFT {
		return fmt.Sprintf(`table ip nat
delete table ip nat
table ip nat {
	chain svc { meta l4proto udp dnat to %[2]s:5353; }
	chain pre { type nat hook prerouting priority -100;
		ip daddr %[1]s udp dport 53 jump svc
		ip daddr %[1]s tcp dport 80 counter dnat to %[2]s:8080
	}
}
`, service, backend)
	}
	return fmt.Sprintf(`*nat
:SVC - [0:0]
-F PREROUTING
-A PREROUTING -d %[1]s/32 -p udp -m comment --comment "kube dns: --to-destination" -m udp --dport 53 -j SVC
-A PREROUTING -d %[1]s/32 -p tcp --dport 80 -j DNAT --to-destination %[2]s:8080
-A SVC -p udp -j DNAT --to-destination %[2]s:5353
COMMIT
`, service, backend)
}

func (n *node) sh(ns string, argv ...string) {
	n.t.Helper()
	if out, err := n.Exec(n.t.Context(), ns, argv...); err != nil {
		n.t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

// addBackend plugs the pod into the bridge.
func (n *node) addBackend() {
	n.t.Helper()
	ns, err := netns.New("backend")
	if err != nil {
		n.t.Fatal(err)
	}
	n.backend = ns
	n.t.Cleanup(func() { _ = ns.Close() })
	n.in(n.NS("host"), func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "vethback"
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns.FD())})
	})
	n.sh("host", "ip", "link", "set", "vethback", "master", "cni0", "up")
	for _, argv := range [][]string{
		{"link", "set", "lo", "up"}, {"addr", "add", backendIP + "/24", "dev", "eth0"}, {"link", "set", "eth0", "up"},
		{"route", "add", "default", "via", "10.244.1.1"},
	} {
		n.in(ns, exec.Command("ip", argv...).Run)
	}
}

func (n *node) in(ns *netns.NS, f func() error) {
	n.t.Helper()
	if err := ns.Do(f); err != nil {
		n.t.Fatal(err)
	}
}

// removeBackend takes the pod away with its link, before its sockets can say
// good-bye.
func (n *node) removeBackend() {
	n.t.Helper()
	n.sh("host", "ip", "link", "del", "vethback")
	for _, s := range n.servers {
		_ = s.Close()
	}
	if err := n.backend.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// serveBackend echoes UDP at 5353 and takes TCP connections at 8080.
func (n *node) serveBackend() {
	n.t.Helper()
	var udp net.PacketConn
	var tcp net.Listener
	n.in(n.backend, func() (err error) {
		if udp, err = net.ListenPacket("udp4", backendIP+":5353"); err != nil {
			return err
		}
		tcp, err = net.Listen("tcp4", backendIP+":8080")
		return err
	})
	n.servers = append(n.servers, udp, tcp)
	n.t.Cleanup(func() { _, _ = udp.Close(), tcp.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			k, from, err := udp.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = udp.WriteTo(buf[:k], from)
			}
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }() // with the listener
		}
	}()
}

// dial opens a connection without the lab's deadline.
func (n *node) dial(from, network, to string) net.Conn {
	n.t.Helper()
	c, err := n.Dial(n.t.Context(), from, network, netip.MustParseAddrPort(to))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Time{})
	return c
}

// send sends a datagram every fifth of a second until the test ends.
func (n *node) send(c net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			_, _ = c.Write([]byte("query"))
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	n.t.Cleanup(func() { cancel(); done.Wait() })
	n.awaitEntry(c)
}

// awaitEntry waits until the table has the connection: on a busy machine its
// first packet may take its time.
func (n *node) awaitEntry(c net.Conn) {
	n.t.Helper()
	local := netip.MustParseAddrPort(c.LocalAddr().String())
	lab.Await(n.t, func() string {
		found := false
		if _, err := n.table.Conn.Dump(n.t.Context(), conntrack.Tracked, conntrack.Filter{}, func(f *conntrack.Flow) error {
			found = found || f.Orig.Src == local.Addr() && f.Orig.SrcPort == local.Port()
			return nil
		}); err != nil {
			n.t.Fatal(err)
		}
		if !found {
			return fmt.Sprintf("no entry of %s", local)
		}
		return ""
	})
}

// exchange sends a datagram and waits for its echo.
func (n *node) exchange(c net.Conn) {
	n.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(lab.Patience))
	if _, err := c.Write([]byte("hello")); err != nil {
		n.t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 100)); err != nil {
		n.t.Fatal(err)
	}
}

// all are the namespaces that can be found on such a host.
func (n *node) all() []*netns.NS {
	list := []*netns.NS{n.NS("host"), n.NS("pod1"), n.NS("pod2")}
	return list
}

func (n *node) search(opt patrol.StaleOptions) *patrol.Search {
	n.t.Helper()
	if opt.Interval == 0 {
		opt.Interval = interval
	}
	if opt.All == nil {
		opt.All = n.all()
	}
	s, err := patrol.Stale(n.t.Context(), n.table, opt)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range s.Report.Findings {
		n.t.Logf("%s %s: %s\n%v\n%+v", f.Certainty, f.Kind, f.Title, f.Evidence, f.Delete)
	}
	n.t.Log(s.Report.NotJudged, s.Report.Notes)
	return s
}

// one is the only finding of a search.
func (n *node) one(s *patrol.Search, kind stale.Kind, certainty stale.Certainty, entries int64) *stale.Finding {
	n.t.Helper()
	if len(s.Report.Findings) != 1 {
		n.t.Fatalf("%d findings, want one %s", len(s.Report.Findings), kind)
	}
	f := &s.Report.Findings[0]
	if f.Kind != kind || f.Certainty != certainty || f.Entries != entries {
		n.t.Fatalf("%s %s of %d, want %s %s of %d", f.Certainty, f.Kind, f.Entries, certainty, kind, entries)
	}
	return f
}
