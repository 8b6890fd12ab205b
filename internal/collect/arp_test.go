package collect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// arpRules are rules of arptables for a chain, every option with every form of
// its value, and some of them together.
func arpRules(chain string) (rules []string) {
	options := [][]string{
		{"-s 10.0.0.1", "! -s 10.0.0.0/8", "-s 10.0.0.0/255.0.255.0", "-s 0.0.0.0/8", "! -s 0.0.0.0"},
		{"-d 10.0.0.1", "! -d 10.0.0.0/9"},
		{"--src-mac 02:00:00:00:00:0a", "--src-mac 02:01:00:00:00:00/ff:ff:00:00:00:00"},
		{"! --dst-mac 02:00:00:00:00:0a", "--dst-mac 01:00:00:00:00:00/01:00:00:00:00:00"},
		{"--opcode 1", "! --opcode 2", "--opcode 9"},
		{"--h-type 6", "! --h-type 8"},
		{"--proto-type 0x800", "! --proto-type 0x86dd"},
		{"--h-length 6"},
		{"-j ACCEPT", "-j DROP", "-j RETURN", "-j user"},
		{"-j MARK --set-mark 0x1f", "-j MARK --and-mark 0xff", "-j MARK --or-mark 0x10", "-j CLASSIFY --set-class 1:a2"},
	}
	iface, other := "-i", "-o"
	if chain != "INPUT" {
		iface, other = other, iface
	}
	options = append(options, []string{iface + " eth0", "! " + iface + " br+", "! " + iface + " +"})
	if chain == "FORWARD" {
		options = append(options, []string{other + " eth1"})
	}
	for _, o := range options {
		rules = append(rules, o...)
	}
	const toMangle = "--h-length 6 -j mangle --mangle-mac-s 02:00:00:00:00:01"
	rules = append(rules, toMangle, toMangle+" --mangle-mac-d 02:00:00:00:00:02 --mangle-target CONTINUE",
		"-s 10.0.0.1 -j mangle --mangle-ip-s 10.0.0.2 --mangle-ip-d 10.0.0.3 --mangle-target DROP")
	random := rand.New(rand.NewPCG(3, 4))
	for range 25 {
		var rule []string
		for _, o := range options {
			if random.IntN(2) == 0 && !(strings.HasPrefix(o[0], "-j") && slices.ContainsFunc(rule, func(s string) bool { return strings.HasPrefix(s, "-j") })) {
				rule = append(rule, o[random.IntN(len(o))])
			}
		}
		rules = append(rules, strings.Join(rule, " "))
	}
	return slices.DeleteFunc(rules, func(s string) bool { return s == "" })
}

// addARP adds rules to a chain.
func addARP(t *testing.T, ns *netns.NS, tool, chain string, rules []string) {
	t.Helper()
	for _, rule := range rules {
		run(t, ns, "", append([]string{tool, "-A", chain}, strings.Fields(rule)...)...)
	}
}

// makeLegacyARP makes the legacy table of ARP, with a chain user.
func makeLegacyARP(t *testing.T, ns *netns.NS) {
	t.Helper()
	if _, complaint, err := tryRun(ns, "", "arptables-legacy", "-N", "user"); err != nil {
		lab.Lacks(t, fmt.Sprint("no legacy tables of ARP: ", err, complaint))
	}
}

func TestARPLegacy(t *testing.T) {
	ns := newNS(t)
	makeLegacyARP(t, ns)
	run(t, ns, "", "arptables-legacy", "-N", "another")
	run(t, ns, "", "arptables-legacy", "-P", "OUTPUT", "DROP")
	for _, chain := range []string{"INPUT", "OUTPUT", "FORWARD"} {
		addARP(t, ns, "arptables-legacy", chain, arpRules(chain))
	}
	run(t, ns, "", "arptables-legacy", "-A", "INPUT", "--opcode", "5/7", "--h-length", "6/15", "--proto-type", "0x800/0xde00", "-j", "QUEUE")
	// The script of arptables-legacy-save runs whatever tool is called arptables.
	want := run(t, ns, "", "sh", "-c", `sed 's#"/usr/sbin/arptables"#"/usr/sbin/arptables-legacy"#' "$(command -v arptables-legacy-save)" | perl -`)
	want = strings.Replace(want, "0x800/de00", "0x800/0xde00", 1) // which no tool reads
	if diff := cmp.Diff(want, native(t, ns, ruleset.ARP, false)); diff != "" {
		t.Errorf("(-arptables +ours)\n%s", diff)
	}
	host, err := New(ns).Rules(t.Context())
	if err != nil || len(host.Doubts) != 0 {
		t.Errorf("%v, doubts %q", err, host.Doubts)
	}
}

func TestARPNFT(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "arptables-nft", "-N", "user")
	run(t, ns, "", "arptables-nft", "-N", "another")
	if want := withoutComments(run(t, ns, "", "arptables-nft-save")); want != told(t, ns, ruleset.ARP, false) {
		t.Errorf("without built-in chains:\n%s", want)
	}
	run(t, ns, "", "arptables-nft", "-P", "OUTPUT", "DROP")
	for _, chain := range []string{"INPUT", "OUTPUT"} {
		rules := arpRules(chain)
		if chain == "INPUT" { // where nf_tables takes no CLASSIFY
			rules = slices.DeleteFunc(rules, func(s string) bool { return strings.Contains(s, "CLASSIFY") })
		}
		for i := range rules { // arptables-nft-save 1.8.9 loses what asks for the first bytes of an address
			rules[i] = strings.Replace(rules[i], "/ff:ff:00:00:00:00", "/ff:ff:00:00:00:01", 1)
		}
		addARP(t, ns, "arptables-nft", chain, rules)
	}
	addARP(t, ns, "arptables-nft", "user", []string{"-c 3 4 -j DROP", "-j ACCEPT"})
	for _, counters := range []bool{false, true} {
		args := []string{"arptables-nft-save"}
		if counters {
			args = append(args, "-c")
		}
		want := withoutComments(run(t, ns, "", args...))
		if diff := cmp.Diff(want, told(t, ns, ruleset.ARP, counters)); diff != "" {
			t.Errorf("counters %v: (-arptables +ours)\n%s", counters, diff)
		}
	}
}

// What arptables-nft-save 1.8.9 leaves out of a rule, or says in another base, is told.
func TestARPNFTLost(t *testing.T) {
	ns := newNS(t)
	rules := []string{
		"--src-mac 02:01:00:00:00:00/ff:ff:00:00:00:00", "! --dst-mac 02:01:03:00:00:00/ff:ff:ff:00:00:00 -j DROP",
		"! --h-length 6", "! --h-type 1 --opcode 2", "--h-type 0x18",
	}
	want := "*filter\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n-A INPUT --src-mac 02:01:00:00:00:00/ff:ff:00:00:00:00\n" +
		"-A INPUT -j DROP ! --dst-mac 02:01:03:00:00:00/ff:ff:ff:00:00:00\n-A INPUT ! --h-length 6\n" +
		"-A INPUT --opcode 2 ! --h-type 1\n-A INPUT --h-type 0x18\n"
	addARP(t, ns, "arptables-nft", "INPUT", rules)
	if diff := cmp.Diff(want, told(t, ns, ruleset.ARP, false)); diff != "" {
		t.Errorf("(-want +ours)\n%s", diff)
	}
}
