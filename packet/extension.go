package packet

import "encoding/binary"

// The IPv6 extension headers that netfilter walks over to find the transport
// header (net/ipv6/exthdrs_core.c: ipv6_find_hdr with IP6_FH_F_AUTH, which
// stops at an authentication header), and the number for "nothing follows".
const (
	protoHopByHop = 0
	protoRouting  = 43
	protoFragment = 44
	protoNone     = 59
	protoDestOpts = 60
)

// isExtension reports whether the trace's transport slice stands behind a
// header of this number and not at it.
func isExtension(proto uint8) bool {
	switch proto {
	case protoHopByHop, protoRouting, protoFragment, protoDestOpts:
		return true
	}
	return false
}

// extensions walks the extension headers of an IPv6 packet as the kernel's
// ipv6_find_hdr does and returns where the transport header begins.
func (p *Packet) extensions(data []byte) (int, error) {
	at := ipv6Size
	for isExtension(p.Proto) {
		b := p.clip(data[at:], at)
		size := 8
		if len(b) >= size {
			size = extensionSize(p.Proto, b[1])
		}
		if len(b) < size {
			return at, cut(extensionName(p.Proto), at, len(b), size)
		}
		if p.Proto == protoFragment {
			p.fragment(b)
		}
		p.Proto = b[0]
		at += size
		if p.FragOffset != 0 {
			break
		}
	}
	if !isExtension(p.Proto) {
		p.Has |= HasProto
	}
	return at, nil
}

func (p *Packet) fragment(b []byte) {
	field := binary.BigEndian.Uint16(b[2:])
	p.FragOffset = field &^ 7
	p.MoreFragments = field&1 != 0
	p.ID = binary.BigEndian.Uint16(b[6:])
}

func extensionSize(proto, length uint8) int {
	if proto == protoFragment {
		return 8
	}
	return (int(length) + 1) * 8
}

func extensionName(proto uint8) string {
	switch proto {
	case protoHopByHop:
		return "ipv6 hop-by-hop"
	case protoRouting:
		return "ipv6 routing"
	case protoFragment:
		return "ipv6 fragment"
	}
	return "ipv6 destination options"
}
