package logline

import (
	"bytes"
	"math"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// network reads the words of IPv4, IPv6 and ARP headers
// (nf_log_syslog.c: dump_ipv4_packet, dump_ipv6_packet, dump_arp_packet).
func (r *reader) network(key []byte) bool {
	h := r.h
	switch string(key) {
	case "SRC":
		return r.src()
	case "DST":
		return r.dst()
	case "LEN":
		return h.Has&(event.HasLength|event.HasPorts) == 0 && r.num32(&h.Length, event.HasLength)
	case "TOS":
		return r.tos()
	case "PREC":
		return r.prec()
	case "TTL":
		r.is(packet.IPv4)
		return r.num8(&h.TTL, event.HasTTL)
	case "ID":
		return h.Has&event.HasICMP == 0 && r.id()
	case "TC":
		r.is(packet.IPv6)
		return r.num8(&h.TOS, event.HasTOS)
	case "HOPLIMIT":
		r.is(packet.IPv6)
		return r.num8(&h.TTL, event.HasTTL)
	case "FLOWLBL":
		r.is(packet.IPv6)
		return r.num32(&h.FlowLabel, event.HasFlowLabel)
	case "PROTO":
		return r.proto()
	}
	return false
}

func (r *reader) id() bool {
	v, ok := r.decimal(math.MaxUint16, "a number from 0 to 65535")
	if ok {
		r.h.ID = v
		r.h.Has |= event.HasID
		r.is(packet.IPv4)
	}
	return ok
}

// arp reads ARP's words; in its MACSRC and MACDST stand the addresses that it is about.
func (r *reader) arp(key []byte) bool {
	h := r.h
	switch string(key) {
	case "HTYPE":
		return r.num16(&h.ARPHType, 0) && r.part(halfHType)
	case "PTYPE":
		return r.hex16(&h.ARPPType) && r.part(halfPType)
	case "OPCODE":
		ok := r.num16(&h.ARPOp, 0)
		if ok && r.half&(halfHType|halfPType) == halfHType|halfPType {
			h.Has |= event.HasARP
		}
		return ok
	case "IPSRC":
		return r.address(&h.Src) && r.part(halfARP)
	case "IPDST":
		ok := r.address(&h.Dst)
		if ok && r.half&halfARP != 0 {
			h.Has |= event.HasARPAddrs
		}
		return ok
	}
	return h.Has&event.HasARP != 0 && r.arpHardware(key)
}

func (r *reader) arpHardware(key []byte) bool {
	switch string(key) {
	case "MACSRC":
		return r.hardware(&r.h.ARPSrc)
	case "MACDST":
		return r.hardware(&r.h.ARPDst)
	}
	return false
}

// part notes the first half of what is known when both are.
func (r *reader) part(p half) bool {
	r.half |= p
	return true
}

// proto reads a protocol in the kernel's names or as a number; ulogd has more names.
func (r *reader) proto() bool {
	if r.i < len(r.b) && r.b[r.i]-'0' <= 9 {
		return r.num8(&r.h.Proto, event.HasProto)
	}
	end := r.i
	for end < len(r.b) && (isCapital(r.b[end]) || r.b[end] == 'v' || r.b[end]-'0' <= 9) {
		end++
	}
	name := r.b[r.i:end]
	switch string(name) {
	case "TCP":
		r.h.Proto = packet.ProtoTCP
	case "UDP":
		r.h.Proto = packet.ProtoUDP
	case "ICMP":
		r.is(packet.IPv4)
		r.h.Proto = packet.ProtoICMP
	case "ICMPv6":
		r.is(packet.IPv6)
		r.h.Proto = packet.ProtoICMPv6
	case "UDPLITE":
		r.h.Proto = packet.ProtoUDPLite
	case "AH":
		r.h.Proto = packet.ProtoAH
	case "ESP":
		r.h.Proto = packet.ProtoESP
	case "SCTP":
		r.h.Proto = packet.ProtoSCTP
	case "ARP":
		r.h.Family = packet.ARP
		r.i = end
		return true
	default:
		return r.otherProto(name, end)
	}
	r.i = end
	r.h.Has |= event.HasProto
	return true
}

func (r *reader) otherProto(name []byte, end int) bool {
	proto, err := packet.ParseProto(string(name))
	if err != nil || len(name) == 0 {
		return r.refuse(end, "a protocol's name or a number from 0 to 255")
	}
	r.h.Proto, r.i = proto, end
	r.h.Has |= event.HasProto
	return true
}

// colon reads FRAG: and ID:. IPv4 counts in eights of bytes, IPv6 in bytes.
func (r *reader) colon(key []byte) bool {
	h := r.h
	r.i = skipBlanks(r.b, r.i) // ulogd's blank
	switch {
	case string(key) == "FRAG" && bytes.HasPrefix(r.b[r.i:], []byte("T")):
		if !r.literal("TRUNCATED", "a number, or TRUNCATED") {
			return false
		}
		h.Has |= event.HasTruncated
		return true
	case string(key) == "FRAG" && h.Family == packet.IPv6:
		return r.num16(&h.FragOffset, event.HasFragment)
	case string(key) == "FRAG":
		v, ok := r.decimal(math.MaxUint16>>3, "a number from 0 to 8191")
		if ok {
			h.FragOffset = uint16(v) << 3
			h.Has |= event.HasFragment
		}
		return ok
	case string(key) == "ID" && h.Family == packet.IPv6:
		v, ok := r.hex(8, true)
		if ok {
			h.ID = v
			h.Has |= event.HasID
		}
		return ok
	}
	return false
}

// bare reads the words that have no value.
func (r *reader) bare(word []byte) bool {
	h := r.h
	switch string(word) {
	case "CE":
		h.Has |= event.HasCE
	case "DF":
		h.Has |= event.HasDF
	case "MF":
		h.Has |= event.HasMF
	case "TRUNCATED":
		h.Has |= event.HasTruncated
	case "INCOMPLETE":
		return r.incomplete()
	case "OPT":
		return r.options()
	case "ARP":
		h.Family = packet.ARP
	default:
		return r.flag(word)
	}
	return true
}

// incomplete reads `INCOMPLETE [n bytes]`. Alone and behind FRAG: it is IPv6's
// word for "more fragments follow".
func (r *reader) incomplete() bool {
	rest := r.b[r.i:]
	if !bytes.HasPrefix(rest, []byte(" [")) {
		r.h.Has |= event.HasIncomplete
		if r.h.Family == packet.IPv6 && r.h.Has&(event.HasFragment|event.HasProto) == event.HasFragment {
			r.h.Has = r.h.Has&^event.HasIncomplete | event.HasMF
		}
		return true
	}
	r.i += len(" [")
	if !r.num32(&r.h.Incomplete, event.HasIncomplete) {
		return false
	}
	return r.literal(" bytes]", "[n bytes]")
}

// options reads `OPT (...)`: of TCP behind the protocol, else of IP.
func (r *reader) options() bool {
	at := skipBlanks(r.b, r.i)
	if at == len(r.b) || r.b[at] != '(' {
		return at == len(r.b)
	}
	r.i = at + 1
	h := r.h
	if h.Has&event.HasProto == 0 && h.Family == packet.IPv6 {
		return r.extension()
	}
	end := r.closing()
	if end < 0 {
		return false
	}
	text := r.b[r.i : r.i+end : r.i+end]
	r.i += end + 1
	if string(text) == "TRUNCATED" {
		h.Has |= event.HasTruncated
		text = nil
	} else if hexRun(text, 0) != len(text) || len(text) > 2*maxOptions {
		return r.refuse(0, "options in hexadecimal, at most 40 bytes")
	}
	if h.Has&event.HasProto != 0 {
		h.TCPOptions, h.Has = text, h.Has|event.HasTCPOptions
	} else {
		h.Options, h.Has = text, h.Has|event.HasOptions
	}
	return true
}

// closing is how many bytes stand before the closing parenthesis, -1 for none.
// No group is longer than options of 40 bytes in hexadecimal.
func (r *reader) closing() int {
	within := r.b[r.i:min(len(r.b), r.i+2*maxOptions+1)]
	end := bytes.IndexByte(within, ')')
	if end < 0 && r.i+len(within) == len(r.b) {
		r.short = true
	}
	return end
}

// maxOptions is the bytes that IPv4 and TCP have room for.
const maxOptions = 40

// extension reads `OPT ( ... ) ` of one IPv6 extension header. Groups follow each
// other, and are kept together as they stand.
func (r *reader) extension() bool {
	size := r.closing()
	if size < 0 {
		return r.truncatedFragment()
	}
	end := r.i + size
	for r.i = skipBlanks(r.b, r.i); r.i < end; r.i = skipBlanks(r.b, r.i) {
		if !r.extensionWord(end) {
			if r.bad != nil {
				return false
			}
			r.i = min(max(wordEnd(r.b, r.i), r.i+1), end)
		}
	}
	r.i = end + 1
	r.group()
	return true
}

// group adds to the options what was read of the word, and the blank behind it.
func (r *reader) group() {
	h := r.h
	if r.i < len(r.b) && r.b[r.i] == ' ' {
		r.i++
	}
	start := r.word
	if len(h.Options) > 0 {
		start -= len(h.Options)
	}
	h.Options = r.b[max(start, 0):r.i:r.i]
	h.Has |= event.HasOptions
}

// truncatedFragment reads the one group that the kernel does not close: that of a
// fragment header that it could not read.
func (r *reader) truncatedFragment() bool {
	at := skipBlanks(r.b, r.i)
	if !bytes.HasPrefix(r.b[at:], []byte(fragmentTruncated)) {
		return false
	}
	r.i = at + len(fragmentTruncated)
	r.short = false
	r.h.Has |= event.HasTruncated
	r.group()
	return true
}

// fragmentTruncated is the kernel's words for a fragment header that it could not read.
const fragmentTruncated = "FRAG:TRUNCATED"

// extensionWord reads FRAG:, INCOMPLETE, ID:, AH, ESP and SPI= in an OPT group.
func (r *reader) extensionWord(end int) bool {
	word := r.b[r.i:end]
	h := r.h
	switch {
	case bytes.HasPrefix(word, []byte("AH ")):
		h.Proto, r.i = packet.ProtoAH, r.i+len("AH")
	case bytes.HasPrefix(word, []byte("ESP ")):
		h.Proto, r.i = packet.ProtoESP, r.i+len("ESP")
	case bytes.HasPrefix(word, []byte("SPI=")):
		r.i += len("SPI=")
		return r.hex32(&h.SPI, event.HasSPI)
	case bytes.HasPrefix(word, []byte("INCOMPLETE")):
		r.i += len("INCOMPLETE")
		return r.incomplete()
	case bytes.HasPrefix(word, []byte("FRAG:")):
		r.i += len("FRAG:")
		return r.colon([]byte("FRAG"))
	case bytes.HasPrefix(word, []byte("ID:")):
		r.i += len("ID:")
		return r.colon([]byte("ID"))
	default:
		return false
	}
	return true
}
