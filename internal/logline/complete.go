package logline

import (
	"bytes"
	"math/bits"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// finish judges the line as a whole: what form it has, and what it lacks.
func (r *reader) finish() {
	l := r.l
	if r.bad != nil {
		r.keep(r.bad.Offset, len(r.b))
	}
	if r.known == 0 || r.b[r.known-1] != ' ' && (r.known >= len(r.b) || r.b[r.known] != ' ') {
		l.Form |= event.FormTrimmed
	}
	protoInOptions(&l.Headers)
	protoInOptions(&l.Quoted)
	if l.Has&event.HasIn == 0 {
		l.Cut |= event.CutHead
	} else if l.Has&event.HasOut == 0 {
		l.Cut |= event.CutGaps
	}
	if macs := r.half & wholeMAC; macs != 0 && macs != wholeMAC && l.Headers.Has != 0 {
		l.Cut |= event.CutGaps
	}
	r.lacks()
	if r.short || r.h == &l.Quoted {
		l.Cut |= event.CutTail
	} else if l.Cut&event.CutTail != 0 && l.Has&(event.HasUID|event.HasGID|event.HasMark) != 0 {
		l.Cut = l.Cut&^event.CutTail | event.CutGaps
	}
}

// protoInOptions: of IPv6 the kernel tells ESP, and an AH that it could not read,
// among the extension headers and writes no PROTO=. Behind another AH it does,
// unless the line ends before.
func protoInOptions(h *event.Headers) {
	if h.Family != packet.IPv6 || h.Has&(event.HasOptions|event.HasProto) != event.HasOptions {
		return
	}
	switch {
	case h.Proto == packet.ProtoESP, h.Proto == packet.ProtoAH && h.Has&event.HasSPI == 0:
		h.Has |= event.HasProto
	default:
		h.Proto = 0
	}
}

// lacks compares what is there with what the kernel always writes.
func (r *reader) lacks() {
	l := r.l
	if l.Headers.Has == 0 {
		if !wholeLink(l) {
			l.Cut |= event.CutTail
		}
		return
	}
	l.Cut |= gaps(&l.Headers, l)
	if l.Has&event.HasQuoted != 0 {
		l.Cut |= gaps(&l.Quoted, l) &^ event.CutHead
		return
	}
	if quotesPacket(&l.Headers) && l.Form&event.FormLOGEMU == 0 {
		if l.Headers.Has&event.HasMTU != 0 {
			l.Cut |= event.CutGaps
		} else {
			l.Cut |= event.CutTail
		}
	}
}

// wholeLink: of a packet that is neither IP nor ARP the kernel writes the link
// header alone (nf_log_syslog.c: nf_log_unknown_packet).
func wholeLink(l *event.LogLine) bool {
	switch {
	case l.Has&event.HasMACs != 0:
		return packet.FamilyOf(l.MACProto) == packet.Unspec && l.MACProto != 0
	case l.Has&event.HasMAC != 0:
		for _, network := range []string{":08:00", ":86:dd", ":08:06"} {
			if bytes.HasSuffix(l.MAC, []byte(network)) {
				return false
			}
		}
		return len(l.MAC) == etherSize*3-1 || l.Form&event.FormTrimmed == 0
	}
	return false
}

// gaps names the places where fields are missing. It stands on HeaderHas having
// the order in which the kernel writes.
func gaps(h *event.Headers, l *event.LogLine) event.Cut {
	missing := wanted(h, l) &^ h.Has
	if missing == 0 {
		return 0
	}
	if h.Has == 0 {
		return event.CutTail
	}
	last := event.HeaderHas(1) << (bits.Len64(uint64(h.Has)) - 1)
	var cut event.Cut
	if missing > last {
		cut |= event.CutTail
	}
	between := missing & (last - 1)
	if l.Has&event.HasIn == 0 {
		first := h.Has & -h.Has
		between &^= first - 1
	}
	if between != 0 {
		cut |= event.CutGaps
	}
	return cut
}

// wanted is the fields that the kernel writes of such a packet.
func wanted(h *event.Headers, l *event.LogLine) event.HeaderHas {
	if l.Has&event.HasEbtables != 0 {
		return wantedOfEbtables(h)
	}
	const ipv4 = event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasID
	const ipv6 = event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasFlowLabel
	truncated := h.Has&event.HasTruncated != 0
	var want event.HeaderHas
	switch h.Family {
	case packet.ARP:
		return wantedOfARP(h)
	case packet.IPv4:
		want = ipv4
	case packet.IPv6:
		want = ipv6
	default:
		if truncated {
			return 0
		}
	}
	if truncated || h.FragOffset != 0 && h.Has&event.HasProto == 0 || isBareESP(h, l) {
		return want
	}
	return want | event.HasProto | wantedOfTransport(h, l.Form&event.FormLOGEMU != 0)
}

// isBareESP: of IPv6's ESP the kernel writes nothing where the rule did not ask
// for options. Only the blank that it leaves at the end tells that from a cut line.
func isBareESP(h *event.Headers, l *event.LogLine) bool {
	const header = event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasFlowLabel
	return h.Family == packet.IPv6 && h.Has == header && l.Form&event.FormTrimmed == 0
}

func wantedOfARP(h *event.Headers) event.HeaderHas {
	const ethernet, ipv4 = 1, 0x0800
	if h.Has&event.HasIncomplete == 0 && h.ARPHType == ethernet && h.ARPPType == ipv4 {
		return event.HasARP | event.HasARPAddrs
	}
	return event.HasARP
}

func wantedOfTransport(h *event.Headers, logemu bool) event.HeaderHas {
	if h.Has&event.HasProto == 0 || h.FragOffset != 0 || h.Has&event.HasIncomplete != 0 {
		return 0
	}
	switch h.Proto {
	case packet.ProtoTCP:
		want := event.HasPorts | event.HasWindow | event.HasReserved | event.HasFlags | event.HasUrgent
		if logemu {
			want &^= event.HasReserved
		}
		return want
	case packet.ProtoUDP, packet.ProtoUDPLite:
		return event.HasPorts | event.HasL4Length
	case packet.ProtoAH, packet.ProtoESP:
		return event.HasSPI
	case packet.ProtoICMP, packet.ProtoICMPv6:
		if (h.Proto == packet.ProtoICMPv6) != (h.Family == packet.IPv6) {
			return 0 // to the kernel a number like others
		}
		want := event.HasICMP | event.HasICMPCode
		if h.Has&event.HasICMP != 0 && !logemu {
			want |= wantedOfICMP(h)
		}
		return want
	}
	return 0
}

func wantedOfICMP(h *event.Headers) event.HeaderHas {
	type kind struct{ proto, typ uint8 }
	switch (kind{h.Proto, h.ICMPType}) {
	case kind{packet.ProtoICMP, 0}, kind{packet.ProtoICMP, 8}, kind{packet.ProtoICMPv6, 128}, kind{packet.ProtoICMPv6, 129}:
		return event.HasICMPID | event.HasICMPSeq
	case kind{packet.ProtoICMP, 12}, kind{packet.ProtoICMPv6, 4}:
		return event.HasParameter
	case kind{packet.ProtoICMP, 5}:
		return event.HasGateway
	case kind{packet.ProtoICMPv6, 2}:
		return event.HasMTU
	case kind{packet.ProtoICMP, 3}:
		if h.ICMPCode == 4 {
			return event.HasMTU
		}
	}
	return 0
}

// quotesPacket tells whether the kernel writes of such a packet what it quotes.
func quotesPacket(h *event.Headers) bool {
	const whole = event.HasProto | event.HasICMP | event.HasICMPCode
	if h.Has&(whole|event.HasIncomplete|event.HasTruncated) != whole {
		return false
	}
	switch h.Proto {
	case packet.ProtoICMP:
		return h.ICMPType == 3 || h.ICMPType == 4 || h.ICMPType == 5 || h.ICMPType == 11
	case packet.ProtoICMPv6:
		return h.ICMPType >= 1 && h.ICMPType <= 4
	}
	return false
}
