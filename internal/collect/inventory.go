package collect

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// tries is how often a reading is begun again because the rules changed under it.
const tries = 5

// Inventory lists all tables with their chains and hooks, without any rule.
// It is fast, and what it reads is what Changed compares with later.
func (h *Host) Inventory() (*event.Rules, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rules := &event.Rules{All: true, Pending: true}
	err := h.NS.Do(func() error {
		h.remember(rules, nil)
		return h.inventory(rules)
	})
	if err != nil {
		return nil, fmt.Errorf("list tables of namespace %s: %w", h.NS.Name, err)
	}
	return rules, nil
}

// remember keeps how the rules stand before they are read, so that a change
// during the reading counts as one after it.
func (h *Host) remember(rules *event.Rules, seed *maphash.Seed) {
	seen, err := h.fingerprint(seed)
	if err != nil {
		seen = nil
		rules.Problems = append(rules.Problems, "changes of the rules cannot be noticed: "+err.Error())
	}
	h.seen = seen
}

// inventory runs on a thread inside the namespace.
func (h *Host) inventory(rules *event.Rules) error {
	if h.hasNFTables() {
		s, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		err = offThread(func() (err error) {
			rules.Tables, rules.Generation, err = tables(s)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, fam := range legacyFamilies() {
		names, err := legacyNames(fam)
		if err != nil {
			rules.Problems = append(rules.Problems, err.Error())
		}
		for _, name := range names {
			rules.Tables = append(rules.Tables, legacyTable(fam, name))
		}
	}
	return nil
}

// generation asks for the number that nf_tables counts up at each change.
func generation(s *nfnetlink.Socket) (gen uint32, err error) {
	r := request{op: "ask for the generation of nf_tables", msg: unix.NFT_MSG_GETGEN}
	err = ask(s, r, func(_ uint8, as wire.Attrs) error {
		for a := range attrs(as) {
			if a.Type == unix.NFTA_GEN_ID {
				gen, _ = a.BE32()
			}
		}
		return nil
	})
	return gen, err
}

// tables lists all tables and chains of nf_tables as they were at one generation.
func tables(s *nfnetlink.Socket) ([]*ruleset.Table, uint32, error) {
	for range tries {
		before, err := generation(s)
		if err != nil {
			return nil, 0, err
		}
		all, err := tablesOnce(s)
		if err != nil && !errors.Is(err, errChanged) {
			return nil, 0, err
		}
		after, genErr := generation(s)
		if genErr != nil {
			return nil, 0, genErr
		}
		if err == nil && before == after {
			return all, after, nil
		}
	}
	return nil, 0, errChanged
}

func tablesOnce(s *nfnetlink.Socket) ([]*ruleset.Table, error) {
	var all []*ruleset.Table
	byKey := map[ruleset.TableKey]*ruleset.Table{}
	err := ask(s, request{op: "list tables", msg: unix.NFT_MSG_GETTABLE, dump: true}, func(fam uint8, as wire.Attrs) error {
		t := &ruleset.Table{Dialect: ruleset.Nftables}
		t.TableKey = ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.Family(fam)}
		for a := range attrs(as) {
			if a.Type == unix.NFTA_TABLE_NAME {
				t.Name = text(a)
			}
		}
		all = append(all, t)
		byKey[t.TableKey] = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = ask(s, request{op: "list chains", msg: unix.NFT_MSG_GETCHAIN, dump: true}, func(fam uint8, as wire.Attrs) error {
		key, ch := decodeChain(ruleset.Family(fam), as)
		if t := byKey[key]; t != nil {
			t.Chains = append(t.Chains, ch)
		}
		return nil
	})
	for _, t := range all {
		if xt.LooksLikeNFTable(t) {
			t.Dialect = ruleset.Iptables
		}
	}
	return all, err
}

// legacyFamilies are those whose legacy tables can be listed without making one.
func legacyFamilies() []ruleset.Family {
	return []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.ARP}
}

// legacyNames reads which legacy tables the namespace of the thread has. A
// file that is not there means that the back end is not loaded: no table.
func legacyNames(fam ruleset.Family) ([]string, error) {
	path := "/proc/thread-self/net/ip_tables_names"
	switch fam {
	case ruleset.IP6:
		path = "/proc/thread-self/net/ip6_tables_names"
	case ruleset.ARP:
		path = "/proc/thread-self/net/arp_tables_names"
	}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read which legacy tables there are (needs root in the namespace's user namespace): %w", err)
	}
	return strings.Fields(string(b)), nil
}

// legacyTable is a legacy table by its name alone, which fixes its built-in chains.
func legacyTable(fam ruleset.Family, name string) *ruleset.Table {
	t := &ruleset.Table{Dialect: ruleset.Iptables}
	t.TableKey = ruleset.TableKey{Backend: ruleset.Legacy, Family: fam, Name: name}
	t.Chains = xt.BuiltinLegacyChains(fam, name)
	return t
}
