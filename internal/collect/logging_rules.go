package collect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
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

// saveScan walks the output of iptables-save -c and keeps the rules that tell of packets.
type saveScan struct {
	fam          ruleset.Family
	backend      ruleset.Backend
	table        string
	numbers      map[string]int // of the last rule of each chain of the table
	rules        []snapshot.LogRule
	incompatible bool
}

func (s *saveScan) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadString('\n')
		s.line(strings.TrimSpace(line))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *saveScan) line(line string) {
	switch {
	case strings.HasPrefix(line, "*"):
		s.table = line[1:]
		clear(s.numbers)
	case strings.HasPrefix(line, "# Table `"):
		s.incompatible = s.incompatible || strings.Contains(line, "is incompatible")
	case strings.HasPrefix(line, "["):
		counters, text, ok := strings.Cut(line[1:], "] ")
		if ok {
			s.rule(counters, text)
		}
	}
}

func (s *saveScan) rule(counters, text string) {
	words := strings.Fields(text) // names of chains hold no blanks
	if len(words) < 2 || words[0] != "-A" {
		return
	}
	chain := words[1]
	s.numbers[chain]++
	r, ok := snapshot.ParseLogRule(text, ruleset.Iptables)
	if !ok {
		return
	}
	r.Table = ruleset.TableKey{Backend: s.backend, Family: s.fam, Name: s.table}
	r.Chain, r.Number, r.NAT = chain, s.numbers[chain], s.table == "nat"
	packets, _, _ := strings.Cut(counters, ":")
	if n, err := strconv.ParseUint(packets, 10, 64); err == nil {
		r.Packets = snapshot.Known(n)
	}
	s.rules = append(s.rules, r)
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
	for _, ch := range t.Chains {
		for i := range ch.Rules {
			r, ok := snapshot.ParseLogRule(ch.Rules[i].Text, ruleset.Nftables)
			if !ok {
				continue
			}
			r.Table, r.Chain = t.TableKey, ch.Name
			r.Number, r.Handle = ch.Rules[i].Number, ch.Rules[i].Handle
			r.NAT = ch.Base != nil && ch.Base.Type == "nat"
			found = append(found, r)
		}
	}
	return found
}
