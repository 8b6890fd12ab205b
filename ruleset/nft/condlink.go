package nft

import (
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// linkName is the name of an interface that text has where the kernel has its
// number.
func linkName(t *term) (name string, ok bool) {
	if t.kind != kindLeaf || t.typ != typeIfIndex {
		return "", false
	}
	quoted, ok := t.leaf.(plainLeaf)
	return strings.Trim(string(quoted), `"`), ok
}

// byName says numbers of interfaces as the names that they have, which packets
// are described by. Numbers stay where one of them has no name; rest is what holds
// for all others, or nil. Text may have names alone: why is not empty where it
// has both.
func (s *sight) byName(rows []ruleset.Row, rest *ruleset.Row) (why string) {
	for n, f := range s.fields {
		name, ok := map[ruleset.Field]ruleset.Field{ruleset.InIndex: ruleset.InName, ruleset.OutIndex: ruleset.OutName}[f]
		if !ok {
			continue
		}
		named, some := s.names(rows, n)
		switch {
		case some && (named == nil || len(s.steps) > 0):
			return "has names of interfaces where the kernel has numbers"
		case named == nil || len(s.steps) > 0:
			continue
		}
		s.fields = slices.Clone(s.fields)
		s.fields[n] = name
		for i := range rows {
			rows[i].Ranges[n] = named[i]
		}
		if rest != nil {
			rest.Ranges[n] = ruleset.Any()
		}
	}
	return ""
}

// names are the names for the nth number of each row, nil where one has none;
// some: there were names among them already.
func (s *sight) names(rows []ruleset.Row, n int) (named []ruleset.Range, some bool) {
	whole := true
	for _, row := range rows {
		r := row.Ranges[n]
		some = some || r.From.High != 0
		switch {
		case r.From.High != 0:
		case r.From != r.To:
			whole = false
		case r.From.Low == 0: // none
			r = ruleset.Only(ruleset.Name(""))
		default:
			name := ""
			if s.link != nil {
				name = s.link(uint32(r.From.Low))
			}
			whole = whole && name != ""
			r = ruleset.Only(ruleset.Name(name))
		}
		named = append(named, r)
	}
	if !whole {
		return nil, some
	}
	return named, some
}
