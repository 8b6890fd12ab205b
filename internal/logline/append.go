package logline

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// Append writes l to dst as the kernel writes it: prefix, TRACE's words, and
// every field that is there, in its order. Of a line that was read whole it is
// the line, byte for byte; what stands in Rest is left out.
func Append(dst []byte, l *event.LogLine) []byte {
	start := len(dst)
	dst = append(dst, l.Prefix...)
	if l.Trace.Table != "" {
		dst = appendTrace(dst, &l.Trace)
	}
	dst = appendDevices(dst, l)
	if l.Has&event.HasEbtables != 0 {
		return appendEbtables(dst, l)
	}
	dst = appendLink(dst, l)
	dst = appendHeaders(dst, &l.Headers, l)
	if l.Has&event.HasUID != 0 {
		dst = appendWord(dst, "UID=", l.UID)
	}
	if l.Has&event.HasGID != 0 {
		dst = appendWord(dst, "GID=", l.GID)
	}
	if l.Has&event.HasMark != 0 {
		dst = append(appendHex(append(dst, "MARK="...), l.Mark), ' ')
	}
	if l.Form&event.FormTrimmed != 0 {
		return append(dst[:start], bytes.TrimRight(dst[start:], " ")...)
	}
	return dst
}

func appendTrace(dst []byte, t *event.TraceLine) []byte {
	dst = append(append(dst, tracePrefix...), t.Table...)
	dst = append(append(dst, ':'), t.Chain...)
	switch t.Type {
	case event.LineRule:
		dst = append(dst, ":rule:"...)
	case event.LineReturn:
		dst = append(dst, ":return:"...)
	case event.LinePolicy:
		dst = append(dst, ":policy:"...)
	}
	return append(strconv.AppendInt(dst, int64(t.Number), 10), ' ')
}

func appendDevices(dst []byte, l *event.LogLine) []byte {
	for _, d := range [...]struct {
		has        event.LineHas
		word, name string
	}{
		{event.HasIn, "IN=", l.In}, {event.HasOut, "OUT=", l.Out},
		{event.HasPhysIn, "PHYSIN=", l.PhysIn}, {event.HasPhysOut, "PHYSOUT=", l.PhysOut},
	} {
		if l.Has&d.has != 0 {
			dst = append(append(append(dst, d.word...), d.name...), ' ')
		}
	}
	return dst
}

func appendLink(dst []byte, l *event.LogLine) []byte {
	if l.Has&event.HasMACs != 0 {
		dst = appendHardware(append(dst, "MACSRC="...), l.MACSrc)
		dst = append(appendHardware(append(dst, " MACDST="...), l.MACDst), ' ')
		if l.Has&event.HasVLAN != 0 {
			dst = appendHexDigits(append(dst, "VPROTO="...), uint32(l.VLANProto), 4, small)
			dst = appendWord(dst, " VID=", uint32(l.VLAN))
		}
		dst = append(appendHexDigits(append(dst, "MACPROTO="...), uint32(l.MACProto), 4, small), ' ')
	}
	if l.Has&event.HasMAC != 0 {
		dst = append(append(dst, "MAC="...), l.MAC...)
		if l.Has&event.HasTunnel != 0 {
			dst = l.TunnelSrc.AppendTo(append(dst, " TUNNEL="...))
			dst = l.TunnelDst.AppendTo(append(dst, "->"...))
		}
		dst = append(dst, ' ')
	}
	return dst
}

// appendHeaders writes one packet: the line's own, or the one that it quotes.
func appendHeaders(dst []byte, h *event.Headers, l *event.LogLine) []byte {
	if h.Family == packet.ARP && h.Has&event.HasARP != 0 {
		return appendARP(dst, h)
	}
	if h.Has&event.HasAddrs != 0 {
		dst = appendAddr(append(dst, "SRC="...), h.Src, l.Form)
		dst = append(appendAddr(append(dst, " DST="...), h.Dst, l.Form), ' ')
	}
	if h.Has&event.HasLength != 0 {
		dst = appendWord(dst, "LEN=", h.Length)
	}
	if h.Family == packet.IPv6 {
		dst = appendIPv6(dst, h)
	} else {
		dst = appendIPv4(dst, h, l.Form)
	}
	if h.Has&(event.HasTruncated|event.HasProto) == event.HasTruncated {
		if bytes.Contains(h.Options, []byte(fragmentTruncated)) {
			return dst
		}
		return append(dst, "TRUNCATED"...)
	}
	if h.Family == packet.IPv6 && h.Has&event.HasOptions != 0 && (h.Proto == packet.ProtoESP || h.Proto == packet.ProtoAH) {
		return dst // the options tell of it
	}
	return appendTransport(dst, h, l)
}

func appendIPv4(dst []byte, h *event.Headers, form event.Form) []byte {
	if h.Has&event.HasTOS != 0 {
		dst = append(dst, "TOS="...)
		if form&event.FormLOGEMU == 0 {
			dst = append(dst, "0x"...)
		}
		dst = appendHexDigits(dst, uint32(h.TOS&0x1e), 2, capital)
		dst = append(appendHexDigits(append(dst, " PREC=0x"...), uint32(h.TOS&0xe0), 2, capital), ' ')
	}
	if h.Has&event.HasTTL != 0 {
		dst = appendWord(dst, "TTL=", uint32(h.TTL))
	}
	if h.Has&event.HasID != 0 {
		dst = appendWord(dst, "ID=", h.ID)
	}
	if h.Has&event.HasCE != 0 {
		dst = append(dst, "CE "...)
	}
	if h.Has&event.HasDF != 0 {
		dst = append(dst, "DF "...)
	}
	if h.Has&event.HasMF != 0 {
		dst = append(dst, "MF "...)
	}
	if h.Has&event.HasFragment != 0 {
		dst = appendWord(dst, "FRAG:", uint32(h.FragOffset>>3))
	}
	if h.Has&event.HasOptions != 0 {
		dst = append(append(append(dst, "OPT ("...), h.Options...), ") "...)
	}
	return dst
}

func appendIPv6(dst []byte, h *event.Headers) []byte {
	if h.Has&event.HasTOS != 0 {
		dst = appendWord(dst, "TC=", uint32(h.TOS))
	}
	if h.Has&event.HasTTL != 0 {
		dst = appendWord(dst, "HOPLIMIT=", uint32(h.TTL))
	}
	if h.Has&event.HasFlowLabel != 0 {
		dst = appendWord(dst, "FLOWLBL=", h.FlowLabel)
	}
	if h.Has&event.HasOptions != 0 {
		return append(dst, h.Options...)
	}
	if h.Has&event.HasFragment != 0 {
		dst = appendWord(dst, "FRAG:", uint32(h.FragOffset))
		if h.Has&event.HasMF != 0 {
			dst = append(dst, "INCOMPLETE "...)
		}
	}
	if h.Has&event.HasID != 0 {
		dst = append(appendHexDigits(append(dst, "ID:"...), h.ID, 8, small), ' ')
	}
	return dst
}

func appendARP(dst []byte, h *event.Headers) []byte {
	dst = strconv.AppendUint(append(dst, "ARP HTYPE="...), uint64(h.ARPHType), 10)
	dst = appendHexDigits(append(dst, " PTYPE=0x"...), uint32(h.ARPPType), 4, small)
	dst = strconv.AppendUint(append(dst, " OPCODE="...), uint64(h.ARPOp), 10)
	if h.Has&event.HasARPAddrs != 0 {
		dst = appendHardware(append(dst, " MACSRC="...), h.ARPSrc)
		dst = h.Src.AppendTo(append(dst, " IPSRC="...))
		dst = appendHardware(append(dst, " MACDST="...), h.ARPDst)
		dst = h.Dst.AppendTo(append(dst, " IPDST="...))
	}
	if h.Has&event.HasIncomplete != 0 {
		dst = appendIncomplete(append(dst, ' '), h.Incomplete)
	}
	return dst
}

func appendIncomplete(dst []byte, n uint32) []byte {
	return append(strconv.AppendUint(append(dst, "INCOMPLETE ["...), uint64(n), 10), " bytes]"...)
}

// appendWord writes a word, its number and a blank.
func appendWord(dst []byte, word string, n uint32) []byte {
	return append(strconv.AppendUint(append(dst, word...), uint64(n), 10), ' ')
}

const (
	small   = "0123456789abcdef"
	capital = "0123456789ABCDEF"
)

func appendHexDigits(dst []byte, v uint32, digits int, alphabet string) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, alphabet[v>>shift&0xf])
	}
	return dst
}

// appendHex writes v as 0x%x does.
func appendHex(dst []byte, v uint32) []byte {
	return strconv.AppendUint(append(dst, "0x"...), uint64(v), 16)
}

func appendHardware(dst []byte, mac [6]byte) []byte {
	for i, b := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, small[b>>4], small[b&0xf])
	}
	return dst
}

// appendAddr writes an address as the kernel's %pI4 and %pI6 do.
func appendAddr(dst []byte, a netip.Addr, form event.Form) []byte {
	if a.Is4() || form&event.FormCompressed != 0 && !a.Is4In6() {
		return a.AppendTo(dst)
	}
	bytes := a.As16()
	for i, b := range bytes {
		if i > 0 && i%2 == 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, small[b>>4], small[b&0xf])
	}
	return dst
}
