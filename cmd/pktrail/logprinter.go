package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/logentry"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/tally"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// logPrinter prints packets as they are logged, and the summary.
type logPrinter struct {
	lines  render.LogPrinter
	out    *bufio.Writer // what lines writes to
	prefix string        // as the user gave it; empty is the point's name
	points bool          // show the hook beside a prefix that does not say the point

	logs   *live.Logs
	limit  int    // end after so many lines; 0 is no limit
	enough func() // ends the log
	first  func() // called when the first packet has come

	parser logline.Parser
	maker  logentry.Maker
	made   event.LogLine
	tally  tally.Tally
	text   []byte // of a prefix
	spaces map[uint16]*journey.Netns
	at     map[place]int64 // packets printed

	shown, foreign, bad int64
	lost                journey.LostCount
	err                 error
}

// place is a point in a namespace.
type place struct {
	netns uint16
	point string
}

// printer makes the printer for where the output goes.
func (f *logFlags) printer(stdout, stderr io.Writer) (*logPrinter, error) {
	p := &logPrinter{prefix: f.prefix, points: f.prefix != "" || f.format != "text", spaces: map[uint16]*journey.Netns{}, at: map[place]int64{}}
	s, lines, err := f.withLines(stdout, stderr, len(f.netns) > 1 || slices.Contains(f.netns, "all"), false)
	if err != nil {
		return nil, err
	}
	p.lines, p.out = lines, s.out
	return p, nil
}

// print prints what comes until ctx ends, then the summary.
func (p *logPrinter) print(ctx context.Context) error {
	err := p.logs.Run(ctx, func(events []event.Event) {
		for i := range events {
			p.take(&events[i])
		}
		p.keep(p.out.Flush())
	})
	if err != nil {
		return err
	}
	p.summary()
	p.keep(p.out.Flush())
	if gone(p.err) {
		return nil
	}
	return p.err
}

// keep keeps the first error, which ends the log.
func (p *logPrinter) keep(err error) {
	if p.err == nil && err != nil {
		p.err = err
		p.enough()
	}
}

func (p *logPrinter) take(e *event.Event) {
	switch e.Kind {
	case event.KindNamespace:
		n := e.Namespace
		p.spaces[e.Netns] = &journey.Netns{Name: n.Name, Inode: n.Inode, Cookie: n.Cookie}
	case event.KindLog:
		p.packet(e)
	case event.KindLost:
		p.loss(e)
	case event.KindUndecoded:
		p.bad++
	}
}

// packet prints one packet as the line that the kernel's own log would have of it.
func (p *logPrinter) packet(e *event.Event) {
	point, ours := p.logs.Point(e)
	if !ours {
		p.foreign++
		return
	}
	if p.err != nil || p.limit > 0 && p.shown >= int64(p.limit) {
		return
	}
	e.Log.Prefix = p.words(point)
	p.made = event.LogLine{Clock: event.ClockReceipt}
	link := func(index uint32) string { return p.logs.Link(e.Netns, index) }
	if err := p.parser.Message(&e.Log, link, &p.made); err != nil {
		p.bad++
		return
	}
	if p.first != nil {
		p.first()
		p.first = nil
	}
	p.tally.Add(e.Time, &p.made)
	line := p.maker.Entry(e.Time, &p.made)
	line.Netns = p.spaces[e.Netns]
	if p.points {
		if line.Hook = point.Hook; line.Hook == "" {
			line.Hook = hookName(e.Log.Hook)
		}
	}
	p.keep(p.lines.LogLine(line))
	p.at[place{e.Netns, point.Name}]++
	if p.shown++; p.limit > 0 && p.shown >= int64(p.limit) {
		p.enough()
	}
}

// words is the prefix of a packet, as the user gave it or as the point is called.
func (p *logPrinter) words(at arm.LogPoint) []byte {
	if p.prefix != "" {
		return append(p.text[:0], p.prefix...)
	}
	p.text = append(append(p.text[:0], at.Name...), ": "...)
	return p.text
}

// hookName is the name of a hook's number (include/uapi/linux/netfilter.h: nf_inet_hooks).
func hookName(number uint8) ruleset.Hook {
	hooks := []ruleset.Hook{ruleset.Prerouting, ruleset.Input, ruleset.Forward, ruleset.Output, ruleset.Postrouting}
	if int(number) < len(hooks) {
		return hooks[number]
	}
	return ""
}

// loss prints a loss when it is over and its number is known.
func (p *logPrinter) loss(e *event.Event) {
	l := e.Lost
	if l.Open {
		return
	}
	p.lost.Count += l.Count
	p.lost.More = p.lost.More || l.More
	p.keep(p.lines.Lost(&journey.Lost{
		Schema: journey.LostSchema, Time: journey.Time{Time: e.Time}, Netns: p.spaces[e.Netns],
		What: l.What, Lost: journey.LostCount{Count: l.Count, More: l.More},
	}))
}

func (p *logPrinter) summary() {
	sum := p.tally.Report(tally.Options{})
	sum.Lost, sum.Bad = p.lost, p.bad
	counts, err := p.logs.Counts()
	if err != nil {
		sum.Notes = append(sum.Notes, err.Error())
	}
	for _, c := range counts {
		point := journey.LogPoint{
			Netns: p.spaces[c.Netns], Name: c.Point.Name, Hook: c.Point.Hook,
			Logged: p.at[place{c.Netns, c.Point.Name}], RateLimited: c.RateLimited,
		}
		if c.Point.Table == "" {
			point.Priority = &c.Point.Priority
		}
		sum.Points = append(sum.Points, point)
		if c.Missing > 0 {
			sum.Notes = append(sum.Notes, c.Point.Name+": somebody else removed our rule while it logged; packets since then are missing")
		}
	}
	if p.limit > 0 && p.shown >= int64(p.limit) && len(counts) > 1 {
		sum.Notes = append(sum.Notes, fmt.Sprintf("ended after %d lines, as was asked: the last packets may have come to points behind those shown", p.shown))
	}
	if p.foreign > 0 {
		sum.Notes = append(sum.Notes, fmt.Sprintf("%d packets came to our group by rules of others, and are not shown", p.foreign))
	}
	p.keep(p.lines.LogSummary(sum))
}
