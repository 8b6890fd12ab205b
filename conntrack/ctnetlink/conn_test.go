package ctnetlink_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

var protocols = []uint8{
	packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP, packet.ProtoGRE,
	packet.ProtoICMP, packet.ProtoICMPv6, packet.ProtoESP, 200,
}

// TestEveryProtocol: what is made is listed and got as it was made, in both
// families, and gone once it is deleted.
func TestEveryProtocol(t *testing.T) {
	p := newPlace(t)
	for _, ends := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}} {
		for _, proto := range protocols {
			made := flow(proto, ends[0], ends[1], 1000, 2000)
			if proto == packet.ProtoICMP && made.Orig.Src.Is6() || proto == packet.ProtoICMPv6 && made.Orig.Src.Is4() {
				continue
			}
			p.create(t, made)
			got := p.all(t, conntrack.Filter{})
			if proto == packet.ProtoDCCP && len(got) == 1 && got[0].Orig.Has&conntrack.HasPorts == 0 {
				made = got[0] // kernels from 6.16 on do not look at its ports
			}
			if len(got) != 1 || got[0].Orig != made.Orig || got[0].Reply != made.Reply || len(got[0].Unknown) > 0 {
				t.Fatalf("%v: listed %+v", made.Orig, got)
			}
			one, err := p.Get(&conntrack.Flow{Reply: made.Reply})
			if err != nil || one.ID != got[0].ID || one.Orig != made.Orig {
				t.Errorf("%v: got %+v, %v", made.Orig, one, err)
			}
			if err := p.Delete(got[0]); err != nil {
				t.Errorf("%v: %v", made.Orig, err)
			}
		}
	}
	if left := p.all(t, conntrack.Filter{}); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestRefusals(t *testing.T) {
	p := newPlace(t)
	f := flow(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 1, 2)
	for name, err := range map[string]error{"get": second(p.Get(f)), "update": p.Update(f), "delete": p.Delete(f)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.create(t, f)
	if err := p.Create(f); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: %v", err)
	}
	other := *f
	other.Has |= conntrack.HasID
	other.ID = 12345
	if err := p.Delete(&other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete by another id: %v", err)
	}
	if err := p.Delete(&conntrack.Flow{}); err == nil {
		t.Error("a delete without a tuple would be of all")
	}
	if err := p.Create(&conntrack.Flow{Orig: flow(packet.ProtoUDP, "10.0.0.1", "10.0.0.3", 1, 2).Orig}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("create without a reply: %v", err)
	}
	if got := p.all(t, conntrack.Filter{}); len(got) != 1 {
		t.Errorf("%d entries", len(got))
	}
}

func second[T any](_ T, err error) error { return err }

// TestFields: marks, masks, zones, labels, states, NAT and helpers as they were asked for.
func TestFields(t *testing.T) {
	p := newPlace(t)
	f := flow(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 80)
	f.Has |= conntrack.HasMark | conntrack.HasZone | conntrack.HasLabels | conntrack.HasStatus | conntrack.HasHelper |
		conntrack.HasTCPScaleOrig | conntrack.HasTCPScaleReply | conntrack.HasTCPFlagsOrig | conntrack.HasTCPFlagsReply | conntrack.HasSrcNAT | conntrack.HasDstNAT
	f.Mark, f.Zone, f.Status, f.Helper = 0xff, 7, conntrack.SeenReply|conntrack.Assured, "ftp"
	f.Labels.SetBit(5)
	f.TCP.ScaleOrig, f.TCP.FlagsOrig, f.TCP.MaskOrig = 9, conntrack.TCPSackPerm|conntrack.TCPWindowScale, 0xff
	f.TCP.ScaleReply, f.TCP.FlagsReply, f.TCP.MaskReply = 3, conntrack.TCPWindowScale, 0xff
	f.SrcNAT = conntrack.NATRange{Min: addr("192.0.2.1"), Max: addr("192.0.2.1"), MinPort: 5000, MaxPort: 5000}
	f.DstNAT = conntrack.NATRange{Min: addr("198.51.100.1"), MinPort: 8080, MaxPort: 8080}
	p.create(t, f)
	got, err := p.Get(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Mark != 0xff || got.Zone != 7 || got.Helper != "ftp" || got.TCP.ScaleOrig != 9 || got.TCP.FlagsOrig&conntrack.TCPSackPerm == 0 || got.TCP.State != conntrack.TCPEstablished {
		t.Errorf("%+v", got)
	}
	if want := conntrack.SeenReply | conntrack.Assured | conntrack.Confirmed | conntrack.SrcNAT | conntrack.DstNAT | conntrack.HelperSet; got.Status&want != want {
		t.Errorf("status %v", got.Status)
	}
	if got.Reply.Src != addr("198.51.100.1") || got.Reply.SrcPort != 8080 || got.Reply.Dst != addr("192.0.2.1") || got.Reply.DstPort != 5000 {
		t.Errorf("reply %+v", got.Reply)
	}
	changed := &conntrack.Flow{
		Orig: f.Orig, Has: conntrack.HasZone | conntrack.HasMark | conntrack.HasMarkMask | conntrack.HasTimeout | conntrack.HasTCPState,
		Zone: 7, Mark: 0x100, MarkMask: 0xf00, Timeout: 5, TCP: conntrack.TCP{State: conntrack.TCPTimeWait},
	}
	if err := p.Update(changed); err != nil {
		t.Fatal(err)
	}
	if got, err = p.Get(f); err != nil || got.Mark != 0x1ff || got.Timeout > 5 || got.TCP.State != conntrack.TCPTimeWait {
		t.Errorf("changed: %+v, %v", got, err)
	}
	withoutZone := *f
	withoutZone.Has &^= conntrack.HasZone
	if _, err := p.Get(&withoutZone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in zone 0: %v", err)
	}
}

// TestAccounting: what the kernel does not count is absent, and what it counted
// none of is zero.
func TestAccounting(t *testing.T) {
	p := newPlace(t)
	const both = conntrack.HasCountersOrig | conntrack.HasCountersReply
	for _, on := range []bool{false, true} {
		f := flow(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 1000, 80)
		if on {
			p.sysctl(t, "nf_conntrack_acct", "1")
			p.sysctl(t, "nf_conntrack_timestamp", "1")
			f.Orig.SrcPort = 1001
			f.Reply = answer(f.Orig)
		}
		before := time.Now()
		p.create(t, f)
		got, err := p.Get(f)
		if err != nil || (got.Has&both == both) != on || got.CountersOrig.Packets != 0 || (got.Has&conntrack.HasStart != 0) != on {
			t.Fatalf("on %v: %+v, %v", on, got, err)
		}
		if age, ok := got.Lifetime(time.Now()); ok != on || on && (got.Start.Time().Before(before) || age < 0) {
			t.Errorf("on %v: began at %v, age %v, %v", on, got.Start.Time(), age, ok)
		}
	}
}

// TestLabels: labels are kept only where a rule uses some.
func TestLabels(t *testing.T) {
	p := newPlace(t)
	p.rules(t, "table inet t {\n chain c {\n type filter hook output priority 0\n ct label set 1\n }\n }\n")
	f := flow(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 1000, 80)
	f.Has |= conntrack.HasLabels
	f.Labels.SetBit(5)
	f.Labels.SetBit(127)
	p.create(t, f)
	change := &conntrack.Flow{Orig: f.Orig, Has: conntrack.HasLabels | conntrack.HasLabelsMask}
	change.Labels.SetBit(8)
	change.LabelsMask.SetBit(8)
	change.LabelsMask.SetBit(5)
	if err := p.Update(change); err != nil {
		t.Fatal(err)
	}
	got, err := p.Get(f)
	if err != nil || got.Labels.Bit(5) || !got.Labels.Bit(8) || !got.Labels.Bit(127) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestZonesOfOneDirection: the same packets in two zones are two entries.
func TestZonesOfOneDirection(t *testing.T) {
	p := newPlace(t)
	for zone := range uint16(3) {
		f := flow(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 1000, 80)
		f.Orig.Zone, f.Orig.Has = zone+1, f.Orig.Has|conntrack.HasTupleZone
		f.Reply.DstPort += zone // the reply direction is in zone 0 for all
		p.create(t, f)
	}
	if got := p.all(t, conntrack.Filter{HasZone: true, Zone: 2}); len(got) != 1 || got[0].Orig.Zone != 2 || got[0].Has&conntrack.HasZone != 0 {
		t.Errorf("zone 2: %+v", got)
	}
	n, err := p.DeleteMatching(t.Context(), conntrack.Filter{HasZone: true, Zone: 3}, nil)
	if err != nil || n != 1 || len(p.all(t, conntrack.Filter{})) != 2 {
		t.Errorf("deleted %d, %v", n, err)
	}
}

// TestDumpStopped: after a dump that was not wanted to its end the next is whole.
func TestDumpStopped(t *testing.T) {
	p := newPlace(t)
	p.fill(t, 5000)
	enough := errors.New("enough")
	for range 3 {
		d, err := p.Dump(t.Context(), conntrack.Tracked, conntrack.Filter{}, func(*conntrack.Flow) error { return enough })
		if !errors.Is(err, enough) || d.Meant != 1 {
			t.Fatalf("%+v, %v", d, err)
		}
		if got := p.all(t, conntrack.Filter{}); len(got) != 5000 {
			t.Fatalf("%d entries", len(got))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Dump(ctx, conntrack.Tracked, conntrack.Filter{}, func(*conntrack.Flow) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("dump of a call that ended: %v", err)
	}
}

func TestCounts(t *testing.T) {
	p := newPlace(t)
	p.fill(t, 300)
	total, err := p.Totals()
	if err != nil || total.Entries != 300 || total.Max == 0 {
		t.Errorf("%+v, %v", total, err)
	}
	cpus, err := p.CPUStats()
	if err != nil || len(cpus) == 0 {
		t.Fatalf("%+v, %v", cpus, err)
	}
	var sum conntrack.CPUStats
	for i := range cpus {
		sum.Add(&cpus[i])
	}
	if _, ok := sum.Get(conntrack.InsertFailed); !ok {
		t.Errorf("counters: %+v", sum)
	}
	if _, ok := sum.Get(conntrack.Searched); ok {
		t.Error("this kernel has no counter of searches")
	}
	expects, err := p.ExpectStats()
	if err != nil || len(expects) != len(cpus) {
		t.Errorf("%+v, %v", expects, err)
	}
}

func TestExpectations(t *testing.T) {
	p := newPlace(t)
	master := flow(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 21)
	master.Has |= conntrack.HasHelper
	master.Helper = "ftp"
	p.create(t, master)
	e := &conntrack.Expect{
		Has:    conntrack.HasExpectTimeout | conntrack.HasExpectHelper,
		Tuple:  flow(packet.ProtoTCP, "10.0.0.2", "10.0.0.1", 0, 2000).Orig,
		Mask:   flow(packet.ProtoTCP, "255.255.255.255", "255.255.255.255", 0, 65535).Orig,
		Master: master.Orig, Timeout: 300, Helper: "ftp",
	}
	if err := p.CreateExpect(e); err != nil {
		t.Fatal(err)
	}
	var listed *conntrack.Expect
	n, err := p.DumpExpects(t.Context(), packet.Unspec, func(e *conntrack.Expect) error {
		listed = e.Clone()
		return nil
	})
	if err != nil || n != 1 || listed.Tuple != e.Tuple || listed.Master != e.Master || listed.Helper != "ftp" || listed.Mask.DstPort != 65535 || len(listed.Unknown) > 0 {
		t.Fatalf("%d: %+v, %v", n, listed, err)
	}
	e.Timeout = 20
	if err := p.UpdateExpect(e); err != nil {
		t.Fatal(err)
	}
	if got, err := p.GetExpect(&conntrack.Expect{Tuple: e.Tuple}); err != nil || got.ID != listed.ID || got.Timeout > 20 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := p.DeleteExpect(listed); err != nil {
		t.Fatal(err)
	}
	if _, err := p.GetExpect(e); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted: %v", err)
	}
	if err := errors.Join(p.CreateExpect(e), p.FlushExpects("sip")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.GetExpect(e); err != nil {
		t.Errorf("of another helper: %v", err)
	}
	if err := p.FlushExpects(""); err != nil {
		t.Fatal(err)
	}
	if _, err := p.GetExpect(e); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("flushed: %v", err)
	}
	e.Master = flow(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1001, 21).Orig
	if err := p.CreateExpect(e); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a master: %v", err)
	}
}
