package live

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/netns"
)

// waitFor is how long a trace without a packet stays silent.
const waitFor = 10 * time.Second

// Wait says, when no packet has come for a while, what the trace is waiting for
// and what crosses the namespaces instead. The returned function stops it.
func (t *Trace) Wait(ctx context.Context, say func(string)) (stop func()) {
	return wait(ctx, t.opt.Spaces, fmt.Sprintf("%s in %s", t.opt.Match, t.Names()), say)
}

func wait(ctx context.Context, spaces []*netns.NS, what string, say func(string)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	before := passed(spaces)
	go func() {
		timer := time.NewTimer(waitFor)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		say(fmt.Sprintf("no packet in %s: still waiting for %s", waitFor, what))
		say("seen instead: " + passing(before, passed(spaces)))
	}()
	return cancel
}

// passed is packets received and sent by namespace and interface.
func passed(spaces []*netns.NS) map[string][2]uint64 {
	all := map[string][2]uint64{}
	for _, ns := range spaces {
		_ = ns.Do(func() error {
			f, err := os.Open("/proc/thread-self/net/dev")
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			for sc := bufio.NewScanner(f); sc.Scan(); {
				name, rest, ok := strings.Cut(sc.Text(), ":")
				fields := strings.Fields(rest)
				if !ok || len(fields) < 10 {
					continue
				}
				rx, _ := strconv.ParseUint(fields[1], 10, 64)
				tx, _ := strconv.ParseUint(fields[9], 10, 64)
				name = strings.TrimSpace(name)
				if len(spaces) > 1 {
					name = ns.Name + "/" + name
				}
				all[name] = [2]uint64{rx, tx}
			}
			return nil
		})
	}
	return all
}

func passing(before, after map[string][2]uint64) string {
	var lines []string
	for name, now := range after {
		rx, tx := now[0]-before[name][0], now[1]-before[name][1]
		if rx+tx > 0 {
			lines = append(lines, fmt.Sprintf("%s %d packets in, %d out", name, rx, tx))
		}
	}
	if len(lines) == 0 {
		return "no packet on any interface"
	}
	sort.Strings(lines)
	return strings.Join(lines, "; ")
}
