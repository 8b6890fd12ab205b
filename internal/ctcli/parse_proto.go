package ctcli

import (
	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

func (p *parser) protocol(arg string) error {
	p.r.options |= optProto
	proto, num, ok := findProtocol(arg)
	if !ok {
		return misuse("`%s' unsupported protocol", arg)
	}
	p.proto, p.known = proto, true
	p.r.proto, p.r.flow.Orig.Proto = num, num
	p.r.flow.Orig.Has |= conntrack.HasProto
	p.base += protoBase
	if proto != nil {
		p.opts.long = append(p.opts.long, optionGroup{p.base, proto.options})
	}
	return nil
}

// protoOption takes an option of the protocol that was named last.
func (p *parser) protoOption(val int, arg string) error {
	place := val - p.base
	if p.proto == nil || place < 0 {
		return nil
	}
	p.protoFlags |= 1 << place
	return p.setField(p.proto.fields[place], arg)
}

func (p *parser) setField(f field, arg string) error {
	r, n := p.r, uint16(number(arg, p.numberBase()))
	switch f {
	case fieldSrcPort:
		setPort(&r.flow.Orig, conntrack.HasSrcPort, n, p.proto.number)
	case fieldDstPort:
		setPort(&r.flow.Orig, conntrack.HasDstPort, n, p.proto.number)
	case fieldReplySrcPort:
		setPort(&r.flow.Reply, conntrack.HasSrcPort, n, p.proto.number)
	case fieldReplyDstPort:
		setPort(&r.flow.Reply, conntrack.HasDstPort, n, p.proto.number)
	case fieldMaskSrcPort:
		setPort(&r.mask, conntrack.HasSrcPort, n, p.proto.number)
	case fieldMaskDstPort:
		setPort(&r.mask, conntrack.HasDstPort, n, p.proto.number)
	case fieldExpectSrcPort:
		setPort(&r.expect, conntrack.HasSrcPort, n, p.expectProto(n))
	case fieldExpectDstPort:
		setPort(&r.expect, conntrack.HasDstPort, n, p.expectProto(n))
	case fieldICMPType, fieldICMPCode, fieldICMPID:
		p.setICMP(f, n)
	case fieldState:
		return p.setState(arg)
	case fieldRole:
		return p.setRole(arg)
	case fieldTagOrig:
		r.flow.SCTP.TagOrig, r.flow.Has = swap(uint32(number(arg, 10))), r.flow.Has|conntrack.HasSCTPTagOrig
	case fieldTagReply:
		r.flow.SCTP.TagReply, r.flow.Has = swap(uint32(number(arg, 10))), r.flow.Has|conntrack.HasSCTPTagReply
	}
	return nil
}

// numberBase: keys of GRE may be in hex.
func (p *parser) numberBase() int {
	if p.proto.number == packet.ProtoGRE {
		return 0
	}
	return 10
}

// expectProto is the protocol that conntrack gives to an expectation's tuple:
// with those that have states, the first byte of the port.
func (p *parser) expectProto(port uint16) uint8 {
	if p.proto.states != nil {
		return uint8(port >> 8)
	}
	return p.proto.number
}

func setPort(t *conntrack.Tuple, has conntrack.TupleFields, port uint16, proto uint8) {
	if has == conntrack.HasSrcPort {
		t.SrcPort = port
	} else {
		t.DstPort = port
	}
	t.Proto = proto
	t.Has |= has | conntrack.HasProto
}

func (p *parser) setICMP(f field, n uint16) {
	orig, reply := &p.r.flow.Orig, &p.r.flow.Reply
	switch f {
	case fieldICMPType:
		p.r.setICMPType(uint8(n))
		orig.Has |= conntrack.HasICMPType
	case fieldICMPCode:
		orig.ICMPCode, reply.ICMPCode = uint8(n), uint8(n)
		orig.Has |= conntrack.HasICMPCode
	case fieldICMPID:
		orig.ICMPID, reply.ICMPID = n, n
		orig.Has |= conntrack.HasICMPID
	}
	if p.r.replyFamily != packet.Unspec {
		reply.Proto, reply.Has = p.proto.number, reply.Has|conntrack.HasProto
	}
}

func (p *parser) setState(arg string) error {
	state := -1
	for i, name := range p.proto.states {
		if name == arg {
			state = i
		}
	}
	if state < 0 && p.proto.number == packet.ProtoTCP && arg == "LISTEN" {
		state = int(conntrack.TCPSynSent2)
	}
	if state < 0 {
		return misuse(p.proto.unknown, arg)
	}
	f := &p.r.flow
	switch p.proto.number {
	case packet.ProtoTCP:
		f.TCP.State, f.Has = conntrack.TCPState(state), f.Has|conntrack.HasTCPState
	case packet.ProtoSCTP:
		f.SCTP.State, f.Has = conntrack.SCTPState(state), f.Has|conntrack.HasSCTPState
	case packet.ProtoDCCP:
		f.DCCP.State, f.Has = conntrack.DCCPState(state), f.Has|conntrack.HasDCCPState
	}
	return nil
}

func (p *parser) setRole(arg string) error {
	for i, name := range [...]string{"client", "server"} {
		if begins(name, arg) {
			p.r.flow.DCCP.Role, p.r.flow.Has = uint8(i), p.r.flow.Has|conntrack.HasDCCPRole
			return nil
		}
	}
	return misuse("Unknown DCCP role `%s'", arg)
}
