package capture

import (
	"encoding/binary"
	"fmt"

	"github.com/pktrail/pktrail/packet"
)

// Link types (https://www.tcpdump.org/linktypes.html).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawLinux = 12 // DLT_RAW, which some programs write as it is
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkNFLOG    = 239
	linkSLL2     = 276
)

// Lengths of link headers.
const (
	nullLen     = 4
	ethernetLen = 14
	vlanLen     = 4
	sllLen      = 16
	sll2Len     = 20
)

// EtherTypes, and the kernel's numbers for frames that have a length instead
// (include/uapi/linux/if_ether.h).
const (
	typeIPv4    = 0x0800
	typeIPv6    = 0x86dd
	typeVLAN    = 0x8100
	typeQinQ    = 0x88a8
	firstType   = 0x0600 // ETH_P_802_3_MIN: below it the field is a length
	typeRaw8023 = 0x0001 // ETH_P_802_3
	type8022    = 0x0004 // ETH_P_802_2
)

// Kinds of devices (include/uapi/linux/if_arp.h: ARPHRD_*).
const (
	deviceEthernet         = 1
	deviceWireless         = 801
	deviceWirelessPrism    = 802
	deviceWirelessRadiotap = 803
	deviceNetlink          = 824
)

// nfprotoNetdev is NFPROTO_NETDEV (include/uapi/linux/netfilter.h).
const nfprotoNetdev = 5

// packetOutgoing is PACKET_OUTGOING (include/uapi/linux/if_packet.h).
const packetOutgoing = 4

// crossing is a packet on the wire, in place.
type crossing struct {
	family    packet.Family
	etherType uint16 // behind any VLAN tags
	header    []byte // of the link layer, with any VLAN tags
	payload   []byte
	device    uint16 // ARPHRD_*, where hasDevice
	hasDevice bool
	index     uint32 // of the interface, as the kernel numbers them; 0 when not told
	sent      bool
}

// decode takes a packet apart as far as its network header.
func (p *record) decode(c *crossing) error {
	switch p.link {
	case linkEthernet:
		return c.ethernet(p.data)
	case linkRaw, linkRawLinux, linkIPv4, linkIPv6:
		return c.ip(p.data)
	case linkNull, linkLoop:
		return c.loopback(p.data)
	case linkSLL:
		return c.cooked(p.data)
	case linkSLL2:
		return c.cooked2(p.data)
	}
	return fmt.Errorf("packets of link type %d are not decoded here", p.link)
}

func short(header string, have, want int) error {
	return fmt.Errorf("%s header: %d bytes, want %d", header, have, want)
}

func (c *crossing) ethernet(b []byte) error {
	if len(b) < ethernetLen {
		return short("ethernet", len(b), ethernetLen)
	}
	if err := c.network(binary.BigEndian.Uint16(b[ethernetLen-2:]), b[ethernetLen:]); err != nil {
		return err
	}
	at := len(b) - len(c.payload)
	c.header = b[:at:at]
	c.device, c.hasDevice = deviceEthernet, true
	if c.etherType < firstType {
		c.etherType = unnumbered(c.payload)
	}
	return nil
}

// network takes VLAN tags off what follows a protocol.
func (c *crossing) network(protocol uint16, b []byte) error {
	for protocol == typeVLAN || protocol == typeQinQ {
		if len(b) < vlanLen {
			return short("vlan", len(b), vlanLen)
		}
		protocol = binary.BigEndian.Uint16(b[2:])
		b = b[vlanLen:]
	}
	c.etherType, c.family, c.payload = protocol, packet.FamilyOf(protocol), b
	return nil
}

// unnumbered is the kernel's number for a frame that has a length instead of an
// EtherType (net/ethernet/eth.c: eth_type_trans).
func unnumbered(payload []byte) uint16 {
	if len(payload) >= 2 && payload[0] == 0xff && payload[1] == 0xff {
		return typeRaw8023
	}
	return type8022
}

func (c *crossing) ip(b []byte) error {
	if len(b) == 0 {
		return short("ip", 0, 1)
	}
	switch b[0] >> 4 {
	case 4:
		c.etherType = typeIPv4
	case 6:
		c.etherType = typeIPv6
	default:
		return fmt.Errorf("ip header: version %d, want 4 or 6", b[0]>>4)
	}
	c.family, c.payload = packet.FamilyOf(c.etherType), b
	return nil
}

// loopback reads the BSDs' header, an address family in one byte order or the
// other; IPv6 has a number of its own on each of them. The packet tells its
// version itself.
func (c *crossing) loopback(b []byte) error {
	if len(b) < nullLen {
		return short("loopback", len(b), nullLen)
	}
	family := min(binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b))
	switch family {
	case 2, 10, 24, 28, 30:
		return c.ip(b[nullLen:])
	}
	return fmt.Errorf("loopback header: address family %d is neither IPv4 nor IPv6", family)
}

// cooked reads the header that a capture on all interfaces has had instead of theirs.
func (c *crossing) cooked(b []byte) error {
	if len(b) < sllLen {
		return short("cooked", len(b), sllLen)
	}
	if err := c.on(binary.BigEndian.Uint16(b[2:])); err != nil {
		return err
	}
	c.sent = binary.BigEndian.Uint16(b) == packetOutgoing
	return c.network(binary.BigEndian.Uint16(b[sllLen-2:]), b[sllLen:])
}

// cooked2 reads the second version of it, which has the protocol in front and the
// interface's index.
func (c *crossing) cooked2(b []byte) error {
	if len(b) < sll2Len {
		return short("cooked", len(b), sll2Len)
	}
	if err := c.on(binary.BigEndian.Uint16(b[8:])); err != nil {
		return err
	}
	c.index = binary.BigEndian.Uint32(b[4:])
	c.sent = b[10] == packetOutgoing
	return c.network(binary.BigEndian.Uint16(b), b[sll2Len:])
}

// on takes the kind of device from a cooked header, and refuses those for which
// the protocol in it is no EtherType.
func (c *crossing) on(device uint16) error {
	switch device {
	case deviceWireless, deviceWirelessPrism, deviceWirelessRadiotap, deviceNetlink:
		return fmt.Errorf("cooked header: a device of type %d, whose packets are not decoded here", device)
	}
	c.device, c.hasDevice = device, true
	return nil
}

// nfproto is the family of hooks that would see the packet: one of its own, or
// that of devices.
func (c *crossing) nfproto() uint8 {
	if c.family == packet.Unspec {
		return nfprotoNetdev
	}
	return uint8(c.family)
}
