package patrol_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/census"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/packet"
)

// tracked is a namespace in which flows over loopback are tracked, without entries.
func tracked(t *testing.T) patrol.Table {
	t.Helper()
	ns, err := netns.New("tracked")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	sh(t, ns, "ip", "link", "set", "lo", "up")
	sh(t, ns, "nft", "table inet t { chain c { type filter hook output priority 0; ct state new counter; }; }")
	return open(t, ns)
}

func sh(t *testing.T, ns *netns.NS, argv ...string) {
	t.Helper()
	if err := ns.Do(exec.Command(argv[0], argv[1:]...).Run); err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
}

// made makes entries from 10.1.x.x to one service, from a port on.
func made(t *testing.T, table patrol.Table, from, n int, status conntrack.Status) {
	t.Helper()
	w := table.Conn.NewWriter(func(i int, err error) { t.Fatalf("entry %d: %v", from+i, err) })
	for i := from; i < from+n; i++ {
		if err := w.Create(dnsQuery(i, status)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func dnsQuery(i int, status conntrack.Status) *conntrack.Flow {
	f := &conntrack.Flow{Has: conntrack.HasTimeout | conntrack.HasStatus, Timeout: 600, Status: status | conntrack.Confirmed}
	src := binary.BigEndian.AppendUint32(nil, 10<<24|1<<16|uint32(i/60000))
	f.Orig = conntrack.Tuple{
		Src: netip.AddrFrom4([4]byte(src)), Dst: netip.MustParseAddr("10.96.0.10"), Proto: packet.ProtoUDP,
		Has: conntrack.HasProto | conntrack.HasPorts, SrcPort: uint16(1024 + i%60000), DstPort: 53,
	}
	f.Reply = f.Orig
	f.Reply.Src, f.Reply.Dst, f.Reply.SrcPort, f.Reply.DstPort = f.Orig.Dst, f.Orig.Src, f.Orig.DstPort, f.Orig.SrcPort
	return f
}

// TestTop: what is known to be made and deleted between two looks is counted.
func TestTop(t *testing.T) {
	t.Parallel()
	table := tracked(t)
	c := patrol.NewCounter(table, nil, census.Target, census.State)
	made(t, table, 0, 300, 0)
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	made(t, table, 1000, 100, conntrack.SeenReply|conntrack.Assured)
	n, err := table.Conn.DeleteMatching(t.Context(), conntrack.Filter{Also: func(f *conntrack.Flow) bool { return f.Orig.SrcPort < 1024+50 }}, nil)
	if err != nil || n != 50 {
		t.Fatal(n, err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	top := c.Top(census.Target, 10)
	if top.Entries != 350 || len(top.Groups) != 1 || top.Groups[0].Entries != 350 || top.Unassured != 250 || top.Unreplied != 250 {
		t.Fatalf("%+v", top)
	}
	for what, rate := range map[string]float64{"new": *top.New * *top.Seconds, "ended": *top.Ended * *top.Seconds, "new of the group": *top.Groups[0].New * *top.Seconds} {
		want := 100.0
		if what == "ended" {
			want = 50
		}
		if rate < want-1 || rate > want+1 {
			t.Errorf("%s: %.2f, want %.0f", what, rate, want)
		}
	}
	states := c.Top(census.State, 10)
	if len(states.Groups) != 2 || states.Groups[0].State != "UNREPLIED" || states.Groups[1].State != "ASSURED" {
		t.Errorf("%+v", states.Groups)
	}
}

// TestWho: growth, the main contributor and the namespaces, of known entries.
func TestWho(t *testing.T) {
	t.Parallel()
	table := tracked(t)
	made(t, table, 0, 500, 0)
	c := patrol.NewCounter(table, nil, census.Kinds()...)
	if w, err := c.Who(t.Context(), 10*time.Millisecond, 3); err != nil || w.Entries != 500 || *w.Growth != 0 {
		t.Errorf("%+v, %v", w, err)
	}
	var least, most time.Duration // between the two looks
	begin := time.Now()
	w := whoWhile(t, table, func() {
		looked := time.Now()
		made(t, table, 1000, 100, 0)
		time.Sleep(100 * time.Millisecond)
		least = time.Since(looked)
	}, census.Kinds()...)
	most = time.Since(begin)
	patrol.Holders(w, []*netns.NS{table.NS})
	if w.Entries != 600 || w.Growth == nil || w.FullIn == nil {
		t.Fatalf("%+v", w)
	}
	if g := *w.Growth; g < 100/most.Seconds() || g > 100/least.Seconds() {
		t.Errorf("%f entries/s: 100 were made, within %v to %v", g, least, most)
	}
	if !strings.Contains(w.Verdict, "full in ") || !strings.HasSuffix(w.Verdict, "100 % of it is udp to 10.96.0.10:53 from 10.1.0.0") {
		t.Error(w.Verdict)
	}
	if len(w.Namespaces) != 1 || w.Namespaces[0].Entries != 600 || w.Silent != 0 {
		t.Errorf("%+v", w.Namespaces)
	}
}

// fullTable is how many entries TestFull fills a table with, more than other tests
// put into theirs at the same time: the limit is the host's.
const fullTable = 262144

// TestFull: a table at the host's limit. What is refused and what is evicted is
// counted and told. The limit is lowered where it is too high to be reached soon,
// and put back.
func TestFull(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 262144 entries")
	}
	limit := limited(t)
	table := tracked(t)
	made(t, table, 0, limit, conntrack.SeenReply|conntrack.Assured)
	w := whoWhile(t, table, func() {
		if err := table.Conn.Create(dnsQuery(limit, 0)); err == nil {
			t.Error("an entry was made beyond the limit")
		}
		for port := range 20 {
			send(t, table.NS, 9000+port)
		}
	}, census.Pair, census.Target, census.Service)
	if !strings.HasPrefix(w.Verdict, "table full: "+strconv.Itoa(limit)+" entries, limit "+strconv.Itoa(limit)) || !strings.Contains(w.Verdict, " packets refused") {
		t.Error(w.Verdict)
	}
	if n := w.Since(conntrack.Drop); n < 20 || w.Unassured != 0 || *w.Share != 1 {
		t.Errorf("%d refused; %+v", n, w.Fill)
	}
	if n, _, err := table.Conn.Flush(t.Context(), conntrack.Filter{}); err != nil {
		t.Fatal(n, err)
	}
	made(t, table, 0, limit, 0)
	w = whoWhile(t, table, func() {
		for port := range 20 {
			send(t, table.NS, 9000+port)
		}
	}, census.Pair, census.Target, census.Service)
	if n := w.Since(conntrack.EarlyDrop); n == 0 || !strings.Contains(w.Verdict, "evicted to make room") {
		t.Errorf("%d evicted: %s", n, w.Verdict)
	}
	t.Log(w.Verdict)
}

// limited is the limit, lowered until the end of the test where it is high.
func limited(t *testing.T) int {
	t.Helper()
	const path = "/proc/sys/net/netfilter/nf_conntrack_max"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.TrimSpace(string(b))
	limit, err := strconv.Atoi(old)
	if err != nil {
		t.Fatal(err)
	}
	if limit > 0 && limit <= fullTable {
		return limit
	}
	err = os.WriteFile(path, []byte(strconv.Itoa(fullTable)), 0)
	if errors.Is(err, os.ErrPermission) {
		lab.LacksRights(t, fmt.Sprintf("nf_conntrack_max is %d, and only root of the first namespace may lower it", limit))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, []byte(old), 0); err != nil {
			t.Errorf("put nf_conntrack_max back to %s: %v", old, err)
		}
	})
	return fullTable
}

// whoWhile does something between the two looks.
func whoWhile(t *testing.T, table patrol.Table, do func(), by ...census.By) *census.Who {
	t.Helper()
	c := patrol.NewCounter(table, nil, by...)
	before, err := c.Count()
	if err == nil {
		err = c.Look(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	do()
	w, err := c.WhoSince(t.Context(), before, 3)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// send sends a datagram over loopback; one that is refused is no error.
func send(t *testing.T, ns *netns.NS, port int) {
	t.Helper()
	var c net.Conn
	err := ns.Do(func() (err error) {
		c, err = net.Dial("udp4", "127.0.0.1:"+strconv.Itoa(port))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("x")); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOMEM) && !errors.Is(err, unix.ECONNREFUSED) {
		t.Logf("port %d: %v", port, err)
	}
}
