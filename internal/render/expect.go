package render

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/journey"
)

// Expect prints one expectation.
func (p *JSON) Expect(e *journey.Expect) error { return p.enc.Encode(e) }

// ExpectEvent prints what happened to an expectation.
func (p *JSON) ExpectEvent(e *journey.ExpectEvent) error { return p.enc.Encode(e) }

// Expect prints an expectation as a row of a table: protocol, time that is left,
// from and to, of which what may be any is any, and whose doing it is.
func (t *Text) Expect(e *journey.Expect) error {
	t.apart(flowRows)
	r, c := t.flowRow()
	t.expectCells(e, r, c)
	r.end()
	return t.flush()
}

// ExpectEvent prints what happened to an expectation as a row of a table.
func (t *Text) ExpectEvent(e *journey.ExpectEvent) error {
	r, c := t.eventRow(e.Event, e.Time)
	t.expectCells(&e.Expect, r, c)
	r.end()
	return t.flush()
}

func (t *Text) expectCells(e *journey.Expect, r *rowWriter, c *flowColumns) {
	if t.opt.Netns && e.Netns != nil {
		fill(r.text(e.Netns.Name), dim, &c.netns, mostHost)
	}
	proto := e.Proto
	if proto == "" {
		proto = e.Family
	}
	fill(r.text(proto), plain, &c.proto, 9)
	if e.Timeout != nil {
		r.cell = appendLeft(r.cell, *e.Timeout)
	}
	fill(r, dim, &c.left, 8)
	expectEnd(r, e.Tuple.Src, e.Mask.Src, e.Tuple.SrcPort, e.Mask.SrcPort)
	r.text(" ").sign(t.marks.arrow).text(" ")
	expectEnd(r, e.Tuple.Dst, e.Mask.Dst, e.Tuple.DstPort, e.Mask.DstPort)
	r.put(plain, 0)
	if n := e.NAT; n != nil && n.Src != nil {
		r.text("(source of " + n.Direction + " becomes ")
		logEnd(r, *n.Src, n.SrcPort)
		r.text(")").put(plain, 0)
	}
	t.expectOwner(e, r)
	if t.opt.Wide {
		expectWide(e, r)
	}
}

// expectOwner is who waits for the flow, and because of what.
func (t *Text) expectOwner(e *journey.Expect, r *rowWriter) {
	if e.Helper != "" {
		r.text("helper ").text(e.Helper).put(plain, 0)
	}
	if m := e.Master; m.Src.IsValid() {
		r.text("because of ")
		logEnd(r, m.Src, m.SrcPort)
		r.text(" ").sign(t.marks.arrow).text(" ")
		logEnd(r, m.Dst, m.DstPort)
		r.put(plain, 0)
	}
	if len(e.Flags) > 0 {
		r.text(strings.ToLower(strings.Join(e.Flags, ", "))).put(plain, 0)
	}
	if e.Zone != nil {
		r.text("zone ").number(int64(*e.Zone)).put(plain, 0)
	}
}

func expectWide(e *journey.Expect, r *rowWriter) {
	if e.Class != nil {
		r.text("class ").number(int64(*e.Class)).put(dim, 0)
	}
	if e.Func != "" {
		r.text("calls ").text(e.Func).put(dim, 0)
	}
	if e.ID != nil {
		r.text("id ").number(int64(*e.ID)).put(dim, 0)
	}
	if n := len(e.Unknown); n > 0 {
		r.text(count(int64(n), "attribute")).text(" not known (-o json)").put(yellow, 0)
	}
}

// expectEnd is one end as far as its masks go.
func expectEnd(r *rowWriter, a, mask netip.Addr, port, portMask *uint16) {
	if portMask != nil && *portMask != 0xffff {
		port = nil
	}
	bits, whole := maskBits(mask)
	switch {
	case mask.IsValid() && mask.IsUnspecified() && port != nil:
		r.text("any:").number(int64(*port))
	case mask.IsValid() && mask.IsUnspecified():
		r.text("any")
	case whole && bits < a.BitLen():
		logEnd(r, a, port)
		r.text("/").number(int64(bits))
	case !whole:
		logEnd(r, a, port)
		r.text(" mask ").text(mask.String())
	default:
		logEnd(r, a, port)
	}
}

// maskBits is the length of a mask whose ones come first; whole is false for any
// other mask. One that is not there is whole.
func maskBits(mask netip.Addr) (bits int, whole bool) {
	if !mask.IsValid() {
		return 128, true
	}
	ended := false
	for _, b := range mask.AsSlice() {
		for bit := byte(0x80); bit != 0; bit >>= 1 {
			switch {
			case b&bit == 0:
				ended = true
			case ended:
				return 0, false
			default:
				bits++
			}
		}
	}
	return bits, true
}
