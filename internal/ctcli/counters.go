package ctcli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
)

func (s *session) counters(c command) error {
	switch c {
	case count:
		t, err := s.conn.Totals()
		if err != nil {
			return errors.Join(s.countOfProc(), refused(c, err))
		}
		return s.print(fmt.Sprintf("%d\n", t.Entries))
	case expectStats:
		return s.expectCounters()
	}
	cpus, err := s.conn.CPUStats()
	if err != nil {
		return errors.Join(s.countersOfProc(), refused(c, err))
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
		return errors.Join(s.countersOfProc(), refused(expectStats, err))
	}
	for _, c := range cpus {
		if err := s.print(fmt.Sprintf("cpu=%-4d\texpect_new=%d expect_create=%d expect_delete=%d \n", c.CPU, c.New, c.Created, c.Deleted)); err != nil {
			return err
		}
	}
	return nil
}

// countOfProc prints the number that everybody may read, as conntrack does where
// the kernel does not tell it; the command has failed all the same.
func (s *session) countOfProc() error {
	const file = "/proc/sys/net/netfilter/nf_conntrack_count"
	text, err := os.ReadFile(file)
	if err != nil {
		return failed("Can't open %s", file)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return failed("Can't read %s", file)
	}
	return s.print(fmt.Sprintf("%d\n", n))
}

// countersOfProc prints the counters that everybody may read: a line of names, and
// one of hexadecimal numbers for each processor.
func (s *session) countersOfProc() error {
	text, err := os.ReadFile("/proc/thread-self/net/stat/nf_conntrack")
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if err != nil || len(lines) < 2 {
		return failed("Can't open /proc interface")
	}
	names := strings.Fields(lines[0])
	for cpu, line := range lines[1:] {
		values := strings.Fields(line)
		s.line = fmt.Appendf(s.line[:0], "cpu=%-4d\t", cpu)
		for i := range min(len(names), len(values)) {
			n, _ := strconv.ParseUint(values[i], 16, 32)
			s.line = appendNumber(s.line, names[i]+"=", n)
		}
		if err := s.writeLine(); err != nil {
			return err
		}
	}
	return nil
}
