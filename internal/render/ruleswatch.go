package render

import (
	"fmt"
	"strconv"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// RuleHits prints which rules were hit.
func (p *JSON) RuleHits(h *rules.Hits) error { return p.enc.Encode(h) }

// RuleHits prints which rules were hit, as a table: how often, where, and the text.
func (t *Text) RuleHits(h *rules.Hits) error {
	t.apart(other)
	t.flow(2, t.hitWords(h)...)
	if len(h.Rules) > 0 {
		t.hitRows(h)
	}
	for _, words := range hitNotes(h) {
		t.flow(6, line{{"note:", yellow}, {" " + words, plain}})
	}
	return t.flush()
}

func (t *Text) hitWords(h *rules.Hits) []line {
	var words []line
	if t.opt.Netns && h.Netns != nil {
		words = append(words, line{{t.clean(h.Netns.Name) + ":", bold}})
	}
	words = append(words, line{{rulesWord(h.Hit) + " hit", bold}}, line{{fmt.Sprintf("in %.1f s", h.Seconds), plain}})
	return append(words, line{{fmt.Sprintf("%d not", h.Quiet), dim}})
}

func hitNotes(h *rules.Hits) (notes []string) {
	if h.Came+h.Went > 0 {
		notes = append(notes, fmt.Sprintf("the ruleset changed: %s came, %d went; those that came count from zero", rulesWord(h.Came), h.Went))
	}
	if h.Zeroed > 0 {
		notes = append(notes, rulesWord(h.Zeroed)+" counted anew from zero: what they saw before that is missing")
	}
	if h.Uncounted > 0 {
		notes = append(notes, rulesWord(h.Uncounted)+" without a counter: whether they are hit is not known")
	}
	return notes
}

// hitRows are the rules in columns: numbers to the right, the text last.
func (t *Text) hitRows(h *rules.Hits) {
	type cells [4]string
	rows := make([]cells, len(h.Rules))
	head := cells{"packets/s", "bytes/s", "rule", ""}
	var w [3]int
	for i := range w {
		w[i] = len(head[i])
	}
	for i := range h.Rules {
		r := &h.Rules[i]
		rows[i] = cells{rateText(&r.PacketsPerSecond), rateText(&r.BytesPerSecond), t.clean(hitPlace(r))}
		for k := range w {
			w[k] = max(w[k], columns(rows[i][k]))
		}
	}
	t.put(line{{left(head[0], w[0]) + gap + left(head[1], w[1]) + gap + head[2], dim}}, t.opt.Width)
	for i, row := range rows {
		head := left(row[0], w[0]) + gap + left(row[1], w[1]) + gap + pad(row[2], w[2]) + gap
		t.put(line{{head, plain}, t.hitText(&h.Rules[i], columns(head))}, t.opt.Width)
	}
}

func (t *Text) hitText(r *rules.RuleHits, beside int) span {
	if r.Ref.Rule == nil {
		if r.Ref.Chain.Policy == ruleset.Drop {
			return span{r.Text, red}
		}
		return span{r.Text, plain}
	}
	return span{t.ruleText(r.Ref.Chain, r.Ref.Rule, beside), ruleStyle(r.Ref.Rule)}
}

func hitPlace(r *rules.RuleHits) string {
	words := modelTable(r.Ref.Table) + " " + r.Chain
	if r.Number > 0 {
		words += " #" + strconv.Itoa(r.Number)
	}
	return words
}
