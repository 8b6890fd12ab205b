package main

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/pktrail/pktrail/journey"
)

// interrupted starts a verb of ct, interrupts it once its first line is out and it
// waits for room for more, and reads to the end.
func (p *ctPlace) interrupted(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := program(t, append(append([]string{"ct"}, args...), "--netns", p.name)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if _, err := r.Peek(1); err != nil {
		t.Errorf("%v: %v %s", args, err, &complaint)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	return string(text), cmd.ProcessState.ExitCode()
}

// TestCTInterrupted: what is cut short ends with a whole line, which says so.
func TestCTInterrupted(t *testing.T) {
	for _, verb := range []string{"list", "delete -p udp --yes", "update -p udp --set-mark 1 --yes"} {
		t.Run(verb, func(t *testing.T) { newCTPlace(t, "ctcut").cutShort(t, verb) })
	}
}

func (p *ctPlace) cutShort(t *testing.T, verb string) {
	t.Helper()
	const made = 20_000
	if err := p.make(made); err != nil {
		t.Fatal(err)
	}
	out, code := p.interrupted(t, append(strings.Fields(verb), "-o", "json")...)
	sums := objects[*journey.FlowSummary](t, out, journey.FlowSummarySchema)
	if code != exitInterrupted || len(sums) != 1 || !strings.HasSuffix(out, "}\n") {
		t.Fatalf("exit code %d, %d summaries: …%s", code, len(sums), out[max(0, len(out)-200):])
	}
	shown := int64(strings.Count(out, "\n") - 1)
	if sums[0].Shown != shown || shown == 0 || shown == made || len(sums[0].Notes) != 1 || !strings.HasPrefix(sums[0].Notes[0], "interrupted: ") {
		t.Errorf("%d lines, %+v", shown, sums[0])
	}
	left := objects[*journey.FlowSummary](t, p.must(t, "count", "-p", "udp", "-o", "json"), journey.FlowSummarySchema)
	if strings.HasPrefix(verb, "delete") && left[0].Shown != made-shown {
		t.Errorf("%d left after %d were told deleted", left[0].Shown, shown)
	}
}
