package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// ctPlace is a namespace with a name, in which flows are tracked.
type ctPlace struct {
	name string
	ns   *netns.NS
}

func newCTPlace(t testing.TB, name string) *ctPlace {
	t.Helper()
	ns, err := netns.New(name)
	if err == nil {
		err = ns.Bind(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = netns.Unbind(name)
		_ = ns.Close()
	})
	p := &ctPlace{name, ns}
	p.sh(t, `ip link set lo up
		sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1
		nft 'table inet t { chain c { type filter hook output priority 0; ct state new counter; }; }'`)
	return p
}

// sh runs commands inside the namespace.
func (p *ctPlace) sh(t testing.TB, script string) string {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", p.name, "sh", "-ec", script)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", script, err, stderr.String())
	}
	return string(out)
}

// ct runs a verb of ct in the namespace.
func (p *ctPlace) ct(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaint bytes.Buffer
	code = run(append(append([]string{"ct"}, args...), "--netns", p.name), &out, &complaint)
	return out.String(), complaint.String(), code
}

func (p *ctPlace) must(t testing.TB, args ...string) string {
	t.Helper()
	out, stderr, code := p.ct(t, args...)
	if code != exitDone {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return out
}

// objects are the lines of a schema.
func objects[T any](t testing.TB, out, schema string) (all []T) {
	t.Helper()
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, `{"schema":"`+schema+`"`) {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, v)
	}
	return all
}

// fillTable makes entries of every protocol, some by real packets.
func (p *ctPlace) fillTable(t testing.TB) {
	t.Helper()
	p.sh(t, "ping -c 1 -W 1 127.0.0.1; ping -6 -c 1 -W 1 ::1")
	p.entries(t)
	p.dials(t, "tcp", "127.0.0.1:0")
	p.dials(t, "tcp", "[::1]:0")
}

// entries makes one of every protocol that conntrack(8) can make.
func (p *ctPlace) entries(t testing.TB) {
	t.Helper()
	p.sh(t, `
		conntrack -I -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 80 --state ESTABLISHED -t 1000 -u ASSURED,SEEN_REPLY --src-nat 192.0.2.1 -m 3 -w 5
		conntrack -I -p tcp -s 10.0.0.1 -d 10.96.0.10 --sport 2 --dport 80 --state SYN_SENT -t 1000 --dst-nat 10.2.0.2:8080
		conntrack -I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 53 -t 1000
		conntrack -I -p icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 1000
		conntrack -I -p sctp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 1000
		conntrack -I -p gre -s 10.0.0.1 -d 10.0.0.2 --srckey 1 --dstkey 2 -t 1000
		conntrack -I -p esp -s 10.0.0.1 -d 10.0.0.2 -t 1000
		conntrack -I -p tcp -s 2001:db8::1 -d 2001:db8::2 --sport 1 --dport 80 --state TIME_WAIT -t 1000
		conntrack -I -p icmpv6 -s 2001:db8::1 -d 2001:db8::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 9 -t 1000
		conntrack -I -p udplite -s 2001:db8::1 -d 2001:db8::2 --sport 3 --dport 4 -t 1000`)
}

// dials makes a connection to a listener of ours and leaves both open.
func (p *ctPlace) dials(t testing.TB, network, address string) {
	t.Helper()
	if err := p.ns.Do(func() error {
		l, err := net.Listen(network, address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = l.Close() })
		c, err := net.Dial(network, l.Addr().String())
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = c.Close() })
		_, err = c.Write([]byte("hello"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// conntracks is a flow as conntrack -L -o extended,id writes it, without what
// changes by itself.
func conntracks(f *journey.Flow) string {
	w := []string{f.Family, f.Proto}
	if f.State != "" {
		w = append(w, f.State)
	}
	side := func(s *journey.FlowSide) {
		w = append(w, "src="+s.Src.String(), "dst="+s.Dst.String())
		for _, n := range []struct {
			name string
			v    *uint16
		}{{"sport", s.SrcPort}, {"dport", s.DstPort}, {"srckey", s.SrcKey}, {"dstkey", s.DstKey}} {
			if n.v != nil && n.name[1:] != "rckey" && n.name[1:] != "stkey" {
				w = append(w, fmt.Sprintf("%s=%d", n.name, *n.v))
			} else if n.v != nil {
				w = append(w, fmt.Sprintf("%s=%#x", n.name, *n.v))
			}
		}
		if i := s.ICMP; i != nil {
			w = append(w, fmt.Sprintf("type=%d", *i.Type), fmt.Sprintf("code=%d", *i.Code), fmt.Sprintf("id=%d", *i.ID))
		}
		if s.Packets != nil {
			w = append(w, fmt.Sprintf("packets=%d", *s.Packets), fmt.Sprintf("bytes=%d", *s.Bytes))
		}
	}
	side(&f.Orig)
	if !slices.Contains(f.Status, "SEEN_REPLY") {
		w = append(w, "[UNREPLIED]")
	}
	side(&f.Reply)
	if slices.Contains(f.Status, "ASSURED") {
		w = append(w, "[ASSURED]")
	}
	w = append(w, fmt.Sprintf("mark=%d", *f.Mark))
	if f.Zone != nil {
		w = append(w, fmt.Sprintf("zone=%d", *f.Zone))
	}
	return strings.Join(append(w, fmt.Sprintf("id=%d", *f.ID)), " ")
}

// TestCTListIsConntrack: entry by entry what conntrack(8) lists.
func TestCTListIsConntrack(t *testing.T) {
	p := newCTPlace(t, "ctlist")
	p.fillTable(t)
	var got, want []string
	for _, f := range objects[*journey.Flow](t, p.must(t, "list", "-o", "json"), journey.FlowSchema) {
		got = append(got, conntracks(f))
	}
	// Protocols' numbers, timeouts and references stand between.
	numbers := regexp.MustCompile(`^(\S+) +\d+ (\S+) +\d+ (?:\d+ )?`)
	others := regexp.MustCompile(` (use|delta-time)=\d+`)
	for line := range strings.Lines(p.sh(t, "conntrack -L -o extended,id 2>/dev/null; conntrack -L -f ipv6 -o extended,id 2>/dev/null")) {
		line = numbers.ReplaceAllString(strings.TrimSpace(line), "$1 $2 ")
		line = strings.NewReplacer(" unknown ", " esp ").Replace(others.ReplaceAllString(line, ""))
		want = append(want, line)
	}
	slices.Sort(got)
	slices.Sort(want)
	want = slices.Compact(want)
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 14 {
		t.Errorf("%d entries (-conntrack +ours):\n%s", len(got), diff)
	}
	text := p.must(t, "list")
	if n := strings.Count(text, " → "); !strings.Contains(text, fmt.Sprintf("\n%d entries", len(got))) || n < len(got) {
		t.Errorf("text:\n%s", text)
	}
}

// TestCTRoundTrip: what is made is found as it was asked for, changed, and gone.
func TestCTRoundTrip(t *testing.T) {
	p := newCTPlace(t, "ctround")
	for _, c := range []struct{ make, get, change, shows string }{
		{"-p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 80 --state ESTABLISHED --status SEEN_REPLY,ASSURED --timeout 1h --mark 0x10 --zone 7", "--zone 7",
			"--set-mark 0x1/0xf --set-timeout 30s --set-state TIME_WAIT", "tcp   30s     TIME_WAIT    10.0.0.1:1000     → 10.0.0.2:80      assured  mark 0x11  zone 7"},
		{"-p udp -s 2001:db8::1 -d 2001:db8::2 --sport 1000 --dport 53", "", "--set-status seen-reply", "[2001:db8::1]:1000 → [2001:db8::2]:53  → 0 packets 0 B"},
		{"-p icmp -s 10.0.0.1 -d 8.8.8.8 --icmp-id 77", "--icmp-id 77", "--set-mark 5", "echo-request id 77  unreplied  mark 0x5"},
		{"-p gre -s 10.0.0.1 -d 10.0.0.2", "", "--set-mark 5", "gre"},
		{"-p 200 -s 10.0.0.1 -d 10.0.0.2 --mark 1", "", "--set-mark 0", "200"},
		{"-p tcp -s 10.0.0.1 -d 10.96.0.10 --sport 5 --dport 80 --state SYN_SENT --src-nat 192.0.2.1 --dst-nat 10.2.0.2:8080", "", "--set-timeout 1h",
			"(as 192.0.2.1:5 → 10.2.0.2:8080)"},
		{"-p udp -s 10.0.0.1 -d 10.0.0.2 --sport 5 --dport 6 --reply-src 10.0.0.3 --reply-dst 10.0.0.4 --reply-sport 7 --reply-dport 8", "", "--set-mark 1", "(as 10.0.0.4:8 → 10.0.0.3:7)"},
	} {
		if out := p.must(t, append([]string{"create"}, strings.Fields(c.make)...)...); !strings.HasPrefix(out, "created  ") {
			t.Errorf("%s: %s", c.make, out)
		}
		match := regexp.MustCompile(`^(-p \S+ -s \S+ -d \S+(?: --sport \S+ --dport \S+)?)`).FindString(c.make)
		first := objects[*journey.Flow](t, p.must(t, strings.Fields("get -o json "+match+" "+c.get)...), journey.FlowSchema)
		p.must(t, strings.Fields("update "+match+" "+c.change)...)
		out := p.must(t, strings.Fields("get -o text "+match+" "+c.get)...)
		if !strings.Contains(regexp.MustCompile(` 2\ds `).ReplaceAllString(out, " 30s "), c.shows) || len(first) != 1 {
			t.Errorf("%s, then %s: %s", c.make, c.change, out)
		}
		if _, stderr, code := p.ct(t, append([]string{"create"}, strings.Fields(c.make)...)...); code != exitFailed || !strings.Contains(stderr, "hint: there is an entry") {
			t.Errorf("made twice: %d, %s", code, stderr)
		}
		if out := p.must(t, strings.Fields("delete "+match)...); !strings.HasPrefix(out, "deleted  ") || !strings.HasSuffix(out, "\n1 entry deleted\n") {
			t.Errorf("delete: %s", out)
		}
		if _, stderr, code := p.ct(t, strings.Fields("get "+match+" "+c.get)...); code != exitFailed || !strings.Contains(stderr, "pktrail: no entry has this tuple: -") {
			t.Errorf("gone, and still: %d, %s", code, stderr)
		}
	}
	if left := p.sh(t, "conntrack -C"); left != "0\n" {
		t.Errorf("left: %s", left)
	}
}

// TestCTWatchBurst: every event of a burst of real connections is seen, with
// lifetimes and bytes at the end.
func TestCTWatchBurst(t *testing.T) {
	p := newCTPlace(t, "ctburst")
	const flowsMade = 300
	done := make(chan string)
	go func() {
		out, stderr, code := p.ct(t, "watch", "-p", "udp", "-d", "127.0.0.1", "--dport", "9", "--event", "new,destroy", "--count", fmt.Sprint(2*flowsMade), "--duration", lab.Patience.String(), "-o", "json")
		if code != exitDone {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		done <- out
	}()
	p.watched(t)
	if err := p.ns.Do(func() error {
		for i := range flowsMade {
			d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 20000 + i}}
			c, err := d.Dial("udp", "127.0.0.1:9")
			if err != nil {
				return err
			}
			_, err = c.Write([]byte("hello"))
			_ = c.Close()
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.must(t, "flush", "-p", "udp", "--yes")
	out := <-done
	kinds := map[journey.FlowChange]int{}
	for _, e := range objects[*journey.FlowEvent](t, out, journey.FlowEventSchema) {
		kinds[e.Event]++
		if e.Event == journey.FlowDestroy && (e.Lifetime == nil || e.LifetimeBy != "kernel" || *e.Flow.Orig.Bytes != 33 || e.Port == nil) {
			t.Errorf("%s", e.AppendJSON(nil))
		}
	}
	sums := objects[*journey.FlowSummary](t, out, journey.FlowSummarySchema)
	if kinds[journey.FlowNew] != flowsMade || kinds[journey.FlowDestroy] != flowsMade || len(sums) != 1 || sums[0].Shown != 2*flowsMade || sums[0].Lost.Count != 0 {
		t.Errorf("%v, %+v", kinds, sums)
	}
}

// TestCTWatchResync: what was lost is counted, and what a listing after it shows
// is all that was made.
func TestCTWatchResync(t *testing.T) {
	p := newCTPlace(t, "ctresync")
	const made = 5_000
	path := filepath.Join(t.TempDir(), "events")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := program(t, "ct", "watch", "--netns", p.name, "--event", "new", "--buffer-bytes", "1", "--resync", "-o", "json")
	cmd.Stdout = file
	if err := errors.Join(cmd.Start(), file.Close()); err != nil {
		t.Fatal(err)
	}
	p.watched(t)
	if err := p.make(made); err != nil {
		t.Error(err)
	}
	lab.Await(t, func() string {
		if seen, _ := seenIn(t, path); len(seen) < made {
			return fmt.Sprintf("%d of %d flows are told", len(seen), made)
		}
		return ""
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("exit code %d", cmd.ProcessState.ExitCode())
	}
	seen, out := seenIn(t, path)
	fresh := 0
	for _, e := range objects[*journey.FlowEvent](t, out, journey.FlowEventSchema) {
		if e.Event == journey.FlowNew {
			fresh++
		}
	}
	sums, losses := objects[*journey.FlowSummary](t, out, journey.FlowSummarySchema), objects[*journey.Lost](t, out, journey.LostSchema)
	if len(sums) != 1 || sums[0].Lost.Count == 0 || len(losses) == 0 || !sums[0].Lost.More && int64(fresh)+sums[0].Lost.Count != made {
		t.Fatalf("%d new, %d losses: %+v", fresh, len(losses), sums)
	}
	if len(seen) != made {
		t.Errorf("seen %d of %d, with %d lost", len(seen), made, sums[0].Lost.Count)
	}
}

// seenIn is the flows whose whole lines are in a file, and those lines.
func seenIn(t *testing.T, path string) (seen map[uint32]bool, out string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen, out = map[uint32]bool{}, string(text[:bytes.LastIndexByte(text, '\n')+1])
	for _, e := range objects[*journey.FlowEvent](t, out, journey.FlowEventSchema) {
		seen[*e.Flow.ID] = true
	}
	return seen, out
}

// watched waits until somebody listens to new entries.
func (p *ctPlace) watched(t *testing.T) {
	t.Helper()
	lab.Await(t, func() string {
		all, err := lab.Listeners(p.ns, 1<<(unix.NFNLGRP_CONNTRACK_NEW-1))
		switch {
		case err != nil:
			t.Fatal(err)
		case all.Sockets == 0:
			return "nobody listens"
		}
		return ""
	})
}

// make makes so many entries as fast as it can.
func (p *ctPlace) make(n int) error {
	return p.ns.Do(func() error {
		c, err := ctnetlink.Open(ctnetlink.Options{})
		if err != nil {
			return err
		}
		var refused error
		w := c.NewWriter(func(_ int, err error) { refused = err })
		for i := range n {
			t := conntrack.Tuple{
				Src: netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), Dst: netip.AddrFrom4([4]byte{10, 8, 0, byte(i >> 16)}),
				Has: conntrack.HasProto | conntrack.HasPorts, Proto: packet.ProtoUDP, SrcPort: 1000, DstPort: 53,
			}
			if err := w.Create(&conntrack.Flow{Orig: t, Reply: answering(t), Has: conntrack.HasTimeout, Timeout: 1000}); err != nil {
				return err
			}
		}
		return errors.Join(w.Flush(), refused, c.Close())
	})
}

// TestCTDeleteIsWhatItSays: what is listed is what is deleted, whatever asks.
func TestCTDeleteIsWhatItSays(t *testing.T) {
	p := newCTPlace(t, "ctdelete")
	for i, question := range []string{"-p tcp", "-s 10.0.0.1", "-d 10.0.0.0/8 --both", "! -p tcp", "--mark 3", "--zone 5", "--nat any", "--state UNREPLIED", "--status ASSURED", "-6", "--expires-within 2000s", "--older 1ns"} {
		t.Run(question, func(t *testing.T) {
			verb := []string{"delete", "flush"}[i%2]
			p.must(t, "flush", "--yes")
			p.entries(t)
			all := objects[*journey.Flow](t, p.must(t, "list", "-o", "json"), journey.FlowSchema)
			meant := objects[*journey.Flow](t, p.must(t, append([]string{"list", "-o", "json"}, strings.Fields(question)...)...), journey.FlowSchema)
			if len(meant) == 0 || i < 10 && len(meant) == len(all) {
				t.Errorf("means %d of %d", len(meant), len(all))
			}
			out := p.must(t, append([]string{verb, "--yes", "-o", "json"}, strings.Fields(question)...)...)
			left := objects[*journey.Flow](t, p.must(t, "list", "-o", "json"), journey.FlowSchema)
			gone := objects[*journey.FlowEvent](t, out, journey.FlowEventSchema)
			if len(left)+len(meant) != len(all) || verb == "delete" && len(gone) != len(meant) {
				t.Errorf("%s: %d of %d meant, %d told, %d left", verb, len(meant), len(all), len(gone), len(left))
			}
		})
	}
}

// TestCTSave: what is saved is what conntrack saves, and makes the entries again.
func TestCTSave(t *testing.T) {
	p := newCTPlace(t, "ctsave")
	p.fillTable(t)
	sorted := func(text string) []string {
		lines := strings.Split(strings.TrimSpace(regexp.MustCompile(` -t \d+ `).ReplaceAllString(text, " ")), "\n")
		slices.Sort(lines)
		return slices.Compact(lines)
	}
	want := sorted(p.sh(t, "conntrack -L -o save 2>/dev/null; conntrack -L -f ipv6 -o save 2>/dev/null"))
	got := p.must(t, "list", "-o", "save")
	if diff := cmp.Diff(want, sorted(got)); diff != "" {
		t.Errorf("-conntrack +ours:\n%s", diff)
	}
	var tcp []string
	for line := range strings.Lines(p.must(t, "list", "-p", "tcp,udp", "-o", "save")) {
		if strings.Contains(line, "-s 10.") || strings.Contains(line, "-s 2001:") {
			tcp = append(tcp, line)
		}
	}
	if len(tcp) != 4 {
		t.Fatalf("saved %q", tcp)
	}
	p.must(t, "flush", "--yes")
	p.sh(t, "conntrack -R - <<E\n"+strings.Join(tcp, "")+"E\n")
	again := p.must(t, "list", "-s", "10.0.0.0/8", "-o", "save") + p.must(t, "list", "-s", "2001:db8::1", "-o", "save")
	if diff := cmp.Diff(sorted(strings.Join(tcp, "")), sorted(again)); diff != "" {
		t.Errorf("saved and made again (-saved +made):\n%s", diff)
	}
}

// TestEmptyWords: what is not known is not said to be off.
func TestEmptyWords(t *testing.T) {
	at := &journey.Netns{Name: "blue"}
	for want, shown := range map[string]journey.FlowTable{
		"the table of blue is empty; whether anything is tracked there is not known: no right": {Netns: at, TracksWhy: "no right"},
		"the table of blue is empty, though connection tracking is on: a rule":                 {Netns: at, Tracks: new(true), TracksWhy: "a rule"},
	} {
		if got := emptyWords([]journey.FlowTable{shown, {Netns: at}}); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
