package flows_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

func TestTranslation(t *testing.T) {
	var m flows.Maker
	plain := entry(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 80)
	if e := m.Flow(plain); e.NAT != nil {
		t.Errorf("%+v", e.NAT)
	}
	both := entry(packet.ProtoTCP, "10.0.0.1", "10.96.0.10", 1000, 80)
	both.Reply = entry(packet.ProtoTCP, "10.2.0.2", "192.0.2.1", 8080, 1024).Orig
	n := m.Flow(both).NAT
	if n == nil || n.Src.To != addr("192.0.2.1") || n.SrcPort.To != 1024 || n.Dst.From != addr("10.96.0.10") || n.DstPort.To != 8080 || n.ID != nil {
		t.Errorf("%+v", n)
	}
	ping := entry(packet.ProtoICMP, "10.0.0.1", "8.8.8.8", 7, 0)
	ping.Reply.Dst, ping.Reply.ICMPID = addr("192.0.2.1"), 9
	if n := m.Flow(ping).NAT; n == nil || n.ID.From != 7 || n.ID.To != 9 || n.Dst != nil || n.SrcPort != nil {
		t.Errorf("%+v", n)
	}
	half := entry(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 80)
	half.Reply = conntrack.Tuple{}
	if n := m.Flow(half).NAT; n != nil {
		t.Errorf("a message with one tuple tells no translation: %+v", n)
	}
}

func TestRareParts(t *testing.T) {
	f := entry(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 21)
	f.Has |= conntrack.HasHelper | conntrack.HasLabels | conntrack.HasStatus | conntrack.HasSCTPTagOrig | conntrack.HasDCCPHandshake | conntrack.HasSynProxy | conntrack.HasSeqAdjOrig
	f.Helper, f.HelperInfo, f.Status, f.DCCP.Handshake = "ftp", []byte{1}, conntrack.SeenReply|1<<20, 1<<63
	f.Labels.SetBit(0)
	f.Labels.SetBit(127)
	f.Master = entry(packet.ProtoTCP, "10.0.0.9", "10.0.0.2", 1, 21).Orig
	f.Unknown = []conntrack.Attr{{Path: [4]uint16{4, 9}, Data: []byte{7}}}
	var m flows.Maker
	e := m.Flow(f)
	switch {
	case e.Helper != "ftp", len(e.HelperInfo) != 1, len(e.Labels) != 2 || e.Labels[1] != 127, len(e.Status) != 2 || e.Status[1] != "0x100000",
		e.Master == nil || e.Master.Src != netip.MustParseAddr("10.0.0.9"), e.SCTP == nil || e.SCTP.TagReply != nil, e.DCCP == nil || e.DCCP.Handshake != "9223372036854775808",
		e.SynProxy == nil, e.Orig.SeqAdj == nil, len(e.Unknown) != 1 || len(e.Unknown[0].Path) != 2:
		t.Errorf("%s", e.AppendJSON(nil))
	}
	gre := entry(packet.ProtoGRE, "10.0.0.1", "10.0.0.2", 5, 6)
	if e := m.Flow(gre); e.Orig.SrcPort != nil || *e.Orig.SrcKey != 5 || *e.Orig.DstKey != 6 || e.Helper != "" || e.Master != nil {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestMakerAllocatesNothing(t *testing.T) {
	var m flows.Maker
	f := entry(packet.ProtoTCP, "10.0.0.1", "10.96.0.10", 1000, 80)
	f.Reply.Src = addr("10.2.0.2")
	f.Has |= conntrack.HasStatus | conntrack.HasMark | conntrack.HasID | conntrack.HasCountersOrig
	f.Status = conntrack.SeenReply | conntrack.Assured
	m.Flow(f)
	if n := testing.AllocsPerRun(100, func() { m.Flow(f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLifetimes(t *testing.T) {
	var m flows.Maker
	var births flows.Births
	began := time.Unix(1000, 0)
	f := entry(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 1000, 53)
	f.Has |= conntrack.HasID
	f.ID = 7
	if e := m.Event(journey.FlowNew, f, began, &births); e.Lifetime != nil || e.Clock != journey.ClockReceipt {
		t.Errorf("%+v", e)
	}
	e := m.Event(journey.FlowDestroy, f, began.Add(3*time.Second), &births)
	if e.Lifetime == nil || time.Duration(*e.Lifetime) != 3*time.Second || e.LifetimeBy != "seen" {
		t.Errorf("%+v", e)
	}
	if e := m.Event(journey.FlowDestroy, f, began.Add(4*time.Second), &births); e.Lifetime != nil || e.LifetimeBy != "" {
		t.Errorf("its start was not seen: %+v", e)
	}
	f.Has |= conntrack.HasStart | conntrack.HasStop | conntrack.HasEventTime
	f.Start, f.Stop, f.EventTime = 5e9, 7e9, 8e9
	if e := m.Event(journey.FlowDestroy, f, began, &births); time.Duration(*e.Lifetime) != 2*time.Second || e.LifetimeBy != "kernel" || e.Clock != journey.ClockKernel || e.Time.Unix() != 8 {
		t.Errorf("%+v", e)
	}
}

// TestBirthsAfterLoss: an ID that was used again lends no start.
func TestBirthsAfterLoss(t *testing.T) {
	var m flows.Maker
	var births flows.Births
	began := time.Unix(1000, 0)
	gone, here := entry(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 1, 53), entry(packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 2, 53)
	for i, f := range []*conntrack.Flow{gone, here} {
		f.Has |= conntrack.HasID
		f.ID = uint32(i)
		m.Event(journey.FlowNew, f, began, &births)
	}
	each, done := births.Keep()
	each(here)
	done()
	if e := m.Event(journey.FlowDestroy, gone, began, &births); e.Lifetime != nil {
		t.Errorf("%+v", e)
	}
	if e := m.Event(journey.FlowDestroy, here, began, &births); e.Lifetime == nil {
		t.Errorf("%+v", e)
	}
}

func TestCounters(t *testing.T) {
	cpu := func(n uint16, drop, found, newer uint32) (c conntrack.CPUStats) {
		c.CPU = n
		c.Has = 1<<conntrack.Drop | 1<<conntrack.Found | 1<<20
		c.Value[conntrack.Drop], c.Value[conntrack.Found], c.Value[20] = drop, found, newer
		return c
	}
	before := []conntrack.CPUStats{cpu(0, 5, 0xffffffff, 0), cpu(1, 0, 0, 0)}
	now := []conntrack.CPUStats{cpu(0, 7, 1, 3), cpu(1, 2, 0, 0)}
	list := flows.Counters(now, before, 2*time.Second)
	if len(list) != 3 || list[0].Name != "drop" || list[0].Value != 9 || *list[0].PerSecond != 2 || list[0].Weight != journey.CounterTrouble || list[0].Try == "" {
		t.Fatalf("%+v", list)
	}
	if found := list[1]; found.Name != "found" || *found.PerSecond != 1 || len(found.CPUs) != 2 {
		t.Errorf("a counter that wrapped: %+v", found)
	}
	if newer := list[2]; newer.Name != "stat20" || newer.Meaning != "" || newer.Value != 3 {
		t.Errorf("%+v", newer)
	}
	for _, c := range flows.Counters(now, nil, 0) {
		if c.PerSecond != nil {
			t.Errorf("%+v", c)
		}
	}
}

func BenchmarkMaker(b *testing.B) {
	var m flows.Maker
	f := entry(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 80)
	f.Has |= conntrack.HasStatus
	b.ReportAllocs()
	for b.Loop() {
		m.Flow(f)
	}
}

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
