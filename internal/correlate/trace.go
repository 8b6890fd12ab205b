package correlate

import (
	"slices"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// trace takes an event of nf_tables.
func (s *space) trace(e *event.Event) {
	ev := &e.Trace
	v := sight{nfproto: ev.NFProto, in: ev.In, out: ev.Out, mark: ev.Mark, ct: ev.CT, at: e.Time.UnixNano()}
	if ev.HasPacket {
		v.packet = decode(ev)
	}
	c := s.chain(chainKey{ruleset.TableKey{Backend: ruleset.NFT, Family: ev.Family, Name: ev.Table}, ev.Chain})
	if c.own != nil {
		s.traceOwn(e, c, &v)
		return
	}
	t := s.attach(ev, c, &v)
	if t == nil {
		s.stray(ev.ID, v.given(ev), e.Time)
		if !s.c.opt.Foreign || !ev.HasPacket {
			return
		}
		t = s.begin(&v, ev.ID, "foreign")
	}
	t.enter(c)
	if c.ofTrace() {
		t.see(&v, ev.HasPacket)
		return
	}
	if ev.Type != event.TracePolicy && ev.Handle == 0 {
		// The end of a base chain, which the policy event that follows tells, or of
		// a user chain: a return. Its type is RETURN in old kernels (6.1), RULE later.
		t.see(&v, ev.HasPacket)
		if c.base == nil && c.known {
			t.add(step{time: v.at, kind: journey.KindReturn, chain: c, verdict: ruleset.Return})
		}
		return
	}
	t.report(ev, c, &v)
}

// report adds the step of one rule or policy. In old kernels (6.1) the type of a
// rule that returns is RETURN (net/netfilter/nf_tables_core.c: nft_do_chain).
//
// A rule's event comes after its expressions have run, so the mark that it shows is
// the rule's own doing, unless it is the first event of a traversal.
func (t *trip) report(ev *event.Trace, c *chain, v *sight) {
	st := step{time: v.at, chain: c, handle: ev.Handle, verdict: ev.Verdict, target: ev.Target}
	switch ev.Type {
	case event.TraceRule, event.TraceReturn:
		st.kind = journey.KindRule
	case event.TracePolicy:
		st.kind, st.verdict = journey.KindPolicy, ev.Policy
		c.policy = ev.Policy
	}
	before := *v
	if st.verdict == ruleset.Stolen {
		v.mark = t.mark // the packet is not nf_tables' to look at any more
		before.mark = t.mark
	}
	if ev.Type != event.TracePolicy && !ev.HasPacket {
		before.mark = t.mark
	}
	t.see(&before, ev.HasPacket)
	t.add(st)
	if before.mark != v.mark {
		t.see(v, false)
	}
	if ev.Type == event.TraceRule || ev.Type == event.TracePolicy {
		switch st.verdict {
		case ruleset.Drop, ruleset.Stolen:
			t.end()
		}
	}
}

// attach finds the trip of an event: by the kernel's id as long as the bytes do
// not say otherwise, else by the bytes alone.
func (s *space) attach(ev *event.Trace, c *chain, v *sight) *trip {
	t := s.byID[ev.ID]
	switch {
	case t == nil && !ev.HasPacket:
		return nil
	case t == nil:
		return s.stitch(ev.ID, c, v)
	case !ev.HasPacket && t.ended:
		return nil
	case !ev.HasPacket:
		return t
	case !t.same(&v.packet):
		s.replace(t)
		return s.stitch(ev.ID, c, v)
	case t.ended:
		t.revive()
	}
	return t
}

// stitch finds the trip of a packet whose id the kernel changed: it was received
// again, on loopback or from a bridge, or put together from fragments.
func (s *space) stitch(id uint32, c *chain, v *sight) *trip {
	hook, priority := c.where()
	t, sure := s.find(v, hook, priority)
	if t == nil {
		t = s.fragment(v)
		sure = t != nil
	}
	if t == nil {
		return nil
	}
	if !sure {
		t.inferred = true
	}
	delete(s.byID, t.ids[len(t.ids)-1])
	if !slices.Contains(t.ids, id) {
		t.ids = append(t.ids, id)
	}
	if old := s.byID[id]; old != nil && old != t {
		s.replace(old)
	}
	s.byID[id] = t
	return t
}

func (s *space) fragment(v *sight) *trip {
	for i := len(s.c.trips) - 1; i >= 0; i-- {
		t := s.c.trips[i]
		if t.sp == s && !t.ended && joins(&t.now, &v.packet) {
			return t
		}
	}
	return nil
}

// traceOwn takes an event of a chain of ours. A packet that arrives untraced is
// first heard of in a Trace chain; one that is heard of in an Arm chain was
// traced already when it came.
func (s *space) traceOwn(e *event.Event, c *chain, v *sight) {
	ev := &e.Trace
	switch c.own.Role {
	case event.TraceRole:
		if ev.HasPacket {
			t := s.begin(v, ev.ID, c.own.Cause)
			t.reach(s.entry(c, v))
			t.know(v)
		}
	case event.Arm:
		s.traceArm(e, c, v)
	case event.Milestone:
		if t := s.attach(ev, c, v); t != nil {
			t.reach(c.own.Hook, c.own.Priority, c.own.Priority)
			t.see(v, ev.HasPacket)
		} else {
			s.stray(ev.ID, v.given(ev), e.Time)
		}
	}
}

// entry is where a packet that was heard of first in a Trace chain met us: the
// chain serves all Arm chains of its table, and only prerouting and ingress have
// an interface that the packet came in by.
func (s *space) entry(c *chain, v *sight) (hook ruleset.Hook, priority, shown int32) {
	hook = ruleset.Output
	switch {
	case c.table.Family == ruleset.Netdev:
		hook = ruleset.Ingress
	case v.in != 0:
		hook = ruleset.Prerouting
	}
	for _, own := range s.info.Own {
		if own.Role == event.Arm && own.Hook == hook && own.Family == c.table.Family {
			return hook, own.Priority, own.Priority
		}
	}
	return hook, lowest, lowest
}

func (s *space) traceArm(e *event.Event, c *chain, v *sight) {
	ev := &e.Trace
	t := s.byID[ev.ID]
	if !ev.HasPacket {
		return
	}
	if t == nil || t.ended || !t.same(&v.packet) || t.hook == ruleset.Postrouting {
		t = s.stitch(ev.ID, c, v)
	}
	switch {
	case t != nil:
		t.reach(c.own.Hook, c.own.Priority, c.own.Priority)
		t.see(v, true)
	case ev.Verdict == ruleset.Jump:
		// Somebody else's rule set the bit before our chain met the packet, and
		// MATCH holds for it.
		s.claim(ev.ID, v, e.Time)
		t = s.begin(v, ev.ID, "match")
		t.reach(c.own.Hook, c.own.Priority, c.own.Priority)
		t.know(v)
	default:
		s.stray(ev.ID, v.given(ev), e.Time)
	}
}

// enter notes that nf_tables reports a chain now.
func (t *trip) enter(c *chain) {
	if c.base == nil {
		t.was = t.hook
		return
	}
	t.reach(c.base.Hook, c.at(), c.base.Priority)
}

func decode(ev *event.Trace) packet.Packet {
	f := packet.Unspec // a bridge's or device's: its version tells
	switch nf := packet.Family(ev.NFProto); nf {
	case packet.IPv4, packet.IPv6, packet.ARP:
		f = nf
	}
	// What is cut short is kept as far as it goes.
	p, _ := packet.Decode(f, ev.Network, ev.Transport)
	_ = packet.DecodeLink(ev.Link, &p)
	return p
}

// timeOf is the zero time for 0, which stands for a time that is not known.
func timeOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
