// Package live is a trace from beginning to end: it looks at the namespaces,
// says what it will not be able to see, arms them, reads, and turns what comes
// into journeys. It is the wiring that the commands, the demo and the tests share.
package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/internal/source/netfilter"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// DefaultRate is how many packets a second are traced at most, over all
// namespaces together, unless the user says otherwise.
const DefaultRate = 100

// Options says what to trace. The zero value traces everything of the
// namespaces given, at DefaultRate.
type Options struct {
	Match         match.Match
	Spaces        []*netns.NS
	From          []ruleset.Hook // empty is prerouting and output
	Bridge        bool
	Rate          uint64 // packets a second over all namespaces; 0 is DefaultRate
	Unlimited     bool
	NoMilestones  bool
	RequireLegacy bool
	NoOwner       bool // as on kernels before 5.12; tests force it
	NoTexts       bool
	BufferBytes   int // receive buffer of each namespace; 0 is the source's own
	Recorder      *source.Recorder
}

// Trace is one live trace. Open it, look at Warnings, Run it, Close it.
type Trace struct {
	opt    Options
	spaces []*space
	armed  *arm.Armed
	// widened are the tuples that other namespaces follow too.
	widened map[packet.Tuple]bool
	// Warnings say before waiting what cannot be seen, or may pass without
	// meeting a rule. Cost says what arming costs.
	Warnings []string
}

// space is one namespace of the trace.
type space struct {
	number uint16
	ns     *netns.NS
	host   *collect.Host
	info   *event.Namespace
	rules  *event.Rules
	known  arm.Known
	plan   *arm.Plan
	source *netfilter.Source
	read   time.Time // when the texts were read last
	check  time.Time // when the rules are to be looked at next
	blind  string    // why legacy lines cannot be seen
}

// Prepare looks at the namespaces and plans, and changes nothing.
func Prepare(opt Options) (*Trace, error) {
	if len(opt.From) == 0 {
		opt.From = []ruleset.Hook{ruleset.Prerouting, ruleset.Output}
	}
	if opt.Rate == 0 {
		opt.Rate = DefaultRate
	}
	t := &Trace{opt: opt, widened: map[packet.Tuple]bool{}}
	for i, ns := range opt.Spaces {
		s := &space{number: uint16(i), ns: ns, host: collect.New(ns)}
		if err := t.look(s); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
		t.spaces = append(t.spaces, s)
	}
	for _, s := range t.spaces {
		if err := t.plan(s); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", s.ns.Name, err)
		}
	}
	return t, nil
}

func (t *Trace) look(s *space) (err error) {
	if s.info, err = s.host.Namespace(); err != nil {
		return err
	}
	if s.rules, err = s.host.Inventory(); err != nil {
		return err
	}
	s.known.Tables = s.rules.Tables
	s.known.Conntrack4, s.known.Conntrack6, _ = s.host.Conntrack()
	for _, b := range s.host.Bypasses() {
		t.warn(s, b)
	}
	for _, i := range t.opt.Match.In.Values {
		if !i.Wild {
			s.known.Devices = append(s.known.Devices, i.Name)
		}
	}
	return nil
}

func (t *Trace) warn(s *space, text string) {
	if len(t.opt.Spaces) > 1 {
		text = s.ns.Name + ": " + text
	}
	t.Warnings = append(t.Warnings, text)
}

func (t *Trace) plan(s *space) (err error) {
	if t.opt.Bridge && !s.host.HasBridges() {
		return errors.New("--from bridge: no bridge can be here, since the kernel's module bridge is not loaded, and a trace does not load it")
	}
	w := arm.Wish{
		Match: t.opt.Match, From: t.opt.From, Bridge: t.opt.Bridge, Both: t.opt.Match.Both,
		Widen:        t.widens(),
		NoMilestones: t.opt.NoMilestones, NoOwner: t.opt.NoOwner,
	}
	if !t.opt.Unlimited {
		w.Rate = max(1, t.opt.Rate/uint64(len(t.spaces)))
	}
	s.plan, err = arm.NewPlan(arm.NewName(), w, s.known)
	return err
}

// widens reports whether other namespaces must learn what NAT makes of a flow:
// without a MATCH they follow it anyway.
func (t *Trace) widens() bool {
	return len(t.opt.Spaces) > 1 && t.opt.Match.String() != (match.Match{}).String()
}

// Plans are what will be made, one for each namespace.
func (t *Trace) Plans() []*arm.Plan {
	plans := make([]*arm.Plan, len(t.spaces))
	for i, s := range t.spaces {
		plans[i] = s.plan
	}
	return plans
}

// Arm opens the listeners and switches everything on. What traces that are gone
// have left behind is put back first.
func (t *Trace) Arm() error {
	t.Warnings = append(t.Warnings, repairFirst(t.opt.Spaces)...)
	for _, s := range t.spaces {
		if err := t.listen(s); err != nil {
			return errors.Join(err, t.Close())
		}
	}
	if err := t.start(); err != nil {
		return errors.Join(err, t.Close())
	}
	t.Warnings = append(t.Warnings, t.armed.Notes...)
	return nil
}

func (t *Trace) start() (err error) {
	t.armed, err = arming(t.targets, func() error {
		t.opt.NoOwner = true
		for _, s := range t.spaces {
			if err := t.plan(s); err != nil {
				return err
			}
		}
		return nil
	}, &t.Warnings)
	return err
}

// arming arms targets. Where the kernel does not know tables with an owner, they are
// planned anew, guarded in another way, and a warning says so.
func arming(targets func() []arm.Target, withoutOwner func() error, warnings *[]string) (*arm.Armed, error) {
	a, err := arm.Start(targets())
	if err == nil || !errors.Is(err, arm.ErrNoOwner) {
		return a, err
	}
	if err := withoutOwner(); err != nil {
		return nil, err
	}
	guarded, again := arm.Start(targets())
	if again != nil {
		return nil, err
	}
	*warnings = append(*warnings, noOwnerWarning)
	return guarded, nil
}

const noOwnerWarning = "this kernel does not know tables with an owner (Linux 5.12): a guardian process removes ours should this one be killed"

// repairFirst puts back what traces and logs that are gone have left behind, and
// says what that was.
func repairFirst(spaces []*netns.NS) []string {
	var said []string
	repaired, err := arm.Repair(spaces)
	if err != nil {
		said = append(said, fmt.Sprintf("what an earlier trace or log left behind could not be repaired: %v", err))
	}
	for _, r := range repaired {
		if r.Done {
			said = append(said, "an earlier trace or log was killed; put back: "+r.What)
		}
	}
	return said
}

func (t *Trace) targets() []arm.Target {
	targets := make([]arm.Target, len(t.spaces))
	for i, s := range t.spaces {
		targets[i] = arm.Target{NS: s.ns, Plan: s.plan}
	}
	return targets
}

// listen opens the socket of a namespace and, where legacy tables are, becomes
// the listener of their lines.
func (t *Trace) listen(s *space) (err error) {
	s.source, err = netfilter.Open(s.ns, netfilter.Options{Netns: s.number, BufferBytes: t.opt.BufferBytes, Recorder: t.opt.Recorder})
	if err != nil {
		return fmt.Errorf("namespace %s: %w", s.ns.Name, err)
	}
	if len(s.plan.Loggers) == 0 {
		return nil
	}
	err = s.source.ListenLegacy(s.ns)
	switch {
	case err == nil:
		return nil
	case t.opt.RequireLegacy:
		return fmt.Errorf("namespace %s: lines of legacy tables: %w", s.ns.Name, err)
	}
	s.blind = err.Error()
	s.plan.Loggers = nil
	t.warn(s, fmt.Sprintf("the rules of legacy tables will not be seen: %s. Journeys will say that they are not complete; --require-legacy refuses instead", s.blind))
	return nil
}

// Close takes everything back.
func (t *Trace) Close() error {
	var errs []error
	if t.armed != nil {
		errs = append(errs, t.armed.Disarm())
		t.armed = nil
	}
	for _, s := range t.spaces {
		if s.source != nil {
			_ = s.source.Close()
			s.source = nil
		}
	}
	return errors.Join(errs...)
}

// described are the events that begin a stream: what is known of each namespace.
func (t *Trace) described(now time.Time) []event.Event {
	var events []event.Event
	for _, s := range t.spaces {
		s.info.OwnTable, s.info.Own, s.info.BlindLegacy = s.plan.Name, s.plan.Own, s.blind
		s.rules.Pending = !t.opt.NoTexts
		events = append(events,
			event.Event{Kind: event.KindNamespace, Time: now, Netns: s.number, Namespace: s.info},
			event.Event{Kind: event.KindRules, Time: now, Netns: s.number, Rules: s.rules})
	}
	for _, w := range t.Warnings {
		events = append(events, event.Event{Kind: event.KindNote, Time: now, Note: w})
	}
	return events
}

// counted are the events that end it.
func (t *Trace) counted(now time.Time) []event.Event {
	var events []event.Event
	for i, s := range t.spaces {
		traced, limited, err := t.armed.Counters(i)
		if err != nil {
			events = append(events, event.Event{Kind: event.KindNote, Time: now, Note: fmt.Sprintf("how many packets the rate limit left out is not known: %v", err)})
			continue
		}
		events = append(events, event.Event{Kind: event.KindCounters, Time: now, Netns: s.number, Counters: &event.Counters{Traced: traced, RateLimited: limited}})
	}
	return events
}

// Run implements source.Source: it emits everything that a recording needs too.
func (t *Trace) Run(ctx context.Context, emit func([]event.Event)) error {
	sources := make([]source.Source, 0, len(t.spaces)+1)
	for _, s := range t.spaces {
		sources = append(sources, s.source)
	}
	if !t.opt.NoTexts {
		sources = append(sources, texts{t})
	}
	t.give(t.described(time.Now()), emit)
	err := source.Merge(sources...).Run(ctx, emit)
	t.give(t.counted(time.Now()), emit)
	return err
}

// give records events that did not come in a datagram, and emits them.
func (t *Trace) give(events []event.Event, emit func([]event.Event)) {
	t.opt.Recorder.Together(func() {
		for i := range events {
			if t.opt.Recorder != nil {
				t.opt.Recorder.Event(&events[i])
			}
		}
		emit(events)
	})
}

// Record makes the trace write a recording too; nil is none. Before Arm.
func (t *Trace) Record(r *source.Recorder) { t.opt.Recorder = r }

// Many reports whether the trace follows more than one namespace.
func (t *Trace) Many() bool { return len(t.spaces) > 1 }

// Wider names the parts of MATCH that the rules cannot judge in some namespace.
func (t *Trace) Wider() []match.Reason {
	var all []match.Reason
	for _, s := range t.spaces {
		for _, r := range s.plan.Wider {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// Names are the namespaces, for people.
func (t *Trace) Names() string {
	names := make([]string, len(t.spaces))
	for i, s := range t.spaces {
		names[i] = s.ns.Name
	}
	return strings.Join(names, ", ")
}
