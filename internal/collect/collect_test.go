package collect

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// newNS makes an anonymous namespace for a test, with loopback up.
func newNS(t testing.TB) *netns.NS {
	t.Helper()
	ns, err := netns.New("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	run(t, ns, "", "ip", "link", "set", "lo", "up")
	return ns
}

// run runs a program in the namespace and returns what it printed.
func run(t testing.TB, ns *netns.NS, stdin string, args ...string) string {
	t.Helper()
	var out []byte
	err := ns.Do(func() (err error) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func find(tables []*ruleset.Table, b ruleset.Backend, f ruleset.Family, name string) *ruleset.Table {
	for _, t := range tables {
		if t.TableKey == (ruleset.TableKey{Backend: b, Family: f, Name: name}) {
			return t
		}
	}
	return nil
}

// read reads a file in the namespace; one that is not there, since its module is
// not loaded, holds nothing.
func read(t testing.TB, ns *netns.NS, path string) string {
	t.Helper()
	var b []byte
	err := ns.Do(func() (err error) {
		b, err = os.ReadFile(path)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func TestNamespaceNamesLinksAndBridges(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "ip", "link", "add", "br0", "type", "bridge")
	run(t, ns, "", "ip", "link", "add", "v0", "type", "veth", "peer", "v1")
	run(t, ns, "", "ip", "link", "set", "v0", "master", "br0")
	n, err := New(ns).Namespace()
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]uint32{}
	for i, name := range n.Links {
		index[name] = i
	}
	if n.Bridges[index["v0"]] != index["br0"] || index["br0"] == 0 || len(n.Bridges) != 1 {
		t.Errorf("links %v, bridges %v: want v0 alone in br0", n.Links, n.Bridges)
	}
	if n.Inode != ns.Inode || n.Cookie == "" || n.BootID == "" || n.Host == "" {
		t.Errorf("incomplete: %+v", n)
	}
}

func TestInventoryListsAllBackends(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "iptables-legacy", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE")
	run(t, ns, "", "ip6tables-nft", "-A", "FORWARD", "-j", "DROP")
	run(t, ns, `table inet fw {
		chain in { type filter hook input priority filter + 7; policy drop; }
		chain user { }
	}
	table netdev nd { chain i { type filter hook ingress device lo priority -500; }; }`, "nft", "-f", "-")
	rules, err := New(ns).Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if !rules.All || !rules.Pending || rules.Generation == 0 || len(rules.Problems) > 0 || len(rules.Tables) != 4 {
		t.Fatalf("rules %+v", rules)
	}
	nat := find(rules.Tables, ruleset.Legacy, ruleset.IP, "nat")
	if nat == nil || nat.Chain("POSTROUTING").Base.Priority != 100 || nat.Dialect != ruleset.Iptables {
		t.Errorf("legacy nat: %+v", nat)
	}
	filter := find(rules.Tables, ruleset.NFT, ruleset.IP6, "filter")
	if filter == nil || filter.Dialect != ruleset.Iptables || filter.Chain("FORWARD").Policy != ruleset.Accept {
		t.Errorf("iptables-nft filter: %+v", filter)
	}
	fw := find(rules.Tables, ruleset.NFT, ruleset.Inet, "fw")
	if fw == nil || fw.Dialect != ruleset.Nftables || fw.Chain("user").Base != nil {
		t.Fatalf("fw: %+v", fw)
	}
	if in := fw.Chain("in"); in.Base.Hook != ruleset.Input || in.Base.Priority != 7 || in.Policy != ruleset.Drop || in.Base.Type != "filter" {
		t.Errorf("fw in: %+v %+v", in, in.Base)
	}
	nd := find(rules.Tables, ruleset.NFT, ruleset.Netdev, "nd")
	if b := nd.Chain("i").Base; b.Hook != ruleset.Ingress || b.Priority != -500 || len(b.Device) != 1 || b.Device[0] != "lo" {
		t.Errorf("nd: %+v", b)
	}
}

func TestInventoryOfEmptyNamespaceCreatesNothing(t *testing.T) {
	ns := newNS(t)
	rules, err := New(ns).Inventory()
	if err != nil || len(rules.Tables) != 0 {
		t.Fatalf("tables %v, %v", rules, err)
	}
	if names := read(t, ns, "/proc/thread-self/net/ip_tables_names"); names != "" {
		t.Errorf("legacy tables were created: %q", names)
	}
}

func TestManyRules(t *testing.T) {
	ns := newNS(t)
	rule := "-A FORWARD -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT\n"
	save := "*filter\n:FORWARD ACCEPT [0:0]\n" + strings.Repeat(rule, 200) + "COMMIT\n"
	for range 50 { // in parts: without root a netlink message may not be large
		run(t, ns, save, "iptables-legacy-restore", "--noflush")
		run(t, ns, save, "iptables-nft-restore", "--noflush")
	}
	h := New(ns)
	for _, b := range []ruleset.Backend{ruleset.Legacy, ruleset.NFT} {
		rules := texts(t, h)
		if n := len(find(rules.Tables, b, ruleset.IP, "filter").Chain("FORWARD").Rules); n != 10000 {
			t.Errorf("%s has %d rules", b, n)
		}
	}
}
