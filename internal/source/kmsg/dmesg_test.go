package kmsg

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/envelope"
	"github.com/pktrail/pktrail/internal/lab"
)

// TestDmesg: in every form in which dmesg prints, each line of the ring has a
// head, and the same message behind it; the times agree.
func TestDmesg(t *testing.T) {
	w := needRing(t)
	prefix := strings.TrimSpace(word())
	want := ""
	for i := range 3 {
		want += fmt.Sprintf("%s %d: "+packetWords+"\n", prefix, i, i)
		write(t, w, fmt.Sprintf("<4>%s %d: "+packetWords, prefix, i, i))
	}
	plain := dmesg(t, prefix)
	if got := messages(plain); got != want {
		t.Fatalf("dmesg has %q, want %q", got, want)
	}
	for _, options := range []string{
		"--time-format=ctime", "--time-format=delta", "--time-format=reltime", "--time-format=iso",
		"--decode", "--raw", "--show-delta", "--show-delta --ctime", "--decode --ctime",
	} {
		t.Run(options, func(t *testing.T) {
			got := dmesg(t, prefix, strings.Fields(options)...)
			if m := messages(got); m != want {
				t.Fatalf("dmesg has %q, want %q", m, want)
			}
			for i, l := range got {
				compareHeads(t, l.head, plain[i].head, options)
			}
		})
	}
}

// compareHeads compares the head of a line with that of dmesg's own form.
func compareHeads(t *testing.T, h, plain envelope.Head, options string) {
	t.Helper()
	if h.Has&envelope.HasUptime != 0 && h.Uptime != plain.Uptime {
		t.Errorf("uptime %d, want %d", h.Uptime, plain.Uptime)
	}
	if h.Has&envelope.HasWall != 0 {
		if off := time.Since(time.Unix(0, h.Unix)); off < -2*time.Second || off > time.Hour {
			t.Errorf("%v is %v ago", time.Unix(0, h.Unix), off)
		}
	}
	if h.Has&(envelope.HasWall|envelope.HasUptime) == 0 && !strings.Contains(options, "delta") {
		t.Errorf("no time: %+v", h)
	}
	if strings.Contains(options, "decode") && (h.Has&envelope.HasPriority == 0 || h.Priority != 12) {
		t.Errorf("priority %d of %+v, want user.warn", h.Priority, h)
	}
}

type dmesgLine struct {
	head    envelope.Head
	message string
}

func messages(lines []dmesgLine) string {
	var all strings.Builder
	for _, l := range lines {
		all.WriteString(l.message + "\n")
	}
	return all.String()
}

// dmesg is the lines of a word, read as all lines of the ring are.
func dmesg(t *testing.T, word string, options ...string) (lines []dmesgLine) {
	t.Helper()
	raw, err := exec.Command("dmesg", options...).Output()
	if err != nil {
		lab.Lacks(t, fmt.Sprintf("dmesg %v: %v", options, err))
	}
	r := envelope.Reader{Reference: time.Now(), Zone: time.Local}
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\n")
		var h envelope.Head
		r.Read(line, &h)
		if bytes.Contains(line, []byte(word)) {
			lines = append(lines, dmesgLine{h, string(line[h.Len:])})
		}
	}
	return lines
}
