package conntrack

import (
	"encoding/binary"
	"net/netip"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

// Filter says which entries are meant. The zero value means all. All conditions
// must hold.
type Filter struct {
	Family      packet.Family // Unspec: of any family
	Orig, Reply Tuple         // what of them holds must be equal

	HasZone bool
	Zone    uint16 // in either direction, 0 for entries without one

	Mark, MarkMask     uint32 // of the bits of the mask; mask 0: any mark
	Status, StatusMask Status // likewise

	// Also is what else must hold; nil for nothing. It keeps nothing of the Flow.
	Also func(*Flow) bool
}

// Match reports whether the entry is meant.
func (f *Filter) Match(flow *Flow) bool {
	switch {
	case f.Family != packet.Unspec && f.Family != flow.Family,
		!f.Orig.Covers(&flow.Orig), !f.Reply.Covers(&flow.Reply),
		f.HasZone && !flow.InZone(f.Zone),
		flow.Mark&f.MarkMask != f.Mark&f.MarkMask,
		flow.Status&f.StatusMask != f.Status&f.StatusMask:
		return false
	}
	return f.Also == nil || f.Also(flow)
}

// KernelPart says what of a filter is left to the kernel.
type KernelPart struct {
	Any   bool // some of it
	Exact bool // all of it, so that the kernel may also delete by it
}

// InKernel reports how much of the filter kernels can look at themselves: family,
// mark, status, zone and, for a known family, the tuples' IPv4 addresses,
// protocol, ports of TCP and UDP and ICMP's numbers (5.8 and later; what an older
// one does not know it passes over, so that entries are to be looked at again
// with Match). IPv6 addresses are never among them: kernels up to 6.18 at least
// take equal ones for different and different ones for equal
// (net/netfilter/nf_conntrack_netlink.c: ctnetlink_filter_match_tuple).
func (f *Filter) InKernel() KernelPart {
	orig, origAll := f.tupleInKernel(&f.Orig)
	reply, replyAll := f.tupleInKernel(&f.Reply)
	return KernelPart{
		Any:   f.kernelFamily() != packet.Unspec || f.HasZone || f.MarkMask != 0 || f.StatusMask != 0 || orig|reply != 0,
		Exact: origAll && replyAll && f.Also == nil,
	}
}

// kernelFamily is the family that the entries' must be, Unspec for any.
func (f *Filter) kernelFamily() packet.Family {
	for _, fam := range [...]packet.Family{f.Family, f.Orig.Family()} {
		if fam != packet.Unspec {
			return fam
		}
	}
	return f.Reply.Family()
}

// Flags of CTA_FILTER_ORIG_FLAGS and CTA_FILTER_REPLY_FLAGS
// (net/netfilter/nf_internals.h: CTA_FILTER_F_*).
const (
	filterSrc = 1 << iota
	filterDst
	filterTupleZone
	filterProto
	filterSrcPort
	filterDstPort
	filterICMPType
	filterICMPCode
	filterICMPID
	filterICMPv6Type
	filterICMPv6Code
	filterICMPv6ID
)

// tupleInKernel is the flags for what the kernel can compare of a tuple, and
// whether that is all of it.
func (f *Filter) tupleInKernel(t *Tuple) (flags uint32, all bool) {
	if t.IsZero() {
		return 0, true
	}
	fam := f.kernelFamily()
	if fam != packet.IPv4 && fam != packet.IPv6 {
		return 0, false
	}
	all = t.Has&HasTupleZone == 0
	for _, a := range [...]struct {
		there, is4 bool
		flag       uint32
	}{{t.Src.IsValid(), t.Src.Is4(), filterSrc}, {t.Dst.IsValid(), t.Dst.Is4(), filterDst}} {
		switch {
		case a.there && a.is4 && fam == packet.IPv4:
			flags |= a.flag
		case a.there:
			all = false
		}
	}
	proto, protoAll := protoInKernel(t)
	return flags | proto, all && protoAll
}

// protoInKernel: the kernel looks at ports of TCP and UDP only, and at ICMP's
// numbers in ICMP only; in others it takes them for equal.
func protoInKernel(t *Tuple) (flags uint32, all bool) {
	if t.Has&HasProto == 0 {
		return 0, t.Has&(HasPorts|HasICMP) == 0
	}
	flags = filterProto
	var known TupleFields
	var numbers [3]uint32
	switch t.Proto {
	case packet.ProtoTCP, packet.ProtoUDP:
		known = HasPorts
	case packet.ProtoICMP:
		known, numbers = HasICMP, [3]uint32{filterICMPType, filterICMPCode, filterICMPID}
	case packet.ProtoICMPv6:
		known, numbers = HasICMP, [3]uint32{filterICMPv6Type, filterICMPv6Code, filterICMPv6ID}
	}
	for _, n := range [...]struct {
		has  TupleFields
		flag uint32
	}{
		{HasSrcPort, filterSrcPort}, {HasDstPort, filterDstPort},
		{HasICMPType, numbers[0]}, {HasICMPCode, numbers[1]}, {HasICMPID, numbers[2]},
	} {
		if t.Has&known&n.has != 0 {
			flags |= n.flag
		}
	}
	return flags, t.Has&(HasPorts|HasICMP)&^known == 0
}

// Table is one of the kernel's lists of entries.
type Table uint8

// The lists. Newer kernels have no list of unconfirmed entries (6.0) and
// answer with none.
const (
	Tracked         Table = iota // the table itself
	DyingList                    // entries that wait for their end to be told
	UnconfirmedList              // entries whose first packet is still under way
	ZeroCounters                 // the table, and set the counters of each entry to 0
)

var tableMessages = [...]uint16{msgGet, msgGetDying, msgGetUnconfirmed, msgGetZero}

// AppendDump appends a request for the entries of a list, with as much of the
// filter as kernels look at; the rest is for Match.
func AppendDump(b []byte, seq uint32, table Table, f *Filter) []byte {
	b, at := beginMessage(b, subsysFlow|tableMessages[table], flagDump, seq, f.kernelFamily())
	return endMessage(f.append(b), at)
}

// AppendFlush appends a request to delete all entries that the filter means,
// which must be exact for the kernel (InKernel), or the zero value. A kernel
// that does not know CTA_FILTER there (before 6.8) would delete others: ask it
// with AppendFlushProbe first.
func AppendFlush(b []byte, seq uint32, f *Filter) []byte {
	b, at := beginMessage(b, subsysFlow|msgDelete, flagAck, seq, f.kernelFamily())
	if f.InKernel().Any {
		b = f.appendConditions(b, true)
	}
	return endMessage(b, at)
}

// AppendFlushProbe appends a request that deletes nothing: acknowledged, the
// kernel knows how to delete by filter; refused with ENOENT, it does not. It
// means the entry of a packet that cannot be, from nowhere to nowhere; a kernel
// that does not know the filter looks it up, and one that does finds nothing to
// delete (ctnetlink_del_conntrack).
func AppendFlushProbe(b []byte, seq uint32) []byte {
	b, at := beginMessage(b, subsysFlow|msgDelete, flagAck, seq, packet.IPv4)
	b = appendTuple(b, ctaTupleOrig, nowhere())
	b = appendBE32(b, ctaID, 0)
	b, filter := begin(b, ctaFilter)
	b = appendNative32(b, ctaFilterOrig, filterSrc|filterDst|filterProto)
	end(b, filter)
	return endMessage(b, at)
}

// append writes the conditions that kernels know; a request without any is the
// same as one without a filter.
func (f *Filter) append(b []byte) []byte { return f.appendConditions(b, false) }

// appendConditions writes CTA_FILTER also where no tuple needs it if always is
// set: a kernel that deletes goes by it.
func (f *Filter) appendConditions(b []byte, always bool) []byte {
	orig, _ := f.tupleInKernel(&f.Orig)
	reply, _ := f.tupleInKernel(&f.Reply)
	if orig != 0 {
		b = appendTuple(b, ctaTupleOrig, &f.Orig)
	}
	if reply != 0 {
		b = appendTuple(b, ctaTupleReply, &f.Reply)
	}
	if f.MarkMask != 0 {
		b = appendBE32(b, ctaMark, f.Mark&f.MarkMask)
		b = appendBE32(b, ctaMarkMask, f.MarkMask)
	}
	if f.StatusMask != 0 {
		b = appendBE32(b, ctaStatus, uint32(f.Status&f.StatusMask))
		b = appendBE32(b, ctaStatusMask, uint32(f.StatusMask))
	}
	if f.HasZone {
		b = appendBE16(b, ctaZone, f.Zone)
	}
	if orig|reply == 0 && !always {
		return b
	}
	b, at := begin(b, ctaFilter)
	b = appendNative32(b, ctaFilterOrig, orig)
	b = appendNative32(b, ctaFilterReply, reply)
	end(b, at)
	return b
}

// appendNative32 appends a number in host byte order, as the flags of a filter are.
func appendNative32(b []byte, typ uint16, v uint32) []byte {
	return wire.AppendAttr(b, typ, binary.NativeEndian.AppendUint32(nil, v))
}

// nowhere is a tuple that no packet has: 0.0.0.0 to 0.0.0.0 by protocol 255.
func nowhere() *Tuple {
	zero := netip.AddrFrom4([4]byte{})
	return &Tuple{Src: zero, Dst: zero, Has: HasProto, Proto: 255}
}
