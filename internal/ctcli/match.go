package ctcli

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// filter is what entries must have to be listed, deleted or told of. byStatus is
// how the kernel is asked for a status, which conntrack does for lists only.
func (r *request) filter(byStatus bool) (conntrack.Filter, error) {
	f := conntrack.Filter{Family: r.family, Also: r.also}
	if err := r.checkMasks(); err != nil {
		return f, err
	}
	if r.options&compared != 0 {
		f.Orig, f.Reply = comparedPart(r.flow.Orig), comparedPart(r.flow.Reply)
		r.unmask(&f.Orig)
		if r.flow.Has&conntrack.HasZone != 0 && r.flow.Zone != 0 {
			f.HasZone, f.Zone = true, r.flow.Zone
		}
	}
	if r.options&optMark != 0 && r.mark.value&^r.mark.mask == 0 {
		f.Mark, f.MarkMask = r.mark.value, r.mark.mask
	}
	if !byStatus || r.options&optStatus == 0 {
		return f, nil
	}
	switch {
	case r.status.mask == 0:
		return f, unix.EINVAL // from the kernel: ctnetlink_filter_parse_status
	case r.status.value&^r.status.mask != 0:
		f.Also = func(*conntrack.Flow) bool { return false }
	default:
		f.Status, f.StatusMask = conntrack.Status(r.status.value), conntrack.Status(r.status.mask)
	}
	return f, nil
}

func (r *request) checkMasks() error {
	switch {
	case r.options&optMaskSrc != 0 && r.options&optSrc == 0:
		return misuse("Can't use --mask-src without --src")
	case r.options&optMaskDst != 0 && r.options&optDst == 0:
		return misuse("Can't use --mask-dst without --dst")
	}
	return nil
}

// unmask takes out addresses that are networks.
func (r *request) unmask(t *conntrack.Tuple) {
	if r.options&optMaskSrc != 0 {
		t.Src = netip.Addr{}
	}
	if r.options&optMaskDst != 0 {
		t.Dst = netip.Addr{}
	}
}

// comparedPart is the part of a tuple that conntrack compares: ports of those
// protocols that have ports, but no keys of GRE.
func comparedPart(t conntrack.Tuple) conntrack.Tuple {
	keep := conntrack.HasProto
	switch t.Proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP:
		keep |= conntrack.HasPorts
	case packet.ProtoICMP, packet.ProtoICMPv6:
		keep |= conntrack.HasICMP
	}
	t.Has &= keep
	if t.Has&conntrack.HasProto == 0 {
		t.Has = 0
	}
	return t
}

// also is what is left to look at beside the filter's own conditions.
func (r *request) also(f *conntrack.Flow) bool {
	return r.matchNAT(f) && r.matchMark(f) && r.matchLabels(f) && r.matchNetworks(f) &&
		(r.options&compared == 0 || r.matchMeta(f))
}

func (r *request) matchMark(f *conntrack.Flow) bool {
	return r.options&optMark == 0 || f.Has&conntrack.HasMark != 0 && f.Mark&r.mark.mask == r.mark.value
}

func (r *request) matchLabels(f *conntrack.Flow) bool { return r.label == nil || r.label.within(f) }

func (r *request) matchNetworks(f *conntrack.Flow) bool {
	return (r.options&optMaskSrc == 0 || masked(f.Orig.Src, r.flow.Orig.Src, r.mask.Src)) &&
		(r.options&optMaskDst == 0 || masked(f.Orig.Dst, r.flow.Orig.Dst, r.mask.Dst))
}

// matchMeta compares what was said of the entry beside its tuples. A zone that an
// entry does not have is zone 0.
func (r *request) matchMeta(f *conntrack.Flow) bool {
	w := &r.flow
	switch {
	case w.Has&conntrack.HasID != 0 && (f.Has&conntrack.HasID == 0 || f.ID != w.ID),
		w.Has&conntrack.HasTimeout != 0 && (f.Has&conntrack.HasTimeout == 0 || f.Timeout != w.Timeout),
		w.Has&conntrack.HasStatus != 0 && (f.Has&conntrack.HasStatus == 0 || w.Status&^f.Status != 0),
		w.Has&conntrack.HasZone != 0 && f.Zone != w.Zone,
		w.Orig.Has&conntrack.HasTupleZone != 0 && f.Orig.Zone != w.Orig.Zone,
		w.Reply.Has&conntrack.HasTupleZone != 0 && f.Reply.Zone != w.Reply.Zone:
		return false
	}
	return sameStates(w, f)
}

// sameStates reports whether the states that w has are f's.
func sameStates(w, f *conntrack.Flow) bool {
	switch {
	case w.Has&conntrack.HasTCPState != 0 && (f.Has&conntrack.HasTCPState == 0 || f.TCP.State != w.TCP.State),
		w.Has&conntrack.HasSCTPState != 0 && (f.Has&conntrack.HasSCTPState == 0 || f.SCTP.State != w.SCTP.State),
		w.Has&conntrack.HasDCCPState != 0 && (f.Has&conntrack.HasDCCPState == 0 || f.DCCP.State != w.DCCP.State):
		return false
	}
	return true
}

// matchNAT holds an entry to --src-nat, --dst-nat and --any-nat. IPv6 addresses
// are not compared.
func (r *request) matchNAT(f *conntrack.Flow) bool {
	const any = optSrcNAT | optDstNAT | optAnyNAT
	if r.options&any == 0 {
		return true
	}
	src := natSide(r.flow.SrcNAT, r.natPort[0], isSNAT(f), isSPAT(f), f.Reply.Dst, dstWord(&f.Reply))
	dst := natSide(r.flow.DstNAT, r.natPort[1], isDNAT(f), isDPAT(f), f.Reply.Src, srcWord(&f.Reply))
	switch {
	case r.options&optAnyNAT != 0:
		return src || dst
	case r.options&optSrcNAT == 0:
		return dst
	case r.options&optDstNAT == 0:
		return src
	}
	return src && dst
}

// natSide reports whether one side of an entry is translated as was asked for.
func natSide(want conntrack.NATRange, wantPort, natted, ported bool, addr netip.Addr, port uint16) bool {
	wantAddr := want.Min.Is4()
	addrFits, portFits := natted && addr == want.Min, ported && port == want.MinPort
	switch {
	case wantAddr && wantPort:
		return addrFits && portFits
	case wantAddr:
		return addrFits
	case wantPort:
		return portFits
	}
	return natted || ported
}

// matchesUpdate reports whether an entry is one that is to be changed: what was
// said beside tuples, NAT, labels and networks is what it is to become.
func (r *request) matchesUpdate(f *conntrack.Flow) bool {
	w := &r.flow
	orig, reply := comparedPart(w.Orig), comparedPart(w.Reply)
	r.unmask(&orig)
	switch {
	case !r.matchNAT(f), !r.matchLabels(f), !r.matchNetworks(f),
		w.Has&conntrack.HasID != 0 && f.ID != w.ID,
		r.options&(optOrig|optProto) != 0 && !covers(&orig, &f.Orig),
		r.options&(optReply|optProto) != 0 && !covers(&reply, &f.Reply):
		return false
	}
	return true
}

// covers is Tuple.Covers, but that fields that the entry does not have are passed over.
func covers(want, t *conntrack.Tuple) bool {
	w := *want
	w.Has &= t.Has
	return w.Covers(t)
}
