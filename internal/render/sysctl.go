package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/sysctl"
)

// Sysctls prints each setting as an object, and as notes what could not be read.
func (p *JSON) Sysctls(r *sysctl.Report) error {
	for i := range r.Entries {
		if err := p.enc.Encode(&r.Entries[i]); err != nil {
			return err
		}
	}
	for _, why := range r.Unread {
		if err := p.Note("not read: " + why); err != nil {
			return err
		}
	}
	return nil
}

// SysctlChange prints a change that was made, or would be.
func (p *JSON) SysctlChange(c *sysctl.Change) error { return p.enc.Encode(c) }

// Sysctls prints the settings as a table, or all that is known of a single one.
func (t *Text) Sysctls(r *sysctl.Report) error {
	t.apart(other)
	if r.Full {
		t.sysctlPage(&r.Entries[0])
	} else {
		t.sysctlTable(r)
	}
	for _, why := range r.Unread {
		t.flow(6, line{{"note:", yellow}, {" not read: " + why, plain}})
	}
	return t.flush()
}

// sysctlRow is the cells of one setting.
type sysctlRow struct {
	name, value, fallback string
	source                span
	changed               bool
}

func (t *Text) sysctlTable(r *sysctl.Report) {
	t.flow(2, line{{"settings of network namespace ", plain}, {r.Netns.Name, bold}})
	switch {
	case len(r.Entries) > 0:
		t.sysctlRows(r.Entries)
	case r.Changed:
		t.put(line{{"  nothing differs from the kernel's defaults", dim}}, 0)
	default:
		t.put(line{{"  no such setting here", dim}}, 0)
	}
	t.sysctlAbsent(r.Absent)
}

func (t *Text) sysctlRows(all []sysctl.Entry) {
	head := sysctlRow{name: "name", value: "value", fallback: "default", source: span{"source", dim}}
	rows := make([]sysctlRow, len(all))
	w := [3]int{len(head.name), len(head.value), len(head.fallback)}
	for i := range all {
		rows[i] = t.sysctlRow(&all[i])
		w[0], w[1], w[2] = max(w[0], columns(rows[i].name)), max(w[1], columns(rows[i].value)), max(w[2], columns(rows[i].fallback))
	}
	t.sysctlLine(head, w, dim)
	group := ""
	for i := range rows {
		if g := groupOf(&all[i]); g != group {
			group = g
			t.put(line{{group, bold}}, 0)
		}
		st := plain
		if rows[i].changed {
			st = bold
		}
		t.sysctlLine(rows[i], w, st)
	}
}

func groupOf(e *sysctl.Entry) string {
	if e.Group == "" {
		return "not described here"
	}
	return e.Group
}

func (t *Text) sysctlLine(r sysctlRow, w [3]int, st style) {
	t.put(line{
		{"  " + pad(r.name, w[0]) + gap, st}, {pad(r.value, w[1]) + gap, st}, {pad(r.fallback, w[2]) + gap, dim}, r.source,
	}, 0)
}

func (t *Text) sysctlRow(e *sysctl.Entry) sysctlRow {
	return sysctlRow{
		name: t.clean(e.Name), value: t.short(valueWords(e) + countsWords(e)), fallback: t.short(defaultWords(e)),
		source: span{t.clean(sourceWords(e)), sourceStyle(e)}, changed: e.Changed != nil && *e.Changed,
	}
}

func valueWords(e *sysctl.Entry) string {
	switch {
	case e.Value == nil:
		return "?"
	case *e.Value == "":
		return "none"
	}
	return *e.Value
}

// short cuts lists of ports, so that one of them does not make the column wide.
func (t *Text) short(words string) string {
	const most = 24
	return line{{t.clean(words), plain}}.cut(most, t.marks.ellipsis)[0].text
}

// countsWords says what an interface's value comes to beside that of all.
func countsWords(e *sysctl.Entry) string {
	if e.Counts == nil || e.Value == nil || *e.Counts == *e.Value {
		return ""
	}
	return " (counts: " + *e.Counts + ")"
}

func defaultWords(e *sysctl.Entry) string {
	switch {
	case e.Default == nil:
		return "-"
	case *e.Default == "":
		return "none"
	}
	return *e.Default
}

func sourceStyle(e *sysctl.Entry) style {
	switch {
	case e.Lost || e.Value == nil:
		return yellow
	case e.Source.Kind == sysctl.KindDefault:
		return dim
	}
	return plain
}

// sourceWords says in a few words where a value comes from.
func sourceWords(e *sysctl.Entry) string {
	if e.Value == nil {
		return "not known: " + e.Unknown
	}
	where := ""
	if said := e.Source.Said; said != nil {
		where = placeWords(said)
	}
	switch e.Source.Kind {
	case sysctl.KindDefault:
		return "default"
	case sysctl.KindFile:
		return where
	case sysctl.KindOverall:
		return where + " (by default)"
	case sysctl.KindRuntime:
		if e.Interface() != "" {
			return "runtime only: gone with the interface"
		}
		return "runtime only: lost at the next restart"
	case sysctl.KindDiffers:
		if e.Changed != nil && !*e.Changed {
			return "default, though " + where + " says " + e.Source.Value
		}
		return "runtime only: " + where + " says " + e.Source.Value
	case sysctl.KindNetns:
		return "of this namespace"
	case sysctl.KindReading:
		return "a reading"
	}
	return "not known"
}

func placeWords(s *sysctl.Said) string { return s.File + ":" + strconv.Itoa(s.Line) }

// sysctlAbsent names what is not here, those with one reason together.
func (t *Text) sysctlAbsent(all []sysctl.Absent) {
	var reasons []string
	names := map[string][]string{}
	for _, a := range all {
		if names[a.Why] == nil {
			reasons = append(reasons, a.Why)
		}
		names[a.Why] = append(names[a.Why], a.Name)
	}
	if len(reasons) > 0 {
		t.put(line{{"not here", bold}}, 0)
	}
	for _, why := range reasons {
		t.flow(4, line{{"  " + why + ": " + someNames(names[why]), dim}})
	}
}

// someNames lists names, and of many only the first few.
func someNames(names []string) string {
	const few = 6
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// sysctlPage tells all that is known of a setting.
func (t *Text) sysctlPage(e *sysctl.Entry) {
	words := e.Name + " = " + valueWords(e)
	if e.Value != nil && *e.Value != "" && e.Unit != "" {
		words += " " + unitWords(*e.Value, e.Unit)
	}
	t.flow(2, line{{words, bold}}, line{{"in network namespace " + e.Netns.Name, plain}})
	if e.Meaning == "" {
		t.sentences("what", "not described here: newer than this program, or no setting of connection tracking")
	}
	t.sentences("what", e.Meaning)
	if e.Counts != nil {
		t.sentences("counts", *e.Counts+", the larger of this value and that of all")
	}
	t.sentences("default", t.defaultLine(e))
	t.sentences("source", sourceLine(e))
	t.saidLines(e)
	t.sentences("restart", restartWords(e))
	t.sentences("scope", scopeWords(e))
	if e.Takes != nil {
		t.sentences("takes", e.Takes.Words())
	}
	t.sentences("change", e.When)
	t.sentences("mind", e.Mind...)
	if e.Memory != nil {
		t.sentences("memory", memoryWords(e.Memory)...)
	}
	for _, a := range e.Aliases {
		t.sentences("also", a+" is the same value")
	}
}

// unitWords is "1 entry", "2 entries".
func unitWords(value, unit string) string {
	if value != "1" {
		return unit
	}
	return map[string]string{"entries": "entry", "seconds": "second", "buckets": "bucket", "bytes": "byte", "packets": "packet", "milliseconds": "millisecond"}[unit]
}

const labelWidth = 9

// sentences writes them under a label; empty ones are left out.
func (t *Text) sentences(label string, all ...string) {
	head := pad(label+":", labelWidth)
	for _, s := range all {
		if s == "" {
			continue
		}
		t.flow(2+labelWidth, line{{"  " + head, dim}, {s, plain}})
		head = pad("", labelWidth)
	}
}

func (t *Text) defaultLine(e *sysctl.Entry) string {
	if e.Default == nil {
		return ""
	}
	switch e.From {
	case sysctl.FromMemory:
		return defaultWords(e) + ", by this host's memory"
	case sysctl.FromBuckets:
		return defaultWords(e) + ", by the hash table's size at the start"
	case sysctl.FromModule:
		return defaultWords(e) + ", by nf_conntrack's parameter"
	}
	return defaultWords(e)
}

func sourceLine(e *sysctl.Entry) string {
	words := sourceWords(e)
	said := e.Source.Said
	switch {
	case e.Source.Kind == sysctl.KindDefault && len(e.Said) > 0:
		return words // what the files say stands below
	case e.Source.Kind == sysctl.KindDefault:
		return "the default: no file says anything else"
	case e.Source.Kind == sysctl.KindNetns:
		return "written in this network namespace, or taken over from the first one when it was made; files are for the first one alone"
	case said != nil && sysctl.Path(e.Name) != said.Key:
		words += ", by " + sysctl.Name(said.Key)
	}
	if said != nil && said.Procps {
		words += " (`sysctl --system` reads that file, systemd-sysctl does not)"
	}
	return words
}

// saidLines lists what files say where it is more than the source.
func (t *Text) saidLines(e *sysctl.Entry) {
	if len(e.Said) < 2 && !slices.ContainsFunc(e.Said, func(s sysctl.Said) bool { return s.Refused }) {
		return
	}
	lines := make([]string, len(e.Said))
	for i := range e.Said {
		s := &e.Said[i]
		lines[i] = placeWords(s) + "  " + sysctl.Name(s.Key)
		if s.Spares {
			lines[i] += " is spared from patterns"
		} else {
			lines[i] += " = " + s.Value
		}
		if s.Refused {
			lines[i] += ", which the kernel does not take"
		}
	}
	t.sentences("files", lines...)
}

func restartWords(e *sysctl.Entry) string {
	switch {
	case !e.Lost || e.Value == nil:
		return ""
	case e.AtRestart == nil:
		return "the value is lost at the next restart"
	case e.Interface() != "" && e.Source.Kind == sysctl.KindRuntime:
		return "an interface of that name begins anew, with the value of default"
	case *e.AtRestart == "":
		return "after the next restart it is empty"
	case e.Changed != nil && !*e.Changed:
		return "after the next restart it is " + *e.AtRestart + ", if the file is read once the setting is there"
	}
	return "after the next restart it is " + *e.AtRestart + ", unless whoever wrote it does so again"
}

func scopeWords(e *sysctl.Entry) string {
	switch {
	case e.Scope == sysctl.ScopeShared:
		return "one for the whole host, written from any network namespace"
	case e.Scope == sysctl.ScopeHost && e.Writable:
		return "one for the whole host; read-only, or not shown, in other network namespaces"
	case e.Scope == sysctl.ScopeHost:
		return "one for the whole host; read-only in this network namespace"
	case e.Scope == sysctl.ScopeNetns && e.Writable:
		return "each network namespace has its own"
	case e.Scope == sysctl.ScopeNetns:
		return "each network namespace has its own; read-only"
	}
	return ""
}

func memoryWords(m *sysctl.Memory) []string {
	each := fmt.Sprintf("an entry takes %d bytes", m.EntryBytes)
	if m.Measured {
		each += " (/proc/slabinfo)"
	} else {
		each += " (estimated: /proc/slabinfo tells root)"
	}
	each += fmt.Sprintf(", and %d or more with NAT, events, counters or labels", m.ExtensionBytes)
	words := []string{}
	if m.LimitBytes != nil {
		words = append(words, "a namespace whose table is full: "+size(*m.LimitBytes))
	}
	if m.NowBytes != nil {
		words = append(words, "this namespace's entries now: "+size(*m.NowBytes))
	}
	if m.HashBytes != nil {
		words = append(words, "the hash table, whatever it holds: "+size(*m.HashBytes))
	}
	if m.Objects != nil {
		words = append(words, fmt.Sprintf("entries of the whole host that memory is taken for now: %d", *m.Objects))
	}
	return append(words, each)
}

// size is bytes as a person says them.
func size(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return strconv.FormatFloat(v, 'f', min(i, 1), 64) + " " + units[i]
}

// SysctlChange prints what was changed, or would be, and how to make it last.
func (t *Text) SysctlChange(c *sysctl.Change) error {
	t.apart(other)
	words := c.Name + ": " + orNone(c.Old) + " " + t.marks.arrow + " "
	if c.DryRun {
		t.flow(2, line{{"would set ", plain}, {words + orNone(c.Wanted), bold}}, line{{"in network namespace " + c.Netns.Name, plain}})
	} else {
		t.flow(2, line{{words + orNone(c.New), bold}}, line{{"in network namespace " + c.Netns.Name, plain}})
		if c.New != c.Wanted {
			t.flow(2, line{{"  the kernel made " + c.New + " of " + c.Wanted, yellow}})
		}
	}
	for _, w := range c.Warn {
		t.flow(4, line{{"  mind: " + w, yellow}})
	}
	t.lasting(&c.Last)
	return t.flush()
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

func (t *Text) lasting(l *sysctl.Last) {
	switch {
	case l.Not != "":
		t.flow(4, line{{"  it does not last: " + l.Not, plain}})
	case l.Already:
		t.flow(4, line{{"  it lasts: line " + strconv.Itoa(l.Line) + " of " + l.File + " says so already", plain}})
		t.put(line{{"    " + t.clean(l.Text), plain}}, 0)
	case l.Line > 0:
		t.flow(4, line{{"  to make it last, change line " + strconv.Itoa(l.Line) + " of " + l.File + " to", plain}})
		t.put(line{{"    " + t.clean(l.Text), plain}}, 0)
	default:
		t.flow(4, line{{"  to make it last, put this line into " + l.File, plain}})
		t.put(line{{"    " + t.clean(l.Text), plain}}, 0)
	}
	if l.Mind != "" {
		t.flow(4, line{{"  mind: " + l.Mind, plain}})
	}
}
