package ctnetlink

import (
	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/wire"
)

// Totals asks how many entries there are here, and how many there may be at all.
func (c *Conn) Totals() (t conntrack.Totals, err error) {
	err = c.answer("count entries", func(seq uint32) []byte { return conntrack.AppendStats(c.out[:0], seq) }, func(raw []byte) error {
		return conntrack.DecodeTotals(raw, &t)
	})
	return t, err
}

// CPUStats asks for what each CPU counted in this namespace.
func (c *Conn) CPUStats() ([]conntrack.CPUStats, error) {
	return counters(c, "read counters", conntrack.AppendCPUStats, conntrack.DecodeCPUStats)
}

// ExpectStats asks for what each CPU counted of expectations.
func (c *Conn) ExpectStats() ([]conntrack.ExpectStats, error) {
	return counters(c, "read expectations' counters", conntrack.AppendExpectStats, conntrack.DecodeExpectStats)
}

func counters[T any](c *Conn, op string, fill func([]byte, uint32) []byte, decode func([]byte, *T) error) (all []T, err error) {
	_, err = c.list.DumpAhead(op, func(seq uint32) []byte { return fill(nil, seq) }, func(m wire.Message) error {
		var one T
		if err := decode(m.Raw, &one); err != nil {
			return err
		}
		all = append(all, one)
		return nil
	})
	return all, err
}
