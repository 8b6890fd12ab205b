package collect

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/pktrail/pktrail/ruleset"
)

// extHeaders are the headers that a packet of IPv6 has between IP's and that of a
// fragment.
type extHeaders struct {
	hop, dest     *uint8 // units of 8 bytes beside the first
	route         *routing
	authenticated bool
}

// routing is the header of routes, of type 4 one of segments.
type routing struct {
	kind, left, last uint8
	tag              uint16
}

func (e *extHeaders) fill(r *rand.Rand) {
	more := func() *uint8 {
		if r.IntN(4) > 0 {
			return nil
		}
		n := uint8(r.IntN(3))
		return &n
	}
	e.hop, e.dest, e.authenticated = more(), more(), r.IntN(8) == 0
	if r.IntN(4) == 0 {
		e.route = &routing{pick[uint8](r, 4, 4, 4, 253), uint8(r.IntN(4)), uint8(r.IntN(3)), pick[uint16](r, 0, 5, 0x500)}
	}
}

// around puts the headers before a body of that protocol, and says what comes first.
func (e *extHeaders) around(body []byte, next uint8, spi uint32) ([]byte, uint8) {
	if e.authenticated {
		head := append(binary.BigEndian.AppendUint32([]byte{next, 2, 0, 0}, spi), make([]byte, 8)...)
		body, next = append(head, body...), 51
	}
	if e.dest != nil {
		body, next = append(experiment(next, *e.dest), body...), 60
	}
	if e.route != nil {
		body, next = append(e.route.bytes(next), body...), 43
	}
	if e.hop != nil {
		body, next = append(experiment(next, *e.hop), body...), 0
	}
	return body, next
}

// experiment is a header with one option, which whoever does not know it skips.
func experiment(next, more uint8) []byte {
	b := make([]byte, 8+8*int(more))
	b[0], b[1], b[2], b[3] = next, more, 0x1e, byte(len(b)-4)
	return b
}

func (h *routing) bytes(next uint8) []byte {
	if h.kind != 4 {
		return []byte{next, 0, h.kind, h.left, 0, 0, 0, 0}
	}
	b := binary.BigEndian.AppendUint16([]byte{next, h.length(), 4, h.left, h.last, 0}, h.tag)
	return append(b, make([]byte, 8*int(h.length()))...)
}

func (h *routing) length() uint8 {
	if h.kind != 4 {
		return 0
	}
	return 2 * (h.last + 1)
}

func (e *extHeaders) facts(number func(ruleset.Field, uint64), spi uint32) {
	has := func(field ruleset.Field, is bool) {
		if number(field, 0); is {
			number(field, 1)
		}
	}
	has("exthdr hbh", e.hop != nil)
	has("exthdr dst", e.dest != nil)
	has("exthdr rt", e.route != nil)
	has("exthdr ah", e.authenticated)
	if e.hop != nil {
		number("hbh hdrlength", uint64(*e.hop))
	}
	if e.dest != nil {
		number("dst hdrlength", uint64(*e.dest))
	}
	if e.authenticated {
		number("ah spi", uint64(spi))
		number("ah hdrlength", 2)
		number("ah reserved", 0)
	}
	if e.route == nil {
		return
	}
	number("rt type", uint64(e.route.kind))
	number("rt seg-left", uint64(e.route.left))
	number("rt hdrlength", uint64(e.route.length()))
	if e.route.kind == 4 {
		number("srh last-entry", uint64(e.route.last))
		number("srh tag", uint64(e.route.tag))
	}
}

// forgetTransport: nf_tables does not look behind an authentication header.
func (p *judged) forgetTransport(f ruleset.Facts) {
	delete(f, ruleset.L4Proto)
	p.transportFacts(func(field ruleset.Field, _ uint64) {
		if field != "ah spi" {
			delete(f, field)
		}
	})
}

// extension is a match of headers of IPv6.
func (w written) extension() string {
	option := func(name string, values ...string) string {
		if w.IntN(2) == 0 {
			return ""
		}
		return " " + w.not() + "--" + name + " " + pick(w.Rand, values...)
	}
	low := []string{"0", "1", "2"}
	switch w.IntN(6) {
	case 0:
		return "-m ipv6header " + w.not() + "--header " + pick(w.Rand, "hop", "dst,prot", "route,prot", "hop,dst,route,prot", "auth", "esp", "prot", "frag,prot") +
			pick(w.Rand, "", " --soft")
	case 1:
		return "-m hbh " + w.not() + "--hbh-len " + pick(w.Rand, "8", "16", "24", "9")
	case 2:
		return "-m dst " + w.not() + "--dst-len " + pick(w.Rand, "8", "16", "24", "9")
	case 3:
		return "-m rt" + option("rt-type", "4", "253") + option("rt-segsleft", "0", "1:2", "2") + option("rt-len", "24", "40", "8")
	case 4:
		return fmt.Sprintf("-m ah %s--ahspi %s", w.not(), pick(w.Rand, "0", "256", "1:256")) + option("ahlen", "16", "12")
	}
	words := "-m srh"
	for _, name := range []string{"hdr-len", "segs-left", "last-entry"} {
		words += option("srh-"+name+"-"+pick(w.Rand, "eq", "gt", "lt"), append(low, "4")...)
	}
	return words + option("srh-tag", "5", "0", "1280")
}
