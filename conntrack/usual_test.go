package conntrack

import (
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/internal/wire"
)

// TestUsualTuple: the short way to a tuple comes to what the long one does, and
// is not taken when anything is otherwise.
func TestUsualTuple(t *testing.T) {
	for _, ends := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}} {
		want := Tuple{
			Src: netip.MustParseAddr(ends[0]), Dst: netip.MustParseAddr(ends[1]), Proto: 6, SrcPort: 40000, DstPort: 80,
			Has: HasProto | HasPorts,
		}
		d := appendTuple(nil, ctaTupleOrig, &want)[wire.AttrHeaderLen:]
		var got Tuple
		if !usualTuple(d, &got) || got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		for i := range d {
			changed := append([]byte(nil), d...)
			changed[i] ^= 0x41
			var short, long Tuple
			var left leftovers
			if usualTuple(changed, &short) {
				decodeTuple(wire.Attr{Type: ctaTupleOrig, Data: append(changed, appendBE16(nil, 99, 1)...)}, &long, &left, place{})
				if short != long || len(left) != 1 {
					t.Errorf("byte %d: %+v, want %+v", i, short, long)
				}
			} else if short != (Tuple{}) {
				t.Errorf("byte %d: %+v left", i, short)
			}
		}
		for n := range d {
			if usualTuple(d[:n], &got) {
				t.Errorf("cut to %d bytes", n)
			}
		}
	}
}
