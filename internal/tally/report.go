package tally

import (
	"cmp"
	"slices"
	"time"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// Options says how much a report tells.
type Options struct {
	Top int // how many of each kind; 0 for 10, less for all
}

// Report is the count so far. What only the reader of the log knows (Bad,
// Skipped, Lost, Notes) is the caller's to fill.
func (t *Tally) Report(opt Options) *journey.LogSummary {
	top := opt.Top
	if top == 0 {
		top = 10
	}
	return &journey.LogSummary{
		Schema: journey.LogSummarySchema,
		Lines:  t.lines, Trace: t.trace, Untimed: t.untimed, Assumed: t.assumed, Cut: t.cut, NotRead: t.notRead,
		Time:         span(&t.wall, func(ns int64) journey.Time { return journey.Time{Time: time.Unix(0, ns).UTC()} }),
		Uptime:       span(&t.uptime, func(ns int64) journey.Uptime { return journey.Uptime(ns) }),
		Actions:      actions(&t.prefixes),
		Prefixes:     report(&t.prefixes, top, prefixCount),
		Flows:        report(&t.flows, top, flowCount),
		Sources:      report(&t.sources, top, sourceCount),
		Destinations: report(&t.destinations, top, destinationCount),
		Interfaces:   report(&t.ways, top, interfacesCount),
		Hosts: report(&t.hosts, top, func(host string, n journey.LogCount) journey.LogHostCount {
			return journey.LogHostCount{Host: host, LogCount: n}
		}),
	}
}

// report sorts a counter; of equal counts the one that was seen first is first.
func report[K comparable, T any](c *counter[K], top int, tell func(K, journey.LogCount) T) journey.LogTop[T] {
	order := slices.Clone(c.entries)
	slices.SortStableFunc(order, func(a, b entry[K]) int { return cmp.Compare(b.count, a.count) })
	if top >= 0 && len(order) > top {
		order = order[:top]
	}
	out := journey.LogTop[T]{Top: make([]T, len(order)), Keys: len(c.entries), More: c.pruned, Lines: c.lines, Others: c.lines}
	for i, e := range order {
		out.Top[i] = tell(e.key, journey.LogCount{Count: e.count, Error: e.error})
		out.Others -= e.count
	}
	return out
}

func prefixCount(prefix string, n journey.LogCount) journey.LogPrefixCount {
	return journey.LogPrefixCount{Prefix: prefix, Origin: origin(prefix), LogCount: n}
}

func flowCount(f flow, n journey.LogCount) journey.LogFlowCount {
	out := journey.LogFlowCount{
		Family: journey.FamilyName(f.kind.is()), Proto: protoName(f.kind), DstPort: port(f.kind), LogCount: n,
		Src: f.src.netip(f.kind.is()), Dst: f.dst.netip(f.kind.is()),
	}
	if f.kind&hasType != 0 {
		typ := uint8(f.kind.low() >> 8)
		out.ICMP = &journey.LogType{Type: typ, Name: packet.ICMPName(f.kind.proto(), typ)}
	}
	if f.kind&hasCode != 0 {
		out.ICMP.Code = new(uint8(f.kind.low()))
	}
	return out
}

func sourceCount(s source, n journey.LogCount) journey.LogSourceCount {
	return journey.LogSourceCount{Src: s.addr.netip(s.kind.is()), LogCount: n}
}

func destinationCount(d destination, n journey.LogCount) journey.LogDestinationCount {
	return journey.LogDestinationCount{
		Proto: protoName(d.kind), Dst: d.addr.netip(d.kind.is()), DstPort: port(d.kind), LogCount: n,
	}
}

func interfacesCount(w way, n journey.LogCount) journey.LogInterfacesCount {
	out := journey.LogInterfacesCount{LogCount: n}
	if w.hasIn {
		out.In = &w.in
	}
	if w.hasOut {
		out.Out = &w.out
	}
	return out
}

func protoName(k kind) string {
	if k&hasProto == 0 {
		return ""
	}
	return packet.ProtoName(k.proto())
}

func port(k kind) *uint16 {
	if k&hasPort == 0 {
		return nil
	}
	return new(k.low())
}

func span[T journey.Time | journey.Uptime](t *timeline, tell func(ns int64) T) *journey.LogSpan[T] {
	if t.lines == 0 {
		return nil
	}
	return &journey.LogSpan[T]{
		First: tell(t.first), Last: tell(t.last), Lines: t.lines,
		Width: widths[t.width].Seconds(), Start: tell(t.base * int64(widths[t.width])), Parts: slices.Clone(t.parts),
	}
}
