package correlate

import (
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// trip is a packet on its way through one namespace.
type trip struct {
	sp    *space
	seq   uint64
	id    journey.ID
	cause string // why it is traced: match, reply, answer, widened, ""

	start, last int64  // Unix nanoseconds
	heard       uint64 // when it was heard of last, in order
	nfproto     uint8

	first packet.Packet // as it was first seen
	now   packet.Packet // as it was last seen
	mark  uint32
	ct    event.CT
	in    uint32
	out   uint32

	firstMark  uint32
	firstIn    uint32
	ids        []uint32
	key, trail packet.Key
	tuple      packet.Tuple
	firstKey   packet.Key
	sameKey    *trip
	sameTrail  *trip
	listed     bool

	hook     ruleset.Hook // how far it came
	priority int32
	was      ruleset.Hook // the hook of the event before
	shown    int32        // the priority as the base chain declares it

	steps      []step
	inferred   bool
	missing    missing
	lost       journey.LostCount
	legacy     bool // it has steps in legacy tables
	unverified bool // it was handed out before the legacy rules were looked at again
	clock      journey.Clock
	era        int   // of the log, when it began
	heardAt    int64 // the stream's newest time when it was heard of last
	ended      bool  // a verdict took it off its way
	handed     bool
	cut        bool // the stream ended right behind its last message
	answered   bool // a reply is linked
	links      []journey.Link
}

// step is one step as it is kept while the packet is on its way.
type step struct {
	time     int64
	kind     journey.Kind
	chain    *chain
	handle   uint64
	number   int32
	line     event.LineType // of a legacy line
	hook     ruleset.Hook
	priority int32
	in, out  uint32
	verdict  ruleset.Verdict
	target   string

	from, to uint32 // of a mark step
	nat      *journey.NAT
	ct       event.CT
	device   *journey.Device

	logged    string // the prefix of the line that the rule of a TRACE line logged
	hasLogged bool
}

// missing says what a journey may lack.
type missing uint8

const (
	missingLost missing = 1 << iota
	missingCrowded
	missingSteps
	missingLegacy
	missingStart
)

func (m missing) words(s *space) []string {
	words := []string{}
	for _, w := range []struct {
		bit  missing
		text string
	}{
		{missingLost, "the kernel dropped messages while this packet was on its way"},
		{missingCrowded, "too many packets were open at once; this one was ended early"},
		{missingSteps, "more steps than are kept for one packet"},
		{missingLegacy, "steps in legacy tables: " + s.info.BlindLegacy},
		{missingStart, "how it began: the first line that the log has of it is not one of table raw"},
	} {
		if m&w.bit != 0 {
			words = append(words, w.text)
		}
	}
	return words
}

// sight is a packet's headers and place in one event.
type sight struct {
	packet  packet.Packet
	nfproto uint8
	in, out uint32
	mark    uint32
	ct      event.CT
	at      int64

	noMark bool             // the mark is not known
	line   *event.TraceLine // of a log
	clock  journey.Clock
	// written is the time by which a log's packets end; see written.
	written int64
}

// begin opens a trip at its first event. The caller says where that was.
func (s *space) begin(v *sight, id uint32, cause string) *trip {
	s.c.crowd()
	if old := s.byID[id]; old != nil && id != 0 {
		s.replace(old)
	}
	s.c.seq++
	t := &trip{
		sp: s, seq: s.c.seq, cause: cause, start: v.at, last: v.at, heard: s.c.tick(), nfproto: v.nfproto,
		first: v.packet, now: v.packet, firstMark: v.mark, firstIn: v.in, mark: v.mark, in: v.in, out: v.out,
		steps: s.c.room(),
	}
	if id != 0 {
		t.ids = []uint32{id}
		s.byID[id] = t
	}
	t.id = journey.NewID(timeOf(v.at), s.info.BootID, s.info.Cookie, id, t.seq)
	if s.losing {
		t.missing |= missingLost
	}
	s.list(t)
	t.firstKey = t.key
	s.c.trips = append(s.c.trips, t)
	s.c.links.begin(t)
	return t
}

// replace ends a trip whose id now is another packet's: the kernel uses an id again
// only when it has let the packet go.
func (s *space) replace(t *trip) {
	delete(s.byID, t.ids[len(t.ids)-1])
	s.unkey(t)
	t.ended = true
}

// reach notes how far the packet came. shown is the priority as the base chain
// declares it, which for nat chains is not where the kernel calls them.
func (t *trip) reach(hook ruleset.Hook, priority, shown int32) {
	t.was = t.hook
	t.hook, t.priority, t.shown = hook, priority, shown
}

// see takes over what an event shows of a packet that is on its way: changed
// addresses are a NAT step, a changed mark or conntrack entry a step each.
func (t *trip) see(v *sight, withPacket bool) {
	t.last, t.heard, t.heardAt = v.at, t.sp.c.tick(), t.sp.c.newest
	if v.written != 0 {
		t.last = v.written
	}
	if withPacket {
		t.seePacket(v)
	}
	if v.mark != t.mark {
		t.add(step{time: v.at, kind: journey.KindMark, hook: t.was, from: t.mark, to: v.mark})
		t.mark = v.mark
	}
	t.know(v)
}

func (t *trip) seePacket(v *sight) {
	t.translate(v)
	if v.in != 0 && v.in != t.in {
		t.move(v)
		t.in = v.in
	}
	t.out = v.out
	if v.packet.Key() == t.key {
		t.now = v.packet
		return
	}
	t.sp.unkey(t)
	if t.sp.byTuple[t.tuple] == t {
		delete(t.sp.byTuple, t.tuple)
	}
	t.now = v.packet
	t.sp.list(t)
}

// move adds the step of a packet that came in by another device of its namespace
// than before: over loopback, or from a bridge's port to the bridge itself.
func (t *trip) move(v *sight) {
	from, to := t.in, t.sp.link(v.in)
	if from == 0 {
		from = t.out
	}
	if from == v.in && to != "lo" {
		return // IPv6 shows a packet of the host's own in postrouting as if it had come in where it goes out
	}
	d := journey.Device{From: t.sp.link(from), To: to, Why: "received again"}
	switch {
	case to == "lo":
		d.Why = "loopback"
	case t.sp.info.Bridges[from] == v.in:
		d.Why = "bridge to host"
	}
	t.add(step{time: v.at, kind: journey.KindDevice, device: &d})
}

// translate adds the steps of an address translation that happened since the
// packet was last seen. The kernel changes destinations in prerouting and output,
// sources in input and postrouting (include/net/netfilter/nf_nat.h: HOOK2MANIP).
func (t *trip) translate(v *sight) {
	n := translation(&t.now, &v.packet)
	if n == nil {
		return
	}
	hook := t.was
	if hook != ruleset.Prerouting && hook != ruleset.Output {
		hook = t.hook
	}
	if n.Dst != nil || n.DPort != nil {
		t.add(step{time: v.at, kind: journey.KindNAT, hook: hook, nat: &journey.NAT{Dst: n.Dst, DPort: n.DPort}})
	}
	if n.Src != nil || n.SPort != nil {
		t.out = v.out
		t.add(step{time: v.at, kind: journey.KindNAT, nat: &journey.NAT{Src: n.Src, SPort: n.SPort}})
	}
}

// know adds a step where the kernel tells of a conntrack entry for the first
// time, or of another state.
func (t *trip) know(v *sight) {
	if !v.ct.Known {
		return
	}
	old := t.ct
	t.ct = v.ct
	if old.Known && old.ID == v.ct.ID && old.State == v.ct.State && old.Direction == v.ct.Direction {
		return
	}
	t.add(step{time: v.at, kind: journey.KindCT, ct: v.ct})
}

// add keeps a step, with the place where the packet is.
func (t *trip) add(st step) {
	if len(t.steps) >= t.sp.c.opt.MaxSteps {
		t.missing |= missingSteps
		return
	}
	if st.hook == "" {
		st.hook = t.hook
	}
	st.priority = t.shown
	st.in, st.out = t.in, t.out
	t.steps = append(t.steps, st)
}

// end takes a packet that a verdict took off its way out of the indexes: no
// later message can be its own.
func (t *trip) end() {
	t.ended = true
	t.sp.unkey(t)
}

// revive takes an end back: the packet was heard of again, so the legacy rule
// that was thought to have dropped it is not the one whose text is known.
func (t *trip) revive() {
	t.ended = false
	t.sp.list(t)
}

// translation compares a packet with how it was last seen.
func translation(a, b *packet.Packet) *journey.NAT {
	if a.Has&b.Has&packet.HasIP == 0 || a.Family != b.Family {
		return nil
	}
	ports := a.Has&b.Has&packet.HasPorts != 0 && (a.SrcPort != b.SrcPort || a.DstPort != b.DstPort)
	if !ports && a.Src == b.Src && a.Dst == b.Dst {
		return nil
	}
	n := &journey.NAT{Src: changed(a.Src, b.Src), Dst: changed(a.Dst, b.Dst)}
	if ports {
		n.SPort, n.DPort = changed(a.SrcPort, b.SrcPort), changed(a.DstPort, b.DstPort)
	}
	return n
}

func changed[T netip.Addr | uint16](from, to T) *journey.Change[T] {
	if from == to {
		return nil
	}
	return &journey.Change[T]{From: from, To: to}
}

// same reports whether a packet can be the one that is on its way: alike in
// everything, or but for what rules rewrite, translation, or defragmentation.
func (t *trip) same(p *packet.Packet) bool {
	if p.Key() == t.key || p.Trail() == t.trail || p.LooseKey() == t.now.LooseKey() {
		return true
	}
	return joins(&t.now, p)
}

// joins reports whether whole is what defragmentation made of part.
func joins(part, whole *packet.Packet) bool {
	return part.IsFragment() && !whole.IsFragment() && part.Src == whole.Src && part.Dst == whole.Dst && part.ID == whole.ID
}
