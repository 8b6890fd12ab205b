package collect

import (
	"os"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

func TestConntrackByRules(t *testing.T) {
	for _, c := range []struct {
		name     string
		rules    [][]string
		ip4, ip6 bool
	}{
		{"no rules", nil, false, false},
		{"rules that need none", [][]string{
			{"iptables-legacy", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT"},
			{"iptables-legacy", "-t", "raw", "-A", "PREROUTING", "-j", "CT", "--notrack"},
			{"iptables-nft", "-A", "INPUT", "-p", "tcp", "-j", "LOG"},
			{"nft", "add table ip t; add chain ip t n { type nat hook prerouting priority 0; }; add rule ip t n notrack"},
		}, false, false},
		{"legacy nat", [][]string{{"iptables-legacy", "-t", "nat", "-A", "POSTROUTING", "-s", "10.9.9.9", "-j", "MASQUERADE"}}, true, false},
		{"legacy IPv6 state", [][]string{{"ip6tables-legacy", "-A", "INPUT", "-p", "tcp", "-m", "state", "--state", "NEW", "-j", "DROP"}}, false, true},
		{"iptables-nft conntrack", [][]string{{"iptables-nft", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT"}}, true, false},
		{"iptables-nft connmark", [][]string{{"iptables-nft", "-t", "mangle", "-A", "INPUT", "-j", "CONNMARK", "--save-mark"}}, true, false},
		{"nft inet ct", [][]string{{"nft", "add table inet t; add chain inet t c; add rule inet t c counter; add rule inet t c ct state new drop"}}, true, true},
		{"nft nat", [][]string{{"nft", "add table ip6 t; add chain ip6 t c { type nat hook postrouting priority 100; }; add rule ip6 t c masquerade"}}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns := newNS(t)
			for _, args := range c.rules {
				run(t, ns, "", args...)
			}
			ip4, ip6, why := New(ns).Conntrack()
			if ip4 != c.ip4 || ip6 != c.ip6 || why == "" {
				t.Errorf("conntrack IPv4 %v, IPv6 %v (%s), want %v, %v", ip4, ip6, why, c.ip4, c.ip6)
			}
			if tracks, words := New(ns).Tracks(); !tracks.Known || tracks.Is != (c.ip4 || c.ip6) || words == "" {
				t.Errorf("tracks %+v (%s)", tracks, words)
			}
			t.Log(why)
			run(t, ns, "", "ping", "-c1", "-W1", "127.0.0.1")
			entries := read(t, ns, "/proc/thread-self/net/nf_conntrack")
			if got := strings.Contains(entries, "ipv4 "); got != c.ip4 {
				t.Errorf("the kernel tracks IPv4: %v, we said %v\n%s", got, c.ip4, entries)
			}
		})
	}
}

// TestConntrackStartsNothing: reading everything there is leaves no packet tracked.
func TestConntrackStartsNothing(t *testing.T) {
	ns := newNS(t)
	h := New(ns)
	h.Conntrack()
	h.Bypasses()
	if _, err := h.Inventory(); err != nil {
		t.Fatal(err)
	}
	texts(t, h)
	run(t, ns, "", "ping", "-c1", "-W1", "127.0.0.1")
	if entries := read(t, ns, "/proc/thread-self/net/nf_conntrack"); entries != "" {
		t.Errorf("entries: %s", entries)
	}
}

// TestConntrackEndsWithItsRules: entries that outlive the rules are no evidence.
func TestConntrackEndsWithItsRules(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "nft", "add table ip t; add chain ip t c; add rule ip t c ct state new")
	run(t, ns, "", "ping", "-c1", "-W1", "127.0.0.1")
	run(t, ns, "", "nft", "flush ruleset")
	if entries := read(t, ns, "/proc/thread-self/net/nf_conntrack"); entries == "" {
		t.Skip("this kernel drops the entries with the rules")
	}
	if ip4, ip6, why := New(ns).Conntrack(); ip4 || ip6 {
		t.Errorf("conntrack %v, %v: %s", ip4, ip6, why)
	}
}

// TestTracksUnknown: rules that cannot be read are not none.
func TestTracksUnknown(t *testing.T) {
	ns, err := netns.New("closed")
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Close(); err != nil {
		t.Fatal(err)
	}
	if tracks, why := New(ns).Tracks(); tracks.Known || why == "" {
		t.Errorf("%+v, %q", tracks, why)
	}
}

func contains(sentences []string, words ...string) bool {
	for _, s := range sentences {
		all := true
		for _, w := range words {
			all = all && strings.Contains(s, w)
		}
		if all {
			return true
		}
	}
	return false
}

func TestBypassesOfPlainNamespace(t *testing.T) {
	ns := newNS(t)
	if found := New(ns).Bypasses(); len(found) != 0 {
		t.Errorf("found %q", found)
	}
}

func TestBypasses(t *testing.T) {
	lab.NeedBridgeNF(t)
	ns := newNS(t)
	run(t, ns, "", "ip", "link", "add", "br0", "type", "bridge")
	run(t, ns, "", "ip", "link", "add", "v0", "type", "veth", "peer", "v1")
	run(t, ns, "", "ip", "link", "set", "v0", "master", "br0")
	run(t, ns, "0", "tee", "/proc/sys/net/bridge/bridge-nf-call-iptables")
	run(t, ns, "1", "tee", "/proc/sys/net/bridge/bridge-nf-call-ip6tables")
	run(t, ns, "", "iptables-legacy", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "-j", "CT", "--notrack")
	run(t, ns, "", "tc", "qdisc", "add", "dev", "v1", "clsact")
	attachTC(t, ns, "v1")
	attachTCX(t, ns, "v0")
	attachXDP(t, ns, "v1")
	h := New(ns)
	texts(t, h)
	found := h.Bypasses()
	for _, want := range [][]string{
		{"net.bridge.bridge-nf-call-iptables is 0", "IPv4", "br0 (1 ports)"},
		{"legacy table raw", "rule 1 of chain PREROUTING"},
		{"tc has BPF program", "ingress of v1"},
		{"1 BPF programs are attached (tcx) at egress of v0"},
		{"XDP program", "on v1"},
	} {
		if !contains(found, want...) {
			t.Errorf("no sentence with %q in %q", want, found)
		}
	}
	if contains(found, "ip6tables") {
		t.Errorf("bridge-nf-call-ip6tables is 1: %q", found)
	}
	if len(found) != 5 {
		t.Errorf("%d sentences: %q", len(found), found)
	}
}

func TestBypassesNamesOwnedTables(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "nft", "add table ip plain")
	hold(t, ns, "add table ip mine { flags owner; }\n")
	found := New(ns).Bypasses()
	if len(found) != 1 || !contains(found, "table ip mine belongs to a running program") {
		t.Errorf("found %q", found)
	}
}

func TestHasSymbol(t *testing.T) {
	if _, err := os.Stat("/proc/kallsyms"); err != nil {
		lab.Lacks(t, "no /proc/kallsyms")
	}
	if hasSymbol("no_such_function_anywhere") {
		t.Error("a function that does not exist was found")
	}
	if !hasSymbol("nft_do_chain") {
		t.Error("nft_do_chain was not found")
	}
}
