package conntrack

import (
	"encoding/binary"
	"net/netip"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

// AppendCreate appends a request for a new entry; the kernel refuses one that is
// there already (EEXIST). It takes both tuples and a timeout. Confirmed is added
// to the status, without which the kernel refuses it (nf_ct_change_status_common).
// ack asks for an acknowledgement.
func AppendCreate(b []byte, seq uint32, ack bool, f *Flow) []byte {
	b, at := beginMessage(b, subsysFlow|msgNew, flagCreate|flagExcl|ackFlag(ack), seq, f.family())
	b = appendFlow(b, f, Confirmed)
	return endMessage(b, at)
}

// AppendUpdate appends a request to change the entry with f's original tuple, or
// else its reply tuple, to what else f has. The kernel refuses one that is not
// there (ENOENT) and changes of tuples, NAT and master (EOPNOTSUPP).
func AppendUpdate(b []byte, seq uint32, ack bool, f *Flow) []byte {
	b, at := beginMessage(b, subsysFlow|msgNew, ackFlag(ack), seq, f.family())
	b = appendFlow(b, f, 0)
	return endMessage(b, at)
}

// AppendGet appends a request for the entry with f's original tuple, or else its
// reply tuple, in f's zone.
func AppendGet(b []byte, seq uint32, ack bool, f *Flow) []byte {
	b, at := beginMessage(b, subsysFlow|msgGet, ackFlag(ack), seq, f.family())
	return endMessage(appendIdentity(b, f, 0), at)
}

// AppendDelete appends a request to delete the entry with f's original tuple, or
// else its reply tuple, in f's zone; where f has an ID, only the entry with that
// (ENOENT otherwise). f must have a tuple: without one the kernel would delete
// all entries, so that nothing is appended.
func AppendDelete(b []byte, seq uint32, ack bool, f *Flow) []byte {
	if f.Orig.IsZero() && f.Reply.IsZero() {
		return b
	}
	b, at := beginMessage(b, subsysFlow|msgDelete, ackFlag(ack), seq, f.family())
	return endMessage(appendIdentity(b, f, HasID), at)
}

// family is what the entry's request must name.
func (f *Flow) family() packet.Family {
	if f.Family != packet.Unspec {
		return f.Family
	}
	if fam := f.Orig.Family(); fam != packet.Unspec {
		return fam
	}
	return f.Reply.Family()
}

func ackFlag(ack bool) uint16 {
	if ack {
		return flagAck
	}
	return 0
}

// appendIdentity appends what tells the entry from others: a tuple, the zone, and
// of the fields that are asked for those that hold.
func appendIdentity(b []byte, f *Flow, also Fields) []byte {
	switch {
	case !f.Orig.IsZero():
		b = appendTuple(b, ctaTupleOrig, &f.Orig)
	case !f.Reply.IsZero():
		b = appendTuple(b, ctaTupleReply, &f.Reply)
	}
	if f.Has&HasZone != 0 {
		b = appendBE16(b, ctaZone, f.Zone)
	}
	if f.Has&also&HasID != 0 {
		b = appendBE32(b, ctaID, f.ID)
	}
	return b
}

func appendFlow(b []byte, f *Flow, status Status) []byte {
	for _, t := range [...]struct {
		typ   uint16
		tuple *Tuple
	}{{ctaTupleOrig, &f.Orig}, {ctaTupleReply, &f.Reply}, {ctaTupleMaster, &f.Master}} {
		if !t.tuple.IsZero() {
			b = appendTuple(b, t.typ, t.tuple)
		}
	}
	if f.Has&HasStatus != 0 {
		status |= f.Status
	}
	if f.Has&HasStatus != 0 || status != 0 {
		b = appendBE32(b, ctaStatus, uint32(status))
	}
	for _, n := range [...]struct {
		has Fields
		typ uint16
		v   uint32
	}{{HasTimeout, ctaTimeout, f.Timeout}, {HasMark, ctaMark, f.Mark}, {HasMarkMask, ctaMarkMask, f.MarkMask}} {
		if f.Has&n.has != 0 {
			b = appendBE32(b, n.typ, n.v)
		}
	}
	if f.Has&HasZone != 0 {
		b = appendBE16(b, ctaZone, f.Zone)
	}
	return appendRare(appendProtoInfo(b, f), f)
}

func appendRare(b []byte, f *Flow) []byte {
	if f.Has&HasHelper != 0 {
		var at int
		b, at = begin(b, ctaHelp)
		b = wire.AppendAttr(b, ctaHelpName, append([]byte(f.Helper), 0))
		if len(f.HelperInfo) > 0 {
			b = wire.AppendAttr(b, ctaHelpInfo, f.HelperInfo)
		}
		end(b, at)
	}
	if f.Has&HasLabels != 0 {
		b = wire.AppendAttr(b, ctaLabels, f.Labels[:])
	}
	if f.Has&HasLabelsMask != 0 {
		b = wire.AppendAttr(b, ctaLabelsMask, f.LabelsMask[:])
	}
	if f.Has&HasSrcNAT != 0 {
		b = f.SrcNAT.append(b, ctaNATSrc)
	}
	if f.Has&HasDstNAT != 0 {
		b = f.DstNAT.append(b, ctaNATDst)
	}
	if f.Has&HasSeqAdjOrig != 0 {
		b = f.SeqAdjOrig.append(b, ctaSeqAdjOrig)
	}
	if f.Has&HasSeqAdjReply != 0 {
		b = f.SeqAdjReply.append(b, ctaSeqAdjReply)
	}
	if f.Has&HasSynProxy != 0 {
		b = f.SynProxy.append(b)
	}
	return b
}

func (s SeqAdj) append(b []byte, typ uint16) []byte {
	b, at := begin(b, typ)
	b = appendBE32(b, ctaSeqPos, s.Pos)
	b = appendBE32(b, ctaSeqBefore, uint32(s.Before))
	b = appendBE32(b, ctaSeqAfter, uint32(s.After))
	end(b, at)
	return b
}

func (s SynProxy) append(b []byte) []byte {
	b, at := begin(b, ctaSynProxy)
	b = appendBE32(b, ctaSynISN, s.ISN)
	b = appendBE32(b, ctaSynITS, s.ITS)
	b = appendBE32(b, ctaSynTSOff, s.TSOff)
	end(b, at)
	return b
}

func appendProtoInfo(b []byte, f *Flow) []byte {
	const tcp = HasTCPState | HasTCPScaleOrig | HasTCPScaleReply | HasTCPFlagsOrig | HasTCPFlagsReply
	const sctp = HasSCTPState | HasSCTPTagOrig | HasSCTPTagReply
	const dccp = HasDCCPState | HasDCCPRole | HasDCCPHandshake
	if f.Has&(tcp|sctp|dccp) == 0 {
		return b
	}
	b, at := begin(b, ctaProtoInfo)
	if f.Has&tcp != 0 {
		b = appendTCP(b, f)
	}
	if f.Has&sctp != 0 {
		b = appendSCTP(b, f)
	}
	if f.Has&dccp != 0 {
		b = appendDCCP(b, f)
	}
	end(b, at)
	return b
}

func appendTCP(b []byte, f *Flow) []byte {
	b, at := begin(b, ctaInfoTCP)
	b = appendByteIf(b, ctaTCPState, uint8(f.TCP.State), f.Has&HasTCPState)
	b = appendByteIf(b, ctaTCPScaleOrig, f.TCP.ScaleOrig, f.Has&HasTCPScaleOrig)
	b = appendByteIf(b, ctaTCPScaleReply, f.TCP.ScaleReply, f.Has&HasTCPScaleReply)
	if f.Has&HasTCPFlagsOrig != 0 {
		b = wire.AppendAttr(b, ctaTCPFlagsOrig, []byte{f.TCP.FlagsOrig, f.TCP.MaskOrig})
	}
	if f.Has&HasTCPFlagsReply != 0 {
		b = wire.AppendAttr(b, ctaTCPFlagsReply, []byte{f.TCP.FlagsReply, f.TCP.MaskReply})
	}
	end(b, at)
	return b
}

func appendSCTP(b []byte, f *Flow) []byte {
	b, at := begin(b, ctaInfoSCTP)
	b = appendByteIf(b, ctaSCTPState, uint8(f.SCTP.State), f.Has&HasSCTPState)
	if f.Has&HasSCTPTagOrig != 0 {
		b = appendBE32(b, ctaSCTPVTagOrig, f.SCTP.TagOrig)
	}
	if f.Has&HasSCTPTagReply != 0 {
		b = appendBE32(b, ctaSCTPVTagReply, f.SCTP.TagReply)
	}
	end(b, at)
	return b
}

func appendDCCP(b []byte, f *Flow) []byte {
	b, at := begin(b, ctaInfoDCCP)
	b = appendByteIf(b, ctaDCCPState, uint8(f.DCCP.State), f.Has&HasDCCPState)
	b = appendByteIf(b, ctaDCCPRole, f.DCCP.Role, f.Has&HasDCCPRole)
	if f.Has&HasDCCPHandshake != 0 {
		var v [8]byte
		binary.BigEndian.PutUint64(v[:], f.DCCP.Handshake)
		b = wire.AppendAttr(b, ctaDCCPHandshake, v[:])
	}
	end(b, at)
	return b
}

func appendTuple(b []byte, typ uint16, t *Tuple) []byte {
	b, at := begin(b, typ)
	if t.Src.IsValid() || t.Dst.IsValid() {
		var ip int
		b, ip = begin(b, ctaTupleIP)
		b = appendAddr(b, ctaIPv4Src, ctaIPv6Src, t.Src)
		b = appendAddr(b, ctaIPv4Dst, ctaIPv6Dst, t.Dst)
		end(b, ip)
	}
	if t.Has&^HasTupleZone != 0 {
		b = appendProto(b, t)
	}
	if t.Has&HasTupleZone != 0 {
		b = appendBE16(b, ctaTupleZone, t.Zone)
	}
	end(b, at)
	return b
}

func appendProto(b []byte, t *Tuple) []byte {
	b, at := begin(b, ctaTupleProto)
	b = appendByteIf(b, ctaProtoNum, t.Proto, Fields(t.Has&HasProto))
	if t.Has&HasSrcPort != 0 {
		b = appendBE16(b, ctaProtoSrcPort, t.SrcPort)
	}
	if t.Has&HasDstPort != 0 {
		b = appendBE16(b, ctaProtoDstPort, t.DstPort)
	}
	id, typ, code := uint16(ctaICMPID), uint16(ctaICMPType), uint16(ctaICMPCode)
	if t.Proto == packet.ProtoICMPv6 {
		id, typ, code = ctaICMPv6ID, ctaICMPv6Type, ctaICMPv6Code
	}
	if t.Has&HasICMPID != 0 {
		b = appendBE16(b, id, t.ICMPID)
	}
	b = appendByteIf(b, typ, t.ICMPType, Fields(t.Has&HasICMPType))
	b = appendByteIf(b, code, t.ICMPCode, Fields(t.Has&HasICMPCode))
	end(b, at)
	return b
}

// appendAddr appends an address under the number of its family, nothing where
// it is not valid.
func appendAddr(b []byte, typ4, typ6 uint16, a netip.Addr) []byte {
	switch {
	case a.Is4():
		v := a.As4()
		return wire.AppendAttr(b, typ4, v[:])
	case a.Is6():
		v := a.As16()
		return wire.AppendAttr(b, typ6, v[:])
	}
	return b
}
