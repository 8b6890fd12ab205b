package collect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// TestLinkTextMeansWhatTheKernelHas: what ebtables-nft-save and arptables-nft-save
// print is read to the same typed rules as the kernel's own.
func TestLinkTextMeansWhatTheKernelHas(t *testing.T) {
	known := corpus.Known(t, "testdata/iptnft_rules.tsv")
	for word, fam := range map[string]ruleset.Family{"eb": ruleset.Bridge, "arp": ruleset.ARP} {
		ns, rules := newNS(t), map[string][]string{}
		for _, c := range corpus.Some(nftCases(t, word), 150) {
			if known[c.id] == "" {
				rules[c.table] = append(rules[c.table], "-A "+c.chain+" "+c.rule)
			}
		}
		var listing strings.Builder
		count := 0
		for table, lines := range rules {
			listing.WriteString("*" + table + "\n" + strings.Join(lines, "\n") + "\n")
			count += len(lines)
		}
		if err := restoreNFT(ns, fam, listing.String()); err != nil {
			t.Fatal(err)
		}
		env := xt.Env{Family: fam, Names: hostNames()}
		saved := run(t, ns, "", nftTool(fam, "save"), "-c")
		read, err := xt.ParseTablesOf(strings.NewReader(saved), "saved", ruleset.NFT, env)
		if err != nil {
			t.Error(err)
		}
		native, err := New(ns).NFTables()
		if err != nil {
			t.Fatal(err)
		}
		held, err := iptnft.Tables(native, fam, env)
		if err != nil {
			t.Fatal(err)
		}
		if got := meant(held); len(got) < count {
			t.Errorf("%s: %d lines of %d rules", word, len(got), count)
		}
		if diff := cmp.Diff(meant(held), meant(read)); diff != "" {
			t.Errorf("%s: (-kernel +text)\n%.4000s", word, diff)
		}
		t.Logf("%s: %d rules", word, count)
	}
}

// meant is what tables mean, without what only the kernel tells, a line for each
// chain and each rule.
func meant(tables []*xt.Table) (lines []string) {
	for _, t := range tables {
		for _, c := range t.Chains {
			c.Absent, c.PolicyRule = false, 0
			for i := range c.Rules {
				r := &c.Rules[i]
				r.Handle = 0
				if m, ok := r.Target.(xt.ARPMark); ok && m.Mask == 0 { // --set-mark of 1.8.9, printed as that of later versions
					m.Mask = ^uint32(0)
					r.Target = m
				}
			}
		}
		for _, c := range t.Model(true, nil).Chains {
			lines = append(lines, fmt.Sprintf("%s %s %+v policy %s", t.Name, c.Name, c.Base, c.Policy))
			for _, r := range c.Rules {
				lines = append(lines, fmt.Sprintf("%s %+v %+v %+v", r.Text, r.Effect, r.Counter, r.When))
			}
		}
	}
	return lines
}

// TestLegacyARPTextMeansWhatTheKernelHas: as for nf_tables, with the text that
// [TestARPLegacy] holds to that of arptables-legacy-save.
func TestLegacyARPTextMeansWhatTheKernelHas(t *testing.T) {
	ns := newNS(t)
	makeLegacyARP(t, ns)
	run(t, ns, "", "arptables-legacy", "-N", "another")
	count := 0
	for _, chain := range []string{"INPUT", "OUTPUT", "FORWARD"} {
		rules := arpRules(chain)
		addARP(t, ns, "arptables-legacy", chain, rules)
		count += len(rules)
	}
	held, err := New(ns).XTables(ruleset.ARP)
	if err != nil {
		t.Fatal(err)
	}
	saved := native(t, ns, ruleset.ARP, false)
	read, err := xt.ParseTables(strings.NewReader(saved), "saved")
	if err != nil || len(read) != 1 || read[0].Family != ruleset.ARP {
		t.Fatal(len(read), err)
	}
	for _, tables := range [][]*xt.Table{held, read} {
		for _, c := range tables[0].Chains {
			c.Packets, c.Bytes, c.Uncounted = 0, 0, true
			for i := range c.Rules {
				c.Rules[i].Packets, c.Rules[i].Bytes, c.Rules[i].Uncounted = 0, 0, true
			}
		}
	}
	got := meant(held)
	if diff := cmp.Diff(got, meant(read)); diff != "" || len(got) < count {
		t.Errorf("%d rules: (-kernel +text)\n%.4000s", count, diff)
	}
}
