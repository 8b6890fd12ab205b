package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

// seeds are files of every kind.
func seeds(t testing.TB) [][]byte {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	var all [][]byte
	for _, order := range []binary.ByteOrder{little, big} {
		for _, link := range []uint32{linkNull, linkEthernet, linkRaw, linkSLL, linkSLL2, linkNFLOG, 105} {
			data := d
			if link == linkNFLOG {
				data = message(order, 1, d)
			}
			file := pcapHead(order, magicMicro, 0, link)
			for range 3 {
				file = append(file, pcapRecord(order, 1, 2, data, len(data))...)
			}
			all = append(all, file)
		}
		n := newNg(order).iface(linkEthernet, 0, newNg(order).option(optionName, []byte("eth0"))).iface(linkNFLOG, 64)
		n.packet(0, 1, frame(d), n.option(optionFlags, n.u32(2)), n.option(optionComment, []byte("here")))
		n.packet(1, 2, message(order, 1, d)).block(blockSimple, n.u32(uint32(len(d)+14)), fill(frame(d)))
		n.block(blockStatistics, n.u32(0), n.u64(0), n.option(optionIfDrop, n.u64(7))).block(77)
		all = append(all, n.b)
	}
	return all
}

// FuzzOpen: whatever a file holds is told without panic, and of no more bytes than
// it has.
func FuzzOpen(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Open(bytes.NewReader(file), "f")
		if err != nil {
			if s != nil {
				t.Fatal("an error and a source")
			}
			return
		}
		if !Sniff(file) {
			t.Fatal("opened what is no capture")
		}
		bytes, events := 0, 0
		err = s.Run(context.Background(), func(batch []event.Event) {
			for _, e := range batch {
				events++
				bytes += len(e.Log.Payload) + len(e.Log.LinkHeader)
				if _, err := e.Time.MarshalText(); err != nil {
					t.Fatal(err)
				}
				if e.Kind == event.KindLost && e.Lost.Count <= 0 {
					t.Fatalf("%+v", e.Lost)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		// The names of interfaces are told again for each new one.
		if bytes > len(file) || events > len(file)+64 {
			t.Fatalf("%d bytes, %d events of a file of %d", bytes, events, len(file))
		}
		if len(s.in.buf) > windowSize {
			t.Fatalf("a window of %d bytes", len(s.in.buf))
		}
	})
}

// TestMutated changes every byte of every seed.
func TestMutated(t *testing.T) {
	for _, whole := range seeds(t) {
		for at := range whole {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				file := bytes.Clone(whole)
				file[at] = v
				if s, err := Open(bytes.NewReader(file), "f"); err == nil {
					run(t, s)
				}
			}
		}
	}
}

// endless repeats a record.
type endless struct {
	head, record []byte
	at           int
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	n := copy(p, e.record[e.at:])
	e.at = (e.at + n) % len(e.record)
	return n, nil
}

// TestEndless: memory does not grow with what was read, nor with what lengths say.
func TestEndless(t *testing.T) {
	d := frame(datagram(t, "10.0.0.1", "10.0.0.2", 1))
	n := newNg(little)
	head := len(n.b)
	n.iface(linkEthernet, 0, n.option(optionName, []byte("eth0"))).packet(0, 1, d, n.option(optionComment, []byte("here"))).block(4711)
	for name, r := range map[string]*endless{
		"pcap":   {head: pcapHead(little, magicMicro, 1<<32-1, linkEthernet), record: pcapRecord(little, 1, 1, d, len(d))},
		"pcapng": {head: n.b[:head], record: n.b[head:]},
		"huge":   {head: pcapHead(little, magicMicro, 1<<32-1, linkEthernet), record: pcapRecord(little, 1, 1, make([]byte, most), most)},
	} {
		s, err := Open(r, name)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = s.Run(ctx, func([]event.Event) {
			if s.in.offset > 64<<20 {
				cancel()
			}
		})
		cancel()
		if err != nil || len(s.in.buf) > 2*most+windowSize || cap(s.events) > 4*mostEvents || cap(s.made) > 1<<20 {
			t.Errorf("%s: %v; window %d, events %d, messages %d", name, err, len(s.in.buf), cap(s.events), cap(s.made))
		}
		if p, ok := s.file.(*pcapng); ok && len(p.ifaces) > mostInterfaces {
			t.Errorf("%d interfaces", len(p.ifaces))
		}
	}
}

func BenchmarkRun(b *testing.B) {
	d := datagram(b, "10.0.0.1", "10.0.0.2", 1)
	const packets = 100_000
	long := append(bytes.Clone(d), make([]byte, 1400)...)
	n := newNg(little).iface(linkEthernet, 0, newNg(little).option(optionName, []byte("eth0")))
	ngHead := len(n.b)
	n.packet(0, 1, frame(d))
	for name, parts := range map[string][2][]byte{
		"pcap":         {pcapHead(little, magicMicro, 0, linkEthernet), pcapRecord(little, 1, 1, frame(d), len(d)+14)},
		"pcap-1400":    {pcapHead(little, magicMicro, 0, linkEthernet), pcapRecord(little, 1, 1, frame(long), len(long)+14)},
		"pcapng":       {n.b[:ngHead], n.b[ngHead:]},
		"nflog":        {pcapHead(little, magicMicro, 0, linkNFLOG), pcapRecord(little, 1, 1, message(little, 1, d), len(message(little, 1, d)))},
		"nflog-turned": {pcapHead(little, magicMicro, 0, linkNFLOG), pcapRecord(little, 1, 1, message(big, 1, d), len(message(little, 1, d)))},
	} {
		b.Run(name, func(b *testing.B) {
			file := append(bytes.Clone(parts[0]), bytes.Repeat(parts[1], packets)...)
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				s, err := Open(bytes.NewReader(file), "f")
				if err != nil {
					b.Fatal(err)
				}
				told := 0
				if err := s.Run(context.Background(), func(events []event.Event) { told += len(events) }); err != nil || told < packets {
					b.Fatal(told, err)
				}
			}
			b.ReportMetric(float64(packets*b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
