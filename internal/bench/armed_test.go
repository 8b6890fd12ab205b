package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// What an armed trace may leave of the rate of packets that it does not mean.
const (
	armedShare   = 0.97
	perMilestone = 0.025
)

// armedCost measures what packets pay that a trace does not mean, with and
// without legacy tables.
func armedCost(t *testing.T, r *report, s scale, _ string) {
	for _, w := range []struct {
		name  string
		rules []lab.Ruleset
	}{
		{"no rules", nil},
		{"nft", []lab.Ruleset{nftRules()}},
		{"legacy", []lab.Ruleset{iptablesRules(lab.Legacy)}},
	} {
		l := router(t, w.rules...)
		c, err := armedPairs(l, newSocketSender(t, l, 0), s)
		if err != nil {
			t.Fatal(err)
		}
		least := armedShare - perMilestone*float64(c.milestones)
		r.add(row{
			what: w.name + ": packets/s of a core's time, armed and not matching",
			peer: fmt.Sprintf("%.0f unarmed", c.unarmed.median()), pktrail: fmt.Sprintf("%.0f", c.armed.median()),
			ratio: fmt.Sprintf("%.3f", c.busy.median()), spread: c.busy.spread("%.3f"),
			target: fmt.Sprintf("≥ %.3f", least), reached: reached(c.busy.median() >= least),
		})
		r.add(row{
			what:  w.name + ": the same by the clock, counted at the far end",
			ratio: fmt.Sprintf("%.3f", c.clock.median()), spread: c.clock.spread("%.3f"),
			target: fmt.Sprintf("≥ %.3f", least), reached: reached(c.clock.median() >= least),
		})
		if c.stalled > 0 {
			r.note("%s: %d of %d pairs left out, in which the sender did not come to send", w.name, c.stalled, s.windows)
		}
		if c.milestones > 0 {
			r.note("%s: %d milestones on the path, %.2f %% each by the core's time", w.name, c.milestones, 100*(1-c.busy.median())/float64(c.milestones))
		}
	}
}

// cost is unarmed and armed windows in pairs.
type cost struct {
	unarmed, armed series // packets/s of the sending core's time
	busy           series // ratio of each pair by the core's time
	clock          series // ratio of each pair by the clock
	milestones     int
	stalled        int // pairs in which nothing was sent: the machine did something else
}

// window is the traffic of a short time.
type window struct {
	arrived, wall, cpu float64
}

func armedPairs(l *lab.Lab, send *sender, s scale) (c cost, err error) {
	var stop atomic.Bool
	var count, cpu atomic.Int64
	sending := make(chan error, 1)
	go func() { sending <- send.flat(&stop, &count, &cpu) }()
	defer func() {
		stop.Store(true)
		err = errors.Join(err, <-sending)
	}()
	time.Sleep(s.window)
	measure := func(arm bool) (window, error) {
		if !arm {
			return look(l.NS("server"), &cpu, s.window)
		}
		tr, err := armed(l.NS("rt"), "-p", "udp", "-d", "10.2.0.2", "--dport", "9")
		if err != nil {
			return window{}, err
		}
		c.milestones = 0
		for _, own := range tr.Plans()[0].Own {
			if own.Role == event.Milestone && own.Hook != ruleset.Input && own.Hook != ruleset.Output {
				c.milestones++
			}
		}
		w, err := look(l.NS("server"), &cpu, s.window)
		return w, errors.Join(err, tr.Close())
	}
	for i := range s.windows {
		var w [2]window
		for _, arm := range []bool{i%2 == 0, i%2 != 0} {
			got, err := measure(arm)
			if err != nil {
				return c, err
			}
			w[index(arm)] = got
		}
		c.pair(w[0], w[1])
	}
	if *full && c.stalled > s.windows/2 {
		return c, fmt.Errorf("in %d of %d pairs of windows the sender did not come to send", c.stalled, s.windows)
	}
	return c, nil
}

func index(armed bool) int {
	if armed {
		return 1
	}
	return 0
}

func (c *cost) pair(unarmed, armed window) {
	if min(unarmed.arrived, unarmed.cpu, armed.arrived, armed.cpu) <= 0 {
		c.stalled++
		return
	}
	c.unarmed = append(c.unarmed, unarmed.arrived/unarmed.cpu)
	c.armed = append(c.armed, armed.arrived/armed.cpu)
	c.busy = append(c.busy, armed.arrived/armed.cpu/(unarmed.arrived/unarmed.cpu))
	c.clock = append(c.clock, armed.arrived/armed.wall/(unarmed.arrived/unarmed.wall))
}

// look counts what arrives at the far end for a while.
func look(server *netns.NS, cpu *atomic.Int64, d time.Duration) (w window, err error) {
	// What arming and disarming leaves to be done (RCU) is not part of either.
	time.Sleep(d / 8)
	before, err := arrived(server)
	if err != nil {
		return w, err
	}
	begin, busy := time.Now(), cpu.Load()+deferred()
	time.Sleep(d)
	after, err := arrived(server)
	w.wall, w.cpu = time.Since(begin).Seconds(), float64(cpu.Load()+deferred()-busy)/1e9
	w.arrived = after - before
	return w, err
}

// deferred is the CPU time in nanoseconds of the kernel thread that does what the
// sender's own system calls have not got done on its core; 0 where it is not seen.
func deferred() int64 {
	all, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, path := range all {
		if name, err := os.ReadFile(path); err != nil || string(name) != "ksoftirqd/0\n" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "schedstat"))
		if f := strings.Fields(string(text)); err == nil && len(f) > 0 {
			ns, _ := strconv.ParseInt(f[0], 10, 64)
			return ns
		}
	}
	return 0
}

// arrived is how many packets the server's interface received.
func arrived(server *netns.NS) (n float64, err error) {
	var text []byte
	err = server.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "s0:"); ok {
			return strconv.ParseFloat(strings.Fields(rest)[1], 64)
		}
	}
	return 0, errors.Join(err, errors.New("no interface s0 at the far end"))
}
