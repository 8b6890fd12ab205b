package collect

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// textTries is how often all texts are read again because something changed
// meanwhile; a host whose rules never rest gets what was read last, and is told.
const textTries = 3

// Texts reads all tables with their rules' texts, as iptables-save and nft print
// them; it needs neither. A table whose rules cannot be had says why in NoText;
// an error means that not even the tables could be listed.
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

// fill gives the tables of an inventory their rules; it runs inside the namespace.
func (h *Host) fill(ctx context.Context, rules *event.Rules) {
	for _, fam := range legacyFamilies() {
		if ctx.Err() == nil {
			fillLegacy(tablesOf(rules, func(t *ruleset.Table) bool { return t.Backend == ruleset.Legacy && t.Family == fam }), fam)
		}
	}
	if ctx.Err() == nil {
		h.fillNFT(tablesOf(rules, func(t *ruleset.Table) bool { return t.Backend == ruleset.NFT }))
	}
}

func tablesOf(rules *event.Rules, is func(*ruleset.Table) bool) (some []*ruleset.Table) {
	for _, t := range rules.Tables {
		if is(t) {
			some = append(some, t)
		}
	}
	return some
}

func withoutText(tables []*ruleset.Table, why string) {
	for _, t := range tables {
		t.NoText = why
	}
}

// fillLegacy reads the legacy tables of one family.
func fillLegacy(tables []*ruleset.Table, fam ruleset.Family) {
	if len(tables) == 0 {
		return
	}
	x, err := dialXt(fam)
	if err != nil {
		withoutText(tables, err.Error())
		return
	}
	defer x.close()
	env := xt.Env{Family: fam, Names: x.names()}
	for _, t := range tables {
		read, err := x.table(t.Name, env)
		if err != nil {
			t.NoText = err.Error()
			continue
		}
		take(t, read.Model(false, nil))
	}
}

// fillNFT reads the tables of nf_tables, those that iptables-nft made in
// iptables' words. The elements of named sets are no part of a rule's text.
func (h *Host) fillNFT(tables []*ruleset.Table) {
	if len(tables) == 0 {
		return
	}
	native, err := h.native(true)
	if err != nil {
		withoutText(tables, err.Error())
		return
	}
	xtNames := hostNames()
	if x, err := dialXt(ruleset.IP); err == nil {
		defer x.close()
		xtNames = x.names()
	}
	style := &nft.Style{Stateless: true, Names: nftNames()}
	for _, t := range tables {
		at := slices.IndexFunc(native.Tables, func(r *nft.Table) bool { return r.Family == t.Family && r.Name == t.Name })
		if at < 0 {
			t.NoText = "it was gone when its rules were read: " + errChanged.Error()
			continue
		}
		read := native.Tables[at]
		told, err := iptnft.Table(read, xt.Env{Family: t.Family, Names: xtNames})
		if err != nil {
			take(t, read.Model(style, false))
			continue
		}
		take(t, told.Model(false, nil))
	}
}

func take(t, read *ruleset.Table) {
	*t = *read
	t.ReadAt = time.Now()
}
