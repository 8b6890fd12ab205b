package render

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/internal/census"
)

// ConnTop prints one look at who is in the connection tracking table.
func (p *JSON) ConnTop(c *census.Top) error { return p.enc.Encode(c) }

// ConnWho prints what fills a connection tracking table.
func (p *JSON) ConnWho(w *census.Who) error { return p.enc.Encode(w) }

// ConnTop prints one look: how full the table is and how it changes, then the
// groups as a table.
func (t *Text) ConnTop(c *census.Top) error {
	t.apart(other)
	t.flow(2, t.topWords(c)...)
	t.put(nil, 0)
	t.connGroups(&c.Ranking)
	return t.flush()
}

func (t *Text) topWords(c *census.Top) []line {
	var words []line
	if t.opt.Netns && c.Netns != nil {
		words = append(words, line{{t.clean(c.Netns.Name) + ":", bold}})
	}
	words = append(words, fillLine(c.Entries, c.Fill))
	if c.New != nil && c.Ended != nil {
		words = append(words, line{{rateText(c.New) + " new/s, " + rateText(c.Ended) + " ended/s", plain}})
	}
	return append(words, line{{fmt.Sprintf("%d unreplied, %d not assured", c.Unreplied, c.Unassured), plain}})
}

// fillLine is a count and the limit, in colour where that is near.
func fillLine(entries int64, f census.Fill) line {
	words := strconv.FormatInt(entries, 10) + " entries"
	if entries == 1 {
		words = "1 entry"
	}
	switch {
	case f.Share != nil:
		return line{{words, bold}, {fmt.Sprintf(" of at most %d (%s)", *f.Max, census.Percent(*f.Share)), fillStyle(*f.Share)}}
	case f.Max != nil:
		return line{{words, bold}, {", no limit", plain}}
	}
	return line{{words, bold}, {", limit not known", plain}}
}

func fillStyle(share float64) style {
	switch {
	case share >= 0.95:
		return red
	case share >= 0.8:
		return yellow
	}
	return plain
}

// rateText is a rate in few digits; empty where it is not known.
func rateText(r *float64) string {
	switch {
	case r == nil:
		return ""
	case *r > 0 && *r < 10:
		return strconv.FormatFloat(math.Round(*r*10)/10, 'f', -1, 64)
	}
	return strconv.FormatFloat(*r, 'f', 0, 64)
}

// groupCells are the numbers of a row; what is not known is empty.
type groupCells [5]string

// connGroups prints a ranking as a table: numbers to the right, the group's words last.
func (t *Text) connGroups(r *census.Ranking) {
	rows := []groupCells{{"entries", "share", "new/s", "ended/s", "unreplied"}}
	rates := false
	for i := range r.Groups {
		g := &r.Groups[i]
		rates = rates || g.New != nil
		rows = append(rows, groupCells{t.atLeast(g), shareText(g.Share), rateText(g.New), rateText(g.Ended), strconv.FormatInt(g.Unreplied, 10)})
	}
	if !rates {
		rows[0][2], rows[0][3] = "", ""
	}
	if r.Others > 0 {
		rows = append(rows, groupCells{strconv.FormatInt(r.Others, 10)})
	}
	var widths [5]int
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for i, row := range rows {
		t.groupRow(row, widths, t.rowWords(r, i-1), i == 0 || i > len(r.Groups))
	}
}

func (t *Text) atLeast(g *census.Group) string {
	n := strconv.FormatInt(g.Entries, 10)
	if g.More {
		n = t.marks.least + n
	}
	return n
}

// rowWords is the last cell: of the heading before the first group, and of what
// is left behind the last one.
func (t *Text) rowWords(r *census.Ranking, i int) string {
	switch {
	case i < 0:
		return byWords(r.By)
	case i < len(r.Groups):
		return t.clean(t.connGroup(&r.Groups[i], r.By))
	}
	n := strconv.Itoa(r.Keys-len(r.Groups)) + " others"
	if r.Keys-len(r.Groups) == 1 {
		n = "1 other"
	}
	if r.More {
		n = "more than " + n
	}
	return n
}

func (t *Text) groupRow(cells groupCells, widths [5]int, words string, faint bool) {
	st := plain
	if faint {
		st = dim
	}
	l := line{}
	for i, cell := range cells {
		if widths[i] > 0 {
			l = append(l, span{padLeft(cell, widths[i]) + gap, st})
		}
	}
	if t.opt.Width > 0 {
		words = line{{words, st}}.cut(max(t.opt.Width-l.width(), leastCut), t.marks.ellipsis)[0].text
	}
	t.put(append(l, span{words, st}), 0)
}

func byWords(by census.By) string {
	switch by {
	case census.Target:
		return "destination and port"
	case census.Pair:
		return "source, destination and port"
	case census.Netns:
		return "namespace of the source"
	}
	return string(by)
}

func (t *Text) connGroup(g *census.Group, by census.By) string {
	switch by {
	case census.Source:
		return g.Src.String()
	case census.Destination:
		return g.Dst.String()
	case census.Service:
		if g.DstPort == nil {
			return g.Proto
		}
		return g.Proto + " " + strconv.Itoa(int(*g.DstPort))
	case census.State:
		return g.Proto + " " + g.State
	case census.Zone:
		return "zone " + strconv.Itoa(int(*g.Zone))
	case census.Netns:
		return t.clean(ownerWords(g.Netns))
	case census.Pair:
		return g.Src.String() + " " + t.marks.arrow + " " + connTarget(g)
	}
	return connTarget(g)
}

func ownerWords(owner *string) string {
	if owner == nil {
		return "none that is known of this host"
	}
	return *owner
}

func connTarget(g *census.Group) string {
	if g.DstPort == nil {
		return g.Proto + " " + g.Dst.String()
	}
	return g.Proto + " " + netip.AddrPortFrom(g.Dst, *g.DstPort).String()
}

// shareText is a part of all in percent.
func shareText(share float64) string {
	if share > 0 && share < 0.0005 {
		return "<0.1%"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}
