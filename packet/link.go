package packet

import (
	"encoding/binary"
	"fmt"
)

const (
	ethernetSize = 14
	vlanSize     = 4
)

// DecodeLink adds an Ethernet header, with any VLAN tags, to a packet. Other
// link layers hand out headers of the same length or longer, so a header whose
// EtherType is not that of the packet's family is refused and adds nothing. An
// empty header is no error: many devices have none.
func DecodeLink(hwHeader []byte, p *Packet) error {
	if len(hwHeader) == 0 {
		return nil
	}
	if len(hwHeader) < ethernetSize {
		return cut("ethernet", 0, len(hwHeader), ethernetSize)
	}
	etherType := binary.BigEndian.Uint16(hwHeader[12:])
	at, tagged, vlan := ethernetSize, false, uint16(0)
	for isVLAN(etherType) {
		if len(hwHeader) < at+vlanSize {
			return cut("vlan", at, len(hwHeader)-at, vlanSize)
		}
		if !tagged {
			tagged, vlan = true, binary.BigEndian.Uint16(hwHeader[at:])&0xfff
		}
		etherType = binary.BigEndian.Uint16(hwHeader[at+2:])
		at += vlanSize
	}
	if p.Family != Unspec && FamilyOf(etherType) != p.Family {
		return &Error{"ethernet", 0, fmt.Sprintf("type 0x%04x does not announce the packet that follows: another link layer", etherType)}
	}
	p.LinkDst = [6]byte(hwHeader[0:6])
	p.LinkSrc = [6]byte(hwHeader[6:12])
	p.EtherType = etherType
	p.Has |= HasLink
	if tagged {
		p.VLAN = vlan
		p.Has |= HasVLAN
	}
	return nil
}

// isVLAN knows the tags of 802.1Q and 802.1ad.
func isVLAN(etherType uint16) bool { return etherType == 0x8100 || etherType == 0x88a8 }
