package conntrack_test

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

var addrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func tcpTuple(src, dst string, sport, dport uint16) conntrack.Tuple {
	return conntrack.Tuple{
		Src: addr(src), Dst: addr(dst), Proto: packet.ProtoTCP, SrcPort: sport, DstPort: dport,
		Has: conntrack.HasProto | conntrack.HasPorts,
	}
}

// everything is a flow with all that a request can say.
func everything() *conntrack.Flow {
	const requests = conntrack.HasStatus | conntrack.HasTimeout | conntrack.HasMark | conntrack.HasZone |
		conntrack.HasTCPState | conntrack.HasTCPScaleOrig | conntrack.HasTCPScaleReply | conntrack.HasTCPFlagsOrig | conntrack.HasTCPFlagsReply |
		conntrack.HasSCTPState | conntrack.HasSCTPTagOrig | conntrack.HasSCTPTagReply |
		conntrack.HasDCCPState | conntrack.HasDCCPRole | conntrack.HasDCCPHandshake |
		conntrack.HasHelper | conntrack.HasLabels | conntrack.HasSeqAdjOrig | conntrack.HasSeqAdjReply | conntrack.HasSynProxy |
		conntrack.HasSrcNAT | conntrack.HasDstNAT | conntrack.HasMarkMask | conntrack.HasLabelsMask
	f := &conntrack.Flow{
		Has: requests, Family: packet.IPv4,
		Orig: tcpTuple("10.0.0.1", "10.0.0.2", 40000, 80), Reply: tcpTuple("10.1.0.2", "10.1.0.1", 8080, 1025),
		Master: conntrack.Tuple{
			Src: addr("2001:db8::1"), Dst: addr("::ffff:1.2.3.4"), Proto: packet.ProtoICMPv6, ICMPType: 128, ICMPCode: 1, ICMPID: 77, Zone: 9,
			Has: conntrack.HasProto | conntrack.HasICMP | conntrack.HasTupleZone,
		},
		Status: conntrack.Confirmed | conntrack.Assured | 1<<20, Timeout: 1 << 31, Mark: 0xdeadbeef, MarkMask: 0xff00, Zone: 65535,
		TCP:    conntrack.TCP{State: conntrack.TCPSynSent2, ScaleOrig: 7, ScaleReply: 8, FlagsOrig: 1, MaskOrig: 2, FlagsReply: 3, MaskReply: 4},
		SCTP:   conntrack.SCTP{State: conntrack.SCTPHeartbeatSent, TagOrig: 5, TagReply: 6},
		DCCP:   conntrack.DCCP{State: conntrack.DCCPOpen, Role: 1, Handshake: 1 << 47},
		Helper: "ftp", HelperInfo: []byte{1, 2, 3, 4, 5},
		SeqAdjOrig: conntrack.SeqAdj{Pos: 1, Before: -2, After: 3}, SeqAdjReply: conntrack.SeqAdj{Pos: 4, Before: 5, After: -6},
		SynProxy: conntrack.SynProxy{ISN: 1, ITS: 2, TSOff: 3},
		SrcNAT:   conntrack.NATRange{Min: addr("192.0.2.1"), Max: addr("192.0.2.9"), MinPort: 1, MaxPort: 2},
		DstNAT:   conntrack.NATRange{Min: addr("2001:db8::5"), Max: addr("2001:db8::6")},
	}
	f.Labels.SetBit(0)
	f.Labels.SetBit(127)
	f.LabelsMask.SetBit(64)
	return f
}

// TestRoundTrip: what is encoded is decoded as it was.
func TestRoundTrip(t *testing.T) {
	want := everything()
	var dec conntrack.Decoder
	got := conntrack.Flow{Unknown: make([]conntrack.Attr, 3), Helper: "gone", Use: 5}
	if err := dec.Flow(conntrack.AppendUpdate([]byte("junk"), 7, true, want)[4:], &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, &got, addrs, cmp.Comparer(func(a, b []conntrack.Attr) bool { return len(a) == len(b) })); d != "" {
		t.Error(d)
	}
	created := *want
	created.Has &^= conntrack.HasStatus
	if err := dec.Flow(conntrack.AppendCreate(nil, 7, true, &created), &got); err != nil || got.Status != conntrack.Confirmed {
		t.Errorf("created with status %v, %v", got.Status, err)
	}
}

func TestExpectRoundTrip(t *testing.T) {
	want := &conntrack.Expect{
		Has: conntrack.HasExpectTimeout | conntrack.HasExpectHelper | conntrack.HasExpectZone | conntrack.HasExpectFlags |
			conntrack.HasExpectClass | conntrack.HasExpectNATDir | conntrack.HasExpectFunc,
		Family: packet.IPv4, Tuple: tcpTuple("10.0.0.1", "10.0.0.2", 0, 2000), Mask: tcpTuple("255.255.255.255", "255.255.255.255", 0, 65535),
		Master: tcpTuple("10.0.0.1", "10.0.0.2", 40000, 21), Timeout: 300, Helper: "ftp", Zone: 3, Flags: conntrack.ExpectPermanent, Class: 1,
		Func: "nat-follow-master", NATDir: 1, NATTuple: tcpTuple("1.2.3.4", "0.0.0.0", 5, 0),
	}
	var dec conntrack.Decoder
	var got conntrack.Expect
	if err := dec.Expect(conntrack.AppendExpectCreate(nil, 7, true, want), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, &got, addrs); d != "" {
		t.Error(d)
	}
}

// TestUnknown: what a newer kernel adds is kept with the way to it, and what is
// cut short too.
func TestUnknown(t *testing.T) {
	tuple := wire.AppendAttr(nil, 2, wire.AppendAttr(wire.AppendAttr(nil, 1, []byte{6}), 40, []byte("new")))
	tuple = append(tuple, 1, 0)
	attrs := wire.AppendAttr(nil, 1, tuple)
	attrs = wire.AppendAttr(attrs, 4, wire.AppendAttr(nil, 1, wire.AppendAttr(wire.AppendAttr(nil, 1, []byte{3}), 9, []byte{1, 2})))
	attrs = wire.AppendAttr(attrs, 3, []byte{0, 0, 0, 8, 0, 0, 0, 0}) // a status that has grown
	attrs = wire.AppendAttr(attrs, 99, []byte("later"))
	attrs = wire.AppendAttr(attrs, 8, []byte{0, 0, 0, 5})
	var dec conntrack.Decoder
	var f conntrack.Flow
	if err := dec.Flow(wire.AppendMessage(nil, 0x0100, 0, 0, 2, 0, attrs), &f); err != nil {
		t.Fatal(err)
	}
	want := []conntrack.Attr{
		{Path: [4]uint16{1, 2, 40}, Data: []byte("new")},
		{Path: [4]uint16{1}, Data: []byte{1, 0}},
		{Path: [4]uint16{4, 1, 9}, Data: []byte{1, 2}},
		{Path: [4]uint16{3}, Data: []byte{0, 0, 0, 8, 0, 0, 0, 0}},
		{Path: [4]uint16{99}, Data: []byte("later")},
	}
	if d := cmp.Diff(want, f.Unknown); d != "" {
		t.Error(d)
	}
	if f.Orig.Proto != packet.ProtoTCP || f.TCP.State != conntrack.TCPEstablished || f.Mark != 5 || f.Has&conntrack.HasStatus != 0 {
		t.Errorf("known parts: %+v", f)
	}
	kept := f.Clone()
	clear(f.Unknown[0].Data)
	if string(kept.Unknown[0].Data) != "new" {
		t.Error("a clone shares memory")
	}
}

func TestAbsent(t *testing.T) {
	var dec conntrack.Decoder
	f := *everything()
	if err := dec.Flow(wire.AppendMessage(nil, 0x0100, 0, 0, 10, 0, nil), &f); err != nil {
		t.Fatal(err)
	}
	f.Unknown, f.HelperInfo = nil, nil
	if want := (conntrack.Flow{Family: packet.IPv6}); !reflect.DeepEqual(f, want) {
		t.Errorf("left from before: %+v", f)
	}
	for name, message := range map[string][]byte{"empty": nil, "cut": {1, 2, 3}, "another subsystem": wire.AppendMessage(nil, 0x0a00, 0, 0, 2, 0, nil)} {
		if err := dec.Flow(message, &f); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		typ, flags uint16
		seq        uint32
		want       conntrack.Kind
	}{
		{0x100, 0x600, 0, conntrack.NewFlow}, {0x100, 0, 0, conntrack.UpdatedFlow}, {0x100, 2, 9, conntrack.ListedFlow},
		{0x102, 0, 0, conntrack.DestroyedFlow}, {0x104, 2, 9, conntrack.CPUCounters}, {0x105, 0, 9, conntrack.GlobalCounters},
		{0x200, 0x600, 0, conntrack.NewExpect}, {0x200, 2, 9, conntrack.ListedExpect}, {0x202, 0, 0, conntrack.DestroyedExpect},
		{0x103, 2, 9, conntrack.ExpectCounters}, {0x108, 0, 0, conntrack.OtherKind}, {0xa00, 0, 0, conntrack.OtherKind},
	} {
		m := wire.AppendMessage(nil, c.typ, c.flags, c.seq, 0, 0, nil)
		binary.NativeEndian.PutUint32(m[12:], 4711)
		if got := conntrack.KindOf(m); got != c.want || conntrack.PortOf(m) != 4711 {
			t.Errorf("type %x flags %x seq %d: %d of port %d, want %d", c.typ, c.flags, c.seq, got, conntrack.PortOf(m), c.want)
		}
	}
	if conntrack.KindOf(nil) != conntrack.OtherKind || conntrack.PortOf(nil) != 0 {
		t.Error("nothing is of a kind")
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{conntrack.Status(0).String(), ""},
		{(conntrack.SeenReply | conntrack.Assured | conntrack.Confirmed | conntrack.HWOffload).String(), "SEEN_REPLY,ASSURED,CONFIRMED,HW_OFFLOAD"},
		{(conntrack.Expected | 1<<30).String(), "EXPECTED,0x40000000"},
		{conntrack.TCPTimeWait.String(), "TIME_WAIT"}, {conntrack.TCPState(200).String(), "200"},
		{conntrack.SCTPCookieWait.String(), "COOKIE_WAIT"}, {conntrack.DCCPPartOpen.String(), "PARTOPEN"},
		{conntrack.InsertFailed.String(), "insert_failed"}, {conntrack.ChainTooLong.String(), "chaintoolong"}, {conntrack.Stat(20).String(), "stat20"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// FuzzDecode: whatever comes, decoders neither panic nor read past the message,
// and a flow that was decoded stays the same when it is sent and decoded again.
func FuzzDecode(f *testing.F) {
	f.Add(conntrack.AppendUpdate(nil, 1, true, everything()))
	f.Add(conntrack.AppendExpectDelete(nil, 1, true, &conntrack.Expect{Tuple: tcpTuple("1.2.3.4", "5.6.7.8", 1, 2)}))
	f.Add(wire.AppendMessage(nil, 0x0104, 0, 0, 0, 3, wire.AppendAttr(nil, 9, []byte{0, 0, 0, 1})))
	f.Fuzz(func(t *testing.T, b []byte) {
		var dec conntrack.Decoder
		var one, two conntrack.Flow
		var e conntrack.Expect
		var c conntrack.CPUStats
		var total conntrack.Totals
		_, _ = conntrack.KindOf(b), conntrack.PortOf(b)
		_, _, _ = dec.Expect(b, &e), conntrack.DecodeCPUStats(b, &c), conntrack.DecodeTotals(b, &total)
		if dec.Flow(b, &one) != nil || one.Helper != "" && len(one.Helper) > 1000 {
			return
		}
		if err := dec.Flow(conntrack.AppendUpdate(nil, 1, true, &one), &two); err != nil {
			t.Fatalf("own message: %v", err)
		}
		if len(two.Unknown) != 0 {
			t.Fatalf("own message has unknown attributes: %v", two.Unknown)
		}
		first := conntrack.AppendUpdate(nil, 1, true, &one)
		if second := conntrack.AppendUpdate(nil, 1, true, &two); string(first) != string(second) {
			t.Fatalf("sent\n%x\nthen\n%x", first, second)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	events, _ := recorded(b, recordings[0])
	var longest []byte
	for _, e := range events {
		if len(e) > len(longest) {
			longest = e
		}
	}
	var dec conntrack.Decoder
	var f conntrack.Flow
	b.SetBytes(int64(len(longest)))
	b.ReportAllocs()
	for b.Loop() {
		if err := dec.Flow(longest, &f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	f := everything()
	filter := conntrack.Filter{Orig: conntrack.Tuple{Src: addr("10.0.0.1"), Has: conntrack.HasProto | conntrack.HasDstPort, Proto: packet.ProtoTCP, DstPort: 81}}
	for b.Loop() {
		if filter.Match(f) {
			b.Fatal("matched")
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	f := everything()
	f.HelperInfo = nil
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = conntrack.AppendCreate(out[:0], 1, true, f)
	}
}
