package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// logRules reads the rules that tell of packets, with what they counted. It
// runs inside the namespace. A legacy tool is run only where its family has
// tables: looking would create them.
func (h *Host) logRules(ctx context.Context, l *snapshot.Logging) error {
	rules := &event.Rules{}
	if err := h.inventory(rules); err != nil {
		return err
	}
	l.Unread = append(l.Unread, rules.Problems...)
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		if hasLegacy(rules, fam) {
			_, err := h.savedLogRules(ctx, l, fam, ruleset.Legacy)
			noteUnread(l, "legacy tables of "+fam.String(), err)
		}
	}
	for _, t := range rules.Tables {
		if t.Backend != ruleset.NFT || strings.HasPrefix(t.Name, ownPrefix) {
			continue
		}
		err := h.nftLogRules(ctx, l, t)
		noteUnread(l, "table "+t.Family.String()+" "+t.Name, err)
	}
	return ctx.Err()
}

func hasLegacy(rules *event.Rules, fam ruleset.Family) bool {
	for _, t := range rules.Tables {
		if t.Backend == ruleset.Legacy && t.Family == fam {
			return true
		}
	}
	return false
}

func noteUnread(l *snapshot.Logging, what string, err error) {
	if err != nil {
		l.Unread = append(l.Unread, what+": "+err.Error())
	}
}

// nftLogRules reads one table of nf_tables, in iptables' words where they can show it.
func (h *Host) nftLogRules(ctx context.Context, l *snapshot.Logging, t *ruleset.Table) error {
	if xt.MayBeNFTable(t) {
		shown, err := h.savedLogRules(ctx, l, t.Family, ruleset.NFT, "-t", t.Name)
		var exit *exec.ExitError
		switch {
		case shown && err == nil:
			return nil
		case err != nil && xt.LooksLikeNFTable(t) && !errors.As(err, &exit):
			return err
		}
	}
	return h.listedLogRules(ctx, l, t)
}

// savedLogRules reads what iptables-save -c prints of a family. It reports
// whether all of it could be shown in iptables' words.
func (h *Host) savedLogRules(ctx context.Context, l *snapshot.Logging, fam ruleset.Family, backend ruleset.Backend, args ...string) (shown bool, err error) {
	prefix, variant := "iptables", "nft"
	if fam == ruleset.IP6 {
		prefix = "ip6tables"
	}
	if backend == ruleset.Legacy {
		variant = "legacy"
	}
	path, err := h.saveTool(ctx, prefix, variant)
	if err != nil {
		return false, err
	}
	s := &saveScan{fam: fam, backend: backend, numbers: map[string]int{}}
	err = h.run(ctx, append([]string{path, "-c"}, args...), s.read)
	if err == nil && !s.incompatible {
		l.Rules = append(l.Rules, s.rules...)
	}
	return err == nil && !s.incompatible, err
}

// listedLogRules reads a table in nft's words, with what its counters counted.
func (h *Host) listedLogRules(ctx context.Context, l *snapshot.Logging, t *ruleset.Table) error {
	path, err := h.opt.Look("nft")
	if err != nil {
		return fmt.Errorf("%w: apt install nftables", err)
	}
	var listed []*ruleset.Table
	var line *ruleset.LineError
	err = h.run(ctx, []string{path, "-t", "-a", "list", "table", t.Family.String(), t.Name}, func(r io.Reader) (err error) {
		if listed, err = nft.ParseList(r); errors.As(err, &line) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, lt := range listed {
		l.Rules = append(l.Rules, logRulesOf(lt)...)
	}
	if line != nil {
		return fmt.Errorf("nft printed what pktrail does not understand, first at %w", line)
	}
	return nil
}

func logRulesOf(t *ruleset.Table) []snapshot.LogRule {
	var found []snapshot.LogRule
	c := newCalls()
	for _, ch := range t.Chains {
		if ch.Base != nil {
			c.roots = append(c.roots, ch.Name)
		}
		for i := range ch.Rules {
			text, effect := ch.Rules[i].Text, ch.Rules[i].Effect
			if r, ok := snapshot.ParseLogRule(text, ruleset.Nftables); ok {
				r.Table, r.Chain = t.TableKey, ch.Name
				r.Number, r.Handle = ch.Rules[i].Number, ch.Rules[i].Handle
				r.NAT, r.Behind = ch.Base != nil && ch.Base.Type == "nat", c.taken[ch.Name]
				found = append(found, r)
			}
			if effect.Verdict == ruleset.Jump || effect.Verdict == ruleset.Goto {
				c.to[ch.Name] = append(c.to[ch.Name], effect.Target)
			}
			c.hidden = c.hidden || strings.Contains(text, "vmap")
			c.takes(ch.Name, text, nftTakesAll(text))
		}
	}
	c.judge(found)
	return found
}

// nftTakesAll reports whether a rule in nft's words has no match and a verdict.
func nftTakesAll(text string) bool {
	words := strings.Fields(text)
	if len(words) > 5 && words[0] == "counter" && words[1] == "packets" {
		words = words[5:]
	}
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "accept", "drop", "return", "reject", "queue", "goto":
		return true
	}
	return false
}
