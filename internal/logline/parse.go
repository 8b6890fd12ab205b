// Package logline is the grammar of the lines that the kernel writes about a
// packet: LOG, nft's log and TRACE through net/netfilter/nf_log_syslog.c and its
// predecessors back to Linux 2.4, ebtables' log watcher, and ulogd's imitation.
// It reads them, whole or cut, prints them again, and makes the same record of
// an NFLOG message. It knows nothing of stamps and hosts that stand before a
// line, nor of files.
//
// A line is a prefix that the rule gave, IN= and OUT=, and words in an order that
// never changes. Parse follows that order without relying on it, since lines
// come shortened, wrapped and mangled by web pages too.
package logline

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"github.com/pktrail/pktrail/internal/event"
)

// ErrNoPacket says that a line tells of no packet.
var ErrNoPacket = errors.New("no packet line")

// Error says which word of a packet line cannot be read.
type Error struct {
	Offset int    // of the word, in bytes from the line's beginning
	Reason string // the word, and what it should be
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

// Parser reads lines. Its zero value is ready; it is not for concurrent use. It
// keeps the strings that it has seen, in a table of fixed size, so that reading
// a line of known prefix, chain and interfaces allocates nothing.
type Parser struct {
	strings interned
	reader  reader // of the line that is being read
}

// Parse reads one line of kernel text, without envelope and newline, and fills
// every field of l from Prefix on. l's slices point into text, but for a Rest
// that is of several pieces.
//
// rest is not empty where another packet line was merged into this one: it is
// that line, perhaps with an envelope of its own, such as `[ 123.456] `. The
// error is ErrNoPacket when text holds no packet line, and an *Error when it
// looks like one and has a word that cannot be read; l then holds what was read
// before that word, and Rest begins with it.
func (p *Parser) Parse(text []byte, l *event.LogLine) (rest []byte, err error) {
	h, ok := findHead(text, 0)
	if ok && crowded(text[:h.at]) {
		// The end of a line that lost its beginning, and a whole one behind it.
		if rest, err = p.parse(text, head{}, false, l); err == nil && len(rest) > 0 {
			return rest, nil
		}
	}
	return p.parse(text, h, ok, l)
}

func (p *Parser) parse(text []byte, h head, headed bool, l *event.LogLine) (rest []byte, err error) {
	clearLine(l)
	r := &p.reader
	*r = reader{p: p, b: text, l: l, h: &l.Headers, headed: headed}
	defer r.release()
	if headed {
		r.head(h)
		r.usual()
	} else if err := r.noHead(); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text[skipBlanks(text, r.i):], []byte(ebtSource)) {
		r.ebtables()
	}
	r.words()
	r.finish()
	if !headed && !r.tells() {
		clearLine(l)
		return nil, ErrNoPacket
	}
	if r.bad != nil {
		return nil, r.bad
	}
	return text[r.limit:], nil
}

// release lets go of the line and its text.
func (r *reader) release() { r.b, r.l, r.h, r.bad = nil, nil, nil, nil }

// clearLine empties what Parse and Message fill.
func clearLine(l *event.LogLine) {
	l.Prefix, l.Trace = "", event.TraceLine{}
	l.Has, l.Cut, l.Form = 0, 0, 0
	l.In, l.Out, l.PhysIn, l.PhysOut = "", "", "", ""
	l.MAC, l.Rest = nil, nil
	l.MACSrc, l.MACDst, l.MACProto, l.VLANProto, l.VLAN = [6]byte{}, [6]byte{}, 0, 0, 0
	l.TunnelSrc, l.TunnelDst = netip.Addr{}, netip.Addr{}
	l.UID, l.GID, l.Mark = 0, 0, 0
	l.Headers, l.Quoted = event.Headers{}, event.Headers{}
}

// head takes a line's beginning.
func (r *reader) head(h head) {
	l := r.l
	r.prefix(r.b[:h.at])
	l.In, l.Out = r.p.strings.of(h.in), r.p.strings.of(h.out)
	l.Has |= event.HasIn | event.HasOut
	r.i, r.known = h.end, h.end
}

// prefix tells TRACE's own words from what a rule's prefix says.
func (r *reader) prefix(b []byte) {
	if at := bytes.Index(b, tracePrefix); at >= 0 {
		if line, ok := ParseTrace(b[at:], r.p.strings.of); ok {
			r.l.Trace, b = line, b[:at]
		}
	}
	r.l.Prefix = r.p.strings.of(b)
}

// noHead begins at the first word of a line that was cut there, or shortened.
func (r *reader) noHead() error {
	at, ok := findWords(r.b)
	if !ok {
		return ErrNoPacket
	}
	if prefixMayEndAt(r.b, at) {
		r.prefix(r.b[:at])
	} else if before := bytes.TrimSpace(r.b[:at]); len(before) > 0 {
		start := skipBlanks(r.b, 0)
		r.keep(start, start+len(before))
	}
	r.i, r.known = at, at
	return nil
}

// tells judges a line without its head: so many words of a packet, of which one
// is hardly anybody else's, are no accident.
func (r *reader) tells() bool {
	const telling = event.HasAddrs | event.HasTTL | event.HasPorts | event.HasProto | event.HasWindow | event.HasReserved | event.HasUrgent | event.HasFlowLabel
	h := r.l.Headers.Has
	return h&event.HasAddrs != 0 || h&telling != 0 && r.read >= 3
}
