package ipset

import (
	"net/netip"

	"github.com/pktrail/pktrail/internal/wire"
)

func decodeElement(member wire.Attr) (e Element) {
	var addr, addr2 netip.Addr
	bits, bits2 := -1, -1
	each(member, func(a wire.Attr) {
		switch a.Type {
		case attrIP:
			addr = address(a)
		case attrIP2:
			addr2 = address(a)
		case attrCIDR:
			bits = cidr(a)
		case attrCIDR2:
			bits2 = cidr(a)
		default:
			e.take(a)
		}
	})
	e.Addr, e.Addr2 = network(addr, bits), network(addr2, bits2)
	return e
}

func cidr(a wire.Attr) int {
	n, ok := a.Uint8()
	if !ok {
		return -1
	}
	return int(n)
}

// network is the addresses of a member; without a length it is one address.
func network(addr netip.Addr, bits int) netip.Prefix {
	if bits < 0 || bits > addr.BitLen() {
		bits = addr.BitLen()
	}
	return netip.PrefixFrom(addr, bits)
}

func (e *Element) take(a wire.Attr) {
	switch a.Type {
	case attrPort:
		e.Port, _ = a.BE16()
	case attrProto:
		e.Proto, _ = a.Uint8()
	case attrMark:
		e.Mark, _ = a.BE32()
	case attrEther:
		e.HasMAC = copy(e.MAC[:], a.Data) == len(e.MAC)
	case attrName, attrIface:
		e.Name = string(a.Text())
	case attrFlags:
		flags, _ := a.BE32()
		e.NoMatch, e.Physdev, e.Wildcard = flags&flagNoMatch != 0, flags&flagPhysdev != 0, flags&flagWildcard != 0
	default:
		if e.Extra == nil {
			e.Extra = &Extra{}
		}
		e.Extra.take(a)
	}
}

func (x *Extra) take(a wire.Attr) {
	switch a.Type {
	case attrTimeout:
		x.Timeout, _ = a.BE32()
	case attrBytes:
		x.Bytes, _ = a.BE64()
	case attrPackets:
		x.Packets, _ = a.BE64()
	case attrComment:
		x.Comment = string(a.Text())
	case attrSkbMark:
		var both uint64
		both, x.HasMark = a.BE64()
		x.SkbMark, x.SkbMask = uint32(both>>32), uint32(both)
	case attrSkbPrio:
		x.SkbPrio, x.HasPrio = a.BE32()
	case attrSkbQueue:
		x.SkbQueue, x.HasQueue = a.BE16()
	default:
		x.Unknown = wire.AppendAttr(x.Unknown, a.Type, a.Data)
	}
}
