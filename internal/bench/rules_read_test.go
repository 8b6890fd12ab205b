package bench

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// rulesPeakMB is the most memory that any reading of rules may take.
const rulesPeakMB = 150

// readRules reads and prints rulesets as kube-proxy writes them for 10,000
// services, beside the tools that print the same.
func readRules(t *testing.T, r *report, s scale, program string) {
	save := []string{program, "rules", "-o", "save", "-4", "--backend"}
	list := []string{program, "rules", "-o", "nft"}
	for _, c := range []struct {
		world lab.World
		file  string
		peers []rulesPeer
	}{
		{lab.IptablesNFT, "svc10000-iptables-save.txt.gz", []rulesPeer{
			{peer: []string{"iptables-nft-save"}, ours: append(save, "nft"), most: 0.7},
			{peer: []string{"nft", "list", "ruleset"}, ours: append(save, "nft"), most: 0.1, otherForm: true},
		}},
		{lab.Legacy, "svc10000-iptables-save.txt.gz", []rulesPeer{
			{peer: []string{"iptables-legacy-save"}, ours: append(save, "legacy"), most: 1},
		}},
		{lab.NFT, "svc10000-nftables.txt.gz", []rulesPeer{
			{peer: []string{"nft", "list", "ruleset"}, ours: list, most: 0.2},
		}},
	} {
		ns := ruleHost(t, c.world, c.file, s)
		for _, p := range c.peers {
			p.compare(t, r, ns, c.world, s)
		}
	}
}

// rulesPeer is a tool and what of ours prints the same.
type rulesPeer struct {
	peer, ours []string
	most       float64 // times the peer
	otherForm  bool    // the peer prints the same rules in other words
}

func (p *rulesPeer) compare(t *testing.T, r *report, ns *netns.NS, w lab.World, s scale) {
	t.Helper()
	got := printedRules(t, ns, p.ours)
	if !p.otherForm && got != printedRules(t, ns, p.peer) {
		t.Errorf("%s and %s print otherwise", strings.Join(p.ours[1:], " "), strings.Join(p.peer, " "))
	}
	what := fmt.Sprintf("%s: s to read and print rules, %d lines", w, strings.Count(got, "\n"))
	var real, ours spendings
	for range s.rounds {
		for _, one := range []struct {
			to   *spendings
			argv []string
		}{{&real, p.peer}, {&ours, p.ours}} {
			c, _, err := runIn(ns, one.argv...)
			if err != nil {
				t.Fatal(err)
			}
			one.to.add(c)
		}
	}
	ratio := ratios(ours.wall, real.wall)
	r.add(row{
		what: what, peer: fmt.Sprintf("%s %.2f", p.peer[0], real.wall.median()), pktrail: fmt.Sprintf("%.2f", ours.wall.median()),
		ratio: fmt.Sprintf("%.2f", ratio.median()), spread: ratio.spread("%.2f"),
		target:  fmt.Sprintf("≤ %.1f × %s, ≤ %d MB", p.most, p.peer[0], rulesPeakMB),
		reached: reached(ratio.median() <= p.most && ours.peak <= rulesPeakMB<<10),
	})
	r.note("%s: %s %v, %d MB; pktrail %v, %d MB", what, strings.Join(p.peer, " "), &real, real.peak>>10, &ours, ours.peak>>10)
}

// printedRules is what a program prints, without the lines that name program and time.
func printedRules(t *testing.T, ns *netns.NS, argv []string) string {
	t.Helper()
	var out strings.Builder
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout = &out
	if err := ns.Do(cmd.Run); err != nil {
		t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	var kept strings.Builder
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// ruleHost is a namespace with a ruleset of the corpus; without -full it is a
// few rules of our own.
func ruleHost(t *testing.T, w lab.World, file string, s scale) *netns.NS {
	t.Helper()
	lab.Need(t, w)
	l := lab.New(t, "router")
	if *full {
		restore(t, l.NS("rt"), w, corpusRules(t, file))
	} else if err := l.Load(t.Context(), "rt", many(w, s.rules)); err != nil {
		t.Fatal(err)
	}
	return l.NS("rt")
}

// restore loads rules however long it takes.
func restore(t *testing.T, ns *netns.NS, w lab.World, rules string) {
	t.Helper()
	argv := map[lab.World][]string{
		lab.Legacy: {"iptables-legacy-restore"}, lab.IptablesNFT: {"iptables-nft-restore"}, lab.NFT: {"nft", "-f", "-"},
	}[w]
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(rules)
	if err := ns.Do(cmd.Run); err != nil {
		t.Fatalf("%s: %v", argv[0], err)
	}
}

// corpusRules is a file of the corpus of Kubernetes, without the rules that need
// objects made by another tool.
func corpusRules(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(corpus.Path(t, "k8s", file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var kept, chains []string
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.Contains(line, "-m nfacct "):
		case line[0] == ':':
			chains = append(chains, line)
		default:
			kept = append(append(kept, mixed(chains)...), line)
			chains = nil
		}
	}
	return strings.Join(kept, "")
}

// mixed is the lines in an order by chance, but always the same: the saving tool
// takes a time with the square of the number of chains that were made in the
// order of their names.
func mixed(lines []string) []string {
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}
