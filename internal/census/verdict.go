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
		return ", shrinking " + perSecond(-g)
	case w.FullIn == nil:
		return ", growing " + perSecond(g)
	case *w.FullIn == 0:
		return ""
	}
	return fmt.Sprintf(", growing %s: full in %s", perSecond(g), Roughly(*w.FullIn))
}

func perSecond(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(round(rate, 10), 'f', -1, 64) + "/s"
	}
	return fmt.Sprintf("%.0f/s", rate)
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

// most of a table is said to be of a group from this share on, and of a part of
// that group if the part has this much of it.
const (
	mainShare = 0.2
	mainPart  = 0.5
)

// mainWords names the most exact group that has most of what a wider one has:
// from the source, destination or service with most entries to the destination
// with its port, and to one source of that.
func (w *Who) mainWords() string {
	wide, words := w.widest()
	if wide == nil || wide.Share < mainShare {
		return ""
	}
	target, pair := w.first(Target), w.first(Pair)
	if target != nil && target.Share >= mainPart*wide.Share {
		wide, words = target, targetWords(target)
	}
	if pair != nil && pair.Share >= mainPart*wide.Share {
		wide, words = pair, targetWords(pair)+" from "+pair.Src.String()
	}
	return of(wide.Share, words)
}

func (w *Who) widest() (wide *Group, words string) {
	for _, by := range [...]By{Source, Destination, Service} {
		g := w.first(by)
		if g == nil || wide != nil && g.Share <= wide.Share {
			continue
		}
		switch wide = g; by {
		case Source:
			words = "from " + g.Src.String()
		case Destination:
			words = "to " + g.Dst.String()
		default:
			words = serviceWords(g)
		}
	}
	return wide, words
}

func (w *Who) first(by By) *Group {
	if r := w.ranking(by); r != nil && len(r.Groups) > 0 {
		return &r.Groups[0]
	}
	return nil
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
