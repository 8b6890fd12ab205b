package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/correlate"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// told is what a trace told.
type told struct {
	journeys []*journey.Journey
	lost     []*journey.Lost
	counts   correlate.Counts
	warnings []string
}

// watched is a trace that runs.
type watched struct {
	t      testing.TB
	trace  *Trace
	cancel context.CancelFunc
	done   chan struct{}
	err    error

	mu      sync.Mutex
	read    int // how often texts came
	widened int // flows that are followed in more namespaces than MATCH names
	changed *sync.Cond
	told    told
}

// watch arms namespaces of a lab and follows their packets until stop.
func watch(t testing.TB, l *lab.Lab, opt Options, names ...string) *watched {
	t.Helper()
	opt.Spaces = spacesOf(l, names...)
	if opt.Rate == 0 {
		opt.Unlimited = true
	}
	trace, err := Prepare(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := trace.Arm(); err != nil {
		t.Fatal(err)
	}
	return follow(t, trace)
}

func spacesOf(l *lab.Lab, names ...string) []*netns.NS {
	var spaces []*netns.NS
	for _, n := range names {
		spaces = append(spaces, l.NS(n))
	}
	return spaces
}

// watching is a trace as a source whose texts can be waited for.
func watching(t testing.TB, trace *Trace) *watched {
	w := &watched{t: t, trace: trace, done: make(chan struct{})}
	w.changed = sync.NewCond(&w.mu)
	return w
}

// follow runs a trace that is armed.
func follow(t testing.TB, trace *Trace) *watched {
	w := watching(t, trace)
	w.told.warnings = trace.Warnings
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() {
		defer close(w.done)
		w.told.counts, w.err = Tell(ctx, w, Teller{
			Journey: func(j *journey.Journey) { w.note(func() { w.told.journeys = append(w.told.journeys, j) }) },
			Lost:    func(l *journey.Lost) { w.note(func() { w.told.lost = append(w.told.lost, l) }) },
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-w.done
		if err := trace.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// Run passes the trace's events on and notes when texts have come.
func (w *watched) Run(ctx context.Context, emit func([]event.Event)) error {
	return w.trace.Run(ctx, func(events []event.Event) {
		emit(events)
		for i := range events {
			if r := events[i].Rules; r != nil && !r.Pending {
				w.note(func() { w.read++ })
			}
		}
	})
}

// learn passes on what Tell learns, and notes that the trace has learned it.
func (w *watched) learn(j *journey.Journey) string {
	said := w.trace.learn(j)
	if said != "" {
		w.note(func() { w.widened++ })
	}
	return said
}

func (w *watched) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.changed.Broadcast()
}

// await blocks until holds, which is asked under the lock, or fails the test.
func (w *watched) await(what string, holds func() bool) {
	w.t.Helper()
	late := false
	timer := time.AfterFunc(lab.Patience, func() { w.note(func() { late = true }) })
	defer timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !holds() {
		if late {
			w.t.Fatalf("waited in vain for %s; %d journeys", what, len(w.told.journeys))
		}
		w.changed.Wait()
	}
}

// texts blocks until the texts of every namespace have been read n times.
func (w *watched) texts(n int) {
	w.t.Helper()
	w.await("the texts of the rules", func() bool { return w.read >= n*len(w.trace.spaces) })
}

// journeys blocks until n journeys have been told.
func (w *watched) journeys(n int) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d journeys", n), func() bool { return len(w.told.journeys) >= n })
}

// settle is how long packets may still be on their way in the kernel.
const settle = 60 * time.Millisecond

// stop ends the trace when the packets that were sent have passed.
func (w *watched) stop() told {
	w.t.Helper()
	if !w.trace.opt.NoTexts {
		w.texts(1)
	}
	time.Sleep(settle)
	w.cancel()
	<-w.done
	if w.err != nil {
		w.t.Fatal(w.err)
	}
	return w.told
}

// byID returns the journey of an id, or nil.
func (to *told) byID(id journey.ID) *journey.Journey {
	for _, j := range to.journeys {
		if j.ID == id {
			return j
		}
	}
	return nil
}

// show is a journey as a failed test prints it.
func show(j *journey.Journey) string {
	var b strings.Builder
	p := &j.Packet
	fmt.Fprintf(&b, "%s %s %s -> %s", p.Proto, p.Family, p.Src, p.Dst)
	if p.SrcPort != nil {
		fmt.Fprintf(&b, " %d -> %d", *p.SrcPort, *p.DstPort)
	}
	if p.ICMP != nil {
		fmt.Fprintf(&b, " %s", p.ICMP.Name)
	}
	fmt.Fprintf(&b, " ids %s %v cause %q: %s with %q, %s, complete %v %v links %v\n  why: %s\n",
		j.TraceID, j.TraceIDs, j.ArmedFrom, j.Outcome.Result, j.Outcome.With, j.Identity, j.Complete, j.Missing, j.Links, j.Outcome.Why)
	for i := range j.Steps {
		mark := " "
		if s := j.Outcome.Step; s != nil && *s == i {
			mark = ">"
		} else if slices.Contains(j.Outcome.Because, i) {
			mark = "*"
		}
		fmt.Fprintf(&b, " %s %2d %s\n", mark, i, words(&j.Steps[i]))
	}
	return b.String()
}

func all(js []*journey.Journey) string {
	var b strings.Builder
	for _, j := range js {
		b.WriteString(show(j))
	}
	return b.String()
}

// words is a step in one line.
func words(s *journey.Step) string {
	head := fmt.Sprintf("%s %s/%s %s", s.Hook, s.In, s.Out, s.Kind)
	switch {
	case s.Rule != nil:
		r := s.Rule
		return fmt.Sprintf("%s %s %s %s %s#%d @%d %q %s -> %s %s%s", head, r.Backend, s.Family, r.Table, r.Chain, r.Number, r.Handle, r.Text, s.Verdict, r.Target, r.NoText, r.Doubt)
	case s.Mark != nil:
		return fmt.Sprintf("%s %#x -> %#x", head, s.Mark.From, s.Mark.To)
	case s.NAT != nil:
		return head + " " + translated(s.NAT)
	case s.CT != nil:
		return fmt.Sprintf("%s %s %s %v", head, s.CT.State, s.CT.Direction, s.CT.Status)
	case s.Device != nil:
		return fmt.Sprintf("%s %s -> %s: %s", head, s.Device.From, s.Device.To, s.Device.Why)
	}
	return head
}

// translated is a translation in words.
func translated(n *journey.NAT) string {
	var parts []string
	if n.Src != nil {
		parts = append(parts, fmt.Sprintf("src %s -> %s", n.Src.From, n.Src.To))
	}
	if n.SPort != nil {
		parts = append(parts, fmt.Sprintf("sport %d -> %d", n.SPort.From, n.SPort.To))
	}
	if n.Dst != nil {
		parts = append(parts, fmt.Sprintf("dst %s -> %s", n.Dst.From, n.Dst.To))
	}
	if n.DPort != nil {
		parts = append(parts, fmt.Sprintf("dport %d -> %d", n.DPort.From, n.DPort.To))
	}
	return strings.Join(parts, ", ") + " by " + n.By
}

// words of MATCH for a test.
func matching(t testing.TB, args ...string) match.Match {
	t.Helper()
	m, rest, err := match.Parse(args)
	if err != nil || len(rest) > 0 {
		t.Fatal(err, rest)
	}
	return m
}

// datagram is a UDP packet.
func datagram(t testing.TB, src, dst string, sport, dport uint16) []byte {
	t.Helper()
	return built(t, &packet.Packet{Proto: packet.ProtoUDP, SrcPort: sport, DstPort: dport}, src, dst, "pktrail test!")
}

// segment is a TCP packet without payload.
func segment(t testing.TB, src, dst string, sport, dport uint16, flags packet.TCPFlags) []byte {
	t.Helper()
	p := &packet.Packet{Proto: packet.ProtoTCP, SrcPort: sport, DstPort: dport, TCP: packet.TCP{Flags: flags, Seq: 1000, Window: 1024}}
	return built(t, p, src, dst, "")
}

func built(t testing.TB, p *packet.Packet, src, dst, payload string) []byte {
	t.Helper()
	p.Src, p.Dst = netip.MustParseAddr(src), netip.MustParseAddr(dst)
	p.Family = packet.IPv4
	if p.Src.Is6() {
		p.Family = packet.IPv6
	}
	b, err := packet.Build(p, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// load gives rules to a namespace of a lab.
func load(t testing.TB, l *lab.Lab, ns string, w lab.World, f packet.Family, text string) {
	t.Helper()
	lab.Need(t, w)
	if err := l.Load(context.Background(), ns, lab.Ruleset{World: w, Family: f, Text: text}); err != nil {
		t.Fatal(err)
	}
}

// run runs a command in a namespace of a lab and returns what it printed.
func run(t testing.TB, l *lab.Lab, ns string, argv ...string) string {
	t.Helper()
	out, err := l.Exec(context.Background(), ns, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// send sends one packet out of a namespace. That a rule of the output hook drops
// it, which the kernel tells the sender, is no error.
func send(t testing.TB, l *lab.Lab, ns string, b []byte) {
	t.Helper()
	if err := l.SendIP(ns, b); err != nil && !errors.Is(err, unix.EPERM) {
		t.Fatal(err)
	}
}

// rules are the steps that stand for a rule, policy or return.
func rules(j *journey.Journey, kinds ...journey.Kind) []*journey.Step {
	var found []*journey.Step
	for i := range j.Steps {
		if slices.Contains(kinds, j.Steps[i].Kind) {
			found = append(found, &j.Steps[i])
		}
	}
	return found
}
