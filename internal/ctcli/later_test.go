package ctcli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/netns"
)

// These are what conntrack 1.4.8 mended; with 1.4.7 they fail.

func ownNS(t *testing.T) *netns.NS {
	t.Helper()
	ns, err := netns.New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

func ours(t *testing.T, ns *netns.NS, stdin, line string) result {
	t.Helper()
	return run(t, ns, "/proc/self/exe", stdin, words(line)...)
}

// TestUpdateWithoutFamily changes entries of both families by one command.
func TestUpdateWithoutFamily(t *testing.T) {
	ns := ownNS(t)
	ours(t, ns, "", "-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p udp --sport 1 --dport 53")
	ours(t, ns, "", "-I -t 3000 -s 2001:db8::1 -d 2001:db8::2 -p udp --sport 1 --dport 53")
	ours(t, ns, "", "-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p esp")
	r := ours(t, ns, "", "-U -p udp -m 7")
	if r.Status != 0 || strings.Count(r.Out, " mark=7") != 2 || r.Errors != "conntrack v1.4.7 (conntrack-tools): 2 flow entries have been updated.\n" {
		t.Errorf("%+v", r)
	}
	if r = ours(t, ns, "", "-L -m 7"); strings.Count(r.Out, "udp") != 2 || strings.Contains(r.Out, "unknown") {
		t.Errorf("%+v", r)
	}
}

// TestStatusBehindMark: the mark is the one that was said, in either order.
func TestStatusBehindMark(t *testing.T) {
	ns := ownNS(t)
	const entry = "-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p udp --dport 53 "
	ours(t, ns, "", entry+"--sport 1 -m 123 -u ASSURED")
	ours(t, ns, "", entry+"--sport 2 -u ASSURED -m 123")
	for _, ask := range []string{"-L -m 123", "-L -m 123 -u ASSURED", "-L -u ASSURED -m 123"} {
		if r := ours(t, ns, "", ask); strings.Count(r.Out, "[ASSURED] mark=123") != 2 {
			t.Errorf("%s: %+v", ask, r)
		}
	}
}

// TestGoneMeanwhile: what went between being listed and being changed or deleted
// is no failure, and is not counted.
func TestGoneMeanwhile(t *testing.T) {
	const entries = 6000
	var makes strings.Builder
	for i := range entries {
		fmt.Fprintf(&makes, "-A -t 3000 -s 10.0.%d.%d -d 192.0.2.1 -p udp --sport 9 --dport 53\n", i/250, i%250)
	}
	for _, verb := range []string{"-U -p udp -m 1", "-D -p udp"} {
		ns := ownNS(t)
		ours(t, ns, makes.String(), "-R -")
		shown, said := interrupted(t, ns, verb)
		m := regexp.MustCompile(`: (\d+) flow entries have been (?:updated|deleted)\.\n$`).FindStringSubmatch(said)
		if m == nil || strings.Count(said, "\n") != 1 || m[1] != fmt.Sprint(shown) || shown == 0 || shown == entries {
			t.Errorf("%s: %d shown; %s", verb, shown, said)
		}
	}
}

// interrupted runs a command, empties the table once its first line is out and it
// waits for room for more, and counts the lines.
func interrupted(t *testing.T, ns *netns.NS, line string) (shown int, said string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", words(line)...)
	cmd.Args[0] = "conntrack"
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if _, err := r.Peek(1); err != nil {
		t.Errorf("%s: %v: %s", line, err, &errs)
	}
	ours(t, ns, "", "-F")
	all, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v: %s", line, err, &errs)
	}
	return bytes.Count(all, []byte("\n")), errs.String()
}
