package logline

import (
	"strconv"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// appendTransport writes PROTO= and what follows it.
func appendTransport(dst []byte, h *event.Headers, l *event.LogLine) []byte {
	if h.Has&event.HasProto != 0 {
		dst = append(dst, "PROTO="...)
		if l.Form&event.FormLOGEMU != 0 && h.Proto == packet.ProtoSCTP {
			dst = append(dst, "SCTP "...) // to the kernel a number
		} else {
			dst = append(appendProto(dst, h.Proto, h.Family), ' ')
		}
	}
	dst = appendPorts(dst, h)
	dst = appendTCP(dst, h)
	if h.Has&event.HasL4Length != 0 {
		dst = appendWord(dst, "LEN=", uint32(h.L4Length))
	}
	dst = appendICMP(dst, h, l)
	if h.Has&event.HasSPI != 0 && !spiInExtension(h) {
		dst = append(appendHex(append(dst, "SPI="...), h.SPI), ' ')
	}
	if h.Has&event.HasIncomplete != 0 {
		dst = append(appendIncomplete(dst, h.Incomplete), ' ')
	}
	return dst
}

// spiInExtension: the SPI of IPv6's AH belongs to an extension header, which OPT tells.
func spiInExtension(h *event.Headers) bool {
	return h.Has&event.HasProto != 0 && h.Proto != packet.ProtoAH && h.Proto != packet.ProtoESP
}

// appendProto writes a protocol as the kernel names it: each family's ICMP has a
// name only there.
func appendProto(dst []byte, proto uint8, f packet.Family) []byte {
	switch proto {
	case packet.ProtoICMP:
		if f != packet.IPv6 {
			return append(dst, "ICMP"...)
		}
	case packet.ProtoICMPv6:
		if f == packet.IPv6 {
			return append(dst, "ICMPv6"...)
		}
	case packet.ProtoTCP:
		return append(dst, "TCP"...)
	case packet.ProtoUDP:
		return append(dst, "UDP"...)
	case packet.ProtoUDPLite:
		return append(dst, "UDPLITE"...)
	case packet.ProtoAH:
		return append(dst, "AH"...)
	case packet.ProtoESP:
		return append(dst, "ESP"...)
	}
	return strconv.AppendUint(dst, uint64(proto), 10)
}

func appendPorts(dst []byte, h *event.Headers) []byte {
	if h.Has&event.HasPorts == 0 {
		return dst
	}
	dst = appendWord(dst, "SPT=", uint32(h.SrcPort))
	return appendWord(dst, "DPT=", uint32(h.DstPort))
}

func appendTCP(dst []byte, h *event.Headers) []byte {
	if h.Has&event.HasSeq != 0 {
		dst = appendWord(dst, "SEQ=", h.Seq)
		dst = appendWord(dst, "ACK=", h.Ack)
	}
	if h.Has&event.HasWindow != 0 {
		dst = appendWord(dst, "WINDOW=", uint32(h.Window))
	}
	if h.Has&event.HasReserved != 0 {
		dst = append(appendHexDigits(append(dst, "RES=0x"...), uint32(h.Reserved), 2, small), ' ')
	}
	dst = appendFlags(dst, h.Flags)
	if h.Has&event.HasUrgent != 0 {
		dst = appendWord(dst, "URGP=", uint32(h.Urgent))
	}
	switch {
	case h.Has&event.HasTCPOptions == 0:
	case h.Has&event.HasTruncated != 0:
		dst = append(dst, "OPT (TRUNCATED)"...)
	default:
		dst = append(append(append(dst, "OPT ("...), h.TCPOptions...), ") "...)
	}
	return dst
}

func appendFlags(dst []byte, flags packet.TCPFlags) []byte {
	for _, f := range [...]struct {
		flag packet.TCPFlags
		word string
	}{
		{packet.AE, "AE "}, {packet.CWR, "CWR "}, {packet.ECE, "ECE "}, {packet.URG, "URG "}, {packet.ACK, "ACK "},
		{packet.PSH, "PSH "}, {packet.RST, "RST "}, {packet.SYN, "SYN "}, {packet.FIN, "FIN "},
	} {
		if flags&f.flag != 0 {
			dst = append(dst, f.word...)
		}
	}
	return dst
}

func appendICMP(dst []byte, h *event.Headers, l *event.LogLine) []byte {
	if h.Has&event.HasICMP != 0 {
		dst = appendWord(dst, "TYPE=", uint32(h.ICMPType))
	}
	if h.Has&event.HasICMPCode != 0 {
		dst = appendWord(dst, "CODE=", uint32(h.ICMPCode))
	}
	if h.Has&event.HasICMPID != 0 {
		dst = appendWord(dst, "ID=", uint32(h.ICMPID))
	}
	if h.Has&event.HasICMPSeq != 0 {
		dst = appendWord(dst, "SEQ=", uint32(h.ICMPSeq))
	}
	switch {
	case h.Has&event.HasParameter == 0:
	case h.Family == packet.IPv6:
		dst = append(appendHexDigits(append(dst, "POINTER="...), h.Parameter, 8, small), ' ')
	default:
		dst = appendWord(dst, "PARAMETER=", h.Parameter)
	}
	if h.Has&event.HasGateway != 0 {
		dst = append(appendAddr(append(dst, "GATEWAY="...), h.Gateway, l.Form), ' ')
	}
	if h == &l.Headers && l.Has&event.HasQuoted != 0 {
		dst = append(appendHeaders(append(dst, '['), &l.Quoted, l), "] "...)
	}
	if h.Has&event.HasMTU != 0 {
		dst = appendWord(dst, "MTU=", h.MTU)
	}
	return dst
}

// appendEbtables writes what follows OUT= as ebtables' log watcher does, of
// kernels since 2.6.34; older ones left a second blank behind ARP's addresses.
func appendEbtables(dst []byte, l *event.LogLine) []byte {
	h := &l.Headers
	dst = appendHardware(append(dst, "MAC source = "...), l.MACSrc)
	dst = appendHardware(append(dst, " MAC dest = "...), l.MACDst)
	dst = appendHexDigits(append(dst, " proto = 0x"...), uint32(l.MACProto), 4, small)
	switch {
	case h.Has&event.HasARP != 0:
		dst = appendEbtARP(dst, h)
	case h.Has&event.HasAddrs != 0:
		dst = appendEbtIP(dst, h, l.Form)
	}
	if h.Has&event.HasPorts != 0 {
		dst = strconv.AppendUint(append(dst, " SPT="...), uint64(h.SrcPort), 10)
		dst = strconv.AppendUint(append(dst, " DPT="...), uint64(h.DstPort), 10)
	}
	return dst
}

func appendEbtIP(dst []byte, h *event.Headers, form event.Form) []byte {
	ip := " IP "
	if h.Family == packet.IPv6 {
		ip = " IPv6 "
	}
	dst = appendAddr(append(append(dst, ip...), "SRC="...), h.Src, form)
	dst = appendAddr(append(append(dst, ip...), "DST="...), h.Dst, form)
	if h.Has&event.HasTOS != 0 && h.Family == packet.IPv6 {
		dst = appendHexDigits(append(dst, ", IPv6 priority=0x"...), uint32(h.TOS>>4), 1, capital)
	} else if h.Has&event.HasTOS != 0 {
		dst = appendHexDigits(append(dst, ", IP tos=0x"...), uint32(h.TOS), 2, capital)
	}
	if h.Has&event.HasProto == 0 {
		return dst
	}
	word := ", IP proto="
	if h.Family == packet.IPv6 {
		word = ", Next Header="
	}
	return strconv.AppendUint(append(dst, word...), uint64(h.Proto), 10)
}

func appendEbtARP(dst []byte, h *event.Headers) []byte {
	dst = strconv.AppendUint(append(dst, " ARP HTYPE="...), uint64(h.ARPHType), 10)
	dst = appendHexDigits(append(dst, ", PTYPE=0x"...), uint32(h.ARPPType), 4, small)
	dst = strconv.AppendUint(append(dst, ", OPCODE="...), uint64(h.ARPOp), 10)
	if h.Has&event.HasARPAddrs != 0 {
		dst = appendHardware(append(dst, " ARP MAC SRC="...), h.ARPSrc)
		dst = h.Src.AppendTo(append(dst, " ARP IP SRC="...))
		dst = appendHardware(append(dst, " ARP MAC DST="...), h.ARPDst)
		dst = h.Dst.AppendTo(append(dst, " ARP IP DST="...))
	}
	return dst
}
