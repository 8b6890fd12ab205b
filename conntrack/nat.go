package conntrack

import (
	"net/netip"

	"github.com/pktrail/pktrail/internal/wire"
)

// natRange takes what a request says of translation; the kernel itself sends
// none of it.
func (f *Flow) natRange(nat wire.Attr, r *NATRange, has Fields) {
	f.Has |= has
	attrs := wire.Attrs(nat.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch {
		case a.Type == ctaNATv4Min && len(a.Data) == 4:
			r.Min = netip.AddrFrom4([4]byte(a.Data))
		case a.Type == ctaNATv4Max && len(a.Data) == 4:
			r.Max = netip.AddrFrom4([4]byte(a.Data))
		case a.Type == ctaNATv6Min && len(a.Data) == 16:
			r.Min = netip.AddrFrom16([16]byte(a.Data))
		case a.Type == ctaNATv6Max && len(a.Data) == 16:
			r.Max = netip.AddrFrom16([16]byte(a.Data))
		case a.Type == ctaNATProto:
			f.natPorts(a, r, has, nat.Type)
		default:
			f.keep(a, place{nat.Type})
		}
	}
	f.rest(attrs, place{nat.Type})
}

func (f *Flow) natPorts(ports wire.Attr, r *NATRange, has Fields, outer uint16) {
	attrs := wire.Attrs(ports.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaNATPortMin:
			f.be16(a, &r.MinPort, has, place{outer, ctaNATProto})
		case ctaNATPortMax:
			f.be16(a, &r.MaxPort, has, place{outer, ctaNATProto})
		default:
			f.keep(a, place{outer, ctaNATProto})
		}
	}
	f.rest(attrs, place{outer, ctaNATProto})
}

func (r NATRange) append(b []byte, typ uint16) []byte {
	b, at := begin(b, typ)
	b = appendAddr(b, ctaNATv4Min, ctaNATv6Min, r.Min)
	b = appendAddr(b, ctaNATv4Max, ctaNATv6Max, r.Max)
	if r.MinPort != 0 || r.MaxPort != 0 {
		var ports int
		b, ports = begin(b, ctaNATProto)
		b = appendBE16(b, ctaNATPortMin, r.MinPort)
		b = appendBE16(b, ctaNATPortMax, r.MaxPort)
		end(b, ports)
	}
	end(b, at)
	return b
}
