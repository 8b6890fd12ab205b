package ctcli

import (
	"fmt"

	"github.com/pktrail/pktrail/conntrack"
)

func (s *session) counters(c command) error {
	switch c {
	case count:
		t, err := s.conn.Totals()
		if err != nil {
			return refused(c, err)
		}
		return s.print(fmt.Sprintf("%d\n", t.Entries))
	case expectStats:
		return s.expectCounters()
	}
	cpus, err := s.conn.CPUStats()
	if err != nil {
		return refused(c, err)
	}
	for i := range cpus {
		s.line = fmt.Appendf(s.line[:0], "cpu=%-4d\t", cpus[i].CPU)
		for stat := conntrack.Searched; stat <= conntrack.ChainTooLong+unknownStats; stat++ {
			if v, ok := cpus[i].Get(stat); ok {
				s.line = appendNumber(s.line, statName(stat)+"=", uint64(v))
			}
		}
		if err := s.writeLine(); err != nil {
			return err
		}
	}
	return nil
}

// unknownStats counters of newer kernels are shown too.
const unknownStats = 4

func statName(stat conntrack.Stat) string {
	if stat > conntrack.ChainTooLong {
		return fmt.Sprintf("unknown%d", stat-conntrack.ChainTooLong)
	}
	return stat.String()
}

func (s *session) expectCounters() error {
	cpus, err := s.conn.ExpectStats()
	if err != nil {
		return refused(expectStats, err)
	}
	for _, c := range cpus {
		if err := s.print(fmt.Sprintf("cpu=%-4d\texpect_new=%d expect_create=%d expect_delete=%d \n", c.CPU, c.New, c.Created, c.Deleted)); err != nil {
			return err
		}
	}
	return nil
}
