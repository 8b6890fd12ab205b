package ctcli

import (
	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// finish checks what was said of a command as a whole.
func (p *parser) finish() error {
	r := p.r
	switch r.command {
	case list, update, remove, get, flush, event:
	default:
		if r.family == packet.Unspec {
			r.family = packet.IPv4
		}
	}
	if r.options&optAnyNAT != 0 && r.options&(optSrcNAT|optDstNAT) != 0 {
		return misuse("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'")
	}
	lack := [2]string{"you have to specify `--src' and `--dst'", "you have to specify `--reply-src' and `--reply-dst'"}
	if err := check(uint32(r.options), legal[r.command], optionNames, lack); err != nil {
		return err
	}
	if r.command == help || !p.known {
		return nil
	}
	return p.finishProtocol()
}

func (p *parser) finishProtocol() error {
	if p.proto == nil {
		f := &p.r.flow
		if p.r.replyFamily != packet.Unspec && f.Orig.Has&conntrack.HasProto != 0 && f.Reply.Has&conntrack.HasProto == 0 {
			f.Reply.Proto, f.Reply.Has = f.Orig.Proto, f.Reply.Has|conntrack.HasProto
		}
		return nil
	}
	if err := check(p.protoFlags, p.proto.legal[p.r.command], p.proto.flags, p.proto.lack); err != nil {
		return err
	}
	if p.proto.number == packet.ProtoTCP {
		p.liberal()
	}
	return nil
}

// liberal switches the check of windows off, which would stop a connection whose
// entry was made by hand; from TIME_WAIT on a new one may take its place.
func (p *parser) liberal() {
	f := &p.r.flow
	flags := conntrack.TCPBeLiberal | conntrack.TCPSackPerm
	if f.TCP.State >= conntrack.TCPTimeWait {
		flags |= conntrack.TCPCloseInit
	}
	f.TCP.FlagsOrig, f.TCP.MaskOrig, f.TCP.FlagsReply, f.TCP.MaskReply = flags, flags, flags, flags
	f.Has |= conntrack.HasTCPFlagsOrig | conntrack.HasTCPFlagsReply
}

// check holds the options that were given, one bit each, to what is legal.
func check(given uint32, legal string, names []string, lack [2]string) error {
	paired := false
	for i, name := range names {
		rule := byte('0')
		if i < len(legal) {
			rule = legal[i]
		}
		there := given&(1<<i) != 0
		switch {
		case !there && rule == '1':
			return misuse("You need to supply the `--%s' option for this command", name)
		case there && rule == '0':
			return misuse("Illegal option `--%s' with this command", name)
		}
		paired = paired || rule == '3'
	}
	const orig, reply = 1<<0 | 1<<1, 1<<2 | 1<<3
	switch {
	case !paired || given&orig == orig || given&reply == reply:
		return nil
	case given&orig == 0 && given&reply != 0:
		return misuse("%s", lack[1])
	}
	return misuse("%s", lack[0])
}
