package render

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// flowState is what stays from one flow to the next.
type flowState struct {
	columns flowColumns
	row     rowWriter
}

// flowColumns is the widths of the columns, which grow as logColumns do.
type flowColumns struct {
	time, event, netns, proto, left, state, src, dst int
}

// leastFlow is what most flows need.
var leastFlow = flowColumns{event: 7, proto: 4, left: 6, state: 11, src: 17, dst: 15}

// Flow prints an entry as a row of a table: protocol, time that is left, state,
// from and to, with NAT as what they become, and what else is worth a look.
func (t *Text) Flow(f *journey.Flow) error {
	t.apart(flowRows)
	r, c := t.flowRow()
	t.flowCells(f, r, c)
	r.end()
	return t.flush()
}

// FlowEvent prints what happened to a flow as a row of a table.
func (t *Text) FlowEvent(e *journey.FlowEvent) error {
	r, c := t.eventRow(e.Event, e.Time)
	r.indent = r.blank + r.at
	t.flowCells(&e.Flow, r, c)
	if e.Lifetime != nil {
		r.text("lived ").text(lifetime(time.Duration(*e.Lifetime)))
		if e.LifetimeBy != "kernel" {
			r.text(" as seen")
		}
		r.put(plain, 0)
	}
	if e.Port != nil && t.opt.Wide {
		r.text("by port ").number(int64(*e.Port)).put(dim, 0)
	}
	r.end()
	return t.flush()
}

// lifetime is roundly with milliseconds for what is short.
func lifetime(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return roundly(d)
}

// done tells what was done by request, now, from what happened.
func done(e journey.FlowChange) bool {
	return e == journey.FlowCreated || e == journey.FlowUpdated || e == journey.FlowDeleted
}

func eventStyle(e journey.FlowChange) style {
	switch e {
	case journey.FlowNew, journey.FlowCreated:
		return green
	case journey.FlowDestroy, journey.FlowDeleted:
		return red
	case journey.FlowListed:
		return yellow
	}
	return plain
}

func (t *Text) flowRow() (*rowWriter, *flowColumns) {
	r, c := &t.flows.row, &t.flows.columns
	if c.proto == 0 {
		*c = leastFlow
	}
	r.begin(t)
	r.indent = 4
	return r, c
}

// eventRow begins a row with what happened, and when; what was done by request
// was done now.
func (t *Text) eventRow(e journey.FlowChange, at journey.Time) (*rowWriter, *flowColumns) {
	t.apart(flowRows)
	timed := !done(e) && !at.IsZero()
	if timed {
		t.logDate(at)
	}
	r, c := t.flowRow()
	if timed {
		r.cell = appendClock(r.cell, t.zoned(at), true)
		fill(r, dim, &c.time, 12)
	}
	fill(r.text(string(e)), eventStyle(e), &c.event, 8)
	return r, c
}

// flowCells is what rows of entries and of events have in common.
func (t *Text) flowCells(f *journey.Flow, r *rowWriter, c *flowColumns) {
	if t.opt.Netns && f.Netns != nil {
		fill(r.text(f.Netns.Name), dim, &c.netns, mostHost)
	}
	fill(r.text(protoOf(f)), plain, &c.proto, 9)
	if f.Timeout != nil {
		r.cell = appendLeft(r.cell, *f.Timeout)
	}
	fill(r, dim, &c.left, 8)
	fill(r.text(f.State), plain, &c.state, 17)
	t.flowEnds(f, r, c)
	t.translated(f, r)
	flowICMP(f, r)
	flowStatus(f.Status, r)
	t.flowExtras(f, r)
}

func protoOf(f *journey.Flow) string {
	if f.Proto == "" {
		return f.Family
	}
	return f.Proto
}

// appendLeft is seconds in the two largest units that they have: 4d23h, 1m59s.
func appendLeft(b []byte, seconds uint32) []byte {
	units := [...]struct {
		letter byte
		each   uint32
	}{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}
	for i, u := range units {
		if seconds < u.each && u.each > 1 {
			continue
		}
		b = append(strconv.AppendUint(b, uint64(seconds/u.each), 10), u.letter)
		if rest := seconds % u.each; i+1 < len(units) && rest >= units[i+1].each {
			b = append(strconv.AppendUint(b, uint64(rest/units[i+1].each), 10), units[i+1].letter)
		}
		break
	}
	return b
}

// flowEnds is where packets of the original direction come from and go to, as
// they come in. The two ends are one cell, which is not broken.
func (t *Text) flowEnds(f *journey.Flow, r *rowWriter, c *flowColumns) {
	side := &f.Orig
	if !side.Src.IsValid() {
		side = &f.Reply
		if !side.Src.IsValid() {
			return
		}
		r.text("answers ")
	}
	logEnd(r, side.Src, side.SrcPort)
	src := len(r.cell)
	if w := t.opt.Width; w == 0 || w >= roomy {
		for len(r.cell) < c.src {
			r.cell = append(r.cell, ' ')
		}
		c.src = max(c.src, min(src, mostEnd))
	}
	r.text(" ").sign(t.marks.arrow).text(" ")
	begin := len(r.cell)
	logEnd(r, side.Dst, side.DstPort)
	dst := len(r.cell) - begin
	r.put(plain, 0)
	r.blank += max(c.dst-dst, 0)
	c.dst = max(c.dst, min(dst, mostEnd))
}

// translated is what NAT makes of the two ends.
func (t *Text) translated(f *journey.Flow, r *rowWriter) {
	n := f.NAT
	if n == nil {
		return
	}
	r.text("(as ")
	logEnd(r, become(f.Orig.Src, n.Src), becomePort(f.Orig.SrcPort, n.SrcPort))
	r.text(" ").sign(t.marks.arrow).text(" ")
	logEnd(r, become(f.Orig.Dst, n.Dst), becomePort(f.Orig.DstPort, n.DstPort))
	if n.ID != nil {
		r.text(" id ").number(int64(n.ID.To))
	}
	r.text(")").put(plain, 0)
}

func become(a netip.Addr, c *journey.Change[netip.Addr]) netip.Addr {
	if c == nil {
		return a
	}
	return c.To
}

func becomePort(p *uint16, c *journey.Change[uint16]) *uint16 {
	if c == nil {
		return p
	}
	return &c.To
}

// flowICMP is what tells one query from another; GRE's keys likewise.
func flowICMP(f *journey.Flow, r *rowWriter) {
	if i := f.Orig.ICMP; i != nil {
		if i.Type != nil {
			r.text(icmpTypeName(f.Family, *i.Type))
		}
		if i.ID != nil {
			r.text(" id ").number(int64(*i.ID))
		}
		r.put(plain, 0)
	}
	if f.Orig.SrcKey != nil && f.Orig.DstKey != nil && *f.Orig.SrcKey|*f.Orig.DstKey != 0 {
		r.text("keys ").hex(uint64(*f.Orig.SrcKey)).text(" ").hex(uint64(*f.Orig.DstKey)).put(plain, 0)
	}
}

func icmpTypeName(family string, typ uint8) string {
	proto := uint8(packet.ProtoICMP)
	if family == "ipv6" {
		proto = packet.ProtoICMPv6
	}
	if name := packet.ICMPName(proto, typ); name != "" {
		return name
	}
	return "type " + strconv.Itoa(int(typ))
}

// plainStatus are bits that nearly every entry has, be it at its end, or that
// stand elsewhere in the row.
var plainStatus = [...]string{"SEEN_REPLY", "CONFIRMED", "SRC_NAT", "DST_NAT", "SRC_NAT_DONE", "DST_NAT_DONE", "HELPER", "DYING"}

// statusWords are those of the other bits. What is not among them is shown as the
// kernel has it.
var statusWords = [...][2]string{
	{"ASSURED", "assured"}, {"EXPECTED", "expected"}, {"SEQ_ADJUST", "sequence numbers shifted"}, {"FIXED_TIMEOUT", "fixed timeout"},
	{"TEMPLATE", "template"}, {"UNTRACKED", "untracked"}, {"OFFLOAD", "offload"}, {"HW_OFFLOAD", "hardware offload"},
}

// flowStatus is the status as far as it tells one entry from others.
func flowStatus(status []string, r *rowWriter) {
	if status == nil {
		return
	}
	if !slices.Contains(status, "SEEN_REPLY") {
		r.text("unreplied").put(yellow, 0)
	}
	for _, bit := range status {
		if slices.Contains(plainStatus[:], bit) {
			continue
		}
		r.text(statusWord(bit)).put(plain, 0)
	}
}

func statusWord(bit string) string {
	for _, w := range statusWords {
		if w[0] == bit {
			return w[1]
		}
	}
	return bit
}
