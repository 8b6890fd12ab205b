package collect

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

func legacyTool(fam ruleset.Family, what string) string {
	if fam == ruleset.IP6 {
		return "ip6tables-legacy-" + what
	}
	return "iptables-legacy-" + what
}

// restore loads a listing and reports what the tool complained of.
func restore(ns *netns.NS, fam ruleset.Family, listing string) error {
	return ns.Do(func() error {
		cmd := exec.Command(legacyTool(fam, "restore"))
		cmd.Stdin = strings.NewReader(listing)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// native is what we read and print of the legacy tables.
func native(t testing.TB, ns *netns.NS, fam ruleset.Family, counters bool) string {
	t.Helper()
	tables, err := New(ns).XTables(fam)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, table := range tables {
		text = table.AppendSave(text, counters)
	}
	return string(text)
}

// withoutComments takes the lines away that name tool and time.
func withoutComments(listing string) string {
	var kept strings.Builder
	for line := range strings.Lines(listing) {
		if !strings.HasPrefix(line, "#") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// Rules hold ipsets by a number; their names are shown in both families.
func TestXTablesNamesSets(t *testing.T) {
	ns := newNS(t)
	for fam, words := range map[ruleset.Family]string{ruleset.IP: "inet", ruleset.IP6: "inet6"} {
		if _, complaint, err := tryRun(ns, "", "ipset", "create", "of-"+words, "hash:net", "family", words); err != nil {
			lab.Lacks(t, fmt.Sprint("needs ipset: ", err, complaint))
		}
		rule := "-A INPUT -m set --match-set of-" + words + " src -j SET --add-set of-" + words + " dst\n"
		if err := restore(ns, fam, "*filter\n:INPUT ACCEPT [0:0]\n"+rule+"COMMIT\n"); err != nil {
			t.Fatal(err)
		}
		if got := native(t, ns, fam, false); !strings.Contains(got, rule) {
			t.Errorf("%s: no rule %s in\n%s", fam, rule, got)
		}
	}
}

func TestXTables(t *testing.T) {
	ns := newNS(t)
	if tables, err := New(ns).XTables(ruleset.IP); err != nil || len(tables) != 0 {
		t.Fatalf("%d tables in an empty namespace, %v", len(tables), err)
	}
	if names, err := os.ReadFile("/proc/self/net/ip_tables_names"); err == nil && len(names) > 0 {
		t.Logf("this namespace has %q", names)
	}
	listing := "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:b - [0:0]\n:a - [0:0]\n" +
		"-A INPUT -s 10.0.0.0/8 ! -i eth+ -p tcp -m tcp --dport 1:9 -m comment --comment \"it's\" -j a\n" +
		"[3:180] -A INPUT -f -g b\n-A a -p 250 -j REJECT --reject-with tcp-reset\n-A a\n-A b -j RETURN\nCOMMIT\n"
	listing = strings.Replace(listing, "--reject-with tcp-reset", "--reject-with icmp-admin-prohibited", 1)
	if err := restore(ns, ruleset.IP, listing); err != nil {
		t.Fatal(err)
	}
	for _, counters := range []bool{false, true} {
		args := []string{"iptables-legacy-save"}
		if counters {
			args = append(args, "-c")
		}
		want := withoutComments(run(t, ns, "", args...))
		if diff := cmp.Diff(want, native(t, ns, ruleset.IP, counters)); diff != "" {
			t.Errorf("counters %v: (-iptables +ours)\n%s", counters, diff)
		}
	}
}

func TestXTablesOfRealRulesets(t *testing.T) {
	files, err := filepath.Glob(corpus.Path(t, "rulesets_real", "*", "*.legacy-save"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rulesets: %v", err)
	}
	s := corpus.NewScore(t, "testdata/xtables_rulesets.tsv")
	rules, verbatim := 0, 0
	for _, file := range corpus.Some(files, 15) {
		id := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := string(b)
		fam, ns := familyOfListing(want), newNS(t)
		makeSets(t, ns, want)
		if err := restore(ns, fam, want); err != nil {
			t.Logf("%s does not load: %.300s", id, err)
			_ = ns.Close()
			continue
		}
		n, kept := sameAsText(t, ns, fam)
		rules, verbatim = rules+n, verbatim+kept
		got := native(t, ns, fam, false)
		live := withoutComments(run(t, ns, "", legacyTool(fam, "save")))
		s.Add(id, got == live && slices.Equal(byTable(got), byTable(want)), func() string {
			return fmt.Sprintf("(-file +ours)\n%.3000s", cmp.Diff(byTable(want), byTable(got)))
		})
		_ = ns.Close()
	}
	t.Logf("%d rules are the same from their text, but for %d matches and targets that are kept as text", rules, verbatim)
	s.End(99)
}

// byTable cuts a listing into its tables, whose order is that of loading.
func byTable(listing string) []string {
	tables := strings.SplitAfter(listing, "COMMIT\n")
	slices.Sort(tables)
	return tables
}

// familyOfListing tells by the addresses and words of the rules, as corpus
// files have no comment.
func familyOfListing(listing string) ruleset.Family {
	for line := range strings.Lines(listing) {
		words := strings.Fields(line)
		for i, w := range words {
			if strings.HasPrefix(w, "icmp6-") || w == "ipv6-icmp" || w == "icmp6" ||
				(i > 0 && (words[i-1] == "-s" || words[i-1] == "-d") && strings.Contains(w, ":")) {
				return ruleset.IP6
			}
		}
	}
	return ruleset.IP
}

// makeSets makes the ipsets that a listing looks up.
func makeSets(t *testing.T, ns *netns.NS, listing string) {
	t.Helper()
	made := map[string]bool{}
	for line := range strings.Lines(listing) {
		words := strings.Fields(line)
		for i, w := range words {
			if w == "--match-set" && !made[words[i+1]] {
				made[words[i+1]] = true
				makeSet(t, ns, words[i+1])
			}
		}
	}
}

// makeSet makes an ipset of type hash:net (IPSET_CMD_CREATE).
func makeSet(t *testing.T, ns *netns.NS, name string) {
	t.Helper()
	fill := func(seq uint32) []byte {
		var attrs []byte
		attrs = wire.AppendAttr(attrs, 1, []byte{6})
		attrs = wire.AppendAttr(attrs, 2, append([]byte(name), 0))
		attrs = wire.AppendAttr(attrs, 3, []byte("hash:net\x00"))
		attrs = wire.AppendAttr(attrs, 4, []byte{0})
		attrs = wire.AppendAttr(attrs, 5, []byte{unix.AF_INET})
		attrs = wire.AppendAttr(attrs, 7|unix.NLA_F_NESTED, nil)
		flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_ACK | unix.NLM_F_CREATE)
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_IPSET<<8|2, flags, seq, unix.AF_INET, 0, attrs)
	}
	err := ns.Do(func() error {
		s, err := nfnetlink.Open(0)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		return s.Request("make set "+name, 1, fill)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ruleCase is a row of the corpus of single rules.
type ruleCase struct{ id, family, table, chain, rule, save string }

func ruleCases(t testing.TB) (cases []ruleCase) {
	f, err := os.Open(corpus.Path(t, "iptables", "cases.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for in := bufio.NewScanner(f); in.Scan(); {
		c := strings.Split(in.Text(), "\t")
		if len(c) == 12 && c[9] == "OK" && (c[1] == "ip" || c[1] == "ip6") {
			cases = append(cases, ruleCase{c[0], c[1], c[2], c[3], c[4], c[11]})
		}
	}
	return cases
}

func TestXTablesOfSingleRules(t *testing.T) {
	s := corpus.NewScore(t, "testdata/xtables_rules.tsv")
	ns := newNS(t)
	for _, name := range []string{"RE1", "RE2"} { // rules of IPv6 compare what these measure
		run(t, ns, "", "iptables-legacy", "-t", "security", "-A", "INPUT", "-j", "RATEEST",
			"--rateest-name", name, "--rateest-interval", "250ms", "--rateest-ewmalog", "500ms")
	}
	verbatim := 0
	for _, c := range corpus.Some(ruleCases(t), 120) {
		fam := ruleset.IP
		if c.family == "ip6" {
			fam = ruleset.IP6
		}
		listing := fmt.Sprintf("*%s\n-A %s %s\nCOMMIT\n", c.table, c.chain, c.rule)
		if err := restore(ns, fam, listing); err != nil {
			t.Logf("%s does not load: %.200s", c.id, err)
			continue
		}
		var got string
		_, kept := sameAsText(t, ns, fam)
		verbatim += kept
		_, table, _ := strings.Cut(native(t, ns, fam, false), "*"+c.table+"\n")
		table, _, _ = strings.Cut(table, "COMMIT")
		for line := range strings.Lines(table) {
			if strings.HasPrefix(line, "-A ") {
				got += strings.TrimSuffix(line, "\n")
			}
		}
		s.Add(c.id, got == c.save, func() string { return corpus.FirstDifference(got, c.save) })
		if err := restore(ns, fam, "*"+c.table+"\nCOMMIT\n"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d matches and targets are kept as text when parsed", verbatim)
	s.End(98)
}

// sameAsText holds what was read from the kernel to what its text is parsed to.
// It counts matches and targets of which only the text is known.
func sameAsText(t *testing.T, ns *netns.NS, fam ruleset.Family) (rules, verbatim int) {
	t.Helper()
	tables, err := New(ns).XTables(fam)
	if err != nil {
		t.Fatal(err)
	}
	env := xt.Env{Family: fam, Names: hostNames()}
	for _, table := range tables {
		for _, c := range table.Chains {
			for i := range c.Rules {
				want := &c.Rules[i]
				line := string(want.AppendSave(want.AppendCounters(nil), c.Name))
				_, got, _ := xt.ParseRule(line, env)
				if got == nil {
					t.Errorf("not parsed: %s", line)
					continue
				}
				rules++
				verbatim += takeVerbatim(got, want)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s\n  kernel %+v\n  text   %+v", line, want, got)
				}
			}
		}
	}
	return rules, verbatim
}

// takeVerbatim puts the kernel's match or target in the place of one of which
// only the text is known, and the kernel's index in the place of a set's.
func takeVerbatim(got, want *xt.Rule) (n int) {
	for i, m := range got.Matches {
		if i >= len(want.Matches) {
			break
		}
		switch m := m.(type) {
		case xt.Verbatim:
			got.Matches[i] = want.Matches[i]
			n++
		case xt.MatchSet:
			if w, ok := want.Matches[i].(xt.MatchSet); ok {
				m.Set.Index = w.Set.Index
				got.Matches[i] = m
			}
		}
	}
	if _, ok := got.Target.(xt.Verbatim); ok {
		got.Target = want.Target
		n++
	}
	return n
}

func TestXTablesOfOtherRules(t *testing.T) {
	ns := newNS(t)
	makeSet(t, ns, "nets")
	makeSet(t, ns, "more-nets")
	for _, c := range []struct {
		fam         ruleset.Family
		table, rule string
	}{
		{ruleset.IP, "filter", "-m set --match-set nets src"},
		{ruleset.IP, "filter", "-m set ! --match-set nets src,dst --return-nomatch ! --update-counters --packets-gt 7 ! --bytes-eq 9"},
		{ruleset.IP, "mangle", "-j SET --add-set nets src --exist --timeout 9"},
		{ruleset.IP, "mangle", "-j SET --del-set more-nets dst,src"},
		{ruleset.IP, "mangle", "-j SET --map-set nets dst --map-mark --map-queue"},
		{ruleset.IP, "filter", "-m string --hex-string \"|00ff|a\" --algo bm --from 3 --to 99 --icase"},
		{ruleset.IP, "filter", "-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\""},
		{ruleset.IP, "filter", "-m cluster --cluster-total-nodes 4 ! --cluster-local-nodemask 5 --cluster-hash-seed 9"},
		{ruleset.IP, "filter", "-m devgroup --src-group default ! --dst-group 0x3/0xf"},
		{ruleset.IP, "filter", "-m helper --helper ftp-2121"},
		{ruleset.IP, "filter", "-p tcp -m osf ! --genre Linux --ttl 1 --log 0"},
		{ruleset.IP, "filter", "-m nfacct --nfacct-name some"},
		{ruleset.IP, "filter", "-m ipvs --vaddr 10.0.0.0/8 ! --vport 80 --vdir REPLY --vmethod MASQ"},
		{ruleset.IP, "filter", "-m cgroup --path /some/where"},
		{ruleset.IP, "filter", "-m policy --dir in --pol ipsec --strict --reqid 3 --spi 0x99 --proto esp --mode tunnel --tunnel-dst 10.0.0.1/32 --tunnel-src 10.0.0.0/24 --next ! --reqid 9"},
		{ruleset.IP, "filter", "-m time --timestart 21:02:03 --timestop 04:00:00 --datestop 2030-01-02T03:04:05 --weekdays Mon,Sun --monthdays 1,31 --contiguous"},
		{ruleset.IP, "filter", "-s 1.2.3.4/255.0.255.0 ! -d 0.0.0.0/0 -p 99 -j QUEUE"},
		{ruleset.IP, "filter", "-m connlimit --connlimit-upto 3 --connlimit-mask 20 --connlimit-daddr"},
		{ruleset.IP, "filter", "-m hashlimit --hashlimit-above 5mb/s --hashlimit-burst 9mb --hashlimit-mode srcip,dstport --hashlimit-name h1 --hashlimit-srcmask 24"},
		{ruleset.IP, "filter", "-m hashlimit --hashlimit-upto 7/hour --hashlimit-burst 2 --hashlimit-name h2 --hashlimit-htable-expire 99 --hashlimit-rate-match --hashlimit-rate-interval 5"},
		{ruleset.IP, "mangle", "-j TEE --gateway 10.0.0.1 --oif lo"},
		{ruleset.IP, "mangle", "-j CLASSIFY --set-class 1:a2"},
		{ruleset.IP, "mangle", "-j CHECKSUM --checksum-fill"},
		{ruleset.IP, "mangle", "-j CONNMARK --set-xmark 0x3/0xff --left-shift-mark 2"},
		{ruleset.IP, "filter", "-j LED --led-trigger-id \"a\\\"b\" --led-delay inf --led-always-blink"},
		{ruleset.IP, "filter", "-j LOG --log-prefix \"it's \\\"so\\\" \" --log-level 7 --log-uid"},
		{ruleset.IP, "nat", "-p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.9:80-90/70 --random --persistent"},
		{ruleset.IP6, "nat", "-p tcp -j DNAT --to-destination [fd00::1]:80-90/70"},
		{ruleset.IP6, "mangle", "-j HMARK --hmark-src-prefix 64 --hmark-rnd 7 --hmark-mod 9 --hmark-offset 3 --hmark-proto-mask 255"},
		{ruleset.IP6, "mangle", "-j TEE --gateway fd00::1"},
		{ruleset.IP6, "filter", "-s ::1.2.3.4/120 ! -d fd00::/ffff::1"},
		{ruleset.IP6, "filter", "-m connlimit --connlimit-above 3 --connlimit-mask 60"},
		{ruleset.IP6, "filter", "-m ipv6header ! --header dst,frag,auth --soft"},
	} {
		chain := "OUTPUT"
		if strings.Contains(c.rule, "--dir in") {
			chain = "INPUT"
		}
		if err := restore(ns, c.fam, fmt.Sprintf("*%s\n-A %s %s\nCOMMIT\n", c.table, chain, c.rule)); err != nil {
			t.Logf("%s does not load: %.200s", c.rule, err)
			continue
		}
		want := withoutComments(run(t, ns, "", legacyTool(c.fam, "save")))
		if diff := cmp.Diff(want, native(t, ns, c.fam, false)); diff != "" {
			t.Errorf("%s: (-iptables +ours)\n%s", c.rule, diff)
		}
	}
}

// BenchmarkXTables reads and prints the rules that kube-proxy writes for 10,000
// services, beside iptables-legacy-save of the same rules.
func BenchmarkXTables(b *testing.B) {
	f, err := os.Open(corpus.Path(b, "k8s", "svc10000-iptables-save.txt.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	listing, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	ns := newNS(b)
	var rules strings.Builder
	for line := range strings.Lines(string(listing)) {
		if !strings.Contains(line, "-m nfacct ") { // needs an object made first
			rules.WriteString(line)
		}
	}
	if err := restore(ns, ruleset.IP, rules.String()); err != nil {
		b.Fatal(err)
	}
	if native(b, ns, ruleset.IP, false) != withoutComments(run(b, ns, "", "iptables-legacy-save")) {
		b.Fatal("ours is not what iptables-legacy-save prints")
	}
	b.Run("native", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			native(b, ns, ruleset.IP, false)
		}
	})
	b.Run("iptables-legacy-save", func(b *testing.B) {
		for b.Loop() {
			run(b, ns, "", "iptables-legacy-save")
		}
	})
}
