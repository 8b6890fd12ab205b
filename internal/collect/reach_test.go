package collect

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/snapshot"
)

// plug joins two namespaces by a veth pair, up, with addresses.
func plug(t *testing.T, a *netns.NS, aName string, b *netns.NS, bName string, bAddrs ...string) {
	t.Helper()
	if err := a.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = aName
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: bName, PeerNamespace: netlink.NsFd(b.FD())})
	}); err != nil {
		t.Fatal(err)
	}
	run(t, a, "", "ip", "link", "set", aName, "up")
	for _, addr := range bAddrs {
		run(t, b, "", "ip", "addr", "add", addr, "dev", bName, "nodad")
	}
	run(t, b, "", "ip", "link", "set", bName, "up")
}

func reachOf(t *testing.T, ns *netns.NS, all []*netns.NS, addrs ...string) map[string]snapshot.Reach {
	t.Helper()
	var ask []netip.Addr
	for _, a := range addrs {
		ask = append(ask, netip.MustParseAddr(a))
	}
	list, err := New(ns).Reach(ReadOwners(all), ask)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]snapshot.Reach{}
	for _, r := range list {
		found[r.Addr.String()] = r
	}
	return found
}

func TestReachRoutes(t *testing.T) {
	host, pod := newNS(t), newNS(t)
	plug(t, host, "v0", pod, "eth0", "10.7.0.2/24", "fd00:7::2/64")
	for _, line := range []string{
		"addr add 10.7.0.1/24 dev v0", "addr add fd00:7::1/64 dev v0 nodad", "link set lo up",
		"route add unreachable 10.8.1.0/24", "route add blackhole 10.8.2.0/24", "route add prohibit 10.8.3.0/24",
		"route add 10.8.4.0/24 via 10.7.0.2", "-6 route add unreachable fd00:8:1::/64", "-6 route add blackhole fd00:8:2::/64",
		"-6 route add fd00:8:4::/64 via fd00:7::2", "neigh add 10.7.0.9 dev v0 lladdr 02:00:00:00:00:09 nud permanent",
	} {
		run(t, host, "", append([]string{"ip"}, strings.Fields(line)...)...)
	}
	lab.AwaitIPv6(t, host, netip.MustParseAddr("fd00:7::1"))
	want := map[string]snapshot.Route{
		"10.7.0.1": {Type: "local", Dev: "lo"}, "10.7.0.2": {Type: "unicast", Dev: "v0"}, "10.7.0.255": {Type: "broadcast", Dev: "v0"},
		"10.8.1.1": {Type: "unreachable"}, "10.8.2.1": {Type: "blackhole"}, "10.8.3.1": {Type: "prohibit"},
		"10.8.4.1": {Type: "unicast", Dev: "v0", Via: netip.MustParseAddr("10.7.0.2")}, "10.9.9.9": {Type: snapshot.NoRoute},
		"fd00:7::1": {Type: "local", Dev: "lo"}, "fd00:7::2": {Type: "unicast", Dev: "v0"}, "fd00:8:2::1": {Type: "blackhole"},
		"fd00:8:4::1": {Type: "unicast", Dev: "v0", Via: netip.MustParseAddr("fd00:7::2")}, "fd00:9::1": {Type: snapshot.NoRoute},
		"fd00:8:1::1": {Type: "unreachable"}, "10.7.0.9": {Type: "unicast", Dev: "v0"},
	}
	var addrs []string
	for a := range want {
		addrs = append(addrs, a)
	}
	got := reachOf(t, host, []*netns.NS{host, pod}, addrs...)
	for a, w := range want {
		if r := got[a]; r.Route != snapshot.Known(w) || r.Choosy != 0 {
			t.Errorf("%s: %+v, %d choosy, want %+v", a, r.Route, r.Choosy, w)
		}
	}
	for a, w := range map[string]string{"10.7.0.2": pod.Name, "10.7.0.1": host.Name, "10.7.0.9": ""} {
		if owners := strings.Join(got[a].Owners, ","); owners != w {
			t.Errorf("%s is owned by %q, want %q", a, owners, w)
		}
	}
	if n := got["10.7.0.9"]; n.Neighbour != snapshot.Known("permanent") || n.Behind.Known {
		t.Errorf("%+v", n)
	}
}

func TestReachChoosy(t *testing.T) {
	host := newNS(t)
	for line, more := range map[string]int{
		"-4 rule add fwmark 7 lookup 100": 1, "-4 rule add from 10.0.0.0/8 lookup 100": 1, "-4 rule add to 10.0.0.0/8 lookup 100": 0,
		"-4 rule add iif lo lookup 100": 1, "-4 rule add ipproto udp lookup 100": 1, "-4 rule add uidrange 0-5 lookup 100": 1,
		"-6 rule add fwmark 7 lookup 100": 0,
	} {
		before := reachOf(t, host, nil, "10.1.1.1")["10.1.1.1"].Choosy
		run(t, host, "", append([]string{"ip"}, strings.Fields(line)...)...)
		if got := reachOf(t, host, nil, "10.1.1.1")["10.1.1.1"].Choosy - before; got != more {
			t.Errorf("%s: %d more, want %d", line, got, more)
		}
	}
	if got := reachOf(t, host, nil, "fd00::1")["fd00::1"].Choosy; got != 1 {
		t.Errorf("IPv6: %d", got)
	}
}

// TestBehind: a bridge is known to lead nowhere else only where all its ports are
// veths into namespaces that were looked at, that have addresses and lead no further.
func TestBehind(t *testing.T) {
	host, one, two := newNS(t), newNS(t), newNS(t)
	run(t, host, "", "ip", "link", "add", "br0", "type", "bridge")
	run(t, host, "", "ip", "addr", "add", "10.7.0.1/24", "dev", "br0")
	run(t, host, "", "ip", "link", "set", "br0", "up")
	plug(t, host, "v1", one, "eth0", "10.7.0.2/24")
	plug(t, host, "v2", two, "eth0", "10.7.0.3/24")
	for _, v := range []string{"v1", "v2"} {
		run(t, host, "", "ip", "link", "set", v, "master", "br0")
	}
	behind := func(all ...*netns.NS) snapshot.Value[[]string] {
		return reachOf(t, host, all, "10.7.0.9")["10.7.0.9"].Behind
	}
	both := behind(host, one, two)
	if names := both.Is; !both.Known || len(names) != len(slices.Compact([]string{one.Name, two.Name})) {
		t.Errorf("%+v", both)
	}
	if b := behind(host, one); b.Known || !strings.Contains(b.Why, "v2") {
		t.Errorf("with one not looked at: %+v", b)
	}
	for _, c := range []struct {
		ns       *netns.NS
		do, undo string
	}{
		{two, "ip addr del 10.7.0.3/24 dev eth0", "ip addr add 10.7.0.3/24 dev eth0"},
		{host, "ip link add d0 type veth peer name d0p; ip link set d0 master br0", "ip link del d0"},
		{host, "ip link add link br0 name m0 type macvlan", "ip link del m0"},
		{two, "sysctl -qw net.ipv4.ip_forward=1; ip link add d1 type veth peer name d1p; ip link set d1 up", "ip link del d1"},
		{host, "bridge fdb add 02:00:00:00:00:09 dev v1 master static; ip neigh add 10.7.0.9 dev br0 lladdr 02:00:00:00:00:09 nud stale", "ip neigh del 10.7.0.9 dev br0"},
	} {
		run(t, c.ns, "", "sh", "-ec", c.do)
		if b := behind(host, one, two); b.Known {
			t.Errorf("%s: %+v", c.do, b)
		}
		run(t, c.ns, "", "sh", "-ec", c.undo)
		if b := behind(host, one, two); !b.Known {
			t.Errorf("%s: %+v", c.undo, b)
		}
	}
}

func TestConntrackTable(t *testing.T) {
	table := New(newNS(t)).ConntrackTable()
	if !table.Max.Known || !table.Buckets.Known || table.Buckets.Is <= 0 {
		t.Errorf("%+v", table)
	}
	if table.EntryBytes.Known && (table.EntryBytes.Is < 128 || table.EntryBytes.Is > 1024) {
		t.Errorf("%+v", table.EntryBytes)
	}
	const info = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize>\nnf_conntrack_expect 0 0 216\nnf_conntrack          80    160    256   16    1\n"
	if got := slabSize(info, "nf_conntrack"); got != snapshot.Known(int64(256)) {
		t.Errorf("%+v", got)
	}
}
