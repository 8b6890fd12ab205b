package flows_test

import (
	"net/netip"
	"os"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/packet"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// entry is an entry of two addresses, and of two ports where the protocol has them.
func entry(proto uint8, src, dst string, sport, dport uint16) *conntrack.Flow {
	f := &conntrack.Flow{Has: conntrack.HasTimeout, Timeout: 100}
	f.Orig = conntrack.Tuple{Src: addr(src), Dst: addr(dst), Proto: proto, Has: conntrack.HasProto}
	switch proto {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		f.Orig.ICMPType, f.Orig.ICMPID = 8, sport
		if proto == packet.ProtoICMPv6 {
			f.Orig.ICMPType = 128
		}
		f.Orig.Has |= conntrack.HasICMP
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoGRE:
		f.Orig.SrcPort, f.Orig.DstPort = sport, dport
		f.Orig.Has |= conntrack.HasPorts
	}
	f.Family, f.Reply = f.Orig.Family(), answer(f.Orig)
	if proto == packet.ProtoTCP {
		f.Has |= conntrack.HasTCPState
		f.TCP.State = conntrack.TCPEstablished
	}
	return f
}

func answer(t conntrack.Tuple) conntrack.Tuple {
	t.Src, t.Dst, t.SrcPort, t.DstPort = t.Dst, t.Src, t.DstPort, t.SrcPort
	if t.Has&conntrack.HasICMP != 0 {
		t.ICMPType = map[uint8]uint8{8: 0, 128: 129}[t.ICMPType]
	}
	return t
}

// place is a namespace with a client in it.
type place struct {
	*ctnetlink.Conn
	ns *netns.NS
}

func newPlace(t testing.TB) *place {
	t.Helper()
	ns, err := netns.New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	p := &place{ns: ns}
	if err := ns.Do(func() (err error) {
		if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_timestamp", []byte("1"), 0); err != nil {
			return err
		}
		p.Conn, err = ctnetlink.Open(ctnetlink.Options{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Close()
		_ = ns.Close()
	})
	return p
}
