package arm

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/ruleset"
)

// Target is one namespace and what is to be made in it.
type Target struct {
	NS   *netns.NS
	Plan *Plan
}

// Armed is what is switched on. It is all gone when the process ends, however
// it ends; Disarm does it in order.
type Armed struct {
	spaces   []*armed
	guardian *guardian
	charge   charge
	// Notes say what could not be made as safe as it should be.
	Notes []string
}

// armed is one namespace.
type armed struct {
	Target
	owner    *nfnetlink.Socket // the kernel removes the tables when it closes
	made     []ruleset.Family
	inserted []LegacyRule
	settings []*Setting
}

// Start arms the targets. Listeners must be there already: a changed log back
// end without one floods the kernel log. Settings are guarded before they are
// changed, and changed before the tables, which are what makes packets traced.
// On an error nothing stays.
func Start(targets []Target) (*Armed, error) {
	a := &Armed{}
	if err := a.start(targets); err != nil {
		return nil, errors.Join(err, a.Disarm())
	}
	return a, nil
}

func (a *Armed) start(targets []Target) error {
	for _, t := range targets {
		if err := a.open(t); err != nil {
			return err
		}
	}
	if err := a.guard(); err != nil {
		return err
	}
	for _, s := range a.spaces {
		for _, setting := range s.settings {
			if err := setting.set(); err != nil {
				return fmt.Errorf("namespace %s: %w", s.NS.Name, err)
			}
		}
	}
	for _, s := range a.spaces {
		if err := s.make(); err != nil {
			return fmt.Errorf("namespace %s: %w", s.NS.Name, err)
		}
		if err := s.insert(a.guardian); err != nil {
			return fmt.Errorf("namespace %s: %w", s.NS.Name, err)
		}
	}
	return nil
}

// open opens all that is needed, and changes nothing.
func (a *Armed) open(t Target) error {
	s := &armed{Target: t}
	a.spaces = append(a.spaces, s)
	err := t.NS.Do(func() (err error) {
		s.owner, err = nfnetlink.Open(0)
		return err
	})
	if err != nil {
		return fmt.Errorf("namespace %s: %w", t.NS.Name, err)
	}
	for _, f := range t.Plan.Loggers {
		setting, err := openLogger(t.NS, f)
		if err != nil {
			return err
		}
		if setting != nil {
			s.settings = append(s.settings, setting)
		}
	}
	return nil
}

// guard starts the guardian and writes the record, where something will be
// changed that the kernel does not put back by itself.
func (a *Armed) guard() (err error) {
	r := record{Process: self()}
	for _, s := range a.spaces {
		for i, setting := range s.settings {
			a.charge.Settings = append(a.charge.Settings, setting)
			r.Changed = append(r.Changed, recordSetting{
				Cookie: fmt.Sprint(s.NS.Cookie), Inode: s.NS.Inode, Family: s.Plan.loggerFamily(s.settings, i), Old: setting.Old, Ours: setting.Ours,
			})
		}
		if len(s.Plan.rules) > 0 {
			a.charge.Rules = append(a.charge.Rules, guardedRules{Rules: s.Plan.rules, ns: s.NS})
			r.Rules = append(r.Rules, recordRules{Cookie: fmt.Sprint(s.NS.Cookie), Inode: s.NS.Inode, Rules: s.Plan.rules})
		}
		if err := a.guardTables(s); err != nil {
			return err
		}
	}
	lasting := len(r.Changed) > 0 || len(r.Rules) > 0
	if !lasting && len(a.charge.Tables) == 0 {
		return nil
	}
	if lasting {
		a.charge.Record = recordPath(a.spaces[0].Plan.Name)
	}
	if a.guardian, err = startGuardian(a.charge); err != nil || !lasting {
		return err
	}
	// Only now: the guardian takes the record away, whenever this process dies.
	if err := r.write(a.charge.Record); err != nil {
		a.Notes = append(a.Notes, fmt.Sprintf("%v: if this process and its guardian are killed together, what was changed stays", err))
	}
	return nil
}

// guardTables gives the guardian a socket to tables that have no owner.
func (a *Armed) guardTables(s *armed) error {
	if !s.Plan.wish.NoOwner || len(s.Plan.tables) == 0 {
		return nil
	}
	orphan := orphanTables{Name: s.Plan.Name, Families: s.Plan.tables}
	err := s.NS.Do(func() (err error) {
		orphan.sock, err = nfnetlink.Open(0)
		return err
	})
	if err != nil {
		return err
	}
	a.charge.Tables = append(a.charge.Tables, orphan)
	return nil
}

// loggerFamily is the family of the i-th setting.
func (p *Plan) loggerFamily(settings []*Setting, i int) ruleset.Family {
	for _, f := range p.Loggers {
		if loggerPath(f) == settings[i].Path {
			return f
		}
	}
	return 0
}

// make makes the tables. Older kernels do not know the owner flag and say EINVAL
// or EOPNOTSUPP; what is made there is kept by the guardian, so the caller must
// plan again with NoOwner.
func (s *armed) make() error {
	for i, b := range s.Plan.batches {
		if err := b.Run(s.owner); err != nil {
			if !s.Plan.wish.NoOwner && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)) && i == 0 {
				return fmt.Errorf("%w: %w", ErrNoOwner, err)
			}
			return err
		}
		s.made = append(s.made, s.Plan.tables[i])
	}
	return nil
}

// insert puts our rules into legacy tables. The guardian waits for a tool that is
// still at it when this process is killed, and removes what it made.
func (s *armed) insert(g *guardian) error {
	for _, r := range s.Plan.rules {
		s.inserted = append(s.inserted, r) // a tool that failed may have made it
		if err := r.insert(s.NS, g.pipe); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes our rules out of legacy tables.
func (s *armed) withdraw() error {
	var errs []error
	for _, r := range s.inserted {
		_, err := r.remove(s.NS)
		errs = append(errs, err)
	}
	s.inserted = nil
	return errors.Join(errs...)
}

// ErrNoOwner: the kernel may be older than the owner flag of tables.
var ErrNoOwner = errors.New("the kernel did not take a table with an owner")

// Disarm takes everything back: rules and tables, then settings in the reverse order.
func (a *Armed) Disarm() error {
	var errs []error
	for _, s := range a.spaces {
		errs = append(errs, s.withdraw())
		for _, f := range s.made {
			errs = append(errs, deleteTable(s.owner, f, s.Plan.Name))
		}
		s.made = nil
	}
	for i := len(a.spaces) - 1; i >= 0; i-- {
		settings := a.spaces[i].settings
		for j := len(settings) - 1; j >= 0; j-- {
			errs = append(errs, settings[j].restore())
		}
	}
	if a.guardian != nil {
		errs = append(errs, a.guardian.dismiss())
		a.guardian = nil
	}
	for _, s := range a.spaces {
		for _, setting := range s.settings {
			_ = setting.file.Close()
		}
		s.settings = nil
		if s.owner != nil {
			_ = s.owner.Close()
			s.owner = nil
		}
	}
	return errors.Join(errs...)
}

// Counters reads what the rules in one target counted: packets traced, and
// packets that matched while the rate was used up.
func (a *Armed) Counters(target int) (traced, limited int64, err error) {
	s := a.spaces[target]
	for _, f := range s.made {
		c, err := nftexpr.Counters(s.owner, f, s.Plan.Name)
		if err != nil {
			return traced, limited, err
		}
		traced += int64(c[countTraced].Packets)
		limited += int64(c[countOver].Packets)
	}
	return traced, limited, nil
}

// Widen makes the target trace packets of one tuple too. It needs a plan with Widen.
func (a *Armed) Widen(target int, src, dst netip.Addr, proto uint8, sport, dport uint16) error {
	s := a.spaces[target]
	f := ruleset.IP
	if src.Is6() {
		f = ruleset.IP6
	}
	for _, table := range s.made {
		if table != f && table != ruleset.Inet {
			continue
		}
		b := nftexpr.NewBatch(table, s.Plan.Name)
		b.Elements(setName(setWidened, f), element(src, dst, proto, sport, dport))
		if err := b.Run(s.owner); err != nil {
			return err
		}
	}
	return nil
}

// Text is what the plan makes, as a script of `nft -f`.
func (p *Plan) Text() string {
	texts := make([]string, len(p.batches))
	for i, b := range p.batches {
		texts[i] = b.Text()
	}
	return strings.Join(texts, "\n")
}

// Milestones is how many milestone chains stand on the longest way of a packet
// through the namespace.
func (p *Plan) Milestones() int {
	at := map[ruleset.Hook]int{}
	for _, own := range p.Own {
		if own.Role == event.Milestone {
			at[own.Hook]++
		}
	}
	in := at[ruleset.Prerouting] + at[ruleset.Input]
	through := at[ruleset.Prerouting] + at[ruleset.Forward] + at[ruleset.Postrouting]
	out := at[ruleset.Output] + at[ruleset.Postrouting]
	return max(in, through, out)
}

// LoggerChanges is the settings that the plan changes while it runs, as commands.
func (p *Plan) LoggerChanges() []string {
	lines := make([]string, len(p.Loggers))
	for i, f := range p.Loggers {
		lines[i] = fmt.Sprintf("sysctl -w net.netfilter.nf_log.%d=%s", f, ourLogger)
	}
	return lines
}
