package iptnft

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Protocols that have matches of their own.
const (
	icmp  = 1
	tcp   = 6
	udp   = 17
	icmp6 = 58
)

// compareTransport tells a comparison behind the IP header, which needs the
// protocol to be known.
func (d *decoder) compareTransport(r *register, op operator, data []byte) error {
	p := d.rule.Protocol
	switch {
	case p.Not:
		return errOperation
	case p.Number == tcp && r.offset == 13:
		return d.tcpFlags(r, op, data)
	case r.mask != nil:
		return errOperation
	case p.Number == tcp || p.Number == udp:
		return d.comparePorts(r, op, data)
	case p.Number == icmp && d.env.Family == ruleset.IP || p.Number == icmp6 && d.env.Family == ruleset.IP6:
		return d.icmp(r, op, data)
	}
	return errOperation
}

// icmp tells a type of ICMP, or a type and a code.
func (d *decoder) icmp(r *register, op operator, data []byte) error {
	not, ok := op.negated()
	if !ok || r.offset != 0 || len(data) > 2 || data[0] == 255 && d.env.Family == ruleset.IP {
		return errOperation
	}
	m := xt.MatchICMP{IPv6: d.env.Family == ruleset.IP6, Type: data[0], CodeHigh: 255, Not: not}
	if len(data) == 2 {
		m.CodeLow, m.CodeHigh = data[1], data[1]
	}
	d.add(m)
	return nil
}

// ports gathers what is said about ports and flags, of which one match tells all.
type ports struct {
	proto          uint16 // 0 until something is said
	at             int    // its place among the rule's matches
	source, dest   side
	either         bool // both ports stand negated in one comparison
	flag, notFlags bool
	mask, flags    uint8
}

// gather begins a match of the rule's protocol where there is none yet.
func (d *decoder) gather() *ports {
	p := &d.ports
	if p.proto == 0 {
		all := side{Ports: xt.Ports{High: 0xffff}}
		*p = ports{proto: d.rule.Protocol.Number, at: len(d.matches), source: all, dest: all}
		d.matches = append(d.matches, nil)
	}
	return p
}

func (p *ports) match() xt.Match {
	var m xt.Match
	if p.proto == tcp {
		m = xt.MatchTCP{Source: p.source.Ports, Destination: p.dest.Ports, Mask: p.mask, Flags: p.flags,
			NotSource: p.source.not, NotDestination: p.dest.not, NotFlags: p.notFlags}
	} else {
		m = xt.MatchUDP{Source: p.source.Ports, Destination: p.dest.Ports, NotSource: p.source.not, NotDestination: p.dest.not}
	}
	if p.either {
		return xt.MatchNotBoth{Match: m}
	}
	return m
}

const (
	sourceOffset = 0
	destOffset   = 2
)

// comparePorts tells a comparison of one port, or of both at once
// (iptables/nft.c: add_nft_tcpudp).
func (d *decoder) comparePorts(r *register, op operator, data []byte) error {
	if len(data) == 4 && r.offset == sourceOffset {
		return d.bothPorts(op, data)
	}
	if len(data) != 2 {
		return errOperation
	}
	s, not, ok := op.span(binary.BigEndian.Uint16(data))
	if !ok {
		return errOperation
	}
	return d.portRange(r.offset, s, not)
}

func (d *decoder) bothPorts(op operator, data []byte) error {
	not, ok := op.negated()
	if !ok {
		return errOperation
	}
	if err := d.portRange(sourceOffset, span(data[:2], data[:2]), not); err != nil {
		return err
	}
	d.ports.either = not
	return d.portRange(destOffset, span(data[2:], data[2:]), not)
}

// span is the ports that compare so with one.
func (op operator) span(port uint16) (s xt.Ports, not, ok bool) {
	switch op {
	case equal, notEqual:
		return xt.Ports{Low: port, High: port}, op == notEqual, true
	case less:
		return xt.Ports{High: port - 1}, false, port > 0
	case lessOrEqual:
		return xt.Ports{High: port}, false, true
	case greater:
		return xt.Ports{Low: port + 1, High: 0xffff}, false, port < 0xffff
	case greaterOrEqual:
		return xt.Ports{Low: port, High: 0xffff}, false, true
	}
	return s, false, false
}

func span(from, to []byte) xt.Ports {
	return xt.Ports{Low: binary.BigEndian.Uint16(from), High: binary.BigEndian.Uint16(to)}
}

func (d *decoder) portRange(offset uint32, s xt.Ports, not bool) error {
	proto := d.rule.Protocol
	if proto.Not || proto.Number != tcp && proto.Number != udp {
		return errOperation
	}
	p := d.gather()
	switch offset {
	case sourceOffset:
		return p.source.narrow(s, not)
	case destOffset:
		return p.dest.narrow(s, not)
	}
	return errOperation
}

// side is what is said about one of the ports.
type side struct {
	xt.Ports
	said, not bool
}

// narrow adds a range to what was said before: nft writes one as two comparisons.
func (p *side) narrow(s xt.Ports, not bool) error {
	if p.said {
		s = xt.Ports{Low: max(s.Low, p.Low), High: min(s.High, p.High)}
		if not || p.not || s.Low > s.High {
			return errTwice
		}
	}
	*p = side{s, true, not}
	return nil
}

func (d *decoder) tcpFlags(r *register, op operator, data []byte) error {
	not, ok := op.negated()
	p := d.gather()
	switch {
	case !ok || len(data) != 1:
		return errOperation
	case p.flag:
		return errTwice
	}
	p.flag, p.flags, p.mask, p.notFlags = true, data[0], 0xff, not
	if r.mask != nil {
		p.mask = r.mask[0]
	}
	return nil
}
