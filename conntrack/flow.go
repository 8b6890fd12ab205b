package conntrack

import (
	"net/netip"
	"slices"
	"time"

	"github.com/pktrail/pktrail/packet"
)

// Fields says which fields of a Flow hold.
type Fields uint64

// The fields of a Flow. The tuples say for themselves what of them holds.
const (
	HasStatus Fields = 1 << iota
	HasTimeout
	HasMark
	HasZone
	HasID
	HasUse
	HasTCPState
	HasTCPScaleOrig
	HasTCPScaleReply
	HasTCPFlagsOrig
	HasTCPFlagsReply
	HasSCTPState
	HasSCTPTagOrig
	HasSCTPTagReply
	HasDCCPState
	HasDCCPRole
	HasDCCPHandshake
	HasHelper
	HasSecMark
	HasSecCtx
	HasLabels
	HasCountersOrig
	HasCountersReply
	HasStart
	HasStop
	HasEventTime
	HasSeqAdjOrig
	HasSeqAdjReply
	HasSynProxy
	HasSrcNAT
	HasDstNAT
	HasMarkMask
	HasLabelsMask
)

// Flow is an entry of the connection tracking table, or what a message says of
// one. Dumps and listeners reuse it: use Clone to keep one.
type Flow struct {
	Has         Fields
	Family      packet.Family
	Orig, Reply Tuple // of packets that go as the first one went, and of those that answer
	Master      Tuple // original direction of the flow that this one was expected by; zero without

	Status  Status
	Timeout uint32 // seconds until it goes if no packet comes
	Mark    uint32
	Zone    uint16 // of both directions; Tuple.Zone is of one
	Use     uint32 // references that the kernel holds
	ID      uint32 // the kernel's, unique among entries that live at the same time

	TCP  TCP
	SCTP SCTP
	DCCP DCCP

	Helper     string // name of the connection tracking helper
	HelperInfo []byte // what a helper in user space keeps
	SecCtx     string // security context
	SecMark    uint32 // of kernels before 2.6.37, which had no context
	Labels     Labels

	CountersOrig, CountersReply Counters // with net.netfilter.nf_conntrack_acct
	Start, Stop                 Stamp    // with net.netfilter.nf_conntrack_timestamp
	EventTime                   Stamp    // when the kernel noted the event; 6.14 and later

	SeqAdjOrig, SeqAdjReply SeqAdj
	SynProxy                SynProxy

	// SrcNAT, DstNAT, MarkMask and LabelsMask are of requests only: what is to
	// be translated in a new entry, and which bits of an old one change.
	SrcNAT, DstNAT NATRange
	MarkMask       uint32
	LabelsMask     Labels

	Unknown []Attr // in place: Data holds as long as the message
}

// Clone is a copy that shares no memory with f.
func (f *Flow) Clone() *Flow {
	c := &Flow{}
	c.CopyFrom(f)
	return c
}

// CopyFrom makes f a copy of another flow that shares no memory with it. It costs
// none of its own unless the other has a helper's data or unknown attributes.
func (f *Flow) CopyFrom(other *Flow) {
	info := append(f.HelperInfo[:0], other.HelperInfo...)
	*f = *other
	f.HelperInfo = info
	f.Unknown = cloneAttrs(other.Unknown)
}

func cloneAttrs(attrs []Attr) []Attr {
	c := slices.Clone(attrs)
	for i := range c {
		c[i].Data = slices.Clone(c[i].Data)
	}
	return c
}

// InZone reports whether either direction of the flow lies in the zone, which is
// how the kernel compares zones in a filter (nf_ct_zone_equal_any). A flow
// without a zone lies in zone 0.
func (f *Flow) InZone(zone uint16) bool {
	if f.Has&HasZone != 0 {
		return f.Zone == zone
	}
	orig, reply := f.Orig.Has&HasTupleZone != 0, f.Reply.Has&HasTupleZone != 0
	if !orig && !reply {
		return zone == 0
	}
	return orig && f.Orig.Zone == zone || reply && f.Reply.Zone == zone
}

// Lifetime is how long the entry lived, or has lived at the time that is given.
// It takes the kernel's timestamps; ok is false without them.
func (f *Flow) Lifetime(now time.Time) (d time.Duration, ok bool) {
	if f.Has&HasStart == 0 {
		return 0, false
	}
	if f.Has&HasStop != 0 {
		now = f.Stop.Time()
	}
	return now.Sub(f.Start.Time()), true
}

// TCP is what conntrack knows of a TCP connection.
type TCP struct {
	State                 TCPState
	ScaleOrig, ScaleReply uint8 // window scales
	FlagsOrig, FlagsReply uint8 // TCPWindowScale and so on
	// MaskOrig and MaskReply say which flags a request changes; the kernel
	// answers 0.
	MaskOrig, MaskReply uint8
}

// SCTP is what conntrack knows of an SCTP association.
type SCTP struct {
	State             SCTPState
	TagOrig, TagReply uint32 // verification tags
}

// DCCP is what conntrack knows of a DCCP connection.
type DCCP struct {
	State     DCCPState
	Role      uint8 // 0: the original direction is the client's
	Handshake uint64
}

// Counters are what passed in one direction.
type Counters struct {
	Packets, Bytes uint64
}

// Stamp is a time of the kernel's real-time clock, in nanoseconds since 1970.
type Stamp uint64

// Time is the same moment.
func (s Stamp) Time() time.Time { return time.Unix(int64(s/1e9), int64(s%1e9)) }

// SeqAdj is by how much TCP sequence numbers of one direction are shifted.
type SeqAdj struct {
	Pos           uint32 // sequence number from which After holds
	Before, After int32
}

// SynProxy is what SYNPROXY keeps of a connection.
type SynProxy struct {
	ISN, ITS, TSOff uint32
}

// NATRange is the addresses and ports that a new entry is translated to. What is
// not valid or 0 is left to the kernel.
type NATRange struct {
	Min, Max         netip.Addr
	MinPort, MaxPort uint16
}

// Labels are connlabels as the kernel has them: bit n is bit n%8 of byte n/8.
type Labels [16]byte

// Bit reports whether label n, 0 to 127, is set.
func (l *Labels) Bit(n int) bool { return l[n/8]&(1<<(n%8)) != 0 }

// SetBit sets label n, 0 to 127.
func (l *Labels) SetBit(n int) { l[n/8] |= 1 << (n % 8) }
