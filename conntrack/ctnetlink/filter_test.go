package ctnetlink_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// rules loads an nft script.
func (p *place) rules(t testing.TB, script string) {
	t.Helper()
	var said bytes.Buffer
	if err := p.ns.Do(func() error {
		nft := exec.Command("nft", "-f", "-")
		nft.Stdin, nft.Stderr = strings.NewReader(script), &said
		return nft.Run()
	}); err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
}

// fill makes n entries of TCP, each from an address of its own.
func (p *place) fill(t testing.TB, n int) {
	t.Helper()
	w := p.NewWriter(func(i int, err error) { t.Errorf("entry %d: %v", i, err) })
	f := flow(packet.ProtoTCP, "10.0.0.0", "192.0.2.1", 1024, 80)
	f.Timeout = 3600
	for i := range n {
		f.Orig.Src = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		f.Reply = answer(f.Orig)
		if err := w.Create(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// zoo makes entries of all kinds.
func (p *place) zoo(t testing.TB) {
	for i := range uint16(40) {
		for _, ends := range [][2]string{{"10.0.0.%d", "192.0.2.1"}, {"2001:db8::%d", "2001:db8:1::1"}} {
			for _, proto := range []uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP, packet.ProtoICMP, packet.ProtoICMPv6} {
				f := flow(proto, fmt.Sprintf(ends[0], i%5+1), ends[1], 1000+i, 80+i%3)
				if proto == packet.ProtoICMP && f.Orig.Src.Is6() || proto == packet.ProtoICMPv6 && f.Orig.Src.Is4() {
					continue
				}
				f.Has |= conntrack.HasMark | conntrack.HasStatus
				f.Mark, f.Status = uint32(i%4), conntrack.Status(i%2)*conntrack.SeenReply|conntrack.Status(i%3/2)*conntrack.Assured
				if i%7 == 0 {
					f.Zone, f.Has = i%3, f.Has|conntrack.HasZone
				}
				p.create(t, f)
			}
		}
	}
}

func filters() map[string]conntrack.Filter {
	tuple := func(f *conntrack.Flow, has conntrack.TupleFields) conntrack.Tuple {
		f.Orig.Has, f.Orig.Dst = has, netip.Addr{}
		return f.Orig
	}
	const ports = conntrack.HasProto | conntrack.HasDstPort
	tcp, sctp := flow(packet.ProtoTCP, "10.0.0.2", "10.0.0.1", 1001, 81), flow(packet.ProtoSCTP, "10.0.0.2", "10.0.0.1", 1001, 81)
	six, echo := flow(packet.ProtoTCP, "2001:db8::2", "::", 1001, 81), flow(packet.ProtoICMP, "10.0.0.2", "10.0.0.1", 1001, 0)
	return map[string]conntrack.Filter{
		"all": {}, "IPv4": {Family: packet.IPv4}, "IPv6": {Family: packet.IPv6},
		"zone": {HasZone: true, Zone: 1}, "no zone": {HasZone: true},
		"mark": {Mark: 2, MarkMask: 0xffffffff}, "mark bits": {Mark: 1, MarkMask: 1},
		"unreplied": {StatusMask: conntrack.SeenReply}, "assured": {Status: conntrack.Assured, StatusMask: conntrack.Assured},
		"source": {Orig: tuple(tcp, 0)}, "source, TCP port": {Orig: tuple(tcp, ports)},
		"SCTP port": {Family: packet.IPv4, Orig: tuple(sctp, ports)}, "echo": {Orig: tuple(echo, conntrack.HasProto|conntrack.HasICMP)},
		"IPv6 source": {Orig: tuple(six, 0)}, "IPv6 source and port": {Orig: tuple(six, ports)},
		"reply": {Reply: answer(flow(packet.ProtoUDP, "10.0.0.3", "192.0.2.1", 1002, 82).Orig)},
		"odd":   {Family: packet.IPv4, Also: func(f *conntrack.Flow) bool { return f.Orig.SrcPort%2 == 1 }},
	}
}

// TestFilters: whatever the kernel looks at itself, the answer is that of looking
// at every entry.
func TestFilters(t *testing.T) {
	p := newPlace(t)
	p.zoo(t)
	every := p.all(t, conntrack.Filter{})
	if len(every) != 320 {
		t.Fatalf("%d entries", len(every))
	}
	for name, filter := range filters() {
		want := 0
		for _, f := range every {
			if filter.Match(f) {
				want++
			}
		}
		seen, err := p.Dump(t.Context(), conntrack.Tracked, filter, func(*conntrack.Flow) error { return nil })
		if err != nil || seen.Meant != want || want == 0 {
			t.Errorf("%s: %+v of %d, %v", name, seen, want, err)
		}
		if filter.InKernel().Exact && seen.Seen != want {
			t.Errorf("%s: the kernel sent %d for %d", name, seen.Seen, want)
		}
	}
}

// TestDeletes: by the kernel alone or one by one, what is deleted is what the
// filter means and nothing else.
func TestDeletes(t *testing.T) {
	for name, filter := range filters() {
		p := newPlace(t)
		p.zoo(t)
		meant := len(p.all(t, filter))
		n, counted, err := p.Flush(t.Context(), filter)
		if err != nil || counted && n != meant {
			t.Errorf("%s: %d of %d, %v", name, n, meant, err)
		}
		if left := len(p.all(t, conntrack.Filter{})); left != 320-meant {
			t.Errorf("%s: %d left of %d", name, left, 320-meant)
		}
		if counted == filter.InKernel().Exact {
			t.Errorf("%s: counted %v", name, counted)
		}
		p = newPlace(t)
		p.zoo(t)
		var told int
		n, err = p.DeleteMatching(t.Context(), filter, func(f *conntrack.Flow) error {
			if told++; !filter.Match(f) {
				return fmt.Errorf("not meant: %+v", f)
			}
			return nil
		})
		if err != nil || n != meant || told != meant || len(p.all(t, conntrack.Filter{})) != 320-meant {
			t.Errorf("%s: %d deleted, %d told of %d, %v", name, n, told, meant, err)
		}
	}
}
