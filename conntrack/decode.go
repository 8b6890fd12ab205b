package conntrack

import (
	"encoding/binary"
	"net/netip"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

// Decoder decodes messages. The zero value is ready; it keeps names that occur
// again and again, so that a Flow that is used again costs no memory. One
// goroutine at a time.
type Decoder struct {
	names map[string]string
}

// maxNames and maxNameLen bound what a stream of made-up names can take.
const (
	maxNames   = 1024
	maxNameLen = 256
)

func (d *Decoder) intern(b []byte) string {
	if s, ok := d.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) <= maxNameLen && len(d.names) < maxNames {
		if d.names == nil {
			d.names = map[string]string{}
		}
		d.names[s] = s
	}
	return s
}

// Flow decodes a message about an entry, from its netlink header on, into f,
// whose former content is gone. Bytes of Unknown stay those of the message. The
// error is about the message's header only.
func (d *Decoder) Flow(message []byte, f *Flow) error {
	m, err := open(message, subsysFlow)
	if err != nil {
		return err
	}
	*f = Flow{Family: packet.Family(m.Family), HelperInfo: f.HelperInfo[:0], Unknown: f.Unknown[:0]}
	attrs := m.Attrs
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		d.flowAttr(a, f)
	}
	(*leftovers)(&f.Unknown).rest(attrs, place{})
	return nil
}

func (d *Decoder) flowAttr(a wire.Attr, f *Flow) {
	switch a.Type {
	case ctaTupleOrig:
		f.tuple(a, &f.Orig)
	case ctaTupleReply:
		f.tuple(a, &f.Reply)
	case ctaTupleMaster:
		f.tuple(a, &f.Master)
	case ctaStatus:
		f.be32(a, (*uint32)(&f.Status), HasStatus, place{})
	case ctaTimeout:
		f.be32(a, &f.Timeout, HasTimeout, place{})
	case ctaMark:
		f.be32(a, &f.Mark, HasMark, place{})
	case ctaUse:
		f.be32(a, &f.Use, HasUse, place{})
	case ctaID:
		f.be32(a, &f.ID, HasID, place{})
	case ctaProtoInfo:
		f.protoInfo(a)
	case ctaCountersOrig:
		f.counters(a, &f.CountersOrig, HasCountersOrig)
	case ctaCountersReply:
		f.counters(a, &f.CountersReply, HasCountersReply)
	case ctaTimestamp:
		f.timestamp(a)
	case ctaTimestampEvent:
		f.stamp(a, &f.EventTime, HasEventTime, place{})
	case ctaZone:
		f.be16(a, &f.Zone, HasZone, place{})
	case ctaLabels:
		f.labels(a, &f.Labels, HasLabels)
	case ctaHelp:
		d.helper(a, f)
	default:
		d.rareAttr(a, f)
	}
}

func (d *Decoder) rareAttr(a wire.Attr, f *Flow) {
	switch a.Type {
	case ctaSecCtx:
		d.secCtx(a, f)
	case ctaSecMark:
		f.be32(a, &f.SecMark, HasSecMark, place{})
	case ctaSeqAdjOrig:
		f.seqAdj(a, &f.SeqAdjOrig, HasSeqAdjOrig)
	case ctaSeqAdjReply:
		f.seqAdj(a, &f.SeqAdjReply, HasSeqAdjReply)
	case ctaSynProxy:
		f.synProxy(a)
	case ctaNATSrc:
		f.natRange(a, &f.SrcNAT, HasSrcNAT)
	case ctaNATDst:
		f.natRange(a, &f.DstNAT, HasDstNAT)
	case ctaMarkMask:
		f.be32(a, &f.MarkMask, HasMarkMask, place{})
	case ctaLabelsMask:
		f.labels(a, &f.LabelsMask, HasLabelsMask)
	default:
		f.keep(a, place{})
	}
}

func (f *Flow) keep(a wire.Attr, in place) { (*leftovers)(&f.Unknown).keep(a, in) }

func (f *Flow) rest(a wire.Attrs, in place) { (*leftovers)(&f.Unknown).rest(a, in) }

// be16, be32, be64 and byte take a number that lies in the attributes of path; one
// of another length is kept.
func (f *Flow) be16(a wire.Attr, to *uint16, has Fields, in place) {
	if v, ok := a.BE16(); ok {
		*to = v
		f.Has |= has
		return
	}
	f.keep(a, in)
}

func (f *Flow) be32(a wire.Attr, to *uint32, has Fields, in place) {
	if v, ok := a.BE32(); ok {
		*to = v
		f.Has |= has
		return
	}
	f.keep(a, in)
}

func (f *Flow) be64(a wire.Attr, to *uint64, has Fields, in place) {
	if v, ok := a.BE64(); ok {
		*to = v
		f.Has |= has
		return
	}
	f.keep(a, in)
}

func (f *Flow) byte(a wire.Attr, to *uint8, has Fields, in place) {
	if v, ok := a.Uint8(); ok {
		*to = v
		f.Has |= has
		return
	}
	f.keep(a, in)
}

func (f *Flow) stamp(a wire.Attr, to *Stamp, has Fields, in place) {
	f.be64(a, (*uint64)(to), has, in)
}

func (f *Flow) tuple(a wire.Attr, t *Tuple) { decodeTuple(a, t, (*leftovers)(&f.Unknown), place{}) }

// decodeTuple takes a tuple that lies in the attributes of in.
func decodeTuple(tuple wire.Attr, t *Tuple, left *leftovers, in place) {
	if usualTuple(tuple.Data, t) {
		return
	}
	in = in.into(tuple.Type)
	attrs := wire.Attrs(tuple.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch {
		case a.Type == ctaTupleIP:
			decodeAddrs(a, t, left, in.into(ctaTupleIP))
		case a.Type == ctaTupleProto:
			decodeProto(a, t, left, in.into(ctaTupleProto))
		case a.Type == ctaTupleZone && len(a.Data) == 2:
			t.Zone = binary.BigEndian.Uint16(a.Data)
			t.Has |= HasTupleZone
		default:
			left.keep(a, in)
		}
	}
	left.rest(attrs, in)
}

func decodeAddrs(ip wire.Attr, t *Tuple, left *leftovers, in place) {
	attrs := wire.Attrs(ip.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch {
		case a.Type == ctaIPv4Src && len(a.Data) == 4:
			t.Src = netip.AddrFrom4([4]byte(a.Data))
		case a.Type == ctaIPv4Dst && len(a.Data) == 4:
			t.Dst = netip.AddrFrom4([4]byte(a.Data))
		case a.Type == ctaIPv6Src && len(a.Data) == 16:
			t.Src = netip.AddrFrom16([16]byte(a.Data))
		case a.Type == ctaIPv6Dst && len(a.Data) == 16:
			t.Dst = netip.AddrFrom16([16]byte(a.Data))
		default:
			left.keep(a, in)
		}
	}
	left.rest(attrs, in)
}

func decodeProto(proto wire.Attr, t *Tuple, left *leftovers, in place) {
	attrs := wire.Attrs(proto.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		if !protoField(a, t) {
			left.keep(a, in)
		}
	}
	left.rest(attrs, in)
}

// protoField reports whether the attribute is known and has its length.
func protoField(a wire.Attr, t *Tuple) bool {
	switch len(a.Data) {
	case 1:
		return protoByte(a.Type, a.Data[0], t)
	case 2:
		return protoNumber(a.Type, binary.BigEndian.Uint16(a.Data), t)
	}
	return false
}

func protoByte(typ uint16, v uint8, t *Tuple) bool {
	switch typ {
	case ctaProtoNum:
		t.Proto = v
		t.Has |= HasProto
	case ctaICMPType, ctaICMPv6Type:
		t.ICMPType = v
		t.Has |= HasICMPType
	case ctaICMPCode, ctaICMPv6Code:
		t.ICMPCode = v
		t.Has |= HasICMPCode
	default:
		return false
	}
	return true
}

func protoNumber(typ, v uint16, t *Tuple) bool {
	switch typ {
	case ctaProtoSrcPort:
		t.SrcPort = v
		t.Has |= HasSrcPort
	case ctaProtoDstPort:
		t.DstPort = v
		t.Has |= HasDstPort
	case ctaICMPID, ctaICMPv6ID:
		t.ICMPID = v
		t.Has |= HasICMPID
	default:
		return false
	}
	return true
}
