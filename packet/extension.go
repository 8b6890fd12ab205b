package packet

import "encoding/binary"

// The IPv6 extension headers that the kernel walks over to find the transport
// header (net/ipv6/exthdrs_core.c: ipv6_ext_hdr).
const (
	protoHopByHop = 0
	protoRouting  = 43
	protoFragment = 44
	protoAH       = 51
	protoNone     = 59
	protoDestOpts = 60
)

// isExtension reports whether the trace's transport slice stands behind a
// header of this number and not at it. Behind "no next header" nothing follows.
func isExtension(proto uint8) bool {
	switch proto {
	case protoHopByHop, protoRouting, protoFragment, protoAH, protoDestOpts:
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
		if len(b) < 8 {
			return at, cut(extensionName(p.Proto), at, len(b), 8)
		}
		size := extensionSize(p.Proto, b[1])
		if size > len(b) {
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
	switch proto {
	case protoFragment:
		return 8
	case protoAH:
		return (int(length) + 2) * 4
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
	case protoAH:
		return "ipv6 authentication"
	}
	return "ipv6 destination options"
}
