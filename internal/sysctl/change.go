package sysctl

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// ChangeSchema names the JSON form of a Change.
const ChangeSchema = "pktrail/sysctl-change/v1"

// Change is one new value for one setting.
type Change struct {
	Schema string   `json:"schema"`
	Netns  Netns    `json:"netns"`
	Name   string   `json:"name"`
	Old    string   `json:"old"`
	Wanted string   `json:"wanted"`
	New    string   `json:"new,omitzero"` // as the kernel took it; absent where nothing was written
	DryRun bool     `json:"dry_run"`
	Warn   []string `json:"warn,omitzero"` // what else comes of it
	Last   Last     `json:"last"`

	Path string `json:"-"` // below /proc/sys
}

// Last is how to make a change last over a restart.
type Last struct {
	File string `json:"file,omitzero"`
	Line int    `json:"line,omitzero"` // that says something else now; 0 for a line more
	Text string `json:"text,omitzero"` // of the line
	// Already is that the line says so now, and nothing is to be done.
	Already bool `json:"already"`
	// Not says why no file makes it last.
	Not string `json:"not,omitzero"`
	// Mind is what else the file needs to have its effect.
	Mind string `json:"mind,omitzero"`
}

// Refusal says why a value is not written, and what to try.
type Refusal struct{ Reason, Hint string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(hint, reason string, args ...any) error {
	return &Refusal{fmt.Sprintf(reason, args...), hint}
}

// Plan works out the change that KEY=VALUE asks for, or a *Refusal: for keys that
// are not described, not there or not writable here, and for values that they do
// not take.
func Plan(snap *snapshot.Sysctls, assignment string) (*Change, error) {
	key, value, ok := strings.Cut(assignment, "=")
	key, value = strings.TrimSpace(key), strings.Join(strings.Fields(value), " ")
	if !ok || key == "" {
		return nil, refuse("--set net.netfilter.nf_conntrack_tcp_loose=1", "--set %s: want KEY=VALUE", assignment)
	}
	r := newReporter(snap)
	e, err := r.target(key)
	if err != nil {
		return nil, err
	}
	if err := r.check(e, value); err != nil {
		return nil, err
	}
	return &Change{Schema: ChangeSchema, Netns: e.Netns, Name: e.Name, Path: e.path, Old: *e.Value, Wanted: value, Warn: r.warn(e, value), Last: r.last(e, value)}, nil
}

// target finds the one entry that the key names in full, or by its end.
func (r *reporter) target(key string) (*Entry, error) {
	p := ParsePattern(key)
	if p.glob {
		return nil, refuse("name one key", "--set %s: a pattern, and one key is set at a time", key)
	}
	var found []Entry
	for _, k := range r.snap.Keys {
		s, known := r.table.Find(Name(k.Path))
		if known && !slices.Contains(s.Aliases, Name(k.Path)) && (p.Is(Name(k.Path)) || slices.ContainsFunc(s.Aliases, p.Is)) {
			found = append(found, r.entry(k, s))
		}
	}
	switch i := slices.IndexFunc(found, func(e Entry) bool { return e.Name == p.text || slices.Contains(e.Aliases, p.text) }); {
	case i >= 0:
		return &found[i], nil
	case len(found) == 1:
		return &found[0], nil
	case len(found) > 1:
		return nil, refuse("write it in full: "+found[0].Name, "--set %s: %d settings end so", key, len(found))
	}
	return nil, r.unknown(key, p)
}

// unknown says why there is nothing to set.
func (r *reporter) unknown(key string, p Pattern) error {
	name := Name(Path(strings.TrimPrefix(key, "/proc/sys/")))
	if slices.ContainsFunc(r.snap.Keys, func(k snapshot.Sysctl) bool { return Name(k.Path) == name }) {
		return refuse("sysctl -w writes any key", "--set %s: this program does not know what that key does", key)
	}
	for i := range r.table.All {
		s := &r.table.All[i]
		if dev := s.Instance(name); dev != "" && s.Needs == "" {
			return refuse("pktrail sysctl "+s.Name+" lists those that have it", "--set %s: there is no interface %s here", key, dev)
		}
		if fits(s.Name, name) || p.Is(s.Name) {
			return refuse("pktrail sysctl "+s.Name+" says more", "--set %s: it is not here: %s", key, whyAbsent(s, r.snap))
		}
	}
	return refuse("pktrail sysctl PATTERN lists keys: a part of the name will do", "--set %s: no such key is known here", key)
}

// check holds the change to what the setting takes, here and now.
func (r *reporter) check(e *Entry, value string) error {
	s := e.setting
	switch {
	case s.ReadOnly:
		return refuse("nothing to set: entries come and go with traffic", "%s is a reading, not a setting", e.Name)
	case e.Value == nil:
		return refuse("run it as root", "%s could not be read, and is not changed unseen: %s", e.Name, e.Unknown)
	case !e.Writable && e.Scope == ScopeHost:
		return refuse("set it on the host, in the first network namespace: it is one for all", "%s is read-only in network namespace %s", e.Name, e.Netns.Name)
	case !e.Writable:
		return refuse("the kernel lets nobody change it here, or /proc/sys is mounted read-only as in containers: then set it from the host, with --netns PID", "%s is read-only", e.Name)
	}
	if wrong := s.Takes.Check(value); wrong != "" {
		return refuse(e.Name+" takes "+s.Takes.Words(), "%s: %s", e.Name, wrong)
	}
	if s.OneWay && *e.Value != "0" && value == "0" {
		return refuse("it lasts until the next restart", "%s cannot be switched off again", e.Name)
	}
	if err := r.checkSize(e, value); err != nil {
		return err
	}
	return r.checkPair(e, value)
}

// checkPair holds the two limits of fragments to their order, as the kernel does.
func (r *reporter) checkPair(e *Entry, value string) error {
	base, isHigh := strings.CutSuffix(e.path, "_high_thresh")
	base, isLow := strings.CutSuffix(base, "_low_thresh")
	if !isHigh && !isLow {
		return nil
	}
	other, side := base+"_low_thresh", "below"
	if isLow {
		other, side = base+"_high_thresh", "above"
	}
	n, ok := number32(value)
	m, ok2 := r.number(other)
	if ok && ok2 && (isHigh && n < m || isLow && n > m) {
		return refuse("set "+Name(other)+" first", "%s: %d is %s %s, which is %d", e.Name, n, side, Name(other), m)
	}
	return nil
}

// last says which line of which file makes the change last.
func (r *reporter) last(e *Entry, value string) Last {
	if !r.filesApply(e.setting) {
		return Last{Not: "files are for the first network namespace: whoever makes this one must set it (docker run --sysctl, securityContext.sysctls of a pod, the CNI's tuning plugin)"}
	}
	l := Last{Text: e.Name + " = " + value, Mind: r.mindFile(e.setting)}
	names := r.names(e, e.setting)
	a, set := r.config.Last(names, nil)
	if set && !a.Procps && e.setting.Takes.Same(a.Value, value) {
		l.File, l.Line, l.Text, l.Already = a.File, a.Line, Name(a.Path)+" = "+a.Value, true
		return l
	}
	if set && a.Procps {
		l.Mind = fmt.Sprintf("`sysctl --system` reads %s:%d after it, systemd-sysctl does not: take that line out", a.File, a.Line)
	} else if set && strings.HasPrefix(a.File, "/etc/") && slices.Contains(names[:1+len(e.setting.Aliases)], a.Path) {
		l.File, l.Line, l.Text = a.File, a.Line, Name(a.Path)+" = "+value
		return l
	}
	l.File = "/etc/sysctl.d/" + r.fileAfter(names)
	return l
}

// fileAfter is a name of a file that is read after all that say something of the
// paths. Letters come after the digits that such names begin with.
func (r *reporter) fileAfter(paths []string) string {
	name := "90-net.conf"
	for _, p := range paths {
		for _, a := range r.config.Of(p) {
			if base := path.Base(a.File); strings.HasSuffix(base, ".conf") && !a.Procps {
				for name <= base {
					name = "z" + name
				}
			}
		}
	}
	return name
}

// mindFile: modules that are loaded after the files were read begin with defaults.
func (r *reporter) mindFile(s *Setting) string {
	module, state := "", snapshot.ModuleUnknown
	switch s.Needs {
	case NeedsConntrack:
		module, state = "nf_conntrack", r.snap.Facts.Tracking
	case NeedsBridge:
		module, state = "br_netfilter", r.snap.Facts.BridgeNF
	}
	if state != snapshot.ModuleLoaded {
		return ""
	}
	return module + " is a module: name it in /etc/modules-load.d, or the file is read before the setting is there"
}

// checkSize keeps a slip of the finger from taking all memory at once: the hash
// table is allocated when its size is written.
func (r *reporter) checkSize(e *Entry, value string) error {
	n, ok := number32(value)
	memory, known := r.snap.Facts.MemoryBytes.Get()
	if e.Name != "net.netfilter.nf_conntrack_buckets" || !ok || !known || n*uint64(r.snap.Facts.WordBits/8) <= memory/4 {
		return nil
	}
	return refuse("sysctl -w does it all the same", "%s: a table of %d buckets takes more than a quarter of this host's memory", e.Name, n)
}

// warn says what else comes of a new limit of the table.
func (r *reporter) warn(e *Entry, value string) []string {
	n, ok := number32(value)
	if e.Name != "net.netfilter.nf_conntrack_max" || !ok || n == 0 {
		return nil
	}
	var all []string
	if has, ok := r.number("net/netfilter/nf_conntrack_count"); ok && has >= n {
		all = append(all, fmt.Sprintf("network namespace %s has %d entries now: no new flow can begin there", e.Netns.Name, has))
	}
	if memory, known := r.snap.Facts.MemoryBytes.Get(); known && e.Memory != nil && n*(e.Memory.EntryBytes+e.Memory.ExtensionBytes) > memory/2 {
		all = append(all, "so many entries take more than half of this host's memory")
	}
	if b, ok := r.number("net/netfilter/nf_conntrack_buckets"); ok && b > 0 && n > 4*b {
		all = append(all, fmt.Sprintf("that is %d entries a bucket: raise net.netfilter.nf_conntrack_buckets too", n/b))
	}
	return all
}
