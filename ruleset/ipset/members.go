package ipset

import (
	"fmt"
	"slices"
	"sync"

	"github.com/pktrail/pktrail/ruleset"
)

// Members tells what the sets ask of packets of a family, IP or IP6. What it
// returns may be called from several goroutines and keeps each condition, whose
// rows must not be changed.
func Members(sets []*Set, fam ruleset.Family) ruleset.Members {
	l := &lookup{fam: fam, sets: make(map[string]*Set, len(sets)), known: map[asked]ruleset.Condition{}}
	for _, s := range sets {
		l.sets[s.Name] = s
	}
	return l.members
}

type lookup struct {
	fam  ruleset.Family
	sets map[string]*Set

	mu    sync.Mutex
	known map[asked]ruleset.Condition
}

// asked is a set and, bit by bit, which dimensions are the packet's source.
type asked struct {
	set        string
	dimensions int
	source     uint64
}

func (l *lookup) members(set string, source []bool) ruleset.Condition {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := asked{set: set, dimensions: len(source)}
	for i, is := range source[:min(len(source), 64)] {
		if is {
			a.source |= 1 << i
		}
	}
	c, known := l.known[a]
	if !known {
		c = l.condition(set, source)
		c.Set = set
		l.known[a] = c
	}
	return c
}

func (l *lookup) condition(name string, source []bool) ruleset.Condition {
	s := l.sets[name]
	switch {
	case s == nil:
		return why("the ipset %s was not read", name)
	case s.Type == list:
		return l.union(s, source)
	}
	return s.condition(source, l.fam)
}

func why(format string, args ...any) ruleset.Condition {
	return ruleset.Condition{Why: fmt.Sprintf(format, args...)}
}

// never is the condition that no packet meets: that of a set which the kernel
// does not look into, as its family or its number of dimensions do not fit
// (net/netfilter/ipset/ip_set_core.c: ip_set_test).
func never(fam ruleset.Family) ruleset.Condition {
	return ruleset.Condition{Fields: []ruleset.Field{addressField(fam, true)}}
}

func (s *Set) condition(source []bool, fam ruleset.Family) ruleset.Condition {
	dims := s.dimensions()
	if len(source) < len(dims) || s.Family != 0 && s.Family != uint8(fam) {
		return never(fam)
	}
	cols, reason := s.columns(dims, source, fam)
	if reason != "" {
		return why("the ipset %s %s", s.Name, reason)
	}
	c := ruleset.Condition{}
	for _, col := range cols {
		c.Fields = append(c.Fields, col.field)
	}
	if len(cols) == 1 {
		c.Mask = cols[0].mask
	} else if slices.ContainsFunc(cols, func(col column) bool { return col.mask != ruleset.Value{} }) {
		return why("the ipset %s compares one of several fields under a mask", s.Name)
	}
	c.Rows, reason = s.rows(cols)
	if reason != "" {
		return why("the ipset %s %s", s.Name, reason)
	}
	if len(cols) == 1 {
		c.Rows = disjoint(c.Rows)
	}
	return c
}

// union is the condition of a list of sets: one of them must hold. The kernel
// asks them one by one, and exceptions of one do not reach into another
// (net/netfilter/ipset/ip_set_list_set.c: list_set_ktest).
func (l *lookup) union(s *Set, source []bool) ruleset.Condition {
	var parts []ruleset.Condition
	all := ruleset.Condition{}
	for i := range s.Elements {
		member := l.sets[s.Elements[i].Name]
		if member == nil || member.Type == list {
			return why("the ipset %s has the set %s, which was not read", s.Name, s.Elements[i].Name)
		}
		c := member.condition(source, l.fam)
		if c.Why != "" {
			return why("of %s: %s", s.Name, c.Why)
		}
		if len(c.Rows) == 0 {
			continue
		}
		parts = append(parts, c)
		for _, f := range c.Fields {
			if !slices.Contains(all.Fields, f) {
				all.Fields = append(all.Fields, f)
			}
		}
	}
	switch {
	case len(parts) == 0:
		return never(l.fam)
	case len(parts) == 1:
		return parts[0]
	}
	for _, c := range parts {
		if c.Mask != (ruleset.Value{}) {
			return why("the ipset %s has several sets, one of them with a mask", s.Name)
		}
		all.Rows = append(all.Rows, spread(c, all.Fields)...)
	}
	if len(all.Fields) == 1 {
		all.Rows = disjoint(all.Rows)
	}
	return all
}

// spread is the rows of a condition over more fields than it looks at.
func spread(c ruleset.Condition, fields []ruleset.Field) []ruleset.Row {
	rows := make([]ruleset.Row, len(c.Rows))
	for i, row := range c.Rows {
		rows[i].Ranges = make([]ruleset.Range, len(fields))
		for n, f := range fields {
			rows[i].Ranges[n] = ruleset.Any()
			if at := slices.Index(c.Fields, f); at >= 0 {
				rows[i].Ranges[n] = row.Ranges[at]
			}
		}
	}
	return rows
}
