package nflog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
)

func TestNumbers(t *testing.T) {
	if MessageType != unix.NFNL_SUBSYS_ULOG<<8 {
		t.Errorf("message type %#x", MessageType)
	}
}

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func stamp(sec, usec uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, sec), usec)
}

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
	return parse(t, wire.AppendMessage(nil, MessageType, 0, 0, unix.NFPROTO_IPV6, 5, raw))
}

func parse(t testing.TB, d []byte) wire.Message {
	t.Helper()
	m, _, ok, err := wire.Next(d, 0)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return m
}

func decode(t testing.TB, m wire.Message) event.Log {
	t.Helper()
	var got event.Log
	if err := Decode(m, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDecodeAll(t *testing.T) {
	entry := wire.AppendAttr(wire.AppendAttr(nil, ctaStatus, be32(0x198)), ctaID, be32(0x89238c43))
	entry = wire.AppendAttr(entry, 4000, []byte("from the future"))
	tag := wire.AppendAttr(wire.AppendAttr(nil, vlanProto, []byte{0x81, 0}), vlanTag, []byte{0x20, 7})
	got := decode(t, message(t,
		attr{attrPacketHeader, []byte{0x86, 0xdd, 3, 0}},
		attr{attrMark, be32(0xd4)}, attr{attrTimestamp, stamp(1763820487, 721296)},
		attr{attrIn, be32(2)}, attr{attrOut, be32(3)}, attr{attrPhysIn, be32(4)}, attr{attrPhysOut, be32(5)},
		attr{8, make([]byte, 12)}, // hardware address
		attr{attrPrefix, []byte("TRACE: raw:OUTPUT:policy:1 \x00")},
		attr{attrUID, be32(1000)}, attr{attrGID, be32(100)}, attr{attrSeq, be32(77)}, attr{13, be32(9)},
		attr{attrHWType, []byte{3, 4}}, attr{attrHWHeader, []byte("link")}, attr{unix.NLA_F_NESTED | attrVLAN, tag}, attr{attrPayload, []byte("payload")},
		attr{unix.NLA_F_NESTED | attrCT, entry}, attr{attrCTInfo, be32(4)},
		attr{4000, []byte("from the future")},
	))
	want := event.Log{
		Family: 10, Group: 5, Hook: 3, EtherType: 0x86dd, Mark: 0xd4, Timestamp: time.Unix(1763820487, 721296000),
		In: 2, Out: 3, PhysIn: 4, PhysOut: 5, Prefix: []byte("TRACE: raw:OUTPUT:policy:1 "),
		UID: 1000, HasUID: true, GID: 100, HasGID: true, Seq: 77, HasSeq: true,
		LinkHeader: []byte("link"), LinkType: 0x304, HasLinkType: true, Payload: []byte("payload"),
		VLANProto: 0x8100, VLANTag: 0x2007, HasVLAN: true,
		CT: event.CT{Known: true, ID: 0x89238c43, HasID: true, Status: 0x198, HasStatus: true, State: 4, Direction: 1, HasDir: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestInfo is the table of enum ip_conntrack_info.
func TestInfo(t *testing.T) {
	for info, want := range map[uint32]event.CT{
		0:              {Known: true, State: 2, HasDir: true},
		1:              {Known: true, State: 4, HasDir: true},
		2:              {Known: true, State: 8, HasDir: true},
		3:              {Known: true, State: 2, HasDir: true, Direction: 1},
		4:              {Known: true, State: 4, HasDir: true, Direction: 1},
		5:              {Known: true, State: 8, HasDir: true, Direction: 1},
		6:              {Known: true},
		7:              {Known: true, State: 64},
		8:              {Known: true},
		math.MaxUint32: {Known: true},
	} {
		if got := decode(t, message(t, attr{attrCTInfo, be32(info)})).CT; got != want {
			t.Errorf("%d: %+v, want %+v", info, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	header := attr{attrPacketHeader, []byte{8, 0, 1, 0}}
	for _, c := range []struct {
		name string
		bad  attr
	}{
		{"packet header", attr{attrPacketHeader, []byte{8, 0, 1}}},
		{"mark", attr{attrMark, nil}},
		{"time of 15 bytes", attr{attrTimestamp, make([]byte, 15)}},
		{"microseconds", attr{attrTimestamp, stamp(1, 1e6)}},
		{"a year that no text holds", attr{attrTimestamp, stamp(maxSeconds+1, 0)}},
		{"negative time", attr{attrTimestamp, stamp(math.MaxUint64, 0)}},
		{"sequence", attr{attrSeq, []byte{1}}},
		{"conntrack info", attr{attrCTInfo, []byte{1}}},
		{"kind of device", attr{attrHWType, []byte{1}}},
		{"vlan tag", attr{attrVLAN, wire.AppendAttr(nil, vlanTag, []byte{1})}},
		{"vlan protocol", attr{attrVLAN, wire.AppendAttr(nil, vlanProto, nil)}},
		{"conntrack id", attr{attrCT, wire.AppendAttr(nil, ctaID, []byte{1})}},
		{"conntrack status", attr{attrCT, wire.AppendAttr(nil, ctaStatus, nil)}},
		{"conntrack is no attributes", attr{attrCT, []byte{1, 2, 3}}},
	} {
		var got event.Log
		err := Decode(message(t, header, c.bad), &got)
		if err == nil || !strings.Contains(err.Error(), "at offset 28: its ") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	raw := append(bytes.Clone(message(t, header).Raw), 1, 0, 1, 0)
	binary.NativeEndian.PutUint32(raw, uint32(len(raw)))
	var got event.Log
	if err := Decode(parse(t, raw), &got); err == nil || !strings.Contains(err.Error(), "no attribute at offset 28 of 32") {
		t.Error(err)
	}
}

func TestRecorded(t *testing.T) {
	for _, d := range recorded(t) {
		got := decode(t, parse(t, d))
		if got.Group != 5 || !bytes.HasPrefix(got.Prefix, []byte("ulog-")) || len(got.Payload) == 0 || !got.HasSeq {
			t.Errorf("%x: %+v", d, got)
		}
	}
}

// TestMutated changes every byte of every recorded message.
func TestMutated(t *testing.T) {
	for _, whole := range recorded(t) {
		for at := range whole {
			for _, v := range []byte{0, 1, 3, 4, 0x7f, 0xff} {
				d := bytes.Clone(whole)
				d[at] = v
				if m, _, ok, err := wire.Next(d, 0); ok && err == nil {
					_ = Decode(m, new(event.Log))
				}
			}
		}
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
		var got event.Log
		if err := Decode(m, &got); err != nil {
			return
		}
		if len(got.Prefix)+len(got.Payload)+len(got.LinkHeader) > len(d) {
			t.Fatalf("more than %d bytes: %+v", len(d), got)
		}
		if _, err := got.Timestamp.MarshalText(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var all []wire.Message
	for _, d := range recorded(b) {
		all = append(all, parse(b, d))
	}
	var got event.Log
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := Decode(all[i%len(all)], &got); err != nil {
			b.Fatal(err)
		}
	}
}
