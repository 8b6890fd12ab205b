package logline

import (
	"bytes"
	"fmt"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// reader is the state of reading one line.
type reader struct {
	p *Parser
	b []byte
	i int // the next byte
	l *event.LogLine
	h *event.Headers // of the packet, or of the one that it quotes

	word   int  // where the word began
	read   int  // how many words were understood
	known  int  // behind the last of them
	short  bool // the line ends within a word
	headed bool // IN= and OUT= were found together
	half   half
	bad    *Error
	limit  int // where the line ends: len(b), or where the next one begins

	alone  bool // no other line is merged into this one
	copied bool // Rest is no part of b
	kept   int  // where its last part ends in b

	frag [2]int // a word of capitals that may be the first half of one that was wrapped
}

// half says which first halves of pairs were read: a pair is known when both are.
type half uint16

const (
	halfPorts half = 1 << iota
	halfSeq
	halfSrc
	halfTOS
	halfVLAN
	halfMACSrc
	halfMACDst
	halfMACProto
	halfHType
	halfPType
	halfARP // the sender's addresses

	wholeMAC = halfMACSrc | halfMACDst | halfMACProto
)

// words reads to the line's end, or to the word that cannot be read.
func (r *reader) words() {
	r.limit = len(r.b)
	for r.bad == nil {
		before := r.i
		if r.i = skipBlanks(r.b, r.i); r.i >= r.limit {
			return
		}
		if r.i != before+1 && r.spaced(before) {
			r.l.Form |= event.FormSpaced
		}
		r.word = r.i
		if r.next() {
			r.read++
			r.known = r.i
		} else if r.bad == nil {
			r.unknown()
		}
	}
}

// spaced tells whether the kernel would have written one blank between the word
// before and the one at r.i.
func (r *reader) spaced(before int) bool {
	return before > 0 && r.b[before-1] != ' ' && r.b[before-1] != '[' && r.b[r.i] != ']'
}

// next reads one word; false when it is none of the kernel's, or cannot be read.
func (r *reader) next() bool {
	end := r.i
	for end < len(r.b) && isCapital(r.b[end]) {
		end++
	}
	key := r.b[r.i:end]
	if end < len(r.b) && r.b[end] == '=' {
		r.i = end + 1
		return r.value(key) && r.ended()
	}
	switch {
	case len(key) == 0:
		return r.bracket()
	case end < len(r.b) && r.b[end] == ':':
		r.i = end + 1
		return r.colon(key) && r.ended()
	case end == len(r.b) || isBlank(r.b[end]) || r.b[end] == ']' || r.b[end] == ')':
		r.i = end
		return r.bare(key)
	}
	return false
}

// value reads what stands behind a word's equal sign.
func (r *reader) value(key []byte) bool {
	if r.h.Family == packet.ARP {
		return r.arp(key) || r.bad == nil && !r.short && r.outer(key)
	}
	if r.h.Has&event.HasProto != 0 {
		return r.transport(key) || r.bad == nil && !r.short && (r.network(key) || r.outer(key))
	}
	return r.network(key) || r.bad == nil && !r.short && (r.outer(key) || r.transport(key))
}

// outer reads the words that the kernel writes of the packet as a whole.
func (r *reader) outer(key []byte) bool {
	l := r.l
	switch string(key) {
	case "IN":
		if _, next := r.merged(r.word); next {
			return false
		}
		return l.Has&(event.HasIn|event.HasOut) == 0 && r.device(&l.In, event.HasIn)
	case "OUT":
		return l.Has&event.HasOut == 0 && r.device(&l.Out, event.HasOut)
	case "PHYSIN":
		return r.device(&l.PhysIn, event.HasPhysIn)
	case "PHYSOUT":
		return r.device(&l.PhysOut, event.HasPhysOut)
	case "MAC":
		return r.mac()
	case "MACSRC":
		return r.hardware(&l.MACSrc) && r.link(halfMACSrc)
	case "MACDST":
		return r.hardware(&l.MACDst) && r.link(halfMACDst)
	case "MACPROTO":
		return r.hex16(&l.MACProto) && r.link(halfMACProto)
	case "VPROTO":
		return r.hex16(&l.VLANProto) && r.link(halfVLAN)
	case "VID":
		return r.vlan()
	case "TUNNEL":
		return r.tunnel()
	case "UID":
		return r.line32(&l.UID, event.HasUID)
	case "GID":
		return r.line32(&l.GID, event.HasGID)
	case "MARK":
		return r.mark()
	}
	return false
}

// ended tells whether a value ends where its word does. A capital may follow: web
// pages lose blanks.
func (r *reader) ended() bool {
	if r.i >= len(r.b) {
		return true
	}
	switch c := r.b[r.i]; c {
	case ' ', '\t', '\r', ']', '[', ')', ',', '<', 0xc2:
		return true
	default:
		return isCapital(c) || r.refuse(r.i, "a value that ends here")
	}
}

// refuse takes note of a value that is not what it should be. A value that ends
// with the line, at end, was cut.
func (r *reader) refuse(end int, want string) bool {
	if end >= len(r.b) {
		r.short = true
		return false
	}
	if _, ok := r.merged(r.word); ok {
		r.short = true
		r.i = max(end, r.word)
		return false
	}
	if r.word == 0 && !r.headed {
		return false // the rest of another word: SRC= of MACSRC=
	}
	stop := min(wordEnd(r.b, r.word), r.word+maxQuoted)
	r.bad = &Error{Offset: r.word, Reason: fmt.Sprintf("%q: want %s", r.b[r.word:stop], want)}
	return false
}

// maxQuoted is how much of a bad word an error shows.
const maxQuoted = 60

// merged finds another line's head behind from.
func (r *reader) merged(from int) (h head, ok bool) {
	if r.alone {
		return h, false
	}
	h, ok = findHead(r.b, from)
	r.alone = !ok
	return h, ok
}

// unknown keeps a word that is none of the kernel's, unless another line begins.
func (r *reader) unknown() {
	if h, ok := r.merged(r.word); ok {
		r.endAt(h)
		return
	}
	end := max(wordEnd(r.b, r.i), r.word+1)
	if end == len(r.b) && !r.short {
		r.short = beginsWord(r.b[r.word:end])
	}
	if r.rejoin(end) {
		return
	}
	r.keep(r.word, end)
	r.i = end
}

// endAt ends the line where the next one begins: behind the last word that was
// understood, and what stands there of a word that was cut.
func (r *reader) endAt(h head) {
	at := r.known
	if r.short {
		at = min(r.i, h.at)
	}
	r.limit = skipBlanks(r.b, at)
	r.i = r.limit
}

// keep adds to Rest: a part of the line as long as what is kept stands together.
func (r *reader) keep(start, end int) {
	l := r.l
	switch {
	case len(l.Rest) == 0:
		l.Rest = r.b[start:end:end]
	case !r.copied && skipBlanks(r.b, r.kept) == start:
		l.Rest = r.b[r.kept-len(l.Rest) : end : end]
	default:
		l.Rest = append(append(l.Rest[:len(l.Rest):cap(l.Rest)], ' '), r.b[start:end]...)
		r.copied = true
	}
	r.kept = end
}

// rejoin reads a word that was wrapped into two: `PR` and `OTO=TCP`.
func (r *reader) rejoin(end int) bool {
	first := r.frag
	r.frag = [2]int{}
	eq := bytes.IndexByte(r.b[r.word:end], '=')
	if eq < 0 {
		r.frag = [2]int{r.word, end}
		return false
	}
	key := make([]byte, 0, 2*longestWord)
	if first[1] == 0 || first[1]-first[0]+eq > longestWord || !r.headed {
		return false
	}
	key = append(append(key, r.b[first[0]:first[1]]...), r.b[r.word:r.word+eq]...)
	if !isWord(key) || skipBlanks(r.b, first[1]) != r.word {
		return false
	}
	r.i = r.word + eq + 1
	if !r.value(key) || !r.ended() {
		return false
	}
	r.read++
	r.known = r.i
	r.l.Form |= event.FormSpaced
	r.unkeep(first)
	return true
}

// unkeep takes the first half of a wrapped word out of Rest again.
func (r *reader) unkeep(first [2]int) {
	rest := bytes.TrimSuffix(r.l.Rest, r.b[first[0]:first[1]])
	r.kept = first[0]
	if r.l.Rest = bytes.TrimRight(rest, " \t\r"); len(r.l.Rest) == 0 {
		r.l.Rest = nil
	}
	r.kept -= len(rest) - len(r.l.Rest)
}

// beginsWord tells whether b is the beginning of one of the kernel's words.
func beginsWord(b []byte) bool {
	for _, word := range []string{
		"PHYSIN=", "PHYSOUT=", "MACSRC=", "MACDST=", "MACPROTO=", "VPROTO=", "VID=", "TUNNEL=",
		"SRC=", "DST=", "LEN=", "TOS=", "PREC=", "TTL=", "ID=", "TC=", "HOPLIMIT=", "FLOWLBL=", "DF", "MF", "CE", "FRAG:", "OPT (",
		"PROTO=", "SPT=", "DPT=", "SEQ=", "ACK=", "WINDOW=", "RES=", "CWR", "ECE", "URG", "PSH", "RST", "SYN", "FIN", "URGP=",
		"TYPE=", "CODE=", "PARAMETER=", "POINTER=", "GATEWAY=", "MTU=", "SPI=", "INCOMPLETE [", "TRUNCATED",
		"HTYPE=", "PTYPE=", "OPCODE=", "IPSRC=", "IPDST=", "UID=", "GID=", "MARK=",
	} {
		if len(b) < len(word) && string(b) == word[:len(b)] {
			return true
		}
	}
	return false
}
