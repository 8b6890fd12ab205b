package census

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/pktrail/pktrail/conntrack"
)

// verdict is the report in one line.
func (w *Who) verdict() string {
	if w.Entries == 0 && w.Listed == 0 {
		return "the table is empty"
	}
	words := w.fillWords() + w.growthWords() + w.refusedWords()
	if main := w.mainWords(); main != "" {
		words += "; " + main
	}
	return words
}

func (w *Who) fillWords() string {
	entries := plural(w.Entries, "entry", "entries")
	switch {
	case w.Max == nil:
		return "table with " + entries + ", limit not known"
	case *w.Max == 0:
		return "table with " + entries + ", no limit"
	case w.Entries >= *w.Max:
		return "table full: " + entries + ", limit " + strconv.FormatInt(*w.Max, 10)
	}
	return "table " + Percent(*w.Share) + " full"
}

// steady is by how many entries a second a table grows that is not said to grow:
// less than this part of it.
const steady = 0.0005

func (w *Who) growthWords() string {
	if w.Growth == nil {
		return ""
	}
	g := *w.Growth
	switch {
	case math.Abs(g) < 0.5 || math.Abs(g) < steady*float64(w.Entries):
		return ", steady"
	case g < 0:
		return fmt.Sprintf(", shrinking %.0f/s", -g)
	case w.FullIn == nil:
		return fmt.Sprintf(", growing %.0f/s", g)
	case *w.FullIn == 0:
		return ""
	}
	return fmt.Sprintf(", growing %.0f/s: full in %s", g, Roughly(*w.FullIn))
}

func (w *Who) refusedWords() string {
	words := ""
	if n := w.Since(conntrack.Drop); n > 0 {
		words += fmt.Sprintf(", %s refused", plural(int64(n), "packet", "packets"))
	}
	if n := w.Since(conntrack.EarlyDrop); n > 0 {
		words += fmt.Sprintf(", %s evicted to make room", plural(int64(n), "entry", "entries"))
	}
	return words
}

// most of a table is said to be of a group from this share on, and most of a
// group to be of a part of it.
const (
	mainShare = 0.2
	mainPart  = 0.5
)

// mainWords names the most exact group that has most of what a wider one has.
func (w *Who) mainWords() string {
	target, pair := w.first(Target), w.first(Pair)
	switch {
	case target == nil || target.Share < mainShare:
		return w.mainEnd(pair)
	case pair != nil && sameTarget(pair, target) && pair.Share >= mainPart*target.Share:
		return of(pair.Share, targetWords(pair)+" from "+pair.Src.String())
	}
	return of(target.Share, targetWords(target))
}

// mainEnd is for tables whose entries share no target, such as those of a scan.
func (w *Who) mainEnd(pair *Group) string {
	for _, g := range [...]*Group{pair, w.first(Source), w.first(Destination), w.first(Service)} {
		if g == nil || g.Share < mainShare {
			continue
		}
		switch {
		case g == pair:
			return of(g.Share, targetWords(g)+" from "+g.Src.String())
		case g.Src.IsValid():
			return of(g.Share, "from "+g.Src.String())
		case g.Dst.IsValid():
			return of(g.Share, "to "+g.Dst.String())
		}
		return of(g.Share, serviceWords(g))
	}
	return ""
}

func (w *Who) first(by By) *Group {
	if r := w.ranking(by); r != nil && len(r.Groups) > 0 {
		return &r.Groups[0]
	}
	return nil
}

func sameTarget(a, b *Group) bool {
	return a.Dst == b.Dst && a.Proto == b.Proto && (a.DstPort == nil) == (b.DstPort == nil) && (a.DstPort == nil || *a.DstPort == *b.DstPort)
}

func of(share float64, what string) string { return Percent(share) + " of it is " + what }

func serviceWords(g *Group) string {
	if g.DstPort == nil {
		return g.Proto
	}
	return g.Proto + " port " + strconv.Itoa(int(*g.DstPort))
}

func targetWords(g *Group) string {
	if g.DstPort == nil {
		return g.Proto + " to " + g.Dst.String()
	}
	return g.Proto + " to " + netip.AddrPortFrom(g.Dst, *g.DstPort).String()
}

// Percent is a share in words, never 0 % of what is there nor 100 % of what is not all.
func Percent(share float64) string {
	p := 100 * share
	switch {
	case p > 0 && p < 1:
		return "under 1 %"
	case p > 99 && p < 100:
		return "over 99 %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// Roughly is seconds as a person says them.
func Roughly(seconds float64) string {
	const year = 365 * 24 * 3600
	if seconds > year {
		return "over a year"
	}
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
