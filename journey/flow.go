package journey

import (
	"net/netip"
	"time"
)

// FlowSchema and FlowEventSchema name the JSON forms of a Flow and a FlowEvent.
const (
	FlowSchema      = "pktrail/flow/v1"
	FlowEventSchema = "pktrail/flow-event/v1"
)

// Flow is an entry of the connection tracking table. What the kernel did not say
// of it is absent; the words are the kernel's own
// (net/netfilter/nf_conntrack_netlink.c).
type Flow struct {
	Schema string  `json:"schema"`
	Netns  *Netns  `json:"netns,omitzero"`
	ID     *uint32 `json:"id,omitzero"` // the kernel's, unique among entries that live at the same time
	Family string  `json:"family"`      // ipv4, ipv6, or unknown
	Proto  string  `json:"proto,omitzero"`

	Orig  FlowSide `json:"orig"`  // packets that go as the first one went, as they come in
	Reply FlowSide `json:"reply"` // packets that answer, as they come in
	NAT   *FlowNAT `json:"nat,omitzero"`

	State   string   `json:"state,omitzero"`   // of TCP, SCTP or DCCP
	Status  []string `json:"status,omitzero"`  // SEEN_REPLY, ASSURED, … in the order of their bits
	Timeout *uint32  `json:"timeout,omitzero"` // seconds until it goes if no packet comes
	Mark    *uint32  `json:"mark,omitzero"`    // of the connection
	Zone    *uint16  `json:"zone,omitzero"`    // of both directions; a side's own is in it
	Labels  []int    `json:"labels,omitzero"`  // numbers of the labels that are set
	Use     *uint32  `json:"use,omitzero"`     // references that the kernel holds

	Helper     string  `json:"helper,omitzero"`
	HelperInfo Hex     `json:"helper_info,omitzero"`
	SecCtx     string  `json:"secctx,omitzero"`
	SecMark    *uint32 `json:"secmark,omitzero"`

	Start Time `json:"start,omitzero"` // by the kernel's clock, where net.netfilter.nf_conntrack_timestamp is on
	Stop  Time `json:"stop,omitzero"`

	TCP      *FlowTCP      `json:"tcp,omitzero"`
	SCTP     *FlowSCTP     `json:"sctp,omitzero"`
	DCCP     *FlowDCCP     `json:"dccp,omitzero"`
	Master   *FlowSide     `json:"master,omitzero"` // original direction of the flow that this one was expected by
	SynProxy *FlowSynProxy `json:"synproxy,omitzero"`
	Unknown  []FlowAttr    `json:"unknown,omitzero"` // what this version does not know
}

// FlowSide is one direction of a flow.
type FlowSide struct {
	Src     netip.Addr  `json:"src,omitzero"`
	Dst     netip.Addr  `json:"dst,omitzero"`
	SrcPort *uint16     `json:"sport,omitzero"`
	DstPort *uint16     `json:"dport,omitzero"`
	SrcKey  *uint16     `json:"src_key,omitzero"` // of GRE
	DstKey  *uint16     `json:"dst_key,omitzero"`
	ICMP    *FlowICMP   `json:"icmp,omitzero"`
	Zone    *uint16     `json:"zone,omitzero"` // of this direction alone
	Packets *uint64     `json:"packets,omitzero"`
	Bytes   *uint64     `json:"bytes,omitzero"`
	SeqAdj  *FlowSeqAdj `json:"seqadj,omitzero"`
}

// FlowICMP is what tells one ICMP query from another.
type FlowICMP struct {
	Type *uint8  `json:"type,omitzero"`
	Code *uint8  `json:"code,omitzero"`
	ID   *uint16 `json:"id,omitzero"`
}

// FlowSeqAdj is by how much TCP sequence numbers of one direction are shifted.
type FlowSeqAdj struct {
	Pos    uint32 `json:"pos"` // sequence number from which After holds
	Before int32  `json:"before"`
	After  int32  `json:"after"`
}

// FlowNAT is what translation makes of packets of the original direction. An end
// that stays as it is has no member.
type FlowNAT struct {
	Src     *Change[netip.Addr] `json:"src,omitzero"`
	SrcPort *Change[uint16]     `json:"sport,omitzero"`
	Dst     *Change[netip.Addr] `json:"dst,omitzero"`
	DstPort *Change[uint16]     `json:"dport,omitzero"`
	ID      *Change[uint16]     `json:"id,omitzero"` // of an ICMP query
}

// FlowTCP is what conntrack keeps of the two ends of a TCP connection: window
// scales, and flags as numbers (nf_conntrack_tcp.h: IP_CT_TCP_FLAG_*).
type FlowTCP struct {
	ScaleOrig  *uint8 `json:"scale_orig,omitzero"`
	ScaleReply *uint8 `json:"scale_reply,omitzero"`
	FlagsOrig  *uint8 `json:"flags_orig,omitzero"`
	FlagsReply *uint8 `json:"flags_reply,omitzero"`
}

// FlowSCTP is the verification tags of an SCTP association.
type FlowSCTP struct {
	TagOrig  *uint32 `json:"vtag_orig,omitzero"`
	TagReply *uint32 `json:"vtag_reply,omitzero"`
}

// FlowDCCP is what conntrack keeps of a DCCP connection.
type FlowDCCP struct {
	Role      *uint8 `json:"role,omitzero"`      // 0: the original direction is the client's
	Handshake string `json:"handshake,omitzero"` // sequence number in decimal: it may be beyond 2^53
}

// FlowSynProxy is what SYNPROXY keeps of a connection.
type FlowSynProxy struct {
	ISN   uint32 `json:"isn"`
	ITS   uint32 `json:"its"`
	TSOff uint32 `json:"tsoff"`
}

// FlowAttr is an attribute of the kernel's message, as it came.
type FlowAttr struct {
	Path []int `json:"path"` // numbers of the attributes it lies in, and its own
	Data Hex   `json:"data"`
}

// FlowChange is what happened to a flow.
type FlowChange string

// What happens to flows. Listed is none of the kernel's events: an entry that was
// met when the table was listed anew after a loss. Created, Updated and Deleted
// are what was done by request.
const (
	FlowNew     FlowChange = "new"
	FlowUpdate  FlowChange = "update"
	FlowDestroy FlowChange = "destroy"
	FlowListed  FlowChange = "listed"
	FlowCreated FlowChange = "created"
	FlowUpdated FlowChange = "updated"
	FlowDeleted FlowChange = "deleted"
)

// FlowEvent is something that happened to a flow.
type FlowEvent struct {
	Schema string     `json:"schema"`
	Time   Time       `json:"time,omitzero"`
	Clock  Clock      `json:"clock,omitzero"` // what the time is: receipt or kernel
	Event  FlowChange `json:"event"`
	// Port is the netlink port of the program whose doing it was, often its
	// process id; absent where it was the kernel's own doing.
	Port *uint32 `json:"portid,omitzero"`
	// Lifetime is how long a flow that is gone lived, by the kernel's stamps or,
	// with LifetimeBy "seen", from the receipt of its start on.
	Lifetime   *Seconds `json:"lifetime,omitzero"`
	LifetimeBy string   `json:"lifetime_by,omitzero"` // kernel or seen
	Flow       Flow     `json:"flow"`
}

// ClockKernel is the clock of times that the kernel took itself.
const ClockKernel Clock = "kernel"

// Seconds is a length of time, which JSON shows as seconds with six decimals.
type Seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) { return Uptime(s).Append(nil), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Seconds) UnmarshalJSON(text []byte) error { return (*Uptime)(s).UnmarshalJSON(text) }
