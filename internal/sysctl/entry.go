package sysctl

import "github.com/pktrail/pktrail/internal/snapshot"

// Schema names the JSON form of an Entry.
const Schema = "pktrail/sysctl/v1"

// Entry is one setting as it stands in one network namespace. What is not known
// is absent.
type Entry struct {
	Schema   string   `json:"schema"`
	Netns    Netns    `json:"netns"`
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases,omitzero"`
	Group    string   `json:"group,omitzero"` // empty where the setting is not described
	Value    *string  `json:"value,omitzero"`
	Unknown  string   `json:"unknown,omitzero"` // why there is no value
	Counts   *string  `json:"counts,omitzero"`  // at an interface, where the larger of Value and that of all is what the kernel goes by
	Default  *string  `json:"default,omitzero"` // of this kernel
	From     Origin   `json:"default_from,omitzero"`
	Changed  *bool    `json:"changed,omitzero"` // the value differs from the default
	Unit     string   `json:"unit,omitzero"`
	Takes    *Takes   `json:"takes,omitzero"`
	Scope    Scope    `json:"scope,omitzero"`
	Writable bool     `json:"writable"` // in this namespace
	Source   Source   `json:"source"`
	Said     []Said   `json:"said"` // all that files say of it, in the order in which it is applied
	// AtRestart is the value after the next restart of the host, as far as files
	// and defaults tell; absent where they do not.
	AtRestart *string  `json:"at_restart,omitzero"`
	Lost      bool     `json:"lost_at_restart"` // the value of now will not be there after it
	Meaning   string   `json:"meaning,omitzero"`
	When      string   `json:"when,omitzero"`
	Mind      []string `json:"mind,omitzero"`
	Memory    *Memory  `json:"memory,omitzero"`

	setting *Setting
	path    string
}

// Netns is the network namespace that was looked at.
type Netns struct {
	Name  string `json:"name"`
	Inode uint64 `json:"inode"`
}

// Scope says for whom a setting holds.
type Scope string

// The scopes. Settings of the host cannot be written outside of the first network
// namespace, and some are not even shown there; those that are shared can.
const (
	ScopeNetns  Scope = "netns"
	ScopeHost   Scope = "host"
	ScopeShared Scope = "shared"
)

// Kind says where a value comes from.
type Kind string

// The kinds of sources.
const (
	KindDefault Kind = "default"   // the kernel's, and no file says otherwise
	KindFile    Kind = "file"      // a file says so
	KindRuntime Kind = "runtime"   // somebody wrote it, and no file says it
	KindDiffers Kind = "differs"   // a file says something else
	KindNetns   Kind = "netns"     // of this namespace alone: files are for the first one
	KindReading Kind = "reading"   // it is a count
	KindUnknown Kind = "unknown"   // no file says it, and the default is not known
	KindOverall Kind = "inherited" // what the interface began with, as net.….default has it
)

// Source is where a value comes from.
type Source struct {
	Kind Kind `json:"kind"`
	*Said
}

// Said is what a file says of a setting.
type Said struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Key   string `json:"key"` // as a path below /proc/sys, which may be a glob or another setting that writes this one too
	Value string `json:"value"`
	// Procps marks a file that `sysctl --system` reads and systemd-sysctl does not.
	Procps bool `json:"procps_only,omitzero"`
	Spares bool `json:"spares,omitzero"` // it keeps globs from setting the key
	// Refused is that the kernel does not take the value, so that the line does nothing.
	Refused bool `json:"refused,omitzero"`
}

func said(a Assignment) Said {
	return Said{File: a.File, Line: a.Line, Key: a.Path, Value: a.Value, Procps: a.Procps, Spares: a.Spares}
}

// Absent is a setting that is described and not there.
type Absent struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// whyAbsent says why a setting is not there.
func whyAbsent(s *Setting, snap *snapshot.Sysctls) string {
	first, known := snap.Netns.First.Get()
	switch {
	case s.Hidden && known && !first:
		return "only the first network namespace shows it"
	case s.Needs == NeedsBridge:
		return "br_netfilter is not loaded: modprobe br_netfilter"
	case s.Needs == NeedsFlowtable:
		return "this kernel was built without flowtables"
	case s.Needs == NeedsGone:
		return "only older kernels have it"
	case s.Needs == NeedsIPv6:
		return "this kernel has no IPv6, or no such interface"
	case s.Needs == NeedsConntrack && snap.Facts.Tracking == snapshot.ModuleAbsent:
		return "nf_conntrack is not loaded: the first rule that needs it loads it"
	}
	return "this kernel does not have it, or does not show it here"
}
