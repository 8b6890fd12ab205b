package sysctl

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Want chooses what a report tells.
type Want struct {
	Pattern Pattern
	Changed bool // only what differs from its default
}

// Report is the settings of one network namespace.
type Report struct {
	Netns   Netns
	Entries []Entry
	Absent  []Absent // that the pattern fits; none with Want.Changed
	Unread  []string // files that could not be read, and why
	Full    bool     // one setting was asked for: tell all of it
	Changed bool     // only what differs from its default was asked for
}

// reporter holds what every entry needs.
type reporter struct {
	snap   *snapshot.Sysctls
	table  *Table
	config Config
	values map[string]snapshot.Value[string] // by path
}

// Tell says how the settings stand that are wanted.
func Tell(snap *snapshot.Sysctls, want Want) Report {
	r := newReporter(snap)
	out := Report{Netns: Netns{snap.Netns.Name, snap.Netns.Inode}, Entries: []Entry{}, Unread: snap.Unread, Changed: want.Changed}
	there := map[*Setting]bool{}
	for _, k := range snap.Keys {
		name := Name(k.Path)
		s, known := r.table.Find(name)
		there[s] = true
		if known && slices.Contains(s.Aliases, name) || !want.fits(name, s) {
			continue
		}
		e := r.entry(k, s)
		if want.Changed && (e.Changed == nil || !*e.Changed) || !want.named() && r.asOthers(&e) {
			continue
		}
		out.Entries = append(out.Entries, e)
	}
	out.Entries = want.narrow(out.Entries)
	r.sort(out.Entries)
	out.Full = want.named() && len(out.Entries) == 1
	if !want.Changed {
		out.Absent = r.absent(want, there)
	}
	return out
}

func newReporter(snap *snapshot.Sysctls) *reporter {
	r := &reporter{snap: snap, table: NewTable(), config: ParseConfig(snap.Config, snap.Unlinked), values: map[string]snapshot.Value[string]{}}
	for _, k := range snap.Keys {
		r.values[k.Path] = k.Value
	}
	return r
}

func (w *Want) named() bool { return w.Pattern.text != "" }

func (w *Want) fits(name string, s *Setting) bool {
	return w.Pattern.Fits(name) || s != nil && slices.ContainsFunc(s.Aliases, w.Pattern.Fits)
}

// narrow leaves only the settings that were named to their end, where any was.
func (w *Want) narrow(all []Entry) []Entry {
	isNamed := func(e Entry) bool {
		return w.Pattern.Is(e.Name) || slices.ContainsFunc(e.Aliases, w.Pattern.Is)
	}
	if !slices.ContainsFunc(all, isNamed) {
		return all
	}
	return slices.DeleteFunc(all, func(e Entry) bool { return !isNamed(e) })
}

// sort puts entries in the order of the settings, those of all and default before
// interfaces', and what is not described at the end.
func (r *reporter) sort(all []Entry) {
	place := map[string]int{}
	for i := range r.table.All {
		place[r.table.All[i].Name] = i
	}
	rank := func(e *Entry) int {
		if e.setting == nil {
			return len(r.table.All)
		}
		return place[e.setting.Name]
	}
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(special(&a), special(&b)), strings.Compare(a.Name, b.Name))
	})
}

func special(e *Entry) int {
	switch e.instance() {
	case "all":
		return 0
	case "default":
		return 1
	}
	return 2
}

func (e *Entry) instance() string {
	if e.setting == nil {
		return ""
	}
	return e.setting.Instance(e.Name)
}

// asOthers reports an interface whose value is that of default, with which it
// began, and a default that is the kernel's: a table would only repeat it.
func (r *reporter) asOthers(e *Entry) bool {
	switch instance := e.instance(); {
	case e.Value == nil, instance == "", instance == "all":
		return false
	case instance == "default":
		_, overall := r.values[Path(e.setting.Of("all"))]
		return overall && e.Changed != nil && !*e.Changed
	}
	began, known := r.values[Path(e.setting.Of("default"))].Get()
	if !known {
		began, known = e.setting.Default, true
	}
	return known && e.setting.Takes.Same(began, *e.Value)
}

// absent tells the settings that are not there and wanted.
func (r *reporter) absent(want Want, there map[*Setting]bool) []Absent {
	var out []Absent
	for i := range r.table.All {
		s := &r.table.All[i]
		if !there[s] && want.fits(s.Name, s) {
			out = append(out, Absent{s.Name, whyAbsent(s, r.snap)})
		}
	}
	return out
}

// entry tells one setting; s is nil for one that is not described.
func (r *reporter) entry(k snapshot.Sysctl, s *Setting) Entry {
	e := Entry{Schema: Schema, Netns: Netns{r.snap.Netns.Name, r.snap.Netns.Inode}, Name: Name(k.Path), Writable: k.Writable,
		Unknown: k.Value.Why, Said: []Said{}, setting: s, path: k.Path}
	if s == nil {
		e.setting, s = nil, &Setting{Name: e.Name}
	} else {
		e.describe(s)
	}
	if v, known := k.Value.Get(); known {
		e.Value, e.Unknown = &v, ""
	}
	if d, known := r.defaultOf(s); known && e.setting != nil {
		e.Default = &d
	}
	e.Changed, e.Counts = r.changed(&e, s), r.counts(&e, s)
	r.trace(&e, s)
	e.Memory = r.memory(&e)
	return e
}

func (e *Entry) describe(s *Setting) {
	e.Aliases, e.Group, e.From, e.Unit = s.Aliases, s.Group, s.From, s.Unit
	e.Meaning, e.When, e.Mind = s.Meaning, s.When, s.Mind
	if !s.ReadOnly {
		e.Takes = &s.Takes
	}
	switch {
	case s.Shared:
		e.Scope = ScopeShared
	case s.Host || s.Hidden:
		e.Scope = ScopeHost
	default:
		e.Scope = ScopeNetns
	}
}

func (r *reporter) changed(e *Entry, s *Setting) *bool {
	if e.Value == nil || e.Default == nil {
		return nil
	}
	differs := !s.Takes.Same(*e.Default, *e.Value) && !(olderThan(r.snap.Facts.Release, s.Older.Before) && s.Takes.Same(s.Older.Default, *e.Value))
	return &differs
}

// counts is the larger of an interface's value and that of all
// (include/linux/inetdevice.h: IN_DEV_MAXCONF, IN_DEV_ORCONF).
func (r *reporter) counts(e *Entry, s *Setting) *string {
	if !s.Larger || e.Interface() == "" || e.Value == nil {
		return nil
	}
	own, ok := number32(*e.Value)
	all, ok2 := r.number(Path(s.Of("all")))
	if !ok || !ok2 {
		return nil
	}
	larger := strconv.FormatUint(max(own, all), 10)
	return &larger
}
