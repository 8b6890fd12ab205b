package render

import (
	"strconv"
	"time"

	"github.com/pktrail/pktrail/journey"
)

// mostBars is how many bars there are where the width does not ask for fewer.
const mostBars = 60

// overTime draws how many lines came in each part of a span: one bar a part.
func overTime[T journey.Time | journey.Uptime](t *Text, sp *journey.LogSpan[T], label func(T, time.Duration) string) {
	if len(sp.Parts) < 2 {
		return
	}
	width := time.Duration(sp.Width * float64(time.Second))
	first, last := label(sp.Start, width), label(sp.Last, width)
	bars, each := t.bars(sp.Parts, len(first)+len(last))
	width *= time.Duration(each)
	t.put(line{{"over time", bold}, {gap + durationWords(width) + " each, " + count(maxOf(bars), "line") + " at most", dim}}, t.opt.Width)
	t.put(line{{"  " + first + " ", dim}, {t.sparks(bars), plain}, {" " + last, dim}}, 0)
}

// bars merges neighbours until they are few enough, and says how many parts are
// in each.
func (t *Text) bars(parts []int64, labels int) (bars []int64, each int) {
	most := mostBars
	if t.opt.Width > 0 {
		most = max(min(most, t.opt.Width-labels-4), leastCut)
	}
	each = (len(parts) + most - 1) / most
	for i, n := range parts {
		if i%each == 0 {
			bars = append(bars, 0)
		}
		bars[len(bars)-1] += n
	}
	return bars, each
}

// sparks draws one character a bar; a part without lines is left empty.
func (t *Text) sparks(bars []int64) string {
	levels := []rune(" ▁▂▃▄▅▆▇█")
	if t.opt.ASCII {
		levels = []rune(" .:-=+*#@")
	}
	top, most := int64(len(levels)-1), maxOf(bars)
	out := make([]rune, len(bars))
	for i, n := range bars {
		level := n
		if most > top {
			level = int64((float64(n)*float64(top) + float64(most) - 1) / float64(most))
		}
		out[i] = levels[min(level, top)]
	}
	return string(out)
}

func maxOf(bars []int64) int64 {
	var most int64
	for _, n := range bars {
		most = max(most, n)
	}
	return most
}

// timeLabel is a time as finely as the width of a part asks.
func (t *Text) timeLabel(at journey.Time, width time.Duration) string {
	switch {
	case width >= 24*time.Hour:
		return t.zoned(at).Format(time.DateOnly)
	case width >= time.Hour:
		return t.zoned(at).Format("01-02 15:04")
	case width >= time.Minute:
		return t.zoned(at).Format("15:04")
	case width >= time.Second:
		return t.zoned(at).Format("15:04:05")
	}
	return t.zoned(at).Format("15:04:05.000")
}

// uptimeLabel is seconds since the host's start.
func uptimeLabel(at journey.Uptime, width time.Duration) string {
	decimals := 3
	if width >= time.Second {
		decimals = 0
	}
	return strconv.FormatFloat(time.Duration(at).Seconds(), 'f', decimals, 64)
}

// durationWords is a width in its largest unit.
func durationWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0:
		return count(int64(d/day), "day")
	case d%time.Hour == 0:
		return count(int64(d/time.Hour), "hour")
	case d%time.Minute == 0:
		return count(int64(d/time.Minute), "minute")
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	}
	return strconv.FormatInt(int64(d/time.Millisecond), 10) + " ms"
}
