package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// asked runs a verb of ct on a terminal of its own and, once it asks, does what is
// wanted and types.
func (p *ctPlace) asked(t *testing.T, typed string, meanwhile func(), args ...string) (stdout, stderr string, code int) {
	t.Helper()
	inside, outside := terminal(t)
	cmd := program(t, append(append([]string{"ct"}, args...), "--netns", p.name)...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = inside, &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	complaints := bufio.NewReader(said)
	question, err := complaints.ReadString(']')
	if err != nil {
		t.Fatalf("no question, but %s", question)
	}
	meanwhile()
	if _, err := outside.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	var rest strings.Builder
	if _, err := complaints.WriteTo(&rest); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	return out.String(), question + rest.String(), cmd.ProcessState.ExitCode()
}

// TestCTAsks: nothing is changed that nobody agreed to.
func TestCTAsks(t *testing.T) {
	p := newCTPlace(t, "ctask")
	nothing := func() {}
	for i := range 3 {
		p.must(t, "create", "-p", "udp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", fmt.Sprint(i+1), "--dport", "53")
	}
	for _, c := range []struct {
		verb, typed, end string
		code             int
	}{
		{"delete -p udp", "\x03", "[y/N] \n", exitInterrupted},
		{"flush -p udp", "\x03", "[y/N] \n", exitInterrupted},
		{"update -p udp --set-mark 7", "\x03", "[y/N] \n", exitInterrupted},
		{"delete -p udp", "\x04", "[y/N] \npktrail: nobody agreed to it, so nothing was changed\nhint: answer y, or give --yes\n", exitFailed},
		{"delete -p udp", "\n", "so nothing was changed\nhint: answer y, or give --yes\n", exitFailed},
		{"delete -p udp", "yess\n", "so nothing was changed\nhint: answer y, or give --yes\n", exitFailed},
	} {
		out, said, code := p.asked(t, c.typed, nothing, strings.Fields(c.verb)...)
		if out != "" || !strings.HasSuffix(said, c.end) || code != c.code {
			t.Errorf("%s, %q typed: exit code %d, %q, %q", c.verb, c.typed, code, out, said)
		}
	}
	if left := p.must(t, "count", "-p", "udp", "--mark", "0"); !strings.HasPrefix(left, "3 entries") {
		t.Errorf("left: %s", left)
	}
	out, said, code := p.asked(t, " YES \n", func() {
		p.must(t, "create", "-p", "udp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", "9", "--dport", "53")
	}, "delete", "-p", "udp")
	if !strings.HasSuffix(out, "\n3 entries deleted\n") || code != exitDone {
		t.Errorf("exit code %d, %q, %q", code, out, said)
	}
	if left := p.must(t, "list", "-p", "udp"); !strings.Contains(left, "10.0.0.1:9 ") || !strings.Contains(left, "\n1 entry") {
		t.Errorf("what came after the question was deleted: %s", left)
	}
}
