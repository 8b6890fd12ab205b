// Package stale finds entries of the connection tracking table that hurt: those
// that packets renew and nothing ever answers, those that send packets to an
// address that cannot be reached any more or to a backend that the rules have left,
// those that are older than the NAT rule which would translate them now, and piles
// of half-open connections. It looks twice at the table (Survey), and
// judges what it met by how the host's routes and rules stand (Survey.Judge). An
// entry is stale only on evidence: what is not known is counted as not judged.
// It reads no table, no clock and no host.
package stale

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// Options of New. The zero value is useful.
type Options struct {
	Pile    int // half-open connections to one destination that make a pile; 50 when 0
	Entries int // how many suspicious entries are followed from look to look; 262144 when 0
	// Local tells the addresses of the namespace itself as the first look begins.
	// Without it sources that NAT gave are not judged.
	Local func(netip.Addr) bool
	Way   func(netip.Addr) Way // nil where routes cannot be asked
}

const (
	defaultPile    = 50
	defaultEntries = 1 << 18
	maxGroups      = 1 << 16
	maxSamples     = 5
)

// Survey is two looks at one table.
type Survey struct {
	opt        Options
	entries    int64 // of the second look
	followed   map[uint32]followed
	groups     map[group]*found
	sources    map[source]*found // of entries whose translated source is not the namespace's
	piles      map[pile]*piled
	drifts     map[drifting]*found // of entries that the rules would translate in another way now
	alike      map[group]int64     // of these at the second look, with others that go to the same place
	ask        Ask
	passed     int64 // suspicious, and there was no room to follow them
	oneWay     int64
	began, end time.Time
}

// group is entries that packets follow to one place.
type group struct {
	target
	backend netip.AddrPort // that it is translated to; the destination itself without translation
	nat     bool
}

// source is what NAT made of the source.
type source struct {
	zone uint16
	addr netip.Addr
}

// target is where clients send to.
type target struct {
	proto uint8
	zone  uint16
	dst   netip.AddrPort // port 0 where the protocol has none
}

// pile is half-open connections that stand alike.
type pile struct {
	target
	state conntrack.TCPState
}

// class is how an entry did between the looks.
type class uint8

const (
	once     class = iota // it was not met again
	idle                  // nothing renewed it
	mute                  // renewed, and never answered
	renewed               // renewed, answered at some time
	unheeded              // renewed and answered at some time, but not between the looks
	alive                 // answered between the looks
)

// followed is what is kept of an entry.
type followed struct {
	at            int64 // nanoseconds since the first look began
	orig, reply   uint64
	timeout       uint32
	counted       bool // packets are
	replied, open bool
	state         conntrack.TCPState
	class         class
	stuck         bool   // half-open at both looks
	group, source *found // nil where it is not suspicious for that
	drifts        bool   // at the first look
	drift         *found // at the second
}

// found is what is counted of a group.
type found struct {
	key     group
	total   int64 // at the second look, those that began meanwhile included
	classes [alive + 1]int64
	samples [alive + 1][]*conntrack.Flow
	before  map[uint32]uint32 // timeouts of samples at the first look, by ID
	verdict *Finding          // set by Judge
	of      [alive + 1]bool   // the classes that the verdict is of
	drift   *drift            // that the entries have in common; nil in groups
	today   Truth             // whether the rules give a group's backend to its flows now
	perhaps *drift            // of entries of a group that a rule may translate
}

// piled is what is counted of a pile.
type piled struct {
	stuck, open int64
	sources     map[netip.Addr]bool // up to maxSources
	samples     []*conntrack.Flow
	verdict     *Finding
}

const maxSources = 1000

// New makes a survey.
func New(opt Options) *Survey {
	if opt.Pile == 0 {
		opt.Pile = defaultPile
	}
	if opt.Entries == 0 {
		opt.Entries = defaultEntries
	}
	return &Survey{
		opt: opt, followed: map[uint32]followed{}, groups: map[group]*found{}, sources: map[source]*found{},
		piles: map[pile]*piled{}, drifts: map[drifting]*found{}, alike: map[group]int64{},
		ask: Ask{Local: opt.Local, Way: opt.Way},
	}
}

// Rules takes the rules as a look begins, nil for none: then entries are not held
// against them. At the second look entries that are followed are older than those.
func (s *Survey) Rules(n *NAT) { s.ask.NAT = n }

// left are entries that packets do not renew as others, or that are on their way
// out: of them nothing can be told.
const left = conntrack.Dying | conntrack.Template | conntrack.Untracked | conntrack.Offload | conntrack.HWOffload

// First takes an entry of the first look, and when it was met.
func (s *Survey) First(f *conntrack.Flow, at time.Time) {
	if s.began.IsZero() {
		s.began = at
	}
	suspect, away, drifts := suspicious(f), s.away(f), s.drifting(f)
	if !suspect && !away && !drifts {
		return
	}
	if oneWay(f) && !drifts {
		s.oneWay++
		return
	}
	suspect = suspect && !oneWay(f)
	var g, from *found
	if suspect {
		key := groupOf(f)
		if g = member(s.groups, key); g != nil {
			g.key = key
		}
	}
	if away {
		from = member(s.sources, sourceOf(f))
	}
	if g == nil && from == nil && !drifts || len(s.followed) >= s.opt.Entries {
		s.passed++
		return
	}
	s.followed[f.ID] = followed{
		at: int64(at.Sub(s.began)), orig: f.CountersOrig.Packets, reply: f.CountersReply.Packets, timeout: f.Timeout,
		counted: f.Has&conntrack.HasCountersOrig != 0, replied: f.Status&conntrack.SeenReply != 0,
		open: halfOpen(f), state: f.TCP.State, group: g, source: from, drifts: drifts,
	}
}

// member is the place of a key, nil where there is no room for another.
func member[K comparable](m map[K]*found, key K) *found {
	g := m[key]
	if g == nil && len(m) < maxGroups {
		g = &found{before: map[uint32]uint32{}}
		m[key] = g
	}
	return g
}

// away tells of entries whose source NAT made an address that the namespace does
// not have.
func (s *Survey) away(f *conntrack.Flow) bool {
	return s.opt.Local != nil && f.Status&conntrack.SrcNAT != 0 && f.Status&left == 0 && f.Reply.Dst.IsValid() && !s.opt.Local(f.Reply.Dst)
}

func sourceOf(f *conntrack.Flow) source { return source{targetOf(f).zone, f.Reply.Dst} }

// suspicious is an entry that may turn out stale: all others are not followed.
func suspicious(f *conntrack.Flow) bool {
	if f.Status&left != 0 {
		return false
	}
	return f.Status&conntrack.SeenReply == 0 || f.Status&conntrack.DstNAT != 0 || halfOpen(f)
}

func halfOpen(f *conntrack.Flow) bool {
	if f.Has&conntrack.HasTCPState == 0 {
		return false
	}
	switch f.TCP.State {
	case conntrack.TCPSynSent, conntrack.TCPSynRecv, conntrack.TCPSynSent2:
		return true
	}
	return false
}

// oneWayPorts are UDP's of what is never answered: tunnels, whose answers come as
// flows of their own, and logs, traps, metrics and flow records.
var oneWayPorts = [...]uint16{162, 514, 2055, 4739, 4789, 6081, 6343, 8125, 8472, 9995, 12201, 25826}

// oneWay tells of entries that are not answered by design.
func oneWay(f *conntrack.Flow) bool {
	d := f.Orig.Dst
	broadcast := d == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	tunnel := f.Orig.Proto == packet.ProtoUDP && slices.Contains(oneWayPorts[:], f.Orig.DstPort)
	return d.IsMulticast() || broadcast || f.Status&conntrack.SeenReply == 0 && f.Status&conntrack.DstNAT == 0 && tunnel
}

func groupOf(f *conntrack.Flow) group {
	o, r := &f.Orig, &f.Reply
	g := group{target: targetOf(f), nat: f.Status&conntrack.DstNAT != 0}
	port := uint16(0)
	if r.Has&conntrack.HasSrcPort != 0 && o.Has&conntrack.HasDstPort != 0 {
		port = r.SrcPort
	}
	g.backend = netip.AddrPortFrom(r.Src, port)
	return g
}

func targetOf(f *conntrack.Flow) target {
	t := target{proto: f.Orig.Proto}
	switch {
	case f.Has&conntrack.HasZone != 0:
		t.zone = f.Zone
	case f.Orig.Has&conntrack.HasTupleZone != 0:
		t.zone = f.Orig.Zone
	}
	port := uint16(0)
	if f.Orig.Has&conntrack.HasDstPort != 0 {
		port = f.Orig.DstPort
	}
	t.dst = netip.AddrPortFrom(f.Orig.Dst, port)
	return t
}

// Backends are the addresses whose reach decides, those of translation first and
// those of most entries before others.
func (s *Survey) Backends(most int) []netip.Addr {
	weight := map[netip.Addr]int64{}
	for key, g := range s.groups {
		weight[key.backend.Addr()] += 1 + g.total
		if key.nat {
			weight[key.backend.Addr()] += 1 << 40
		}
	}
	all := make([]netip.Addr, 0, len(weight))
	for a := range weight {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b netip.Addr) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), a.Compare(b)) })
	return all[:min(len(all), most)]
}

// Second takes an entry of the second look, and when it was met.
func (s *Survey) Second(f *conntrack.Flow, at time.Time) {
	s.entries++
	s.end = at
	if halfOpen(f) {
		s.pile(f)
	}
	if _, drifts := s.alike[groupOf(f)]; drifts {
		s.alike[groupOf(f)]++
	}
	g, from := s.groups[groupOf(f)], (*found)(nil)
	if f.Status&conntrack.SrcNAT != 0 {
		from = s.sources[sourceOf(f)]
	}
	for _, x := range [...]*found{g, from} {
		if x != nil {
			x.total++
		}
	}
	e, known := s.followed[f.ID]
	if !known || e.class != once || e.group != nil && e.group != g || e.source != nil && e.source != from {
		return
	}
	e.classify(f, int64(at.Sub(s.began)))
	s.today(&e, f)
	s.followed[f.ID] = e
	for _, x := range [...]*found{e.group, e.source, e.drift} {
		x.note(&e, f)
	}
}

// note counts an entry that was met at both looks.
func (g *found) note(e *followed, f *conntrack.Flow) {
	if g == nil {
		return
	}
	g.classes[e.class]++
	if len(g.samples[e.class]) < maxSamples {
		g.samples[e.class] = append(g.samples[e.class], f.Clone())
		g.before[f.ID] = e.timeout
	}
}

// classify compares an entry with how it was at the first look. A timeout is in
// whole seconds, and what is read is a little older than when it is met: half a
// second more is wanted before an entry counts as renewed.
func (e *followed) classify(f *conntrack.Flow, now int64) {
	passed := float64(now-e.at) / 1e9
	counted := e.counted && f.Has&conntrack.HasCountersOrig != 0
	replied := f.Status&conntrack.SeenReply != 0
	sent := float64(f.Timeout) >= float64(e.timeout)-passed+1.5 || counted && f.CountersOrig.Packets > e.orig
	e.stuck = e.open && halfOpen(f) && f.TCP.State == e.state
	switch {
	case replied && !e.replied, counted && f.CountersReply.Packets > e.reply:
		e.class = alive
	case !sent || f.Status&conntrack.FixedTimeout != 0:
		e.class = idle
	case !replied:
		e.class = mute
	case counted:
		e.class = unheeded
	default:
		e.class = renewed
	}
}

func (s *Survey) pile(f *conntrack.Flow) {
	key := pile{targetOf(f), f.TCP.State}
	p := s.piles[key]
	if p == nil {
		if len(s.piles) >= maxGroups {
			return
		}
		p = &piled{sources: map[netip.Addr]bool{}}
		s.piles[key] = p
	}
	p.open++
	e, known := s.followed[f.ID]
	if !known || !e.open || e.state != f.TCP.State {
		return
	}
	p.stuck++
	if len(p.sources) < maxSources {
		p.sources[f.Orig.Src] = true
	}
	if len(p.samples) < maxSamples {
		p.samples = append(p.samples, f.Clone())
	}
}
