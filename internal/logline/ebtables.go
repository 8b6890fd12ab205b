package logline

import (
	"bytes"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// ebtWord is a word of ebtables' log watcher (net/bridge/netfilter/ebt_log.c:
// ebt_log_packet) and what reads its value. The longer of two that begin alike
// stands first.
type ebtWord struct {
	text string
	read func(*reader) bool
}

func ebtWords() [20]ebtWord {
	return [...]ebtWord{
		{"MAC source = ", func(r *reader) bool { return r.hardware(&r.l.MACSrc) && r.link(halfMACSrc) }},
		{"MAC dest = ", func(r *reader) bool { return r.hardware(&r.l.MACDst) && r.link(halfMACDst) }},
		{"proto = ", func(r *reader) bool { return r.hex16(&r.l.MACProto) && r.link(halfMACProto) }},
		{"IP SRC=", (*reader).src},
		{"IP DST=", (*reader).dst},
		{"IPv6 SRC=", (*reader).src},
		{"IPv6 DST=", (*reader).dst},
		{"IP tos=", (*reader).ebtTOS},
		{"IPv6 priority=", (*reader).ebtPriority},
		{"IP proto=", func(r *reader) bool { return r.num8(&r.h.Proto, event.HasProto) }},
		{"Next Header=", func(r *reader) bool { return r.num8(&r.h.Proto, event.HasProto) }},
		{"SPT=", func(r *reader) bool { return r.transport([]byte("SPT")) }},
		{"DPT=", func(r *reader) bool { return r.transport([]byte("DPT")) }},
		{"ARP HTYPE=", (*reader).ebtARP},
		{"PTYPE=", func(r *reader) bool { return r.arp([]byte("PTYPE")) }},
		{"OPCODE=", func(r *reader) bool { return r.arp([]byte("OPCODE")) }},
		{"ARP MAC SRC=", func(r *reader) bool { return r.arp([]byte("MACSRC")) }},
		{"ARP IP SRC=", func(r *reader) bool { return r.arp([]byte("IPSRC")) }},
		{"ARP MAC DST=", func(r *reader) bool { return r.arp([]byte("MACDST")) }},
		{"ARP IP DST=", func(r *reader) bool { return r.arp([]byte("IPDST")) }},
	}
}

// ebtables reads ebtables' own words, as far as they go.
func (r *reader) ebtables() {
	words := ebtWords()
	r.l.Has |= event.HasEbtables
	for r.bad == nil {
		before := r.i
		r.i = skipBlanks(r.b, r.i)
		r.word = r.i
		if r.i > before+1 {
			r.l.Form |= event.FormSpaced
		}
		if !r.ebtWord(words[:]) {
			return
		}
		r.read++
		if r.i < len(r.b) && r.b[r.i] == ',' {
			r.i++
		}
		r.known = r.i
	}
}

func (r *reader) ebtWord(words []ebtWord) bool {
	rest := r.b[r.i:]
	for i := range words {
		if bytes.HasPrefix(rest, []byte(words[i].text)) {
			r.i += len(words[i].text)
			return words[i].read(r) && r.ended()
		}
	}
	if bytes.HasPrefix(rest, []byte("INCOMPLETE ")) {
		r.h.Has |= event.HasTruncated
	}
	return false
}

func (r *reader) ebtTOS() bool {
	v, ok := r.hex(2, false)
	if ok {
		r.h.TOS, r.h.Has = uint8(v), r.h.Has|event.HasTOS
	}
	return ok
}

// ebtPriority is the upper half of the traffic class.
func (r *reader) ebtPriority() bool {
	v, ok := r.hex(1, false)
	if ok {
		r.h.TOS, r.h.Has = uint8(v)<<4, r.h.Has|event.HasTOS
	}
	return ok
}

func (r *reader) ebtARP() bool {
	r.h.Family = packet.ARP
	return r.arp([]byte("HTYPE"))
}

func wantedOfEbtables(h *event.Headers) event.HeaderHas {
	switch {
	case h.Has&event.HasTruncated != 0:
		return 0
	case h.Family == packet.ARP:
		return wantedOfARP(h)
	}
	want := event.HasAddrs | event.HasTOS | event.HasProto
	switch h.Proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP:
		want |= event.HasPorts
	}
	return want
}
