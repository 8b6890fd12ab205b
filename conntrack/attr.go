package conntrack

import "github.com/pktrail/pktrail/internal/wire"

// Subsystems and messages of nfnetlink, and flags of netlink messages. The
// numbers are written down here so that messages decode on any system
// (include/uapi/linux/netlink.h, netfilter/nfnetlink.h, nfnetlink_conntrack.h).
const (
	subsysFlow   = 1 << 8 // NFNL_SUBSYS_CTNETLINK
	subsysExpect = 2 << 8 // NFNL_SUBSYS_CTNETLINK_EXP

	msgNew            = 0
	msgGet            = 1
	msgDelete         = 2
	msgGetZero        = 3
	msgGetStatsCPU    = 4
	msgGetStats       = 5
	msgGetDying       = 6
	msgGetUnconfirmed = 7

	msgExpectStatsCPU = 3

	flagRequest = 0x1
	flagAck     = 0x4
	flagDump    = 0x300
	flagExcl    = 0x200
	flagCreate  = 0x400

	flagNested = 1 << 15
)

// enum ctattr_type
const (
	ctaTupleOrig = 1 + iota
	ctaTupleReply
	ctaStatus
	ctaProtoInfo
	ctaHelp
	ctaNATSrc
	ctaTimeout
	ctaMark
	ctaCountersOrig
	ctaCountersReply
	ctaUse
	ctaID
	ctaNATDst
	ctaTupleMaster
	ctaSeqAdjOrig
	ctaSeqAdjReply
	ctaSecMark
	ctaZone
	ctaSecCtx
	ctaTimestamp
	ctaMarkMask
	ctaLabels
	ctaLabelsMask
	ctaSynProxy
	ctaFilter
	ctaStatusMask
	ctaTimestampEvent
)

// enum ctattr_tuple, ctattr_ip, ctattr_l4proto
const (
	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaTupleZone  = 3

	ctaIPv4Src = 1
	ctaIPv4Dst = 2
	ctaIPv6Src = 3
	ctaIPv6Dst = 4

	ctaProtoNum     = 1
	ctaProtoSrcPort = 2
	ctaProtoDstPort = 3
	ctaICMPID       = 4
	ctaICMPType     = 5
	ctaICMPCode     = 6
	ctaICMPv6ID     = 7
	ctaICMPv6Type   = 8
	ctaICMPv6Code   = 9
)

// enum ctattr_protoinfo and those below it
const (
	ctaInfoTCP  = 1
	ctaInfoDCCP = 2
	ctaInfoSCTP = 3

	ctaTCPState      = 1
	ctaTCPScaleOrig  = 2
	ctaTCPScaleReply = 3
	ctaTCPFlagsOrig  = 4
	ctaTCPFlagsReply = 5

	ctaDCCPState     = 1
	ctaDCCPRole      = 2
	ctaDCCPHandshake = 3
	ctaDCCPPad       = 4

	ctaSCTPState     = 1
	ctaSCTPVTagOrig  = 2
	ctaSCTPVTagReply = 3
)

// enum ctattr_counters, ctattr_tstamp, ctattr_help, ctattr_secctx, ctattr_seqadj,
// ctattr_synproxy, ctattr_nat, ctattr_protonat, ctattr_filter
const (
	ctaPackets   = 1
	ctaBytes     = 2
	ctaPackets32 = 3
	ctaBytes32   = 4
	ctaCountPad  = 5

	ctaStart    = 1
	ctaStop     = 2
	ctaStampPad = 3

	ctaHelpName = 1
	ctaHelpInfo = 2

	ctaSecCtxName = 1

	ctaSeqPos    = 1
	ctaSeqBefore = 2
	ctaSeqAfter  = 3

	ctaSynISN   = 1
	ctaSynITS   = 2
	ctaSynTSOff = 3

	ctaNATv4Min = 1
	ctaNATv4Max = 2
	ctaNATProto = 3
	ctaNATv6Min = 4
	ctaNATv6Max = 5

	ctaNATPortMin = 1
	ctaNATPortMax = 2

	ctaFilterOrig  = 1
	ctaFilterReply = 2
)

// enum ctattr_expect, ctattr_expect_nat
const (
	ctaExpectMaster   = 1
	ctaExpectTuple    = 2
	ctaExpectMask     = 3
	ctaExpectTimeout  = 4
	ctaExpectID       = 5
	ctaExpectHelpName = 6
	ctaExpectZone     = 7
	ctaExpectFlags    = 8
	ctaExpectClass    = 9
	ctaExpectNAT      = 10
	ctaExpectFn       = 11

	ctaExpectNATDir   = 1
	ctaExpectNATTuple = 2
)

// Attr is an attribute that this package does not know, or whose length is not
// the one it knows.
type Attr struct {
	Path [4]uint16 // the numbers of the attributes it lies in and its own, outermost first; 0 ends it
	Data []byte    // as it came, in place
}

// leftovers are what a message had beside what is known.
type leftovers []Attr

// place is the numbers of the attributes that something lies in, outermost first.
type place [3]uint16

func (p place) into(typ uint16) place {
	for i := range p {
		if p[i] == 0 {
			p[i] = typ
			break
		}
	}
	return p
}

func (l *leftovers) keep(a wire.Attr, in place) {
	left := Attr{Data: a.Data}
	for i, typ := range append(in[:], 0) {
		if typ == 0 {
			left.Path[i] = a.Type
			break
		}
		left.Path[i] = typ
	}
	*l = append(*l, left)
}

// rest keeps bytes that are no attribute, under number 0.
func (l *leftovers) rest(a wire.Attrs, in place) {
	if len(a) > 0 {
		l.keep(wire.Attr{Data: a}, in)
	}
}
