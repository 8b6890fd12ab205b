package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/pktrail/pktrail/internal/event"
)

// ng writes pcapng in either byte order.
type ng struct {
	order binary.ByteOrder
	b     []byte
}

// newNg begins with a section.
func newNg(order binary.ByteOrder) *ng {
	n := &ng{order: order}
	return n.section(order)
}

func (n *ng) u16(v uint16) []byte { b := make([]byte, 2); n.order.PutUint16(b, v); return b }
func (n *ng) u32(v uint32) []byte { b := make([]byte, 4); n.order.PutUint32(b, v); return b }
func (n *ng) u64(v uint64) []byte { b := make([]byte, 8); n.order.PutUint64(b, v); return b }

func fill(b []byte) []byte { return cat(b, make([]byte, -len(b)&3)) }

func (n *ng) block(typ uint32, parts ...[]byte) *ng {
	body := cat(parts...)
	size := n.u32(uint32(blockLen + len(body)))
	n.b = cat(n.b, n.u32(typ), size, body, size)
	return n
}

func (n *ng) section(order binary.ByteOrder) *ng {
	n.order = order
	return n.block(blockSection, n.u32(sectionByteOrder), n.u16(1), n.u16(0), n.u64(1<<64-1))
}

func (n *ng) option(code uint16, value []byte) []byte {
	return cat(n.u16(code), n.u16(uint16(len(value))), fill(value))
}

func (n *ng) iface(link uint16, snap uint32, options ...[]byte) *ng {
	return n.block(blockInterface, n.u16(link), n.u16(0), n.u32(snap), cat(options...))
}

func (n *ng) packet(id uint32, stamp uint64, data []byte, options ...[]byte) *ng {
	size := n.u32(uint32(len(data)))
	return n.block(blockEnhanced, n.u32(id), n.u32(uint32(stamp>>32)), n.u32(uint32(stamp)), size, size, fill(data), cat(options...))
}

var orders = []binary.ByteOrder{little, big}

// TestPcapng: interfaces with names, direction, units and offsets of time.
func TestPcapng(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, order := range orders {
		n := newNg(order)
		n.iface(linkEthernet, 0, n.option(optionName, []byte("eth0")))
		n.iface(linkRaw, 0, n.option(optionName, []byte("tun0")), n.option(optionResolution, []byte{9}), n.option(optionOffset, n.u64(1000)), n.option(0, nil))
		n.iface(linkSLL2, 0, n.option(optionName, []byte("any")), n.option(optionResolution, []byte{0x80 | 20}))
		n.iface(linkRaw, 0)
		in, out := n.option(optionFlags, n.u32(1)), n.option(optionFlags, n.u32(flagsOutbound))
		n.packet(0, 5_000_001, frame(d), in)
		n.packet(0, 5_000_002, frame(d), out)
		n.packet(1, 1_000_000_007, d, n.option(0, nil))
		n.packet(2, 3<<20|1<<19, cat([]byte{8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 4}, make([]byte, 9), d))
		n.packet(3, 7, d, out)
		n.section(order).iface(linkRaw, 0, n.option(optionName, []byte("tun0")))
		n.packet(0, 0, d)
		got := read(t, n.b)
		got.only(t, 6)
		type seen struct {
			In, Out uint32
			At      time.Time
		}
		var sights []seen
		for i, l := range got.logs {
			if !bytes.Equal(l.Payload, d) || l.Hook != event.NoHook {
				t.Errorf("packet %d: %+v", i, l)
			}
			sights = append(sights, seen{l.In, l.Out, got.times[i]})
		}
		want := []seen{
			{firstNamed, 0, time.Unix(5, 1000)},
			{0, firstNamed, time.Unix(5, 2000)},
			{firstNamed + 1, 0, time.Unix(1001, 7)},
			{0, 7, time.Unix(3, 5e8)},
			{0, 0, time.Unix(0, 7000)},
			{firstNamed + 1, 0, time.Unix(0, 0)},
		}
		if diff := cmp.Diff(want, sights); diff != "" {
			t.Errorf("%v: %s", order, diff)
		}
		if diff := cmp.Diff(map[uint32]string{firstNamed: "eth0", firstNamed + 1: "tun0", firstNamed + 2: "any", 7: "if7"}, got.links); diff != "" {
			t.Errorf("%v: %s", order, diff)
		}
	}
}

// TestPcapngNFLOG: beside an interface, as dumpcap -i nflog:5 -i eth0 writes it.
func TestPcapngNFLOG(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, order := range orders {
		n := newNg(order).iface(linkNFLOG, 262144, newNg(order).option(optionName, []byte("nflog:5")))
		n.iface(linkEthernet, 262144, n.option(optionName, []byte("eth0")))
		for i := range byte(3) {
			n.packet(0, 1, message(order, i, d)).packet(1, 1, frame(d))
		}
		got := read(t, n.b)
		got.only(t, 6)
		for i := range 3 {
			if diff := cmp.Diff(wantMessage(byte(i), d), got.logs[2*i]); diff != "" {
				t.Errorf("%v: %s", order, diff)
			}
			if beside := got.logs[2*i+1]; got.links[beside.In] != "eth0" || beside.Hook != event.NoHook {
				t.Errorf("%v: %+v", order, beside)
			}
		}
	}
}

func TestSectionsOfBothOrders(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	n := newNg(little).iface(linkRaw, 0).packet(0, 1, d)
	n.section(big).iface(linkRaw, 0).packet(0, 2, d)
	n.section(little).iface(linkRaw, 0).packet(0, 3, d)
	got := read(t, n.b)
	got.only(t, 3)
}

// TestWithoutTime: simple packets have none, and are of the first interface.
func TestWithoutTime(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, order := range orders {
		n := newNg(order).iface(linkRaw, 20).packet(0, 77, d[:20])
		n.block(blockSimple, n.u32(uint32(len(d))), d[:20])
		n.block(blockSimple, n.u32(19), fill(d[:19]))
		got := read(t, n.b)
		if len(got.logs) != 3 || len(got.undecoded) != 0 {
			t.Fatalf("%+v", got)
		}
		for i, size := range []int{20, 20, 19} {
			l := got.logs[i]
			if !bytes.Equal(l.Payload, d[:size]) || l.Timestamp.IsZero() != (i > 0) || got.times[i].IsZero() != (i > 0) {
				t.Errorf("%d: %v %+v", i, got.times[i], l)
			}
		}
		got.noted(t, "f: packets without a time: 2")
	}
}

func TestOldPacketBlock(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	n := newNg(big).iface(linkRaw, 0).iface(linkIPv4, 0, nil)
	n.block(blockOldPacket, n.u16(1), n.u16(0), n.u32(0), n.u32(99), n.u32(uint32(len(d))), n.u32(uint32(len(d))), fill(d))
	got := read(t, n.b)
	got.only(t, 1)
	if !bytes.Equal(got.logs[0].Payload, d) || !got.times[0].Equal(time.Unix(0, 99000)) {
		t.Errorf("%+v", got)
	}
}

// TestDropped: what packets and statistics say was missed is told once.
func TestDropped(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, order := range orders {
		n := newNg(order).iface(linkRaw, 0).iface(linkRaw, 0)
		n.packet(0, 1, d, n.option(optionDropCount, n.u64(3)))
		statistics := func(id uint32, ifDrop, osDrop uint64) {
			n.block(blockStatistics, n.u32(id), n.u64(0), n.option(optionIfDrop, n.u64(ifDrop)), n.option(optionOSDrop, n.u64(osDrop)))
		}
		statistics(0, 2, 2)
		statistics(1, 0, 5)
		statistics(0, 2, 3)
		if got := read(t, n.b); got.lost != 10 || len(got.logs) != 1 {
			t.Errorf("%v: lost %d, want 10", order, got.lost)
		}
		n.block(blockStatistics, n.u32(0), n.u64(0), n.option(optionIfDrop, n.u64(1<<64-1)))
		if got := read(t, n.b); got.lost != 10 {
			t.Errorf("%v: with a count that is none: %d", order, got.lost)
		}
	}
}

func TestComments(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	n := newNg(little).iface(linkRaw, 0)
	for i := range mostComments + 3 {
		n.packet(0, 1, d, n.option(optionComment, fmt.Appendf(nil, "here\x1b %d%s", i, strings.Repeat("é", 10*i))))
	}
	got := read(t, n.b)
	if len(got.notes) != mostComments+1 {
		t.Errorf("%d notes", len(got.notes))
	}
	got.noted(t, `the packet at offset 48 has the comment "here\x1b 0"`, "éé\" and more", "comments on more packets, not shown: 3")
}

// TestUnknownBlocks: what is not known is counted and told.
func TestUnknownBlocks(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	n := newNg(little).iface(linkRaw, 0)
	for i := range uint32(mostTypes + 3) {
		n.block(0xbad+i, []byte{1, 2, 3, 4}).block(0xbad + i)
	}
	n.block(blockNames, []byte{0, 0, 0, 0}).block(blockSecrets, make([]byte, 64)).packet(0, 1, d)
	got := read(t, n.b)
	if len(got.logs) != 1 || len(got.notes) != mostTypes+1 {
		t.Errorf("%q", got.notes)
	}
	got.noted(t, "f: blocks of type 0x00000bad, which is not known here: 2;", "blocks of yet other types: 6")
}

func TestUnknownVersion(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	n := newNg(little)
	n.block(blockSection, n.u32(sectionByteOrder), n.u16(2), n.u16(0), n.u64(0)).iface(linkRaw, 0).packet(0, 1, d)
	n.section(big).iface(linkRaw, 0).packet(0, 1, d)
	got := read(t, n.b)
	if len(got.logs) != 1 || len(got.undecoded) != 1 || !strings.Contains(got.undecoded[0].Reason, "block at offset 28: a section of version 2, and 1 is read") {
		t.Errorf("%+v", got)
	}
}

// TestDamagedInside: of a block whose length holds nothing but itself is lost.
func TestDamagedInside(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, c := range []struct {
		want string
		bad  func(n *ng)
	}{
		{"interface 9: the section describes 1 before it", func(n *ng) { n.packet(9, 1, d) }},
		{"16 bytes of fields, want 20", func(n *ng) { n.block(blockEnhanced, make([]byte, 16)) }},
		{"0 bytes of fields, want 4", func(n *ng) { n.block(blockSimple) }},
		{"it says that 5 bytes of the packet were captured, and holds 4", func(n *ng) {
			n.block(blockEnhanced, make([]byte, 12), n.u32(5), n.u32(5), make([]byte, 4))
		}},
		{"it says that 4294967295 bytes", func(n *ng) {
			n.block(blockOldPacket, make([]byte, 12), n.u32(1<<32-1), n.u32(5), make([]byte, 4))
		}},
		{"its time is not between the years 1970 and 9999", func(n *ng) { n.packet(0, 1<<63, d) }},
		{"interface 3: the section", func(n *ng) { n.block(blockStatistics, n.u32(3), n.u64(0)) }},
	} {
		for _, order := range orders {
			n := newNg(order).iface(linkRaw, 0).packet(0, 1, d)
			c.bad(n)
			n.packet(0, 2, d)
			got := read(t, n.b)
			if len(got.undecoded) != 1 || !strings.Contains(got.undecoded[0].Reason, c.want) || len(got.notes) != 0 {
				t.Errorf("%s: %+v, notes %q", c.want, got.undecoded, got.notes)
				continue
			}
			if last := got.logs[len(got.logs)-1]; !bytes.Equal(last.Payload, d) || !got.times[1].Equal(time.Unix(0, 2000)) {
				t.Errorf("%s: what came after: %+v", c.want, last)
			}
		}
	}
}

// TestOptionsDamaged: the packet is told all the same.
func TestOptionsDamaged(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, bad := range [][]byte{{1, 0, 200, 0}, {2, 0, 4, 0, 1, 0, 0, 0, 1, 0, 5, 0, 1, 2, 3, 4}} {
		got := read(t, newNg(little).iface(linkRaw, 0).packet(0, 1, d, bad).b)
		if len(got.logs) != 1 || len(got.undecoded) != 1 || !strings.Contains(got.undecoded[0].Reason, "bytes do not fit") {
			t.Errorf("%x: %+v", bad, got.undecoded)
		}
	}
}

// TestDamagedLength: where lengths do not hold nothing tells where the next block is.
func TestDamagedLength(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, order := range orders {
		n := newNg(order).iface(linkRaw, 0).packet(0, 1, d)
		at := len(n.b)
		n.packet(0, 2, d).packet(0, 3, d)
		for name, damaged := range map[string][]byte{
			"it says that it has 8 bytes":          cat(n.b[:at+4], n.u32(8), n.b[at+8:]),
			"it says that it has 4294967292 bytes": cat(n.b[:at+4], n.u32(1<<32-4), n.b[at+8:]),
			"it says that it has 17 bytes":         cat(n.b[:at+4], n.u32(17), n.b[at+8:]),
			"it says that it has 16 bytes, and at": cat(n.b[:at+4], n.u32(16), n.b[at+8:]),
			"a section without a byte order":       cat(n.b[:at], n.u32(blockSection), n.b[at+4:]),
		} {
			got := read(t, damaged)
			if len(got.logs) != 1 {
				t.Errorf("%s: %d packets", name, len(got.logs))
			}
			got.noted(t, fmt.Sprintf("the block at offset %d is damaged (%s", at, name))
		}
	}
}

// TestPcapngCut cuts a file at every byte.
func TestPcapngCut(t *testing.T) {
	d := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	n := newNg(little)
	ends := map[int]int{len(n.b): 0}
	n.iface(linkRaw, 0)
	ends[len(n.b)] = 0
	for i := range 3 {
		n.packet(0, 1, d)
		ends[len(n.b)] = i + 1
	}
	whole, at := 0, 0
	for size := magicLen; size <= len(n.b); size++ {
		got := read(t, n.b[:size])
		if count, end := ends[size]; end {
			whole, at = count, size
			got.only(t, whole)
			continue
		}
		if len(got.logs) != whole {
			t.Errorf("%d bytes: %d packets, want %d", size, len(got.logs), whole)
		}
		got.noted(t, fmt.Sprintf("breaks off in the middle of the block at offset %d:", at))
	}
}

// TestUnits is times in every unit that there can be.
func TestUnits(t *testing.T) {
	for resolution := range 256 {
		unit, err := unitOf(byte(resolution))
		if exponent := resolution & 0x7f; resolution < 0x80 && exponent > 19 || exponent > 63 {
			if err == nil {
				t.Errorf("%#x: %d units", resolution, unit)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		i := iface{unit: unit}
		if half, err := i.time(unit / 2); unit > 1 && (err != nil || !half.Equal(time.Unix(0, 5e8))) {
			t.Errorf("%#x: half a second is %v, %v", resolution, half, err)
		}
		if one, err := i.time(unit); err != nil || !one.Equal(time.Unix(1, 0)) {
			t.Errorf("%#x: a second is %v, %v", resolution, one, err)
		}
	}
}

// TestPcapngWriter reads what another implementation writes, and reads it as that does.
func TestPcapngWriter(t *testing.T) {
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriterInterface(&file, pcapgo.NgInterface{Name: "eth0", LinkType: layers.LinkTypeEthernet, TimestampResolution: 9}, pcapgo.DefaultNgWriterOptions)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcapgo.NgInterface{Name: "tun0", LinkType: layers.LinkTypeRaw, TimestampResolution: 9}); err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1763820487, 721296123)
	for i := range 500 {
		data := datagram(t, "10.0.0.1", "10.0.0.2", uint16(i))
		if i%2 == 0 {
			data = frame(data)
		}
		ci := gopacket.CaptureInfo{Timestamp: start.Add(time.Duration(i)), CaptureLength: len(data), Length: len(data), InterfaceIndex: i % 2}
		opts := pcapgo.NgPacketOptions{Flags: &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlag(i % 3)}}
		if err := w.WritePacketWithOptions(ci, data, opts); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{LastUpdate: start, PacketsReceived: 250, PacketsDropped: 4}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got := read(t, file.Bytes())
	if got.lost != 4 || len(got.logs) != 500 || len(got.undecoded)+len(got.notes) != 0 {
		t.Fatalf("lost %d of %d, %+v %q", got.lost, len(got.logs), got.undecoded, got.notes)
	}
	same(t, file.Bytes(), &got)
}

// same fails unless pcapgo tells the same packets of a pcapng file.
func same(t *testing.T, file []byte, got *told) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		data, ci, opts, err := r.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) && i == len(got.logs) {
			return
		}
		if err != nil {
			t.Fatalf("packet %d of %d: %v", i, len(got.logs), err)
		}
		described, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		l, device := got.logs[i], uint32(0)
		if opts.Flags != nil && opts.Flags.Direction == pcapgo.NgEpbFlagDirectionOutbound {
			device = l.Out
		} else {
			device = l.In
		}
		if !bytes.Equal(cat(l.LinkHeader, l.Payload), data) || !got.times[i].Equal(ci.Timestamp) || got.links[device] != described.Name {
			t.Fatalf("packet %d: %v on %q, pcapgo: %v on %q; %+v", i, got.times[i], got.links[device], ci.Timestamp, described.Name, l)
		}
	}
}
