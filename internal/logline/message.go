package logline

import (
	"fmt"
	"strconv"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// The families of hooks (include/uapi/linux/netfilter.h: NFPROTO_*).
const (
	familyIPv4   = 2
	familyARP    = 3
	familyNetdev = 5
	familyBridge = 7
	familyIPv6   = 10
)

// Kinds of devices (include/uapi/linux/if_arp.h: ARPHRD_*).
const (
	deviceEther = 1
	deviceSIT   = 776
)

// Message makes of an NFLOG message the record that the kernel's syslog logger
// would have printed of the same packet with all its flags set (nft's `flags
// all`): sequence numbers, options, user, and the decoded link header. Linux sets
// all but the last for TRACE and for what conntrack logs (NF_LOG_DEFAULT_MASK),
// LOG and nft's log statement none unless asked. link names an interface.
//
// A message holds as many bytes of the packet as its rule asked for; where they
// end before a header does, the record is cut there. Of a packet that was only
// captured (event.NoHook) it tells the interfaces and addresses that are known.
// l's slices are its own, and its strings are kept by p. The error is for a family
// without packets.
func (p *Parser) Message(m *event.Log, link func(uint32) string, l *event.LogLine) error {
	clearLine(l)
	if l.Trace = m.Line; l.Trace.Table == "" {
		r := reader{p: p, l: l}
		r.prefix(m.Prefix)
	}
	devices(m, link, l)
	d := dump{l: l, b: m.Payload, size: len(m.Payload)}
	switch m.Family {
	case familyIPv4:
		d.family = packet.IPv4
	case familyIPv6:
		d.family = packet.IPv6
	case familyARP:
		d.family = packet.ARP
	case familyNetdev, familyBridge:
		d.family = packet.FamilyOf(m.EtherType)
	default:
		return fmt.Errorf("NFLOG message: family %d has no packets", m.Family)
	}
	linkHeader(m, d.family, l)
	d.packet()
	d.line(m)
	if d.snapped {
		l.Cut |= event.CutTail
	}
	return nil
}

// devices fills IN, OUT, PHYSIN and PHYSOUT. In bridge hooks the kernel's line
// has the port, the message the bridge and beside it the port.
func devices(m *event.Log, link func(uint32) string, l *event.LogLine) {
	in, out, physIn, physOut := m.In, m.Out, m.PhysIn, m.PhysOut
	if m.Family == familyBridge {
		if physIn != 0 {
			in, physIn = physIn, 0
		}
		if physOut != 0 {
			out, physOut = physOut, 0
		}
	}
	l.In, l.Out = deviceOf(in, link), deviceOf(out, link)
	l.Has |= event.HasIn | event.HasOut
	if m.Hook == event.NoHook && l.In == "" {
		l.Has &^= event.HasIn
	}
	if m.Hook == event.NoHook && l.Out == "" {
		l.Has &^= event.HasOut
	}
	if physIn != 0 && physIn != in {
		l.PhysIn = deviceOf(physIn, link)
		l.Has |= event.HasPhysIn
	}
	if physOut != 0 && physOut != out {
		l.PhysOut = deviceOf(physOut, link)
		l.Has |= event.HasPhysOut
	}
}

func deviceOf(index uint32, link func(uint32) string) string {
	if index == 0 {
		return ""
	}
	if name := link(index); name != "" {
		return name
	}
	return "if" + strconv.FormatUint(uint64(index), 10)
}

// linkHeader fills MACSRC… for Ethernet and MAC= for other devices
// (nf_log_syslog.c: dump_mac_header). A device without a header of its own,
// such as a tunnel, has an empty MAC=.
func linkHeader(m *event.Log, f packet.Family, l *event.LogLine) {
	b := m.LinkHeader
	own := l.In == "" && m.Hook != event.NoHook
	if own && f != packet.Unspec || len(b) == 0 && !m.HasLinkType {
		return
	}
	ethernet := m.LinkType == deviceEther
	if !m.HasLinkType {
		ethernet = len(b) == etherSize && [12]byte(b) != [12]byte{} // loopback's has no addresses
	}
	switch {
	case ethernet && len(b) >= etherSize:
		l.MACDst, l.MACSrc = [6]byte(b), [6]byte(b[6:])
		l.MACProto = uint16(b[12])<<8 | uint16(b[13])
		l.Has |= event.HasMACs
		if m.HasVLAN {
			l.VLANProto, l.VLAN = m.VLANProto, m.VLANTag
			l.Has |= event.HasVLAN
		}
	case f == packet.ARP || ethernet:
	default:
		l.MAC = appendBytes(nil, b)
		l.Has |= event.HasMAC
		if m.LinkType == deviceSIT {
			tunnel(b, l)
		}
	}
}

const etherSize = 14

// tunnel reads the outer addresses of a sit device's packet: its IP header
// stands behind 14 bytes.
func tunnel(b []byte, l *event.LogLine) {
	if len(b) < etherSize+ipv4Size {
		return
	}
	ip := b[etherSize:]
	l.TunnelSrc, l.TunnelDst = addr4(ip[12:]), addr4(ip[16:])
	l.Has |= event.HasTunnel
}

// appendBytes writes bytes as MAC= has them.
func appendBytes(dst, b []byte) []byte {
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, small[c>>4], small[c&0xf])
	}
	return dst
}

// appendCapitals writes bytes as OPT has them.
func appendCapitals(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, capital[c>>4], capital[c&0xf])
	}
	return dst
}
