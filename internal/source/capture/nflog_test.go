package capture

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
)

type attr struct {
	typ  uint16
	data []byte
}

// attrs is attributes in a byte order.
func attrs(order binary.ByteOrder, list ...attr) []byte {
	var b []byte
	for _, a := range list {
		head := make([]byte, 4)
		order.PutUint16(head, uint16(4+len(a.data)))
		order.PutUint16(head[2:], a.typ)
		b = cat(b, head, a.data, make([]byte, -len(a.data)&3))
	}
	return b
}

// message is an NFLOG record with all that the kernel may tell.
func message(order binary.ByteOrder, number byte, payload []byte) []byte {
	entry := attrs(order, attr{3, []byte{0, 0, 1, 0x98}}, attr{12, []byte{1, 2, 3, 4}}, attr{18, []byte{0, 1}})
	return cat([]byte{2, 0, 0, 5}, attrs(order,
		attr{1, []byte{8, 0, 1, 0}}, attr{10, []byte("TRACE: raw:PREROUTING:rule:3 \x00")},
		attr{2, []byte{0, 0, 0, 0xd4}}, attr{4, []byte{0, 0, 0, 2}}, attr{5, []byte{0, 0, 0, 3}},
		attr{6, []byte{0, 0, 0, 4}}, attr{7, []byte{0, 0, 0, 5}}, attr{8, make([]byte, 12)},
		attr{3, []byte{0, 0, 0, 0, 0x69, 0x21, 0xc4, 7, 0, 0, 0, 0, 0, 0, 0, 9}},
		attr{11, []byte{0, 0, 3, 0xe8}}, attr{14, []byte{0, 0, 0, 100}}, attr{12, []byte{0, 0, 0, number}},
		attr{15, []byte{0, 1}}, attr{16, ethernetHeader}, attr{18 | 1<<15, entry}, attr{19, []byte{0, 0, 0, 1}}, attr{9, payload}))
}

func wantMessage(number byte, payload []byte) event.Log {
	return event.Log{
		Family: 2, Hook: 1, Group: 5, Prefix: []byte("TRACE: raw:PREROUTING:rule:3 "),
		In: 2, Out: 3, PhysIn: 4, PhysOut: 5, Mark: 0xd4, EtherType: 0x800,
		LinkHeader: ethernetHeader, LinkType: 1, HasLinkType: true, Payload: payload, Timestamp: time.Unix(0x6921c407, 9000),
		Seq: uint32(number), HasSeq: true, UID: 1000, GID: 100, HasUID: true, HasGID: true,
		CT:   event.CT{Known: true, ID: 0x01020304, HasID: true, State: 4, Status: 0x198, HasDir: true, HasStatus: true},
		Line: event.TraceLine{Table: "raw", Chain: "PREROUTING", Type: event.LineRule, Number: 3},
	}
}

// TestNFLOG reads attributes in either byte order from a file in either.
func TestNFLOG(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, file := range []binary.ByteOrder{little, big} {
		for _, order := range []binary.ByteOrder{little, big} {
			data := message(order, 9, d)
			kept := bytes.Clone(data)
			got := read(t, cat(pcapHead(file, magicMicro, 0, linkNFLOG), pcapRecord(file, 1, 0, data, len(data))))
			got.only(t, 1)
			if diff := cmp.Diff(wantMessage(9, d), got.logs[0]); diff != "" {
				t.Errorf("file %v, attributes %v: %s", file, order, diff)
			}
			if diff := cmp.Diff(map[uint32]string{2: "if2", 3: "if3", 4: "if4", 5: "if5"}, got.links); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(data, kept) {
				t.Error("the input was changed")
			}
		}
	}
}

// TestNFLOGCut: of a record that the capture cut, what it has is told.
func TestNFLOGCut(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, order := range []binary.ByteOrder{little, big} {
		data := message(order, 9, d)
		for size := nflogLen; size < len(data); size++ {
			got := read(t, cat(pcapHead(order, magicMicro, 0, linkNFLOG), pcapRecord(order, 1, 0, data[:size], len(data))))
			got.only(t, 1)
			l := got.logs[0]
			want := d[:max(0, size-(len(data)-len(d)-(-len(d)&3)))]
			if !bytes.Equal(l.Payload, want[:min(len(want), len(d))]) || l.Group != 5 {
				t.Fatalf("%d bytes: %x, want %x", size, l.Payload, want)
			}
			if size > 50 && l.Line.Number != 3 {
				t.Fatalf("%d bytes: prefix %q", size, l.Prefix)
			}
		}
	}
}

// TestNFLOGGap: a hole in the group's numbers is a loss.
func TestNFLOGGap(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	file := pcapHead(little, magicMicro, 0, linkNFLOG)
	for _, number := range []byte{0, 1, 5, 6} {
		m := message(little, number, d)
		file = cat(file, pcapRecord(little, 1, 0, m, len(m)))
	}
	got := read(t, file)
	if len(got.logs) != 4 || got.lost != 3 {
		t.Errorf("%d packets, lost %d", len(got.logs), got.lost)
	}
	at := slices.IndexFunc(got.all, func(e event.Event) bool { return e.Kind == event.KindLost })
	if at < 0 || got.all[at+1].Log.Seq != 5 {
		t.Errorf("%+v", got.all)
	}
}

// TestManyMessages: memory that events point to is not used again too early.
func TestManyMessages(t *testing.T) {
	file := pcapHead(big, magicMicro, 0, linkNFLOG)
	const n = 5 * mostEvents
	for i := range n {
		m := message(big, byte(i), datagram(t, "10.0.0.1", "10.0.0.2", uint16(i)))
		file = append(file, pcapRecord(big, 1, 0, m, len(m))...)
	}
	got := read(t, file)
	got.only(t, n)
	for i, l := range got.logs {
		if !bytes.Equal(l.Payload, datagram(t, "10.0.0.1", "10.0.0.2", uint16(i))) || l.Seq != uint32(byte(i)) {
			t.Fatalf("packet %d: %+v", i, l)
		}
	}
}
