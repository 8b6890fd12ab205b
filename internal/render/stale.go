package render

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/internal/stale"
)

// Stale prints what is stale in a table.
func (p *JSON) Stale(r *stale.Report) error { return p.enc.Encode(r) }

// Stale prints each finding with its evidence and what deletes it, then what
// could not be judged.
func (t *Text) Stale(r *stale.Report) error {
	if t.opt.Netns && r.Netns != nil {
		t.apart(other)
		t.put(line{{t.clean(r.Netns.Name), bold}}, 0)
		t.last = nothing
	}
	for i := range r.Findings {
		t.apart(other)
		t.staleFinding(&r.Findings[i])
	}
	t.apart(other)
	t.flow(2, line{{staleWords(r), staleStyle(r)}})
	for _, n := range r.NotJudged {
		t.flow(4, line{{"  not judged: " + entriesWords(n.Entries) + " " + t.clean(n.Why), dim}})
	}
	for _, n := range r.Notes {
		t.flow(8, line{{"  note: ", yellow}, {t.clean(n), plain}})
	}
	return t.flush()
}

func entriesWords(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.FormatInt(n, 10) + " entries"
}

func staleStyle(r *stale.Report) style {
	if len(r.Findings) > 0 {
		return bold
	}
	return green
}

func staleWords(r *stale.Report) string {
	words := "nothing stale found"
	if n := r.Stale(); n > 0 {
		words = entriesWords(n) + " found"
	}
	words += fmt.Sprintf(": %s in the table, %d of them looked at twice, %.1f s apart", entriesWords(r.Entries), r.Followed, r.Seconds)
	if r.OneWay > 0 {
		words += fmt.Sprintf("; %d one-way by design, not judged", r.OneWay)
	}
	if r.Deleted != nil {
		words += fmt.Sprintf("; %s deleted", entriesWords(*r.Deleted))
	}
	return words
}

// staleFinding prints one finding; commands are uncut, to be copied.
func (t *Text) staleFinding(f *stale.Finding) {
	label, st := string(f.Kind), red
	if f.Certainty == stale.Suspect {
		label, st = label+", suspected", yellow
	}
	t.flow(2, line{{label + ":", st}, {" " + t.clean(f.Title), plain}})
	for i, e := range f.Evidence {
		t.indented("seen", i, e.What+": "+e.Is)
	}
	if f.Delete != (stale.Commands{}) {
		t.deletion(f.Delete, 0)
		return
	}
	for i, s := range f.Samples {
		if i == 0 {
			t.put(line{{fmt.Sprintf("  other entries go the same way, so one by one (%d of %d shown):", len(f.Samples), f.Entries), dim}}, t.opt.Width)
		}
		t.put(line{{"  from " + endpointOf(s), dim}}, 0)
		t.deletion(s.Delete, 0)
	}
}

func endpointOf(s stale.Sample) string {
	if s.SrcPort == nil {
		return s.Src.String()
	}
	return netip.AddrPortFrom(s.Src, *s.SrcPort).String()
}

func (t *Text) deletion(c stale.Commands, at int) {
	for _, command := range [...]string{c.Pktrail, c.Conntrack} {
		if command != "" {
			t.indented("fix", at, command)
			at++
		}
	}
}
