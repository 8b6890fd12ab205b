package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/internal/source/netfilter"
)

// LogOptions says what to log, and where. The zero value but for the namespaces
// logs everything at every hook, at DefaultRate.
type LogOptions struct {
	Match     match.Match
	Spaces    []*netns.NS
	At        []string // as arm.LogPoints reads them; empty is all
	Side      arm.Side
	Rate      arm.Rate // over all points and namespaces together; zero is DefaultRate
	Unlimited bool
	Legacy    bool // rules in legacy tables in place of tables of our own
	NoOwner   bool // as on kernels before 5.12; tests force it

	BufferBytes int // receive buffer of each namespace; 0 is the source's own
}

// Logs is rules of ours that log packets, and their listeners. Prepare it, look at
// Warnings, Arm it, Run it, Close it.
type Logs struct {
	opt    LogOptions
	spaces []*logSpace
	armed  *arm.Armed
	// Warnings say before waiting what cannot be seen.
	Warnings []string
}

// logSpace is one namespace of the log.
type logSpace struct {
	number uint16
	ns     *netns.NS
	host   *collect.Host
	info   *event.Namespace
	known  arm.Known
	points []arm.LogPoint
	group  uint16
	plan   *arm.Plan
	source *netfilter.Source
	looked time.Time // when the names of interfaces were read last
}

// PrepareLogs looks at the namespaces and plans, and changes nothing.
func PrepareLogs(opt LogOptions) (*Logs, error) {
	if len(opt.At) == 0 {
		opt.At = []string{arm.AllPoints}
	}
	if opt.Rate == (arm.Rate{}) {
		opt.Rate = arm.Rate{Packets: DefaultRate, Per: time.Second, Burst: DefaultRate}
	}
	if opt.Unlimited {
		opt.Rate = arm.Rate{}
	}
	l := &Logs{opt: opt}
	for i, ns := range opt.Spaces {
		s := &logSpace{number: uint16(i), ns: ns, host: collect.New(ns)}
		l.spaces = append(l.spaces, s)
		if err := l.look(s); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
		if err := l.plan(s); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
		for _, note := range s.plan.Notes {
			l.warn(s, note)
		}
	}
	return l, nil
}

func (l *Logs) warn(s *logSpace, text string) {
	if len(l.opt.Spaces) > 1 {
		text = s.ns.Name + ": " + text
	}
	l.Warnings = append(l.Warnings, text)
}

func (l *Logs) look(s *logSpace) (err error) {
	if s.info, err = s.host.Namespace(); err != nil {
		return err
	}
	s.info.Log, s.looked = true, time.Now()
	rules, err := s.host.Inventory()
	if err != nil {
		return err
	}
	s.known.Tables = rules.Tables
	if l.opt.Legacy {
		s.points, err = arm.LegacyPoints(l.opt.At)
	} else {
		s.points, err = arm.LogPoints(l.opt.At, l.opt.Side, rules.Tables)
	}
	return err
}

// plan works out the rules that log to a group: the one that is listened to, or
// one that is free.
func (l *Logs) plan(s *logSpace) (err error) {
	if s.source == nil {
		if s.group, err = netfilter.FreeGroup(s.ns); err != nil {
			return err
		}
	}
	w := arm.LogWish{Match: l.opt.Match, Points: s.points, Rate: l.opt.Rate.Share(len(l.opt.Spaces)), Group: s.group, NoOwner: l.opt.NoOwner}
	if l.opt.Legacy {
		w.Legacy = arm.FindLegacy(l.opt.Side)
	}
	s.plan, err = arm.NewLogPlan(arm.NewName(), w, s.known)
	return err
}

// LogPlan is what will be made in one namespace.
type LogPlan struct {
	*arm.Plan
	Netns string
	Group uint16
}

// Plans are what will be made, one for each namespace.
func (l *Logs) Plans() []LogPlan {
	plans := make([]LogPlan, len(l.spaces))
	for i, s := range l.spaces {
		plans[i] = LogPlan{s.plan, s.ns.Name, s.group}
	}
	return plans
}

// Arm opens the listeners and makes the rules. What traces and logs that are gone
// have left behind is put back first.
func (l *Logs) Arm() error {
	l.Warnings = append(l.Warnings, repairFirst(l.opt.Spaces)...)
	for _, s := range l.spaces {
		if err := l.listen(s); err != nil {
			return errors.Join(fmt.Errorf("namespace %s: %w", s.ns.Name, err), l.Close())
		}
	}
	if err := l.start(); err != nil {
		return errors.Join(err, l.Close())
	}
	l.Warnings = append(l.Warnings, l.armed.Notes...)
	return nil
}

// groupTries is how many groups are tried: another program may take one between
// the look at what is free and the listening.
const groupTries = 8

func (l *Logs) listen(s *logSpace) (err error) {
	for range groupTries {
		s.source, err = netfilter.OpenGroup(s.ns, s.group, netfilter.Options{Netns: s.number, BufferBytes: l.opt.BufferBytes})
		var busy *netfilter.Busy
		if !errors.As(err, &busy) {
			return err
		}
		if err := l.plan(s); err != nil {
			return err
		}
	}
	return err
}

func (l *Logs) start() (err error) {
	l.armed, err = arming(l.targets, func() error {
		l.opt.NoOwner = true
		for _, s := range l.spaces {
			if err := l.plan(s); err != nil {
				return err
			}
		}
		return nil
	}, &l.Warnings)
	return err
}

func (l *Logs) targets() []arm.Target {
	targets := make([]arm.Target, len(l.spaces))
	for i, s := range l.spaces {
		targets[i] = arm.Target{NS: s.ns, Plan: s.plan}
	}
	return targets
}

// Close takes everything back: rules, then listeners.
func (l *Logs) Close() error {
	var err error
	if l.armed != nil {
		err = l.armed.Disarm()
		l.armed = nil
	}
	for _, s := range l.spaces {
		if s.source != nil {
			_ = s.source.Close()
			s.source = nil
		}
	}
	return err
}

// Run implements source.Source: it emits what is known of each namespace, logged
// packets as KindLog, and losses. Point tells where a packet was logged.
func (l *Logs) Run(ctx context.Context, emit func([]event.Event)) error {
	sources := make([]source.Source, len(l.spaces))
	described := make([]event.Event, len(l.spaces))
	for i, s := range l.spaces {
		sources[i] = s.source
		described[i] = event.Event{Kind: event.KindNamespace, Time: time.Now(), Netns: s.number, Namespace: s.info}
	}
	emit(described)
	return source.Merge(sources...).Run(ctx, emit)
}

// Point is where a packet was logged; ok is false for one that rules of others
// sent to our group.
func (l *Logs) Point(e *event.Event) (p arm.LogPoint, ok bool) {
	if int(e.Netns) >= len(l.spaces) {
		return p, false
	}
	plan := l.spaces[e.Netns].plan
	i, ok := plan.PointOf(e.Log.Prefix)
	if ok {
		p = plan.Points[i]
	}
	return p, ok
}

// lookAgain is how often the names of interfaces are read at most.
const lookAgain = time.Second

// Link is the name of an interface, empty where it is not known. One that came
// since the last look is looked for. Only inside a call of emit.
func (l *Logs) Link(netns uint16, index uint32) string {
	s := l.spaces[netns]
	name, known := s.info.Links[index]
	if !known && index != 0 && time.Since(s.looked) > lookAgain {
		s.looked = time.Now()
		if info, err := s.host.Namespace(); err == nil {
			s.info.Links = info.Links
		}
		name = s.info.Links[index]
	}
	return name
}

// LogCount is what the rules at one point counted in one namespace.
type LogCount struct {
	Netns uint16 // number in the stream
	Point arm.LogPoint
	arm.PointCount
}

// Counts are what the rules counted since they were made. Before Close.
func (l *Logs) Counts() ([]LogCount, error) {
	var all []LogCount
	for i, s := range l.spaces {
		counts, err := l.armed.LogCounters(i)
		if err != nil {
			return all, fmt.Errorf("namespace %s: what the rules counted: %w", s.ns.Name, err)
		}
		for p, c := range counts {
			all = append(all, LogCount{Netns: s.number, Point: s.plan.Points[p], PointCount: c})
		}
	}
	return all, nil
}

// Wait is Trace.Wait for a log.
func (l *Logs) Wait(ctx context.Context, say func(string)) (stop func()) {
	what := l.opt.Match.String()
	if what == "" {
		what = "any packet"
	}
	return wait(ctx, l.opt.Spaces, what+" in "+l.Names(), say)
}

// Names are the namespaces, for people.
func (l *Logs) Names() string {
	names := make([]string, len(l.spaces))
	for i, s := range l.spaces {
		names[i] = s.ns.Name
	}
	return strings.Join(names, ", ")
}
