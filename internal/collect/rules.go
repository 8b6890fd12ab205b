package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// Rules reads the rules of every back end, each as it was at one moment, and
// again where they changed from one back end to the next. It needs no tool,
// loads no module and creates no table. What could not be read is a doubt; it is
// an error where nothing could be.
func (h *Host) Rules(ctx context.Context) (*rules.Host, error) {
	for try := 1; ; try++ {
		before := h.standing()
		host, err := h.rulesOnce(ctx)
		if err != nil {
			return nil, fmt.Errorf("read rules of namespace %s: %w", h.NS.Name, err)
		}
		rested, err := h.stillAs(before)
		switch {
		case err != nil:
			host.Doubts = append(host.Doubts, "changes of the rules cannot be noticed: "+err.Error())
		case slices.Contains(host.Doubts, neverRest):
		case !rested && try < textTries:
			continue
		case !rested:
			host.Doubts = append(host.Doubts, "the rules changed each time they were read: those of one back end may be older than those of the other")
		}
		return host, nil
	}
}

// neverRest is the doubt where nf_tables changed too often to be read at one moment.
const neverRest = "the rules of nf_tables changed each time they were read: parts may be of different moments, missing or there twice"

// standing is how the rules stand by what costs little to ask; nil where that
// cannot be told.
func (h *Host) standing() (f *fingerprint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.NS.Do(func() (err error) {
		f, err = h.fingerprint(nil)
		return err
	})
	if err != nil {
		return nil // the reading itself will say why
	}
	return f
}

func (h *Host) stillAs(before *fingerprint) (same bool, err error) {
	if before == nil {
		return true, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	err = h.NS.Do(func() error {
		same, err = h.sameAs(before)
		return err
	})
	return same, err
}

// rulesPart is one of those that rules are read in.
type rulesPart struct {
	what string
	read func(*rules.Host) error
}

func (h *Host) parts() []rulesPart {
	legacy := func(fam ruleset.Family) func(*rules.Host) error {
		return func(host *rules.Host) error {
			tables, err := h.XTables(fam)
			host.Legacy = append(host.Legacy, tables...)
			return err
		}
	}
	return []rulesPart{
		{"legacy tables of IPv4", legacy(ruleset.IP)},
		{"legacy tables of IPv6", legacy(ruleset.IP6)},
		{"legacy tables of ARP", legacy(ruleset.ARP)},
		{"legacy tables of ebtables", func(host *rules.Host) error {
			if !h.EbtablesLegacy {
				host.Doubts = append(host.Doubts, unreadTables()...)
				return nil
			}
			tables, err := h.ebtables()
			host.Legacy = append(host.Legacy, tables...)
			return err
		}},
		{"nf_tables", func(host *rules.Host) (err error) {
			host.NFT, err = h.NFTables()
			if errors.Is(err, errChanged) {
				host.Doubts = append(host.Doubts, neverRest)
				host.NFT, err = h.unsettled()
			}
			return err
		}},
		{"ipsets", func(host *rules.Host) (err error) {
			host.IPSets, err = h.IPSets()
			return err
		}},
		{"what is called at the hooks", func(host *rules.Host) (err error) {
			host.Calls, err = h.Calls()
			return err
		}},
	}
}

func (h *Host) rulesOnce(ctx context.Context) (*rules.Host, error) {
	host := &rules.Host{Name: h.NS.Name, ReadAt: time.Now()}
	var failed []error
	for _, p := range h.parts() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.read(host); err != nil {
			failed = append(failed, err)
			host.Doubts = append(host.Doubts, fmt.Sprintf("%s: not all could be read: %v", p.what, err))
		}
	}
	if len(failed) > 0 && len(host.Legacy)+len(host.IPSets) == 0 && noTables(host.NFT) {
		return nil, why(failed)
	}
	host.XTNames = xtNames(host.IPSets)
	return host, h.NS.Do(func() error {
		host.NFTNames = nftNames()
		return nil
	})
}

// why is one reason where it is the want of rights for all parts.
func why(failed []error) error {
	if slices.ContainsFunc(failed, func(err error) bool { return !errors.Is(err, fs.ErrPermission) }) {
		return errors.Join(failed...)
	}
	return fmt.Errorf("root in the namespace's user namespace is needed: %w", unix.EPERM)
}

func noTables(n *nft.Native) bool { return n == nil || len(n.Tables) == 0 }
