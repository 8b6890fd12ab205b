package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/packet"
)

// ctPlace is a namespace with a table of connection tracking.
type ctPlace struct {
	*ctnetlink.Conn
	ns *netns.NS
}

func newCTPlace(t *testing.T) *ctPlace {
	t.Helper()
	ns, err := netns.New("flows")
	if err != nil {
		t.Fatal(err)
	}
	p := &ctPlace{ns: ns}
	if err := ns.Do(func() (err error) {
		p.Conn, err = ctnetlink.Open(ctnetlink.Options{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), ns.Close()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// The address that a part of the entries has, and another that the others begin from.
var (
	fewSource  = netip.AddrFrom4([4]byte{10, 0, 0, 9})
	manySource = netip.AddrFrom4([4]byte{10, 1, 0, 0})
)

// few makes n entries of one source, and many n of sources of their own.
func (p *ctPlace) few(n int) error {
	return p.make(n, func(i int) (netip.Addr, uint16) { return fewSource, uint16(1024 + i) })
}

func (p *ctPlace) many(n int) error {
	from := manySource.As4()
	return p.make(n, func(i int) (netip.Addr, uint16) {
		return netip.AddrFrom4([4]byte{from[0], from[1] + byte(i>>16), byte(i >> 8), byte(i)}), 1024
	})
}

// make makes n entries of TCP as they stand in the table of a host that is asked.
func (p *ctPlace) make(n int, source func(int) (netip.Addr, uint16)) (err error) {
	w := p.NewWriter(func(i int, refused error) { err = fmt.Errorf("entry %d: %w", i, refused) })
	flow := conntrack.Flow{
		Has: conntrack.HasTimeout | conntrack.HasTCPState | conntrack.HasStatus, Timeout: 86400,
		TCP: conntrack.TCP{State: conntrack.TCPEstablished}, Status: conntrack.SeenReply | conntrack.Assured | conntrack.Confirmed,
		Orig: conntrack.Tuple{Dst: netip.AddrFrom4([4]byte{192, 0, 2, 1}), DstPort: 443, Proto: packet.ProtoTCP, Has: conntrack.HasProto | conntrack.HasPorts},
	}
	for i := range n {
		flow.Orig.Src, flow.Orig.SrcPort = source(i)
		flow.Reply = flow.Orig
		flow.Reply.Src, flow.Reply.Dst, flow.Reply.SrcPort, flow.Reply.DstPort = flow.Orig.Dst, flow.Orig.Src, flow.Orig.DstPort, flow.Orig.SrcPort
		if werr := w.Create(&flow); werr != nil {
			return werr
		}
	}
	return errors.Join(w.Flush(), err)
}

// roomFor raises the number of entries that a table may have, on the whole host,
// until the end of the test. Only the first namespace has that setting, where
// whoever started this process is.
func roomFor(t *testing.T, entries int) {
	t.Helper()
	if now, err := tableLimit(); err == nil && now >= entries {
		return
	}
	first, err := netns.Open(fmt.Sprintf("/proc/%d/ns/net", os.Getppid()))
	if err != nil {
		t.Fatal(err)
	}
	before, err := tableLimit()
	set := func(n int) error {
		return first.Do(func() error { return os.WriteFile(tableLimitPath, []byte(strconv.Itoa(n)), 0) })
	}
	if err = errors.Join(err, set(entries)); err != nil {
		t.Fatalf("raise nf_conntrack_max, which takes root in the first namespace: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(set(before), first.Close()); err != nil {
			t.Errorf("put nf_conntrack_max back: sysctl -w net.netfilter.nf_conntrack_max=%d: %v", before, err)
		}
	})
}

const tableLimitPath = "/proc/sys/net/netfilter/nf_conntrack_max"

// tableLimit can be read anywhere.
func tableLimit() (int, error) {
	text, err := os.ReadFile(tableLimitPath)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// conntracks are the real conntrack, and pktrail under that name.
func conntracks(t *testing.T, program string) (real, ours string) {
	t.Helper()
	real, err := exec.LookPath("conntrack")
	if err != nil {
		lab.Lacks(t, fmt.Sprintf("%v: scripts/need-packages bench installs it", err))
	}
	ours = filepath.Join(t.TempDir(), "conntrack")
	if err := os.Symlink(program, ours); err != nil {
		t.Fatal(err)
	}
	return real, ours
}
