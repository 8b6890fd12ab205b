package netfilter

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

// logTo makes a rule that logs UDP packets to port 11 to a group.
func (p *place) logTo(t *testing.T, group uint16) {
	t.Helper()
	err := p.ns.Do(func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("table inet l { chain c { type filter hook output priority 0; udp dport 11 log prefix \"one \" group %d\n}\n}", group))
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGroup: a group of our own brings what rules log to it, numbered, and
// nothing of what is traced.
func TestGroup(t *testing.T) {
	p := newPlace(t)
	group, err := FreeGroup(p.ns)
	if err != nil || group < firstFree {
		t.Fatal(group, err)
	}
	s, err := OpenGroup(p.ns, group, Options{Netns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	p.logTo(t, group)
	var c tally
	run(t, s, func() { p.send(t, 11, 100); p.send(t, 9, 10) }, func(events []event.Event) {
		for i := range events {
			e := &events[i]
			if e.Kind == event.KindLog && (e.Log.Group != group || string(e.Log.Prefix) != "one " || e.Netns != 2 || e.Log.Hook != 3) {
				t.Errorf("%+v", e.Log)
			}
		}
		c.add(events)
	})
	if c.lines != 100 || c.traces != 0 || len(c.lost) != 0 || c.other != 0 {
		t.Errorf("%+v", c)
	}
}

// TestGroupLoss floods a small buffer: each message has come or is counted as lost.
func TestGroupLoss(t *testing.T) {
	p := newPlace(t)
	s, err := OpenGroup(p.ns, 4000, Options{BufferBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	p.logTo(t, 4000)
	var c tally
	run(t, s, func() { p.send(t, 11, 5000) }, c.add)
	if got := c.total(t); got != 5000 {
		t.Errorf("%d of 5000: %+v", got, c)
	}
}

// TestGroupTaken: a group has one listener, which is named.
func TestGroupTaken(t *testing.T) {
	p := newPlace(t)
	s, err := OpenGroup(p.ns, 5000, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenGroup(p.ns, 5000, Options{})
	var busy *Busy
	if !errors.As(err, &busy) || busy.Group != 5000 || busy.Port != s.Port() {
		t.Errorf("a second listener: %v", err)
	}
	_ = s.Close()
	again, err := OpenGroup(p.ns, 5000, Options{})
	if err != nil {
		t.Fatalf("after the first is closed: %v", err)
	}
	_ = again.Close()
}
