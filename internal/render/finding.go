package render

import (
	"time"

	"github.com/pktrail/pktrail/internal/doctor"
)

// Logging prints each finding as an object of its own, and last where packets' lines go.
func (p *JSON) Logging(r *doctor.LoggingReport) error {
	for i := range r.Findings {
		if err := p.enc.Encode(&r.Findings[i]); err != nil {
			return err
		}
	}
	return p.enc.Encode(r)
}

// Logging prints where packets' lines go, as a table, then what is in their way.
func (t *Text) Logging(r *doctor.LoggingReport) error {
	t.apart(other)
	t.flow(2, line{{"where the lines of packets go in network namespace ", plain}, {r.Netns.Name, bold}})
	t.ways(r.Ways)
	for i := range r.Findings {
		t.apart(other)
		t.finding(&r.Findings[i])
	}
	if !r.Trouble {
		t.apart(other)
		t.flow(2, line{{healthyWords(r), green}})
	}
	return t.flush()
}

// healthyWords says that all is well, and where to look.
func healthyWords(r *doctor.LoggingReport) string {
	words := "nothing found that would swallow packet lines: " + ruleWords(r.Rules)
	if r.LastLine != nil {
		words += ", last line " + age(*r.LastLine) + " ago"
	}
	if to := r.Destinations(); to != "" {
		words += ", lines go to " + to
	}
	return words
}

func ruleWords(n int) string {
	if n == 1 {
		return "1 rule logs"
	}
	return count(int64(n), "rule") + " log"
}

// age is seconds as a person says them.
func age(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// ways prints the table: family, what, rules, packets, destination.
func (t *Text) ways(all []doctor.Way) {
	if len(all) == 0 {
		t.put(line{{"  no rule tells of packets", dim}}, 0)
	}
	rows := make([][4]string, len(all))
	var widths [4]int
	for i, w := range all {
		packets := "packets not counted"
		if w.Packets != nil {
			packets = count(int64(*w.Packets), "packet")
		}
		rows[i] = [4]string{w.Family, t.clean(w.What), count(int64(w.Rules), "rule"), packets}
		for k, cell := range rows[i] {
			widths[k] = max(widths[k], columns(cell))
		}
	}
	for i, w := range all {
		left := line{{"  ", plain}}
		for k, cell := range rows[i] {
			left = append(left, span{pad(cell, widths[k]) + gap, plain})
		}
		t.destination(left, &w)
	}
}

// destination writes where a row's lines go, on lines of its own where there are several.
func (t *Text) destination(left line, w *doctor.Way) {
	if w.Nowhere != "" {
		t.put(append(left, span{"nowhere: " + t.clean(w.Nowhere), yellow}), 0)
		return
	}
	indent := line{{pad("", left.width()), plain}}
	for i, to := range w.To {
		head := indent
		if i == 0 {
			head = left
		}
		t.put(append(head, span{t.marks.arrow + " " + t.clean(to), plain}), 0)
	}
}

// finding prints one finding: what, what was seen, what mends it.
func (t *Text) finding(f *doctor.Finding) {
	severity := string(f.Severity)
	if f.Certainty == doctor.Suspect {
		severity += ", suspected"
	}
	t.flow(2, line{{severity + ":", severityStyle(f.Severity)}, {" " + f.Title, plain}}, line{{"(" + f.ID + ")", dim}})
	for i, e := range f.Evidence {
		words := e.What + ": " + e.Is
		if e.Want != "" {
			words += "; wanted: " + e.Want
		}
		t.indented("seen", i, words)
	}
	for i, fix := range f.Fix {
		t.indented("fix", i, fix)
	}
	for i, source := range f.Source {
		t.indented("see", i, source)
	}
}

func severityStyle(s doctor.Severity) style {
	switch s {
	case doctor.Critical, doctor.High:
		return red
	case doctor.Medium, doctor.Low:
		return yellow
	}
	return dim
}

// indented writes one line of a list under a label, uncut: commands are there to be copied.
func (t *Text) indented(label string, index int, words string) {
	if index == 0 {
		label += ":"
	} else {
		label = ""
	}
	t.put(line{{"  " + pad(label, 6), dim}, {t.clean(words), plain}}, 0)
}
