package render

import (
	"strconv"

	"github.com/pktrail/pktrail/journey"
)

// flowExtras is what only some entries have, and with Wide all that is known.
func (t *Text) flowExtras(f *journey.Flow, r *rowWriter) {
	if f.Mark != nil && (*f.Mark != 0 || t.opt.Wide) {
		r.text("mark ").hex(uint64(*f.Mark)).put(plain, 0)
	}
	flowZones(f, r)
	if len(f.Labels) > 0 {
		r.text("label ")
		for i, n := range f.Labels {
			if i > 0 {
				r.text(",")
			}
			r.number(int64(n))
		}
		r.put(plain, 0)
	}
	if f.Helper != "" {
		r.text("helper ").text(f.Helper).put(plain, 0)
	}
	t.flowCounted(t.marks.arrow, &f.Orig, r)
	t.flowCounted(t.marks.back, &f.Reply, r)
	if t.opt.Wide {
		t.flowWide(f, r)
	}
}

func flowZones(f *journey.Flow, r *rowWriter) {
	for _, z := range [...]struct {
		zone *uint16
		side string
	}{{f.Zone, ""}, {f.Orig.Zone, " of the first direction"}, {f.Reply.Zone, " of the answers"}} {
		if z.zone != nil {
			r.text("zone ").number(int64(*z.zone)).text(z.side).put(plain, 0)
		}
	}
}

// flowCounted is what passed in one direction, where accounting is on.
func (t *Text) flowCounted(arrow string, s *journey.FlowSide, r *rowWriter) {
	if s.Packets == nil || s.Bytes == nil {
		return
	}
	r.sign(arrow).text(" ")
	r.cell = strconv.AppendUint(r.cell, *s.Packets, 10)
	if *s.Packets == 1 {
		r.text(" packet ")
	} else {
		r.text(" packets ")
	}
	r.cell = appendBytes(r.cell, *s.Bytes)
	r.put(dim, 0)
}

// appendBytes is a number of bytes in decimal units: 999 B, 1.2 kB, 34 MB.
func appendBytes(b []byte, n uint64) []byte {
	units := [...]string{" B", " kB", " MB", " GB", " TB", " PB", " EB"}
	if n < 1000 {
		return append(strconv.AppendUint(b, n, 10), units[0]...)
	}
	f, u := float64(n), 0
	for f >= 999.5 && u+1 < len(units) {
		f, u = f/1000, u+1
	}
	decimals := 0
	if f < 9.95 {
		decimals = 1
	}
	return append(strconv.AppendFloat(b, f, 'f', decimals, 64), units[u]...)
}

// flowWide is what the other columns leave out.
func (t *Text) flowWide(f *journey.Flow, r *rowWriter) {
	if !f.Start.IsZero() {
		r.text("began ")
		r.cell = t.zoned(f.Start).AppendFormat(r.cell, "2006-01-02 15:04:05")
		r.put(dim, 0)
	}
	if m := f.Master; m != nil {
		r.text("expected by ")
		logEnd(r, m.Src, m.SrcPort)
		r.text(" ").sign(t.marks.arrow).text(" ")
		logEnd(r, m.Dst, m.DstPort)
		r.put(plain, 0)
	}
	if f.SecCtx != "" {
		r.text("secctx ").text(f.SecCtx).put(plain, 0)
	}
	if f.Use != nil {
		r.text("use ").number(int64(*f.Use)).put(dim, 0)
	}
	if f.ID != nil {
		r.text("id ").number(int64(*f.ID)).put(dim, 0)
	}
	if n := len(f.Unknown); n > 0 {
		r.text(count(int64(n), "attribute")).text(" not known (-o json)").put(yellow, 0)
	}
}
