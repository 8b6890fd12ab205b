package rules

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// Selection says which part of a ruleset is shown. The zero value is all of it.
type Selection struct {
	Families []ruleset.Family // empty for all
	Backend  ruleset.Backend
	Table    string // its name
	Chain    string
	Hook     ruleset.Hook
}

// Tables are those whose family, back end and name are selected.
func (s *Selection) Tables(all []*ruleset.Table) (some []*ruleset.Table) {
	for _, t := range all {
		if s.has(t.TableKey) {
			some = append(some, t)
		}
	}
	return some
}

func (s *Selection) has(k ruleset.TableKey) bool {
	return (len(s.Families) == 0 || slices.Contains(s.Families, k.Family)) &&
		(s.Backend == "" || s.Backend == k.Backend) && (s.Table == "" || s.Table == k.Name)
}

// Partial reports whether some tables or chains are left out; hooks are shown whole.
func (s *Selection) Partial() bool {
	return len(s.Families) > 0 || s.Backend != "" || s.Table != "" || s.Chain != ""
}

// Arrange lays out the selected chains of tables for a listing.
func (s *Selection) Arrange(all []*ruleset.Table) *Layout {
	l := arrange(s.Tables(all), s.Hook)
	s.cut(l)
	return l
}

// cut takes away from a layout of the selected tables and hook the chains that are
// not selected.
func (s *Selection) cut(l *Layout) {
	other := func(f Leaf) bool { return s.Chain != "" && f.Chain.Name != s.Chain }
	l.Unreached = slices.DeleteFunc(l.Unreached, func(f Leaf) bool { return s.Hook != "" || other(f) })
	for i := range l.Places {
		p := &l.Places[i]
		p.Reached = slices.DeleteFunc(p.Reached, other)
		p.Folded = s.Chain != "" && p.Chain.Name != s.Chain
	}
	l.Places = slices.DeleteFunc(l.Places, func(p Place) bool { return p.Folded && len(p.Reached) == 0 })
	if s.Chain != "" || s.Hook != "" {
		l.Bare = nil
	}
}
