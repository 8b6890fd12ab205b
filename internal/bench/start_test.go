package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
)

const startLimit = 100 // ms

// startTime measures from the start to armed beside many rules.
func startTime(t *testing.T, r *report, s scale, program string) {
	for _, w := range []lab.World{lab.NFT, lab.IptablesNFT, lab.Legacy} {
		l := router(t, many(w, s.rules))
		var whole, prepare, arm series
		for range s.starts {
			ms, err := startProgram(program, l.NS("rt"))
			if err != nil {
				t.Fatal(err)
			}
			p, a, err := startHere(l.NS("rt"))
			if err != nil {
				t.Fatal(err)
			}
			whole, prepare, arm = append(whole, ms), append(prepare, p), append(arm, a)
		}
		r.add(row{
			what: fmt.Sprintf("%s: ms from start to armed, %d rules", w, s.rules), pktrail: fmt.Sprintf("%.0f", whole.median()),
			spread: whole.spread("%.0f"), target: fmt.Sprintf("< %d", startLimit), reached: reached(whole.median() < startLimit),
		})
		r.note("%s: of these, looking takes %.1f ms (%s) and arming %.1f ms (%s) inside a process that runs already",
			w, prepare.median(), prepare.spread("%.1f"), arm.median(), arm.spread("%.1f"))
	}
}

// startProgram is how many ms the program takes until it says that it traces.
func startProgram(program string, ns *netns.NS) (ms float64, err error) {
	cmd := exec.Command(program, "trace", "-p", "tcp", "-d", "10.2.0.2", "--dport", "9", "-o", "json")
	said, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := ns.Do(cmd.Start); err != nil {
		return 0, err
	}
	var text strings.Builder
	ok := false
	for sc := bufio.NewScanner(said); !ok && sc.Scan(); {
		ok = strings.HasPrefix(sc.Text(), "tracing ")
		fmt.Fprintln(&text, sc.Text())
	}
	ms = milliseconds(time.Since(begin))
	time.Sleep(settle) // its reading of the rules' texts would slow down the next
	_ = cmd.Process.Signal(syscall.SIGINT)
	_, _ = io.Copy(io.Discard, said)
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case !ok:
		return 0, fmt.Errorf("%s did not begin to trace: %s", program, text.String())
	case err != nil && !errors.As(err, &exit):
		return 0, err
	}
	return ms, nil
}

// startHere is how many ms looking and arming take in this process.
func startHere(ns *netns.NS) (prepare, arm float64, err error) {
	m, _, err := match.Parse([]string{"-p", "tcp", "-d", "10.2.0.2", "--dport", "9"})
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	tr, err := live.Prepare(live.Options{Match: m, Spaces: []*netns.NS{ns}})
	if err != nil {
		return 0, 0, err
	}
	looked := time.Now()
	err = tr.Arm()
	prepare, arm = milliseconds(looked.Sub(begin)), milliseconds(time.Since(looked))
	return prepare, arm, errors.Join(err, tr.Close())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
