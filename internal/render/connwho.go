package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/census"
)

// ConnWho prints what fills a table: the verdict, what it stands on, the
// namespaces with entries, and the largest groups.
func (t *Text) ConnWho(w *census.Who) error {
	t.apart(other)
	head := line{{w.Verdict, verdictStyle(w)}}
	if t.opt.Netns && w.Netns != nil {
		head = append(line{{t.clean(w.Netns.Name) + ": ", bold}}, head...)
	}
	t.flow(2, head)
	t.put(nil, 0)
	t.fact("entries", whoEntries(w))
	t.fact("changes", whoChanges(w))
	t.fact("given up first", fmt.Sprintf("%d not assured%s", w.Unassured, partOf(w.Unassured, w.Listed)))
	t.fact("unreplied", fmt.Sprintf("%d%s", w.Unreplied, partOf(w.Unreplied, w.Listed)))
	t.fact("refused", whoCounters(w))
	t.fact("memory", whoMemory(w))
	t.holders(w)
	for i := range w.Rankings {
		if tellsMore(&w.Rankings[i]) {
			t.put(nil, 0)
			t.connGroups(&w.Rankings[i])
		}
	}
	return t.flush()
}

// verdictStyle is by the verdict's worst news.
func verdictStyle(w *census.Who) style {
	const soon = 3600
	for _, c := range w.Counters {
		if c.Since > 0 && (c.Name == "drop" || c.Name == "early_drop") {
			return red
		}
	}
	switch {
	case w.Share != nil && *w.Share >= 0.95:
		return red
	case w.Share != nil && *w.Share >= 0.8, w.FullIn != nil && *w.FullIn < soon:
		return yellow
	}
	return bold
}

// tellsMore: a ranking with one group alone, which has all, says nothing.
func tellsMore(r *census.Ranking) bool {
	switch r.By {
	case census.Zone, census.Netns:
		return r.Keys > 1
	}
	return r.Keys > 0
}

func (t *Text) fact(label, words string) {
	const width = len("given up first")
	if words != "" {
		t.flow(2+width+len(gap), line{{"  " + pad(label, width) + gap, dim}, {words, plain}})
	}
}

func whoEntries(w *census.Who) string {
	switch {
	case w.Share != nil:
		return fmt.Sprintf("%d of at most %d (nf_conntrack_max: one value for the host, held against each namespace's own count)", w.Entries, *w.Max)
	case w.Max != nil:
		return strconv.FormatInt(w.Entries, 10) + ", no limit (nf_conntrack_max is 0)"
	}
	return strconv.FormatInt(w.Entries, 10) + ", limit not known"
}

func whoChanges(w *census.Who) string {
	if w.Seconds == nil {
		return ""
	}
	words := "not counted: there are more entries than can be told apart"
	if w.New != nil && w.Ended != nil {
		words = rateText(w.New) + " new/s, " + rateText(w.Ended) + " ended/s"
	}
	return fmt.Sprintf("%s, over %.1f s", words, *w.Seconds)
}

func partOf(n, all int64) string {
	if all == 0 {
		return ""
	}
	return " (" + census.Percent(float64(n)/float64(all)) + ")"
}

func whoCounters(w *census.Who) string {
	var words []string
	for _, c := range w.Counters {
		word := c.Name + " " + strconv.FormatUint(uint64(c.Total), 10)
		if c.Since > 0 {
			word += fmt.Sprintf(" (+%d now)", c.Since)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func whoMemory(w *census.Who) string {
	m := w.Memory
	if m == nil {
		return ""
	}
	words := fmt.Sprintf("%s in entries of %d bytes; NAT and accounting take more", bytesText(m.Table), m.Entry)
	if m.Hash > 0 {
		words += "; " + bytesText(m.Hash) + " in the host's hash table"
	}
	if m.Full > 0 {
		words += "; " + bytesText(m.Full) + " when full"
	}
	return words
}

// bytesText is bytes in the largest unit of which there is at least one.
func bytesText(n int64) string {
	units := [...]string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, u := float64(n), 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	if u == 0 {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[u]
}

// maxHolders is how many namespaces are listed.
const maxHolders = 10

func (t *Text) holders(w *census.Who) {
	if len(w.Namespaces) > 0 {
		t.put(nil, 0)
		t.put(line{{"entries by namespace, each held against the limit for itself", dim}}, t.opt.Width)
	}
	digits := 0
	for _, h := range w.Namespaces {
		digits = max(digits, len(strconv.FormatInt(h.Entries, 10)))
	}
	for i, h := range w.Namespaces {
		if i == maxHolders {
			t.put(line{{fmt.Sprintf("and %d more", len(w.Namespaces)-i), dim}}, 0)
			break
		}
		cell := "  ?"
		if h.Fill != nil {
			cell = shareText(*h.Fill)
		}
		t.put(line{{padLeft(strconv.FormatInt(h.Entries, 10), digits) + gap, plain}, {padLeft(cell, 6) + gap, dim}, {t.clean(h.Netns.Name), plain}}, t.opt.Width)
	}
	if w.Silent > 0 {
		t.put(line{{count(int64(w.Silent), "namespace") + " could not be asked", yellow}}, 0)
	}
}
