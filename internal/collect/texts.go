package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// textTries is how often all texts are read again because something changed
// meanwhile; a host whose rules never rest gets what was read last, and is told.
const textTries = 3

// Texts reads all tables with their rules' texts. A table whose texts cannot
// be had says why in NoText; an error means that not even the tables could be
// listed.
func (h *Host) Texts(ctx context.Context) (*event.Rules, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var rules *event.Rules
	err := h.NS.Do(func() error {
		for try := range textTries {
			rules = &event.Rules{All: true}
			h.remember(rules)
			if err := h.inventory(rules); err != nil {
				return err
			}
			h.fill(ctx, rules)
			if h.seen == nil || ctx.Err() != nil {
				return ctx.Err()
			}
			if same, err := h.sameAs(h.seen); err != nil || same {
				return err
			}
			if try == textTries-1 {
				rules.Problems = append(rules.Problems, "the rules changed each time they were read: texts may be of other rules")
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rules of namespace %s: %w", h.NS.Name, err)
	}
	h.noTrack = noTrackRules(rules)
	return rules, nil
}

// fill gives the tables their texts; it runs inside the namespace.
func (h *Host) fill(ctx context.Context, rules *event.Rules) {
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		h.fillBySave(ctx, rules, fam, ruleset.NFT)
		h.fillBySave(ctx, rules, fam, ruleset.Legacy)
	}
	for _, t := range rules.Tables {
		if t.Backend == ruleset.NFT && t.ReadAt.IsZero() && t.NoText == "" {
			h.fillByList(ctx, rules, t)
		}
	}
}

// fillBySave runs one iptables-save where the family has tables that it can
// show. A legacy tool never runs where there is no legacy table.
func (h *Host) fillBySave(ctx context.Context, rules *event.Rules, fam ruleset.Family, backend ruleset.Backend) {
	var wanted []*ruleset.Table
	for _, t := range rules.Tables {
		if t.Family == fam && t.Backend == backend && (backend == ruleset.Legacy || xt.MayBeNFTable(t)) {
			wanted = append(wanted, t)
		}
	}
	if len(wanted) == 0 {
		return
	}
	saved, err := h.save(ctx, rules, fam, backend)
	if err != nil {
		for _, t := range wanted {
			if backend == ruleset.Legacy || xt.LooksLikeNFTable(t) {
				t.NoText = err.Error()
			}
		}
		return
	}
	for _, t := range wanted {
		t.Dialect = ruleset.Iptables
		s := tableNamed(saved, t.Name)
		switch {
		case backend == ruleset.NFT && (s == nil || xt.Incompatible(s)):
			t.Dialect = ruleset.Nftables
		case s == nil:
			t.NoText = "it is not in the listing: " + errChanged.Error()
		case backend == ruleset.NFT:
			take(t, s, readHandles)
		default:
			take(t, s, nil)
		}
	}
}

func tableNamed(tables []*ruleset.Table, name string) *ruleset.Table {
	for _, t := range tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// save runs an iptables-save and reads its output.
func (h *Host) save(ctx context.Context, rules *event.Rules, fam ruleset.Family, backend ruleset.Backend) (tables []*ruleset.Table, err error) {
	prefix, variant := "iptables", "nft"
	if fam == ruleset.IP6 {
		prefix = "ip6tables"
	}
	if backend == ruleset.Legacy {
		variant = "legacy"
	}
	path, err := h.saveTool(ctx, prefix, variant)
	if err != nil {
		return nil, err
	}
	err = h.run(ctx, []string{path}, func(r io.Reader) (err error) {
		tables, err = xt.ParseSave(r, fam, backend)
		return keepTables(rules, path, err)
	})
	return tables, err
}

// keepTables turns lines that a parser did not understand into a problem to
// be shown; every other error stays one.
func keepTables(rules *event.Rules, tool string, err error) error {
	var line *ruleset.LineError
	if !errors.As(err, &line) {
		return err
	}
	rules.Problems = append(rules.Problems, fmt.Sprintf("%s printed what pktrail does not understand, first at %v", tool, line))
	return nil
}

// fillByList reads one table in nft's own words. The table is asked for by
// name: a listing of everything takes many seconds on large hosts.
func (h *Host) fillByList(ctx context.Context, rules *event.Rules, t *ruleset.Table) {
	path, err := h.opt.Look("nft")
	if err != nil {
		t.NoText = err.Error() + ": apt install nftables"
		return
	}
	var listed []*ruleset.Table
	args := []string{path, "-a", "list", "table", nft.FamilyName(t.Family), t.Name}
	err = h.run(ctx, args, func(r io.Reader) (err error) {
		listed, err = nft.ParseList(r)
		return keepTables(rules, path, err)
	})
	switch s := tableNamed(listed, t.Name); {
	case err != nil:
		t.NoText = err.Error()
	case s == nil:
		t.NoText = "it is not in the listing: " + errChanged.Error()
	default:
		take(t, s, nil)
	}
}

// take gives a table the rules that a tool listed. Chains and hooks stay as
// the kernel gave them: iptables-nft-save also lists chains that do not exist.
// handles, where given, adds nft's handles to the rules of a chain.
func take(t, listed *ruleset.Table, handles func(*ruleset.Table) error) {
	byName := make(map[string]*ruleset.Chain, len(listed.Chains))
	for _, ch := range listed.Chains {
		byName[ch.Name] = ch
	}
	for _, ch := range t.Chains {
		if l := byName[ch.Name]; l != nil {
			ch.Rules = l.Rules
			if ch.Policy == "" {
				ch.Policy = l.Policy
			}
			delete(byName, ch.Name)
		}
	}
	for _, ch := range listed.Chains {
		if byName[ch.Name] != nil && t.Backend == ruleset.Legacy {
			t.Chains = append(t.Chains, ch)
		}
	}
	if handles != nil {
		if err := handles(t); err != nil {
			dropRules(t)
			t.NoText = err.Error()
			return
		}
	}
	t.ReadAt = time.Now()
}

func dropRules(t *ruleset.Table) {
	for _, ch := range t.Chains {
		ch.Rules = nil
	}
}
