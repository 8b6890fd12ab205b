package bench

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
)

// What the client of connection tracking promises, beside conntrack in the same run.
const (
	listLoops   = 1.12 // times the bare receive loop
	listRatio   = 0.8  // times conntrack
	filterRatio = 0.2
	deleteRatio = 0.25
	tablePeakMB = 40
	getLimit    = 10 // ms
)

// ctTable lists and deletes in a table of many entries.
func ctTable(t *testing.T, r *report, s scale, program string) {
	real, ours := conntracks(t, program)
	if s.entries > 100_000 {
		roomFor(t, s.entries+s.entries/10)
	}
	p := newCTPlace(t)
	if err := errors.Join(p.many(s.entries-s.entries/20), p.few(s.entries/20)); err != nil {
		t.Fatal(err)
	}
	table := ctBench{t: t, r: r, s: s, p: p, real: real, ours: ours}
	for _, part := range []func(){table.get, table.list, table.listSome, table.deleteSome} {
		part()
	}
	r.add(row{
		what: "ct: MB of memory of any of these", peer: fmt.Sprintf("%.0f", float64(table.peakReal)/1024), pktrail: fmt.Sprintf("%.0f", float64(table.peak)/1024),
		target: fmt.Sprintf("≤ %d", tablePeakMB), reached: reached(table.peak <= tablePeakMB*1024),
	})
}

// ctBench is a table in which conntrack and pktrail take turns.
type ctBench struct {
	t              *testing.T
	r              *report
	s              scale
	p              *ctPlace
	real, ours     string
	peakReal, peak int // kB
}

// run runs one of the two, which is to say that it has to do with so many entries.
func (b *ctBench) run(to *spendings, program string, want int, args ...string) {
	b.t.Helper()
	c, said, err := runIn(b.p.ns, append([]string{program}, args...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	if !strings.Contains(said, fmt.Sprintf("(conntrack-tools): %d flow entries have been ", want)) {
		b.t.Fatalf("%s %s: %s, not %d", program, strings.Join(args, " "), said, want)
	}
	to.add(c)
}

func (b *ctBench) bare(to *spendings, filter conntrack.Filter) {
	b.t.Helper()
	c, err := bareDump(b.p.ns, filter)
	if err != nil {
		b.t.Fatal(err)
	}
	to.add(c)
}

// keep notes the memory of the two.
func (b *ctBench) keep(real, ours *spendings) {
	b.peakReal, b.peak = max(b.peakReal, real.peak), max(b.peak, ours.peak)
}

// versus is a row of the report.
func (b *ctBench) versus(what, against string, peer, ours *spendings, most float64) {
	ratio := ratios(ours.wall, peer.wall)
	b.r.add(row{
		what: what, peer: fmt.Sprintf("%s %.2f", against, peer.wall.median()), pktrail: fmt.Sprintf("%.2f", ours.wall.median()),
		ratio: fmt.Sprintf("%.2f", ratio.median()), spread: ratio.spread("%.2f"),
		target: fmt.Sprintf("≤ %.2f × %s", most, against), reached: reached(ratio.median() <= most),
	})
}

func (b *ctBench) list() {
	var bare, real, ours spendings
	for range b.s.rounds {
		b.bare(&bare, conntrack.Filter{})
		b.run(&real, b.real, b.s.entries, "-L")
		b.run(&ours, b.ours, b.s.entries, "-L")
	}
	b.keep(&real, &ours)
	what := fmt.Sprintf("ct: s for -L of %d entries", b.s.entries)
	b.versus(what, "a bare receive loop", &bare, &ours, listLoops)
	b.versus(what, "conntrack", &real, &ours, listRatio)
	b.r.note("ct -L: bare loop %v, conntrack %v, pktrail %v", &bare, &real, &ours)
}

func (b *ctBench) listSome() {
	some := b.s.entries / 20
	var bare, real, ours spendings
	for range b.s.rounds {
		b.bare(&bare, conntrack.Filter{Orig: conntrack.Tuple{Src: fewSource}})
		b.run(&real, b.real, some, "-L", "-s", fewSource.String())
		b.run(&ours, b.ours, some, "-L", "-s", fewSource.String())
	}
	b.keep(&real, &ours)
	b.versus(fmt.Sprintf("ct: s for -L -s, %d of %d entries", some, b.s.entries), "conntrack", &real, &ours, filterRatio)
	b.r.note("ct -L -s: bare loop over the kernel's own filter %v, conntrack %v, pktrail %v", &bare, &real, &ours)
}

func (b *ctBench) deleteSome() {
	some := b.s.entries / 20
	var real, ours spendings
	for range b.s.rounds {
		for _, one := range []struct {
			to      *spendings
			program string
		}{{&real, b.real}, {&ours, b.ours}} {
			b.run(one.to, one.program, some, "-D", "-s", fewSource.String())
			if err := b.p.few(some); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.keep(&real, &ours)
	b.versus(fmt.Sprintf("ct: s for -D -s, %d of %d entries", some, b.s.entries), "conntrack", &real, &ours, deleteRatio)
	b.r.note("ct -D -s: conntrack %v, pktrail %v", &real, &ours)
}

// get measures from the start to the first line.
func (b *ctBench) get() {
	var real, ours series
	for range b.s.starts {
		for _, one := range []struct {
			to      *series
			program string
		}{{&real, b.real}, {&ours, b.ours}} {
			ms, err := b.firstLine(one.program)
			if err != nil {
				b.t.Fatal(err)
			}
			*one.to = append(*one.to, ms)
		}
	}
	b.r.add(row{
		what: "ct: ms from start to first line of -G", peer: fmt.Sprintf("conntrack %.1f", real.median()), pktrail: fmt.Sprintf("%.1f", ours.median()),
		ratio: fmt.Sprintf("%.1f", ratios(ours, real).median()), spread: ours.spread("%.1f") + " ms",
		target: fmt.Sprintf("≤ %d", getLimit), reached: reached(ours.median() <= getLimit),
	})
}

func (b *ctBench) firstLine(program string) (ms float64, err error) {
	cmd := exec.Command(program, "-G", "-p", "tcp", "-s", fewSource.String(), "-d", "192.0.2.1", "--sport", "1024", "--dport", "443")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := b.p.ns.Do(cmd.Start); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	ms = milliseconds(time.Since(begin))
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return 0, err
	}
	if !strings.HasPrefix(line, "tcp ") {
		return 0, fmt.Errorf("%s -G: %s", program, line)
	}
	return ms, nil
}
