// Package sysctl knows the kernel's settings that decide about packets:
// connection tracking, forwarding, reverse path filter, bridges, neighbours. It
// says what each is for, where its value comes from and what it costs, and which
// new values it takes. It is data and functions of values: reading and writing
// is for others.
package sysctl

import (
	"slices"
	"strings"
)

// Setting is one setting, or one that every interface has, as the kernel knows it.
type Setting struct {
	Name    string // dotted; a * stands for an interface, all and default
	Group   string // what it belongs to, in a few words
	Default string // of a fresh namespace of a current kernel; empty where From tells it
	From    Origin // what the default follows from
	Older   Older
	Unit    string // empty for switches and choices
	Takes   Takes

	Host     bool // one for all network namespaces, and read-only outside the first
	Hidden   bool // one for all network namespaces, and shown in the first alone
	Shared   bool // one for all network namespaces, and written from any of them
	ReadOnly bool // a reading
	OneWay   bool // what is on stays on
	Larger   bool // at an interface, the larger of its own value and that of all counts

	Needs   Need     // what must be there for the setting to be
	Aliases []string // other names of the same value
	Through []string // settings that set this one too when they are written

	Meaning string
	When    string // to change it
	Mind    []string
}

// Origin is what a default follows from where it is no fixed value.
type Origin string

// The origins of defaults.
const (
	FromMemory  Origin = "memory"           // the host's, when nf_conntrack starts
	FromBuckets Origin = "buckets"          // the size of the hash table when nf_conntrack starts
	FromModule  Origin = "module parameter" // of nf_conntrack
)

// Older is the default of older kernels. Since fixes travel back to older
// releases, both count as defaults there.
type Older struct {
	Before  string // release
	Default string
}

// Need is what a setting stands on.
type Need string

// What settings need.
const (
	NeedsConntrack Need = "nf_conntrack"
	NeedsBridge    Need = "br_netfilter"
	NeedsFlowtable Need = "nf_flow_table"
	NeedsIPv6      Need = "ipv6"
	NeedsGone      Need = "an older kernel"
	NeedsNewer     Need = "a newer kernel"
)

// PerInterface reports a setting that every interface has.
func (s *Setting) PerInterface() bool { return strings.Contains(s.Name, ".*.") }

// Settings are all settings that are known, in the order in which they are told.
func Settings() []Setting {
	return slices.Concat(conntrack(), tcpTracking(), sctpTracking(), otherTracking(), forwarding(), filtering(), bridge(), neighbours(), local())
}

// Table is all settings, and finds them by name.
type Table struct {
	All    []Setting
	byName map[string]*Setting
}

// NewTable makes the table of Settings.
func NewTable() *Table {
	t := &Table{All: Settings(), byName: map[string]*Setting{}}
	for i := range t.All {
		s := &t.All[i]
		for _, name := range append([]string{s.Name}, s.Aliases...) {
			t.byName[name] = s
		}
	}
	return t
}

// Find returns the setting that a dotted name belongs to, by its own name, an
// alias, or that of an interface.
func (t *Table) Find(name string) (*Setting, bool) {
	if s, ok := t.byName[name]; ok {
		return s, !s.PerInterface() // a star is no interface
	}
	parts := strings.Split(name, ".") // net.ipv4.conf.eth0.rp_filter
	const instance = 3
	if len(parts) != 5 || parts[instance] == "" {
		return nil, false
	}
	parts[instance] = "*"
	s, ok := t.byName[strings.Join(parts, ".")]
	return s, ok
}

// fits reports whether a name is that of a setting, whatever the interface.
func fits(pattern, name string) bool {
	head, tail, each := strings.Cut(pattern, "*")
	if !each {
		return pattern == name
	}
	return len(name) > len(head)+len(tail) && strings.HasPrefix(name, head) && strings.HasSuffix(name, tail) &&
		!strings.Contains(name[len(head):len(name)-len(tail)], ".")
}

// Instance is the interface that a name of a setting is of, and what stands
// around it; "" for a setting that no interface has.
func (s *Setting) Instance(name string) string {
	head, tail, each := strings.Cut(s.Name, "*")
	if !each || !fits(s.Name, name) {
		return ""
	}
	return name[len(head) : len(name)-len(tail)]
}

// Of is the name of the setting for an interface.
func (s *Setting) Of(instance string) string { return strings.Replace(s.Name, "*", instance, 1) }
