package collect

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

func nftTool(fam ruleset.Family, what string) string {
	switch fam {
	case ruleset.ARP:
		return "arptables-nft-" + what
	case ruleset.Bridge:
		return "ebtables-nft-" + what
	case ruleset.IP6:
		return "ip6tables-nft-" + what
	}
	return "iptables-nft-" + what
}

// restoreNFT loads a listing with iptables-nft and reports what it complained of.
func restoreNFT(ns *netns.NS, fam ruleset.Family, listing string) error {
	return ns.Do(func() error {
		cmd := exec.Command(nftTool(fam, "restore"))
		cmd.Stdin = strings.NewReader(listing)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// told is what we read of nf_tables, in the words of iptables.
func told(t testing.TB, ns *netns.NS, fam ruleset.Family, counters bool) string {
	t.Helper()
	native, err := New(ns).NFTables()
	if err != nil {
		t.Fatal(err)
	}
	names := hostNames()
	if fam != ruleset.Bridge && fam != ruleset.ARP { // which have no match of sets
		names.Set = namesOfSets(t, ns, fam)
	}
	tables, err := iptnft.Tables(native, fam, xt.Env{Names: names})
	if err != nil {
		t.Log(err)
	}
	var text strings.Builder
	for _, table := range tables {
		if err := table.WriteSave(&text, counters); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// namesOfSets names the ipsets of a namespace by their index.
func namesOfSets(t testing.TB, ns *netns.NS, fam ruleset.Family) func(uint16) string {
	t.Helper()
	var asked *setNames
	if err := ns.Do(func() error {
		x, err := dialXt(fam)
		if err != nil {
			return err
		}
		t.Cleanup(x.close)
		asked = &setNames{x: x, known: map[uint16]string{}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return asked.name
}

func TestIptablesNFT(t *testing.T) {
	ns := newNS(t)
	listing := "*filter\n:INPUT DROP [7:99]\n:FORWARD ACCEPT [0:0]\n:b - [0:0]\n:a - [0:0]\n" +
		"[3:180] -A INPUT -f -g b\n-A FORWARD ! -f -i lo -o + ! -s 10.0.0.0/8 -d 10.0.0.0/9\n" +
		"-A INPUT -p tcp -m tcp ! --sport 7 --dport 1:9 ! --tcp-flags SYN,ACK SYN -m comment --comment \"it's\" -j a\n" +
		"-A INPUT -p udp -m udp --sport 1 --dport 2 -m limit --limit 5/min -j NFLOG --nflog-group 3 --nflog-size 9\n" +
		"-A a ! -i + -p 250 -m mark ! --mark 0x1/0xff -j MARK --set-xmark 0x4/0xff\n-A a\n-A b -s 1.2.3.4/255.0.255.0 -j RETURN\nCOMMIT\n" +
		"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m statistic --mode random --probability 0.5 -j TRACE\nCOMMIT\n"
	if err := restoreNFT(ns, ruleset.IP, listing); err != nil {
		t.Fatal(err)
	}
	for _, counters := range []bool{false, true} {
		args := []string{"iptables-nft-save"}
		if counters {
			args = append(args, "-c")
		}
		want := withoutComments(run(t, ns, "", args...))
		if diff := cmp.Diff(want, told(t, ns, ruleset.IP, counters)); diff != "" {
			t.Errorf("counters %v: (-iptables +ours)\n%s", counters, diff)
		}
	}
}

func TestEbtablesNFT(t *testing.T) {
	ns := newNS(t)
	for _, command := range []string{
		"-N jumped", "-N dropping -P DROP", "-N returning -P RETURN", "-P FORWARD DROP",
		"-A FORWARD -s Unicast -d ! Multicast -i eth+ -o ! eth1 -j jumped",
		"-A FORWARD -s 02:00:00:00:00:07/ff:ff:ff:00:00:ff -d 02:00:00:00:00:08 -p ! IPv4 -j dropping",
		"-A FORWARD --limit 5/min --log-prefix seen -j returning", // of three matches ebtables-nft-save 1.8.9 loses one
		"-A FORWARD --among-src ! 2:0:0:0:0:9=10.0.0.1,2:0:0:0:0:1 --among-dst 2:0:0:0:0:2",
		"-A dropping -p 0x1234 -j mark --mark-or 4 --mark-target CONTINUE", "-A dropping -p ARP --arp-op Request -j RETURN",
		"-t nat -A POSTROUTING -j snat --to-src 02:00:00:00:00:07 --snat-arp --snat-target RETURN", "-t nat -A PREROUTING -j redirect",
	} {
		run(t, ns, "", append([]string{"ebtables-nft"}, strings.Fields(command)...)...)
	}
	for _, counters := range []bool{false, true} {
		args := []string{"ebtables-nft-save"}
		if counters {
			args = append(args, "-c")
		}
		want := withoutComments(run(t, ns, "", args...))
		if diff := cmp.Diff(want, told(t, ns, ruleset.Bridge, counters)); diff != "" {
			t.Errorf("counters %v: (-ebtables +ours)\n%s", counters, diff)
		}
	}
}

func TestIptablesNFTOfRealRulesets(t *testing.T) {
	files, err := filepath.Glob(corpus.Path(t, "rulesets_real", "*", "*.nft-save"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rulesets: %v", err)
	}
	s := corpus.NewScore(t, "testdata/iptnft_rulesets.tsv")
	for _, file := range corpus.Some(files, 15) {
		id := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := withoutComments(string(b))
		fam, ns := familyOfListing(want), newNS(t)
		makeSets(t, ns, want)
		if err := restoreNFT(ns, fam, want); err != nil {
			t.Logf("%s does not load: %.300s", id, err)
			_ = ns.Close()
			continue
		}
		got := told(t, ns, fam, false)
		live := withoutComments(run(t, ns, "", nftTool(fam, "save")))
		s.Add(id, got == live, func() string { return fmt.Sprintf("(-iptables +ours)\n%.3000s", cmp.Diff(live, got)) })
		_ = ns.Close()
	}
	s.End(99)
}

// nftCases are the rows of the corpus of single rules that iptables-nft 1.8.9
// takes, with what it then saves.
func nftCases(t testing.TB, families ...string) (cases []ruleCase) {
	f, err := os.Open(corpus.Path(t, "iptables", "cases.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for in := bufio.NewScanner(f); in.Scan(); {
		c := strings.Split(in.Text(), "\t")
		if len(c) == 12 && (c[8] == "OK" || c[8] == "NOMATCH") && slices.Contains(families, c[1]) {
			cases = append(cases, ruleCase{c[0], c[1], c[2], c[3], c[4], c[10]})
		}
	}
	return cases
}

func TestIptablesNFTOfSingleRules(t *testing.T) {
	s := corpus.NewScore(t, "testdata/iptnft_rules.tsv")
	ns := newNS(t)
	for _, fam := range []string{"iptables-nft", "ip6tables-nft"} {
		for _, name := range []string{"RE1", "RE2"} { // rules compare what these measure
			run(t, ns, "", fam, "-t", "security", "-A", "INPUT", "-j", "RATEEST",
				"--rateest-name", name, "--rateest-interval", "250ms", "--rateest-ewmalog", "500ms")
		}
	}
	families := map[string]ruleset.Family{"ip": ruleset.IP, "ip6": ruleset.IP6, "eb": ruleset.Bridge, "arp": ruleset.ARP}
	for _, c := range corpus.Some(nftCases(t, "ip", "ip6", "eb", "arp"), 120) {
		fam := families[c.family]
		listing := fmt.Sprintf("*%s\n-A %s %s\n%s", c.table, c.chain, c.rule, commit(fam))
		if err := restoreNFT(ns, fam, listing); err != nil {
			t.Logf("%s does not load: %.200s", c.id, err)
			continue
		}
		got := onlyRules(told(t, ns, fam, false), c.table)
		s.Add(c.id, strings.TrimRight(got, " ") == strings.TrimRight(c.save, " "), func() string { return corpus.FirstDifference(got, c.save) })
		if err := restoreNFT(ns, fam, "*"+c.table+"\n"+commit(fam)); err != nil {
			t.Fatal(err)
		}
	}
	s.End(98)
}

// commit ends a listing, but for ebtables and arptables.
func commit(fam ruleset.Family) string {
	if fam == ruleset.Bridge || fam == ruleset.ARP {
		return ""
	}
	return "COMMIT\n"
}

// onlyRules are the rules of one table of a listing, without their newlines.
func onlyRules(listing, table string) (rules string) {
	_, listing, _ = strings.Cut(listing, "*"+table+"\n")
	listing, _, _ = strings.Cut(listing, "COMMIT")
	listing, _, _ = strings.Cut(listing, "*")
	for line := range strings.Lines(listing) {
		if strings.HasPrefix(line, "-A ") {
			rules += strings.TrimSuffix(line, "\n")
		}
	}
	return rules
}
