package collect

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os/exec"
	"path/filepath"
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
	seed := maphash.MakeSeed()
	err := h.NS.Do(func() error {
		for try := range textTries {
			rules = &event.Rules{All: true}
			h.remember(rules, &seed)
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
		h.fillLegacy(ctx, rules, fam)
	}
	for _, t := range rules.Tables {
		if t.Backend != ruleset.NFT {
			continue
		}
		if !xt.MayBeNFTable(t) || !h.fillBySave(ctx, rules, t) {
			t.Dialect = ruleset.Nftables
			h.fillByList(ctx, rules, t)
		}
	}
}

// fillLegacy runs the legacy tool of a family once for all its tables, and
// never where the family has none: looking would create them.
func (h *Host) fillLegacy(ctx context.Context, rules *event.Rules, fam ruleset.Family) {
	var wanted []*ruleset.Table
	for _, t := range rules.Tables {
		if t.Family == fam && t.Backend == ruleset.Legacy {
			wanted = append(wanted, t)
		}
	}
	if len(wanted) == 0 {
		return
	}
	saved, err := h.save(ctx, rules, fam, ruleset.Legacy)
	for _, t := range wanted {
		switch s := tableNamed(saved, t.Name); {
		case err != nil:
			t.NoText = err.Error()
		case s == nil:
			t.NoText = "it is not in the listing: " + errChanged.Error()
		default:
			take(t, s)
		}
	}
}

// fillBySave reads one nf_tables table in iptables' words. It reports false
// where the table is not iptables-nft's own: the tool says so, or ends at a
// rule that it does not know. One table at a time: what is slow or broken in
// one does not cost the others their texts.
func (h *Host) fillBySave(ctx context.Context, rules *event.Rules, t *ruleset.Table) bool {
	saved, err := h.save(ctx, rules, t.Family, ruleset.NFT, "-t", t.Name)
	var exit *exec.ExitError
	s := tableNamed(saved, t.Name)
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return false
	case err != nil && !xt.LooksLikeNFTable(t):
		return false
	case err != nil:
		t.NoText = err.Error()
		return true
	case s == nil || xt.Incompatible(s):
		return false
	}
	t.Dialect = ruleset.Iptables
	take(t, s)
	if err := readHandles(t); err != nil {
		withoutRules(t)
		t.NoText = err.Error()
	}
	return true
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
func (h *Host) save(ctx context.Context, rules *event.Rules, fam ruleset.Family, backend ruleset.Backend, args ...string) (tables []*ruleset.Table, err error) {
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
	err = h.runAndParse(ctx, rules, append([]string{path}, args...), func(r io.Reader) (err error) {
		tables, err = xt.ParseSave(r, fam, backend)
		return err
	})
	return tables, err
}

// runAndParse runs a tool whose output a parser reads. Lines that the parser
// does not understand are a problem to be shown, not an error, unless the tool
// itself failed.
func (h *Host) runAndParse(ctx context.Context, rules *event.Rules, args []string, parse func(io.Reader) error) error {
	var line *ruleset.LineError
	err := h.run(ctx, args, func(r io.Reader) error {
		if err := parse(r); !errors.As(err, &line) {
			return err
		}
		return nil
	})
	if err == nil && line != nil {
		rules.Problems = append(rules.Problems,
			fmt.Sprintf("%s printed what pktrail does not understand, first at %v", filepath.Base(args[0]), line))
	}
	return err
}

// fillByList reads one table in nft's own words. The table is asked for by
// name: a listing of everything takes many seconds on large hosts. Without what
// rules counted (-s), which would look like a change, and without the elements of
// named sets (-t).
func (h *Host) fillByList(ctx context.Context, rules *event.Rules, t *ruleset.Table) {
	path, err := h.opt.Look("nft")
	if err != nil {
		t.NoText = err.Error() + ": apt install nftables"
		return
	}
	var listed []*ruleset.Table
	args := []string{path, "-s", "-t", "-a", "list", "table", t.Family.String(), t.Name}
	err = h.runAndParse(ctx, rules, args, func(r io.Reader) (err error) {
		listed, err = nft.ParseList(r)
		return err
	})
	switch s := tableNamed(listed, t.Name); {
	case err != nil:
		t.NoText = err.Error()
	case s == nil:
		t.NoText = "it is not in the listing: " + errChanged.Error()
	default:
		take(t, s)
	}
}

// take gives a table the rules that a tool listed. Chains and hooks stay as
// the kernel gave them: iptables-nft-save also lists chains that do not exist.
// The user chains of a legacy table are known from its listing only.
func take(t, listed *ruleset.Table) {
	byName := make(map[string]*ruleset.Chain, len(t.Chains))
	for _, ch := range t.Chains {
		byName[ch.Name] = ch
	}
	for _, l := range listed.Chains {
		ch := byName[l.Name]
		switch {
		case ch != nil:
			ch.Rules = l.Rules
			if ch.Policy == "" {
				ch.Policy = l.Policy
			}
		case t.Backend == ruleset.Legacy:
			t.Chains = append(t.Chains, l)
		}
	}
	t.ReadAt = time.Now()
}

// withoutRules takes the rules back out of a table.
func withoutRules(t *ruleset.Table) {
	for _, ch := range t.Chains {
		ch.Rules = nil
	}
	t.ReadAt = time.Time{}
}
