package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/pktrail/pktrail/internal/event"
)

// TestPcap reads both byte orders and both units of time.
func TestPcap(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 7)
	for _, order := range []binary.ByteOrder{little, big} {
		for magic, want := range map[uint32]time.Time{
			magicMicro: time.Unix(1763820487, 721296000),
			magicNano:  time.Unix(1763820487, 721296),
		} {
			file := append(pcapHead(order, magic, 65535, linkEthernet|5<<28), pcapRecord(order, 1763820487, 721296, frame(d), len(d)+14)...)
			got := read(t, file)
			got.only(t, 1)
			if !got.times[0].Equal(want) {
				t.Errorf("%v %x: %v, want %v", order, magic, got.times[0], want)
			}
			wantLog := event.Log{Family: 2, Hook: event.NoHook, EtherType: 0x800, LinkHeader: ethernetHeader, LinkType: 1, HasLinkType: true, Payload: d, Timestamp: want}
			if diff := cmp.Diff(wantLog, got.logs[0]); diff != "" {
				t.Error(diff)
			}
			if first := got.all[0]; first.Kind != event.KindNamespace || !first.Namespace.Log {
				t.Errorf("first told: %+v", first)
			}
		}
	}
}

// TestPcapWriter reads what another implementation writes, through readers that
// give little at a time.
func TestPcapWriter(t *testing.T) {
	var file bytes.Buffer
	w := pcapgo.NewWriterNanos(&file)
	if err := w.WriteFileHeader(262144, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1763820487, 721296123)
	var want [][]byte
	for i := range 3 * mostEvents {
		d := datagram(t, "10.0.0.1", "10.0.0.2", uint16(i))
		ci := gopacket.CaptureInfo{Timestamp: start.Add(time.Duration(i)), CaptureLength: len(d) + 14, Length: len(d) + 14}
		if err := w.WritePacket(ci, frame(d)); err != nil {
			t.Fatal(err)
		}
		want = append(want, d)
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(file.Bytes()), "bytes": iotest.OneByteReader(bytes.NewReader(file.Bytes())),
		"halves": iotest.HalfReader(bytes.NewReader(file.Bytes())), "end at once": iotest.DataErrReader(bytes.NewReader(file.Bytes())),
	} {
		s, err := Open(r, name)
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, s)
		got.only(t, len(want))
		for i := range want {
			if !bytes.Equal(want[i], got.logs[i].Payload) || !got.times[i].Equal(start.Add(time.Duration(i))) {
				t.Fatalf("%s: packet %d: %v %x", name, i, got.times[i], got.logs[i].Payload)
			}
		}
	}
}

// TestPcapCut cuts a file at every byte.
func TestPcapCut(t *testing.T) {
	one := frame(datagram(t, "10.0.0.1", "10.0.0.2", 1))
	file := pcapHead(little, magicMicro, 0, linkEthernet)
	ends := []int{len(file)}
	for range 3 {
		file = append(file, pcapRecord(little, 1, 0, one, len(one))...)
		ends = append(ends, len(file))
	}
	for size := magicLen; size < len(file); size++ {
		s, err := Open(bytes.NewReader(file[:size]), "f")
		if size < pcapHeadLen {
			if err == nil || !strings.Contains(err.Error(), "head of the capture: unexpected EOF") {
				t.Errorf("%d bytes: %v", size, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, s)
		whole := (size - pcapHeadLen) / (recordLen + len(one))
		if size == ends[whole] {
			got.only(t, whole)
			continue
		}
		if len(got.logs) != whole || len(got.notes) != 1 {
			t.Errorf("%d bytes: %d packets, notes %q", size, len(got.logs), got.notes)
		}
		got.noted(t, fmt.Sprintf("f: the capture breaks off in the middle of the packet at offset %d:", ends[whole]))
	}
}

// TestPcapDamaged: a length that cannot be ends the file.
func TestPcapDamaged(t *testing.T) {
	one := frame(datagram(t, "10.0.0.1", "10.0.0.2", 1))
	file := append(pcapHead(little, magicMicro, 1<<31, linkEthernet), pcapRecord(little, 1, 0, one, len(one))...)
	at := len(file)
	file = append(file, pcapRecord(little, 1, 0, one, len(one))...)
	for _, size := range []uint32{most + 1, 1 << 31, 1<<32 - 1} {
		little.PutUint32(file[at+8:], size)
		got := read(t, file)
		if len(got.logs) != 1 {
			t.Errorf("%d packets", len(got.logs))
		}
		got.noted(t, fmt.Sprintf("the packet at offset %d is damaged (it says that %d bytes of it were captured)", at, size))
	}
	little.PutUint32(file[at+8:], most) // may be, but is not there
	got := read(t, file)
	got.noted(t, fmt.Sprintf("in the middle of the packet at offset %d:", at))
}

func TestPcapVersion(t *testing.T) {
	head := pcapHead(big, magicMicro, 0, 1)
	head[5] = 3
	if _, err := Open(bytes.NewReader(head), "f"); err == nil || !strings.Contains(err.Error(), "head of the capture: pcap of version 3.4") {
		t.Error(err)
	}
}

// TestShortened: a packet of which the capture kept the beginning is told with that.
func TestShortened(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for n := range d {
		got := read(t, append(pcapHead(little, magicMicro, 0, linkEthernet), pcapRecord(little, 1, 0, frame(d[:n]), len(d)+14)...))
		got.only(t, 1)
		if !bytes.Equal(got.logs[0].Payload, d[:n]) {
			t.Errorf("%d bytes: %x", n, got.logs[0].Payload)
		}
	}
}
