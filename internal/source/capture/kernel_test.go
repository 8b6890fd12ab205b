package capture

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/source/netfilter"
	"github.com/pktrail/pktrail/packet"
)

// tcpdump captures count packets of a namespace while send sends them, and
// returns the file that it writes.
func tcpdump(t *testing.T, l *lab.Lab, ns string, count int, send func(), args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		lab.Lacks(t, "tcpdump is missing: try: sudo apt-get install tcpdump")
	}
	if groups, err := os.ReadFile("/proc/self/setgroups"); err == nil && string(groups) == "deny\n" {
		lab.LacksRights(t, "tcpdump changes its user and groups, which nobody may in a user namespace made without root: run as root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), lab.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-n", "-U", "--immediate-mode", "-c", strconv.Itoa(count), "-w", "-"}, args...)...)
	var file bytes.Buffer
	cmd.Stdout = &file
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.NS(ns).Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		words.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "listening on") {
			send()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("tcpdump: %v, after %d bytes\n%s", err, file.Len(), words.String())
	}
	return file.Bytes()
}

// sending sends n packets of each family from the client to the server, and
// returns what it sent.
func sending(t *testing.T, l *lab.Lab, n int) (send func(), packets [][]byte) {
	t.Helper()
	for i := range n {
		packets = append(packets, datagram(t, "10.1.0.2", "10.2.0.2", uint16(i+1)))
		if l.IPv6() {
			packets = append(packets, datagram(t, "fd00:1::2", "fd00:2::2", uint16(i+1)))
		}
	}
	return func() {
		for _, p := range packets {
			if err := l.SendIP("client", p); err != nil {
				t.Error(err)
			}
		}
	}, packets
}

// forwarded is a packet behind a router.
func forwarded(t *testing.T, b []byte) []byte {
	t.Helper()
	p, err := packet.DecodeIP(b)
	if err != nil {
		t.Fatal(err)
	}
	p.TTL--
	out, err := packet.Build(&p, b[len(b)-23:])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func index(t *testing.T, l *lab.Lab, ns, name string) uint32 {
	t.Helper()
	var n uint32
	err := l.NS(ns).Do(func() error {
		dev, err := net.InterfaceByName(name)
		if err == nil {
			n = uint32(dev.Index)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const toServer = "udp dst port 9"

func TestCaptureInterface(t *testing.T) {
	l := lab.New(t, "router")
	send, packets := sending(t, l, 5)
	for _, unit := range []string{"micro", "nano"} {
		before := time.Now().Truncate(time.Microsecond)
		got := read(t, tcpdump(t, l, "rt", len(packets), send, "-i", "r0", "--time-stamp-precision", unit, toServer))
		got.only(t, len(packets))
		for i, l := range got.logs {
			if !bytes.Equal(l.Payload, packets[i]) || len(l.LinkHeader) != ethernetLen || l.In != 0 || l.Out != 0 {
				t.Errorf("packet %d: %+v", i, l)
			}
			if at := got.times[i]; at.Before(before) || at.After(time.Now()) {
				t.Errorf("packet %d at %v", i, at)
			}
		}
	}
}

func TestCaptureAny(t *testing.T) {
	l := lab.New(t, "router")
	send, packets := sending(t, l, 5)
	in, out := index(t, l, "rt", "r0"), index(t, l, "rt", "r1")
	// With room for packets of any size libpcap's ring has room for eight.
	got := read(t, tcpdump(t, l, "rt", 2*len(packets), send, "-i", "any", "-s", "512", toServer))
	got.only(t, 2*len(packets))
	var seen, want []event.Log
	for _, p := range got.logs {
		seen = append(seen, event.Log{In: p.In, Out: p.Out, Payload: p.Payload})
	}
	for _, p := range packets {
		want = append(want, event.Log{In: in, Payload: p}, event.Log{Out: out, Payload: forwarded(t, p)})
	}
	ordered := cmpopts.SortSlices(func(a, b event.Log) bool { return bytes.Compare(a.Payload, b.Payload) < 0 })
	if d := cmp.Diff(want, seen, ordered); d != "" {
		t.Error(d)
	}
	name := func(i uint32) string { return "if" + strconv.Itoa(int(i)) }
	if d := cmp.Diff(map[uint32]string{in: name(in), out: name(out)}, got.links); d != "" {
		t.Error(d)
	}
}

// load gives rules to the router.
func load(t *testing.T, l *lab.Lab, r lab.Ruleset) {
	t.Helper()
	lab.Need(t, r.World)
	if err := l.Load(t.Context(), "rt", r); err != nil {
		t.Fatal(err)
	}
}

// TestCaptureNFLOG: rules of both kinds log to a group.
func TestCaptureNFLOG(t *testing.T) {
	l := lab.New(t, "router", lab.Options{IPv4Only: true})
	load(t, l, lab.Ruleset{World: lab.Legacy, Family: packet.IPv4, Text: `*mangle
-A PREROUTING -p udp --dport 9 -j MARK --set-mark 0xd4
-A PREROUTING -p udp --dport 9 -j NFLOG --nflog-group 5 --nflog-prefix "raw pre: "
COMMIT
`})
	load(t, l, lab.Ruleset{World: lab.NFT, Text: `table ip t { chain c {
		type filter hook forward priority 0
		udp dport 9 log prefix "fwd " group 5
	}
}`})
	send, packets := sending(t, l, 5)
	got := read(t, tcpdump(t, l, "rt", 2*len(packets), send, "-i", "nflog:5"))
	got.only(t, 2*len(packets))
	in, out := index(t, l, "rt", "r0"), index(t, l, "rt", "r1")
	for i, p := range packets {
		pre, fwd := got.logs[2*i], got.logs[2*i+1]
		want := event.Log{Family: 2, Hook: 0, Group: 5, Prefix: []byte("raw pre: "), In: in, Mark: 0xd4, EtherType: 0x800, LinkType: 1, HasLinkType: true, Payload: p}
		told := cmpopts.IgnoreFields(event.Log{}, "LinkHeader", "Timestamp")
		if d := cmp.Diff(want, pre, told); d != "" {
			t.Errorf("packet %d: %s", i, d)
		}
		want.Hook, want.Prefix, want.Out, want.Payload = 2, []byte("fwd "), out, forwarded(t, p)
		if d := cmp.Diff(want, fwd, told); d != "" {
			t.Errorf("packet %d: %s", i, d)
		}
		if len(pre.LinkHeader) != ethernetLen {
			t.Errorf("packet %d: link header %x", i, pre.LinkHeader)
		}
	}
}

// TestCaptureTrace: the lines of legacy TRACE, from group 0.
func TestCaptureTrace(t *testing.T) {
	l := lab.New(t, "router", lab.Options{IPv4Only: true})
	load(t, l, lab.Ruleset{World: lab.Legacy, Family: packet.IPv4, Text: `*raw
:own:chain - [0:0]
-A PREROUTING -p udp --dport 9 -j TRACE
-A PREROUTING -j own:chain
-A own:chain -p udp
COMMIT
`})
	if err := l.Sysctl("rt", "net.netfilter.nf_log.2", "nfnetlink_log"); err != nil {
		t.Fatal(err)
	}
	send, packets := sending(t, l, 3)
	want := []event.TraceLine{
		{Table: "raw", Chain: "PREROUTING", Type: event.LineRule, Number: 2},
		{Table: "raw", Chain: "own:chain", Type: event.LineRule, Number: 1},
		{Table: "raw", Chain: "own:chain", Type: event.LineReturn, Number: 2},
		{Table: "raw", Chain: "PREROUTING", Type: event.LinePolicy, Number: 3},
	}
	got := read(t, tcpdump(t, l, "rt", len(want)*len(packets), send, "-i", "nflog:0"))
	got.only(t, len(want)*len(packets))
	for i, line := range got.logs {
		if line.Line != want[i%len(want)] || line.Group != 0 || !bytes.Equal(line.Payload, packets[i/len(want)]) {
			t.Errorf("line %d: %+v, want %+v", i, line, want[i%len(want)])
		}
	}
}

// TestCaptureAsLive: what a capture tells of NFLOG is what is told live.
func TestCaptureAsLive(t *testing.T) {
	l := lab.New(t, "router", lab.Options{IPv4Only: true})
	load(t, l, lab.Ruleset{World: lab.NFT, Text: `table inet t { chain c {
		type filter hook forward priority 0
		udp dport 9 meta mark set 7
		udp dport 9 log prefix "TRACE: raw:OUTPUT:rule:3 " group 0
		udp dport 9 log prefix "TRACE: raw:OUTPUT:rule:3 " group 6
	}
}`})
	live, err := netfilter.Open(l.NS("rt"), netfilter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = live.Close() }()
	if err := live.ListenLegacy(l.NS("rt")); err != nil {
		t.Fatal(err)
	}
	send, packets := sending(t, l, 20)
	got := read(t, tcpdump(t, l, "rt", len(packets), send, "-i", "nflog:6"))
	got.only(t, len(packets))

	var heard told
	ctx, cancel := context.WithTimeout(t.Context(), lab.Patience)
	defer cancel()
	err = live.Run(ctx, func(events []event.Event) {
		for _, e := range events {
			heard.add(e)
		}
		if len(heard.logs) == len(packets) {
			cancel()
		}
	})
	if err != nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("%d of %d messages: %v", len(heard.logs), len(packets), err)
	}
	// The live reader asks for numbers and connections, which libpcap does not. Two
	// rules log at two times.
	asked := cmpopts.IgnoreFields(event.Log{}, "Group", "Seq", "HasSeq", "CT")
	if d := cmp.Diff(heard.logs, got.logs, asked, cmpopts.EquateApproxTime(time.Second)); d != "" {
		t.Error(d)
	}
}
