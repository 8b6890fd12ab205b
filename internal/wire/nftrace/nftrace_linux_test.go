package nftrace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

func TestNumbers(t *testing.T) {
	if MessageType != unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_TRACE {
		t.Errorf("message type %#x", MessageType)
	}
	for _, v := range [][2]int32{{nftContinue, unix.NFT_CONTINUE}, {nftBreak, unix.NFT_BREAK}, {nftJump, unix.NFT_JUMP}, {nftGoto, unix.NFT_GOTO}, {nftReturn, unix.NFT_RETURN}} {
		if v[0] != v[1] {
			t.Errorf("verdict %d, want %d", v[0], v[1])
		}
	}
}

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// attr is one attribute of a message that a test makes.
type attr struct {
	typ  uint16
	data []byte
}

func message(t testing.TB, attrs ...attr) wire.Message {
	t.Helper()
	var raw []byte
	for _, a := range attrs {
		raw = wire.AppendAttr(raw, a.typ, a.data)
	}
	return parse(t, wire.AppendMessage(nil, MessageType, 0, 0, uint8(ruleset.Inet), 0, raw))
}

func parse(t testing.TB, d []byte) wire.Message {
	t.Helper()
	m, _, ok, err := wire.Next(d, 0)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return m
}

func decode(t testing.TB, m wire.Message) event.Trace {
	t.Helper()
	var got event.Trace
	if err := Decode(m, Names{}, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// base is what every event has.
func base(more ...attr) []attr {
	return append([]attr{
		{attrTable, []byte("fw\x00")}, {attrChain, []byte("in\x00")},
		{attrType, be32(3)}, {attrID, be32(0xb573072a)}, {attrNFProto, be32(unix.NFPROTO_IPV4)},
	}, more...)
}

func TestDecodeAll(t *testing.T) {
	verdict := wire.AppendAttr(wire.AppendAttr(nil, verdictCode, be32(math.MaxUint32-2)), verdictChain, []byte("next\x00"))
	got := decode(t, message(t, base(
		attr{attrRuleHandle, binary.BigEndian.AppendUint64(nil, 1<<40)},
		attr{17, nil}, // padding
		attr{unix.NLA_F_NESTED | attrVerdict, verdict},
		attr{attrLinkHeader, []byte("link")}, attr{attrNetworkHeader, []byte("network")}, attr{attrTransportHeader, []byte("transport")},
		attr{attrIn, be32(2)}, attr{attrInType, []byte{0, 1}}, attr{attrOut, be32(3)}, attr{attrOutType, []byte{0, 1}},
		attr{attrMark, be32(0xd4)},
		attr{attrCTID, be32(0x89238c43)}, attr{attrCTDirection, []byte{1}}, attr{attrCTStatus, be32(0x198)}, attr{attrCTState, be32(2)},
		attr{4000, []byte("from the future")},
	)...))
	want := event.Trace{
		ID: 0xb573072a, Type: event.TraceRule, Family: ruleset.Inet, NFProto: 2, Table: "fw", Chain: "in", Handle: 1 << 40,
		Verdict: ruleset.Jump, Target: "next", Mark: 0xd4, HasPacket: true, In: 2, Out: 3,
		Link: []byte("link"), Network: []byte("network"), Transport: []byte("transport"),
		CT: event.CT{Known: true, ID: 0x89238c43, HasID: true, State: 2, Status: 0x198, HasStatus: true, Direction: 1, HasDir: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestVerdicts(t *testing.T) {
	for code, want := range map[int32]ruleset.Verdict{
		0: ruleset.Drop, 1: ruleset.Accept, 2: ruleset.Stolen, 3: ruleset.Queue, 4: ruleset.Continue, 5: ruleset.Accept,
		3 | 7<<16: ruleset.Queue, 3 | 0x8000 | 65535<<15: ruleset.Queue, // queue numbers, bypass
		-1: ruleset.Continue, -2: ruleset.Continue, -3: ruleset.Jump, -4: ruleset.Goto, -5: ruleset.Return,
		-6: ruleset.Unknown, 6: ruleset.Unknown, 0xff: ruleset.Unknown, math.MaxInt32: ruleset.Unknown,
	} {
		nested := wire.AppendAttr(nil, verdictCode, be32(uint32(code)))
		if got := decode(t, message(t, base(attr{attrVerdict, nested})...)); got.Verdict != want {
			t.Errorf("%d: %q, want %q", code, got.Verdict, want)
		}
		policy := base(attr{attrPolicy, be32(uint32(code))})
		if got := decode(t, message(t, policy...)); got.Policy != want {
			t.Errorf("policy %d: %q, want %q", code, got.Policy, want)
		}
	}
}

// TestTypes: types that a newer kernel may add are kept, numbers that no byte
// holds do not turn into others.
func TestTypes(t *testing.T) {
	for typ, want := range map[uint32]event.TraceType{1: event.TracePolicy, 2: event.TraceReturn, 3: event.TraceRule, 4: 4, 255: 255} {
		attrs := base()
		attrs[2].data = be32(typ)
		if got := decode(t, message(t, attrs...)); got.Type != want {
			t.Errorf("type %d became %d", typ, got.Type)
		}
	}
	for _, i := range []int{2, 4} { // type, nfproto
		for _, v := range []uint32{256, 256 + 3, math.MaxUint32} {
			attrs := base()
			attrs[i].data = be32(v)
			var got event.Trace
			if err := Decode(message(t, attrs...), Names{}, &got); err == nil {
				t.Errorf("attribute %d of %d: taken for %+v", attrs[i].typ, v, got)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	short := wire.AppendAttr(nil, verdictCode, []byte{1, 2})
	for _, c := range []struct {
		name string
		m    wire.Message
		want string
	}{
		{"number of three bytes", message(t, base(attr{attrMark, []byte{1, 2, 3}})...), "attribute 14 at offset 60: its 3 bytes do not fit"},
		{"first attribute", message(t, attr{attrID, nil}), "attribute 6 at offset 20: its 0 bytes do not fit"},
		{"empty name", message(t, attr{attrID, be32(1)}, attr{attrTable, nil}), "attribute 1 at offset 28: its 0 bytes do not fit"},
		{"verdict code", message(t, base(attr{attrVerdict, short})...), "attribute 5 at offset 60: its 8 bytes do not fit"},
		{"verdict is no attributes", message(t, base(attr{attrVerdict, []byte{9, 9, 9}})...), "attribute 5 at offset 60"},
		{"direction", message(t, base(attr{attrCTDirection, be32(1)})...), "attribute 19 at offset 60: its 4 bytes do not fit"},
		{"no chain", message(t, base()[0], base()[2]), `type 3, table "fw", chain "": one of them is missing`},
		{"no type", message(t, base()[0], base()[1]), "type 0"},
		{"nothing", message(t), "one of them is missing"},
	} {
		var got event.Trace
		err := Decode(c.m, Names{}, &got)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestOffsetInDatagram: offsets count from the message, wherever in a datagram
// and in a buffer it stands.
func TestOffsetInDatagram(t *testing.T) {
	good := message(t, base()...).Raw
	bad := message(t, base(attr{attrMark, []byte{1}})...).Raw
	d := append(append(bytes.Clone(good), bad...), good...)
	m, _, _, err := wire.Next(d, len(good))
	if err != nil {
		t.Fatal(err)
	}
	var got event.Trace
	if err = Decode(m, Names{}, &got); err == nil || !strings.Contains(err.Error(), "attribute 14 at offset 60:") {
		t.Error(err)
	}
}

func TestTrailingBytes(t *testing.T) {
	raw := message(t, base()...).Raw
	raw = append(bytes.Clone(raw), 2, 0, 1, 0)
	binary.NativeEndian.PutUint32(raw, uint32(len(raw)))
	var got event.Trace
	if err := Decode(parse(t, raw), Names{}, &got); err == nil || !strings.Contains(err.Error(), "no attribute at offset 60 of 64") {
		t.Error(err)
	}
}

// TestMutated changes every length in every recorded message.
func TestMutated(t *testing.T) {
	for _, whole := range recorded(t) {
		for at := range whole {
			for _, v := range []byte{0, 1, 3, 4, 0x7f, 0xff} {
				d := bytes.Clone(whole)
				d[at] = v
				if m, _, ok, err := wire.Next(d, 0); ok && err == nil {
					_ = Decode(m, Names{}, new(event.Trace))
				}
			}
		}
	}
}

func TestRecorded(t *testing.T) {
	types := map[event.TraceType]int{}
	for _, d := range recorded(t) {
		got := decode(t, parse(t, d))
		types[got.Type]++
		if got.ID == 0 || got.NFProto == 0 {
			t.Errorf("%x: %+v", d, got)
		}
	}
	if types[event.TraceRule] == 0 || types[event.TracePolicy] == 0 || len(types) > 3 {
		t.Errorf("types %v", types)
	}
}

func TestNames(t *testing.T) {
	n := Names{}
	n.Intern(bytes.Repeat([]byte{'x'}, maxNameLen))
	if len(n) != 0 {
		t.Error("a name longer than the kernel allows is kept")
	}
	for i := range maxNames + 10 {
		if s := n.Intern(be32(uint32(i))); s != string(be32(uint32(i))) {
			t.Fatalf("%d became %q", i, s)
		}
	}
	if len(n) != maxNames {
		t.Errorf("%d names kept", len(n))
	}
}

func recorded(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open("testdata/recorded.hex")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all [][]byte
	for sc := bufio.NewScanner(f); sc.Scan(); {
		d, err := hex.DecodeString(sc.Text())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func FuzzDecode(f *testing.F) {
	for _, d := range recorded(f) {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, d []byte) {
		m, _, ok, err := wire.Next(d, 0)
		if err != nil || !ok {
			return
		}
		var got event.Trace
		if err := Decode(m, Names{}, &got); err != nil {
			return
		}
		if got.Table == "" || got.Chain == "" || got.Type == event.TraceUnspec {
			t.Fatalf("%+v", got)
		}
		if n := len(got.Link) + len(got.Network) + len(got.Transport); n > len(d) || n > 0 && !got.HasPacket {
			t.Fatalf("%d bytes of headers from %d, packet %v", n, len(d), got.HasPacket)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var all []wire.Message
	for _, d := range recorded(b) {
		all = append(all, parse(b, d))
	}
	names := Names{}
	var got event.Trace
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := Decode(all[i%len(all)], names, &got); err != nil {
			b.Fatal(err)
		}
	}
}
