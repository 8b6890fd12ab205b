package conntrack

import "github.com/pktrail/pktrail/internal/wire"

func (f *Flow) protoInfo(info wire.Attr) {
	attrs := wire.Attrs(info.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaInfoTCP:
			f.tcpInfo(a)
		case ctaInfoSCTP:
			f.sctpInfo(a)
		case ctaInfoDCCP:
			f.dccpInfo(a)
		default:
			f.keep(a, place{ctaProtoInfo})
		}
	}
	f.rest(attrs, place{ctaProtoInfo})
}

func (f *Flow) tcpInfo(info wire.Attr) {
	attrs := wire.Attrs(info.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaTCPState:
			f.byte(a, (*uint8)(&f.TCP.State), HasTCPState, place{ctaProtoInfo, ctaInfoTCP})
		case ctaTCPScaleOrig:
			f.byte(a, &f.TCP.ScaleOrig, HasTCPScaleOrig, place{ctaProtoInfo, ctaInfoTCP})
		case ctaTCPScaleReply:
			f.byte(a, &f.TCP.ScaleReply, HasTCPScaleReply, place{ctaProtoInfo, ctaInfoTCP})
		case ctaTCPFlagsOrig:
			f.tcpFlags(a, &f.TCP.FlagsOrig, &f.TCP.MaskOrig, HasTCPFlagsOrig)
		case ctaTCPFlagsReply:
			f.tcpFlags(a, &f.TCP.FlagsReply, &f.TCP.MaskReply, HasTCPFlagsReply)
		default:
			f.keep(a, place{ctaProtoInfo, ctaInfoTCP})
		}
	}
	f.rest(attrs, place{ctaProtoInfo, ctaInfoTCP})
}

// tcpFlags takes a struct nf_ct_tcp_flags.
func (f *Flow) tcpFlags(a wire.Attr, flags, mask *uint8, has Fields) {
	if len(a.Data) != 2 {
		f.keep(a, place{ctaProtoInfo, ctaInfoTCP})
		return
	}
	*flags, *mask = a.Data[0], a.Data[1]
	f.Has |= has
}

func (f *Flow) sctpInfo(info wire.Attr) {
	attrs := wire.Attrs(info.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaSCTPState:
			f.byte(a, (*uint8)(&f.SCTP.State), HasSCTPState, place{ctaProtoInfo, ctaInfoSCTP})
		case ctaSCTPVTagOrig:
			f.be32(a, &f.SCTP.TagOrig, HasSCTPTagOrig, place{ctaProtoInfo, ctaInfoSCTP})
		case ctaSCTPVTagReply:
			f.be32(a, &f.SCTP.TagReply, HasSCTPTagReply, place{ctaProtoInfo, ctaInfoSCTP})
		default:
			f.keep(a, place{ctaProtoInfo, ctaInfoSCTP})
		}
	}
	f.rest(attrs, place{ctaProtoInfo, ctaInfoSCTP})
}

func (f *Flow) dccpInfo(info wire.Attr) {
	attrs := wire.Attrs(info.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaDCCPState:
			f.byte(a, (*uint8)(&f.DCCP.State), HasDCCPState, place{ctaProtoInfo, ctaInfoDCCP})
		case ctaDCCPRole:
			f.byte(a, &f.DCCP.Role, HasDCCPRole, place{ctaProtoInfo, ctaInfoDCCP})
		case ctaDCCPHandshake:
			f.be64(a, &f.DCCP.Handshake, HasDCCPHandshake, place{ctaProtoInfo, ctaInfoDCCP})
		case ctaDCCPPad:
		default:
			f.keep(a, place{ctaProtoInfo, ctaInfoDCCP})
		}
	}
	f.rest(attrs, place{ctaProtoInfo, ctaInfoDCCP})
}

func (f *Flow) counters(count wire.Attr, c *Counters, has Fields) {
	attrs := wire.Attrs(count.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaPackets:
			f.be64(a, &c.Packets, has, place{count.Type})
		case ctaBytes:
			f.be64(a, &c.Bytes, has, place{count.Type})
		case ctaPackets32:
			f.count32(a, &c.Packets, has, place{count.Type})
		case ctaBytes32:
			f.count32(a, &c.Bytes, has, place{count.Type})
		case ctaCountPad:
		default:
			f.keep(a, place{count.Type})
		}
	}
	f.rest(attrs, place{count.Type})
}

// count32 is of kernels that still had counters of 32 bits.
func (f *Flow) count32(a wire.Attr, to *uint64, has Fields, in place) {
	var v uint32
	before := len(f.Unknown)
	f.be32(a, &v, has, in)
	if len(f.Unknown) == before {
		*to = uint64(v)
	}
}

func (f *Flow) timestamp(stamp wire.Attr) {
	attrs := wire.Attrs(stamp.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaStart:
			f.stamp(a, &f.Start, HasStart, place{ctaTimestamp})
		case ctaStop:
			f.stamp(a, &f.Stop, HasStop, place{ctaTimestamp})
		case ctaStampPad:
		default:
			f.keep(a, place{ctaTimestamp})
		}
	}
	f.rest(attrs, place{ctaTimestamp})
}

// labels takes up to 128 bits: kernels before 4.7 sent as many as their rules used.
func (f *Flow) labels(a wire.Attr, to *Labels, has Fields) {
	if len(a.Data) > len(to) {
		f.keep(a, place{})
		return
	}
	*to = Labels{}
	copy(to[:], a.Data)
	f.Has |= has
}

func (d *Decoder) helper(help wire.Attr, f *Flow) {
	attrs := wire.Attrs(help.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaHelpName:
			f.Helper = d.intern(a.Text())
			f.Has |= HasHelper
		case ctaHelpInfo:
			f.HelperInfo = append(f.HelperInfo[:0], a.Data...)
		default:
			f.keep(a, place{ctaHelp})
		}
	}
	f.rest(attrs, place{ctaHelp})
}

func (d *Decoder) secCtx(ctx wire.Attr, f *Flow) {
	attrs := wire.Attrs(ctx.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		if a.Type != ctaSecCtxName {
			f.keep(a, place{ctaSecCtx})
			continue
		}
		f.SecCtx = d.intern(a.Text())
		f.Has |= HasSecCtx
	}
	f.rest(attrs, place{ctaSecCtx})
}

func (f *Flow) seqAdj(adj wire.Attr, s *SeqAdj, has Fields) {
	var before, after uint32
	attrs := wire.Attrs(adj.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaSeqPos:
			f.be32(a, &s.Pos, has, place{adj.Type})
		case ctaSeqBefore:
			f.be32(a, &before, has, place{adj.Type})
		case ctaSeqAfter:
			f.be32(a, &after, has, place{adj.Type})
		default:
			f.keep(a, place{adj.Type})
		}
	}
	s.Before, s.After = int32(before), int32(after)
	f.rest(attrs, place{adj.Type})
}

func (f *Flow) synProxy(proxy wire.Attr) {
	attrs := wire.Attrs(proxy.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaSynISN:
			f.be32(a, &f.SynProxy.ISN, HasSynProxy, place{ctaSynProxy})
		case ctaSynITS:
			f.be32(a, &f.SynProxy.ITS, HasSynProxy, place{ctaSynProxy})
		case ctaSynTSOff:
			f.be32(a, &f.SynProxy.TSOff, HasSynProxy, place{ctaSynProxy})
		default:
			f.keep(a, place{ctaSynProxy})
		}
	}
	f.rest(attrs, place{ctaSynProxy})
}
