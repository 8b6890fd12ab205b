package logline

import (
	"bytes"
	"math"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// transport reads the words behind PROTO=
// (nf_log_syslog.c: nf_log_dump_tcp_header, nf_log_dump_udp_header and the cases beside them).
func (r *reader) transport(key []byte) bool {
	h := r.h
	switch string(key) {
	case "SPT":
		ok := r.num16(&h.SrcPort, 0)
		if ok {
			r.half |= halfPorts
		}
		return ok
	case "DPT":
		ok := r.num16(&h.DstPort, 0)
		if ok && r.half&halfPorts != 0 {
			h.Has |= event.HasPorts
		}
		return ok
	case "LEN":
		return h.Has&event.HasL4Length == 0 && r.num16(&h.L4Length, event.HasL4Length)
	case "SEQ":
		return r.seq()
	case "ACK":
		ok := r.num32(&h.Ack, 0)
		if ok && r.half&halfSeq != 0 {
			h.Has |= event.HasSeq
		}
		return ok
	case "WINDOW":
		return r.num16(&h.Window, event.HasWindow)
	case "RES":
		v, ok := r.hex(2, false)
		if ok {
			h.Reserved, h.Has = uint8(v), h.Has|event.HasReserved
		}
		return ok
	case "URGP":
		return r.num16(&h.Urgent, event.HasUrgent|event.HasFlags)
	case "SPI":
		return r.hex32(&h.SPI, event.HasSPI)
	}
	return r.icmp(key)
}

func (r *reader) icmp(key []byte) bool {
	h := r.h
	switch string(key) {
	case "TYPE":
		return r.num8(&h.ICMPType, event.HasICMP)
	case "CODE":
		return r.num8(&h.ICMPCode, event.HasICMPCode)
	case "ID":
		return r.num16(&h.ICMPID, event.HasICMPID)
	case "MTU":
		return r.num32(&h.MTU, event.HasMTU)
	case "PARAMETER":
		v, ok := r.decimal(math.MaxUint8, "a number from 0 to 255")
		if ok {
			h.Parameter, h.Has = v, h.Has|event.HasParameter
		}
		return ok
	case "POINTER":
		return r.hex32(&h.Parameter, event.HasParameter)
	case "GATEWAY":
		ok := r.address(&h.Gateway)
		if ok {
			h.Has |= event.HasGateway
		}
		return ok
	}
	return false
}

// seq is TCP's, or that of an ICMP echo.
func (r *reader) seq() bool {
	h := r.h
	if h.Has&event.HasICMP != 0 || h.Has&event.HasProto != 0 && (h.Proto == packet.ProtoICMP || h.Proto == packet.ProtoICMPv6) {
		return r.num16(&h.ICMPSeq, event.HasICMPSeq)
	}
	ok := r.num32(&h.Seq, 0)
	if ok {
		r.half |= halfSeq
	}
	return ok
}

// flag reads the name of a TCP flag.
func (r *reader) flag(word []byte) bool {
	var f packet.TCPFlags
	switch string(word) {
	case "SYN":
		f = packet.SYN
	case "ACK":
		f = packet.ACK
	case "FIN":
		f = packet.FIN
	case "RST":
		f = packet.RST
	case "PSH":
		f = packet.PSH
	case "URG":
		f = packet.URG
	case "ECE":
		f = packet.ECE
	case "CWR":
		f = packet.CWR
	case "AE":
		f = packet.AE
	default:
		return false
	}
	r.h.Flags |= f
	r.h.Has |= event.HasFlags
	return true
}

// bracket reads where the packet begins and ends that an ICMP error quotes.
func (r *reader) bracket() bool {
	l := r.l
	switch {
	case r.b[r.i] == ']' && r.h == &l.Quoted:
		r.h = &l.Headers
		r.half &= wholeMAC | halfVLAN
	case r.b[r.i] == '[' && l.Has&event.HasQuoted == 0 && quotes(r.b[r.i+1:]):
		l.Has |= event.HasQuoted
		r.h = &l.Quoted
		r.half &= wholeMAC | halfVLAN
	default:
		return false
	}
	r.i++
	return true
}

// quotes tells a quoted packet from the stamp of a merged line.
func quotes(b []byte) bool {
	const src, truncated = "SRC=", "TRUNCATED]"
	n := min(len(b), len(src))
	return string(b[:n]) == src[:n] || bytes.HasPrefix([]byte(truncated), b[:min(len(b), len(truncated))])
}
