package arm

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/ruleset"
)

// wireNS is a namespace with a cable from s0 to r0, on which nobody else speaks.
type wireNS struct {
	ns   *netns.NS
	nl   *nfnetlink.Socket
	raw  int
	mac  [6]byte
	dest unix.SockaddrLinklayer
}

func newWire(t *testing.T, more ...string) *wireNS {
	t.Helper()
	ns, err := netns.New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	w := &wireNS{ns: ns, raw: -1, mac: [6]byte{2, 0, 0, 0, 0, 1}}
	if err := ns.Do(func() error { return w.setUp(more) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(w.raw); _ = w.nl.Close() })
	w.answering(t, more)
	return w
}

// answering waits until the IPv6 addresses among what was set up are answered to.
func (w *wireNS) answering(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		addr, added := strings.CutPrefix(line, "ip addr add ")
		addr, _, _ = strings.Cut(addr, "/")
		if own, err := netip.ParseAddr(addr); added && err == nil && own.Is6() {
			lab.AwaitIPv6(t, w.ns, own)
		}
	}
}

func (w *wireNS) setUp(more []string) error {
	lines := append([]string{
		"ip link set lo up",
		"ip link add s0 type veth peer name r0 address 02:00:00:00:00:01",
		"ip link set s0 addrgenmode none", "ip link set r0 addrgenmode none",
		"ip link set s0 up", "ip link set r0 up",
	}, more...)
	for _, line := range lines {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	var err error
	if w.nl, err = nfnetlink.Open(0); err != nil {
		return err
	}
	if w.raw, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	ifi, err := unix.NewIfreq("s0")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(w.raw, unix.SIOCGIFINDEX, ifi); err != nil {
		return err
	}
	w.dest = unix.SockaddrLinklayer{Ifindex: int(ifi.Uint32())}
	return nil
}

// send puts an IP packet on the cable.
func (w *wireNS) send(t *testing.T, p []byte) {
	t.Helper()
	frame := append(w.mac[:], 2, 0, 0, 0, 0, 2)
	if p[0]>>4 == 4 {
		frame = append(frame, 0x08, 0x00)
	} else {
		frame = append(frame, 0x86, 0xdd)
	}
	if err := unix.Sendto(w.raw, append(frame, p...), 0, &w.dest); err != nil {
		t.Fatal(err)
	}
}

// counting makes a table with one counter for each condition, in a chain of
// its own that is left at the first rule that holds.
func (w *wireNS) counting(t *testing.T, family ruleset.Family, at nftexpr.Chain, conditions [][][]nftexpr.Stmt) {
	t.Helper()
	first := nftexpr.NewBatch(family, "counting")
	first.Table(0, nil)
	first.Counter("total")
	must(t, first.Chain(at))
	w.run(t, first)
	// In portions, since a socket's send buffer bounds one transaction.
	const portion = 20
	for from := 0; from < len(conditions); from += portion {
		b := nftexpr.NewBatch(family, "counting")
		for i := from; i < min(from+portion, len(conditions)); i++ {
			b.Counter(counterName(i))
			must(t, b.Chain(nftexpr.Chain{Name: counterName(i)}))
			for _, rule := range conditions[i] {
				b.Rule(counterName(i), "", append(slices.Clone(rule), nftexpr.Count(counterName(i)), nftexpr.Return())...)
			}
			b.Rule(at.Name, "", nftexpr.Jump(counterName(i)))
		}
		w.run(t, b)
	}
	last := nftexpr.NewBatch(family, "counting")
	last.Rule(at.Name, "", nftexpr.Count("total"))
	w.run(t, last)
}

// run sends a batch, after asking nft whether it understands its words.
func (w *wireNS) run(t *testing.T, b *nftexpr.Batch) {
	t.Helper()
	w.readable(t, b.Text())
	if err := b.Run(w.nl); err != nil {
		t.Fatalf("%v\n%s", err, b.Text())
	}
}

// readable: nft understands the script.
func (w *wireNS) readable(t *testing.T, script string) {
	t.Helper()
	err := w.ns.Do(func() error {
		cmd := exec.Command("nft", "-c", "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("nft -c: %v", err)
	}
}

func counterName(i int) string { return fmt.Sprintf("m%d", i) }

// counted sends a packet and returns which counters moved.
func (w *wireNS) counted(t *testing.T, family ruleset.Family, p []byte, before map[string]nftexpr.Counted) map[string]nftexpr.Counted {
	t.Helper()
	w.send(t, p)
	var now map[string]nftexpr.Counted
	lab.Await(t, func() string {
		var err error
		if now, err = nftexpr.Counters(w.nl, family, "counting"); err != nil {
			t.Fatal(err)
		}
		switch n := now["total"].Packets - before["total"].Packets; n {
		case 0:
			return fmt.Sprintf("the packet did not come: % x", p)
		case 1:
		default:
			t.Fatalf("more than the packet that was sent came: %d", n)
		}
		return ""
	})
	return now
}
