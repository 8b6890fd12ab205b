package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/packet"
)

var _ source.Source = (*Source)(nil)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// told is what a capture tells, by kinds.
type told struct {
	all       []event.Event
	logs      []event.Log
	times     []time.Time
	undecoded []event.Undecoded
	notes     []string
	links     map[uint32]string
	lost      int64
}

// read reads a capture to its end and keeps what it tells.
func read(t testing.TB, file []byte) told {
	t.Helper()
	s, err := Open(bytes.NewReader(file), "f")
	if err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

func run(t testing.TB, s *Source) told {
	t.Helper()
	var got told
	err := s.Run(context.Background(), func(events []event.Event) {
		for _, e := range events {
			got.add(e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// add keeps an event, whose bytes are the reader's.
func (g *told) add(e event.Event) {
	switch e.Kind {
	case event.KindLog:
		l := &e.Log
		l.Prefix, l.LinkHeader, l.Payload = bytes.Clone(l.Prefix), bytes.Clone(l.LinkHeader), bytes.Clone(l.Payload)
		g.logs = append(g.logs, *l)
		g.times = append(g.times, e.Time)
	case event.KindUndecoded:
		u := *e.Undecoded
		u.Raw = bytes.Clone(u.Raw)
		e.Undecoded = &u
		g.undecoded = append(g.undecoded, u)
	case event.KindNote:
		g.notes = append(g.notes, e.Note)
	case event.KindNamespace:
		g.links = e.Namespace.Links
	case event.KindLost:
		g.lost += e.Lost.Count
	}
	g.all = append(g.all, e)
}

// only fails unless all that was told is n packets.
func (g *told) only(t testing.TB, n int) {
	t.Helper()
	if len(g.logs) != n || len(g.undecoded) != 0 || len(g.notes) != 0 || g.lost != 0 {
		t.Fatalf("%d packets, want %d; undecoded %+v, notes %q, lost %d", len(g.logs), n, g.undecoded, g.notes, g.lost)
	}
}

// noted fails unless one note has each of the words.
func (g *told) noted(t testing.TB, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(strings.Join(g.notes, "\n"), w) {
			t.Errorf("no note has %q: %q", w, g.notes)
		}
	}
}

// datagram is an IPv4 or IPv6 packet with a number in it.
func datagram(t testing.TB, src, dst string, number uint16) []byte {
	t.Helper()
	p := packet.Packet{
		Family: packet.IPv4, Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst),
		Proto: packet.ProtoUDP, ID: number, SrcPort: 10000 + number, DstPort: 9,
	}
	if p.Src.Is6() {
		p.Family = packet.IPv6
	}
	b, err := packet.Build(&p, []byte("this is what it carries"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var ethernetHeader = []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}

func frame(payload []byte) []byte { return append(bytes.Clone(ethernetHeader), payload...) }

var (
	little = binary.ByteOrder(binary.LittleEndian)
	big    = binary.ByteOrder(binary.BigEndian)
)

// pcapHead is the head of a classic file.
func pcapHead(order binary.ByteOrder, magic, snap, link uint32) []byte {
	b := make([]byte, pcapHeadLen)
	order.PutUint32(b, magic)
	order.PutUint16(b[4:], 2)
	order.PutUint16(b[6:], 4)
	order.PutUint32(b[16:], snap)
	order.PutUint32(b[20:], link)
	return b
}

func pcapRecord(order binary.ByteOrder, sec, fraction uint32, data []byte, length int) []byte {
	b := make([]byte, recordLen)
	order.PutUint32(b, sec)
	order.PutUint32(b[4:], fraction)
	order.PutUint32(b[8:], uint32(len(data)))
	order.PutUint32(b[12:], uint32(length))
	return append(b, data...)
}

// single is a classic file of one packet.
func single(link uint32, data []byte) []byte {
	return append(pcapHead(little, magicMicro, 0, link), pcapRecord(little, 1, 0, data, len(data))...)
}

func TestSniff(t *testing.T) {
	for _, order := range []binary.ByteOrder{little, big} {
		for _, magic := range []uint32{magicMicro, magicNano} {
			if !Sniff(pcapHead(order, magic, 0, 1)) {
				t.Errorf("%v %x", order, magic)
			}
		}
		if !Sniff(newNg(order).b) {
			t.Errorf("pcapng, %v", order)
		}
	}
	for _, text := range []string{"", "short", "Nov 22 13:48:07 kernel:", "\n\r\r\n\n\r\r\n\n\r\r\n", "pktrail-story/1\n"} {
		if Sniff([]byte(text)) {
			t.Errorf("%q is no capture", text)
		}
		if _, err := Open(strings.NewReader(text), "f"); !errors.Is(err, ErrNotCapture) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// broken is a reader that fails after some bytes.
type broken struct {
	r   *bytes.Reader
	err error
}

func (b *broken) Read(p []byte) (int, error) {
	if b.r.Len() == 0 {
		return 0, b.err
	}
	return b.r.Read(p)
}

func TestReadErrors(t *testing.T) {
	cause := errors.New("disk on fire")
	if _, err := Open(&broken{bytes.NewReader(nil), cause}, "f"); !errors.Is(err, cause) {
		t.Error(err)
	}
	file := single(linkEthernet, frame(datagram(t, "10.0.0.1", "10.0.0.2", 1)))
	s, err := Open(&broken{bytes.NewReader(file), cause}, "f")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.Run(context.Background(), func(events []event.Event) { n += len(events) })
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "f: packet at offset ") || n != 2 {
		t.Errorf("%v after %d events", err, n)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestStuckReader(t *testing.T) {
	if _, err := Open(stuck{}, "f"); err == nil || !strings.Contains(err.Error(), "multiple Read calls") {
		t.Error(err)
	}
}

func TestContextEnds(t *testing.T) {
	var file []byte
	file = append(file, pcapHead(little, magicMicro, 0, linkRaw)...)
	for range 10 * mostEvents {
		d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
		file = append(file, pcapRecord(little, 1, 0, d, len(d))...)
	}
	s, err := Open(bytes.NewReader(file), "f")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err = s.Run(ctx, func(events []event.Event) {
		n += len(events)
		cancel()
	})
	if err != nil || n >= 3*mostEvents {
		t.Errorf("%v after %d events", err, n)
	}
}
