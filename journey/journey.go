// Package journey is one packet's path through one network namespace: its
// steps, what became of it, why, and how sure that is. Its JSON form
// (pktrail/journey/v1) is the wire format that every output is made from.
// Observed and simulated packets are the same type.
package journey

import (
	"net/netip"

	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// Schema names the JSON form of a Journey.
const Schema = "pktrail/journey/v1"

// Journey is the path of one packet through one network namespace.
type Journey struct {
	Schema   string   `json:"schema"`
	ID       ID       `json:"id"`                 // ours: 128 bits, ordered by time
	TraceID  string   `json:"trace_id,omitzero"`  // the kernel's, eight hex digits, the first of them where it changed
	TraceIDs []string `json:"trace_ids,omitzero"` // all of them, only where the kernel changed it on the way
	Host     Host     `json:"host"`
	Netns    *Netns   `json:"netns,omitzero"` // where it was seen; its steps have it too
	Start    Time     `json:"start,omitzero"` // absent only where a log tells no time
	Clock    Clock    `json:"clock,omitzero"` // what its times are, unless of receipt
	Packet   Packet   `json:"packet"`         // as it was first seen
	// Headers is Packet as it was decoded, for judging it; not in JSON.
	Headers   packet.Packet `json:"-"`
	Steps     []Step        `json:"steps"`
	Outcome   Outcome       `json:"outcome"`
	Identity  Identity      `json:"identity"`
	Complete  bool          `json:"complete"`
	Missing   []string      `json:"missing"` // what may be missing, in words; empty when complete
	Lost      LostCount     `json:"lost"`
	Links     []Link        `json:"links"`
	ArmedFrom string        `json:"armed_from,omitzero"` // why this packet was traced when it is not MATCH itself: "reply", "answer", "widened"
}

// Host is the machine on which the packet was seen.
type Host struct {
	Name   string `json:"name"`
	BootID string `json:"boot_id"`
}

// Packet is the headers as JSON shows them. Fields that were not in reach are absent.
type Packet struct {
	Family     string     `json:"family"` // ipv4, ipv6, arp, the ethertype in hex, or unknown
	Proto      string     `json:"proto,omitzero"`
	NextHeader string     `json:"next_header,omitzero"` // IPv6's extension header, where what is behind it is not known
	Src        netip.Addr `json:"src,omitzero"`
	Dst        netip.Addr `json:"dst,omitzero"`
	SrcPort    *uint16    `json:"sport,omitzero"`
	DstPort    *uint16    `json:"dport,omitzero"`
	Length     *int       `json:"length,omitzero"` // bytes of the IP packet
	TTL        *uint8     `json:"ttl,omitzero"`
	TOS        *uint8     `json:"tos,omitzero"`
	IPID       *uint16    `json:"ip_id,omitzero"`
	FlowLabel  *uint32    `json:"flow_label,omitzero"`
	Fragment   *Fragment  `json:"fragment,omitzero"`
	TCP        *TCP       `json:"tcp,omitzero"`
	ICMP       *ICMP      `json:"icmp,omitzero"`
	ARP        *ARP       `json:"arp,omitzero"`
	VLAN       *uint16    `json:"vlan,omitzero"` // id of the outermost tag
	Mark       *uint32    `json:"mark,omitzero"`
	Inner      *Packet    `json:"inner,omitzero"` // what an ICMP error or a tunnel carries
}

// Fragment places one part of a fragmented packet.
type Fragment struct {
	Offset int  `json:"offset"` // bytes
	More   bool `json:"more"`
}

// TCP is a segment's header. Flags are letters in the order of tcpdump: S F R P A U E W.
type TCP struct {
	Flags string `json:"flags"`
	Seq   uint32 `json:"seq"`
	Ack   uint32 `json:"ack"`
}

// ICMP is an ICMP or ICMPv6 header; ID and Seq are absent unless it is an echo.
type ICMP struct {
	Type uint8   `json:"type"`
	Code uint8   `json:"code"`
	Name string  `json:"name,omitzero"` // nft's word for the type
	ID   *uint16 `json:"id,omitzero"`
	Seq  *uint16 `json:"seq,omitzero"`
}

// ARP is an ARP message of Ethernet and IPv4; the packet's Src and Dst are its
// protocol addresses.
type ARP struct {
	Op       uint16 `json:"op"`
	Name     string `json:"name,omitzero"` // nft's word for the operation
	SrcEther string `json:"src_ether"`
	DstEther string `json:"dst_ether"`
}

// Kind says which of a step's objects is filled.
type Kind string

// The kinds of a step.
const (
	KindRule   Kind = "rule"
	KindPolicy Kind = "policy"
	KindReturn Kind = "return"
	KindLog    Kind = "log"
	KindNAT    Kind = "nat"
	KindMark   Kind = "mark"
	KindCT     Kind = "ct"
	KindDevice Kind = "device" // the packet came to another device of this namespace: loopback, bridge
)

// Step is one thing that happened to the packet.
type Step struct {
	Time     Time            `json:"time,omitzero"`
	Clock    string          `json:"clock,omitzero"` // "kernel" where the time is not that of receipt
	Netns    *Netns          `json:"netns,omitzero"`
	Hook     ruleset.Hook    `json:"hook,omitzero"`
	Priority *int32          `json:"priority,omitzero"`
	Family   string          `json:"family,omitzero"`
	Kind     Kind            `json:"kind"`
	In       string          `json:"in,omitzero"`
	Out      string          `json:"out,omitzero"`
	Verdict  ruleset.Verdict `json:"verdict,omitzero"`
	Rule     *Rule           `json:"rule,omitzero"`
	NAT      *NAT            `json:"nat,omitzero"`
	Mark     *Mark           `json:"mark,omitzero"`
	CT       *CT             `json:"ct,omitzero"`
	Device   *Device         `json:"device,omitzero"`
}

// Netns names a network namespace. The cookie is SO_NETNS_COOKIE in decimal:
// 64 bits that are never used again while the host is up, and so a text, since
// JSON numbers hold 53. The kernel's inodes have 32 bits.
type Netns struct {
	Name   string `json:"name"`
	Inode  uint64 `json:"inode"`
	Cookie string `json:"cookie,omitzero"`
}

// Rule is the rule, policy or return that a step stands for.
type Rule struct {
	Backend ruleset.Backend `json:"backend"`
	Dialect ruleset.Dialect `json:"dialect"`
	Table   string          `json:"table"`
	Chain   string          `json:"chain"`
	Number  int             `json:"number,omitzero"` // from 1; absent for a policy, or where it is not known
	Handle  uint64          `json:"handle,omitzero"` // nft's, counted up from 1 in each table: far below 2^53
	Text    string          `json:"text,omitzero"`
	NoText  string          `json:"no_text,omitzero"` // why there is no text
	Target  string          `json:"target,omitzero"`
	// LogPrefix is what the rule wrote before its line in the log, where only that line tells that it logs.
	LogPrefix string `json:"log_prefix,omitzero"`
	ReadAt    Time   `json:"read_at,omitzero"`
	Doubt     string `json:"doubt,omitzero"` // why the text may be of another rule

	Effect ruleset.Effect `json:"-"`
}

// NAT is a change of addresses or ports. By is "rule", or "entry" where the
// flow's conntrack entry alone decided it, as its first packet had it.
type NAT struct {
	Src   *Change[netip.Addr] `json:"src,omitzero"`
	SPort *Change[uint16]     `json:"sport,omitzero"`
	Dst   *Change[netip.Addr] `json:"dst,omitzero"`
	DPort *Change[uint16]     `json:"dport,omitzero"`
	By    string              `json:"by"`
}

// Change is a value before and after.
type Change[T any] struct {
	From T `json:"from"`
	To   T `json:"to"`
}

// Mark is a change of the packet mark.
type Mark struct {
	From uint32  `json:"from"`
	To   uint32  `json:"to"`
	Mask *uint32 `json:"mask,omitzero"` // where the rule tells it
}

// CT is what the kernel says about the packet's conntrack entry (Linux 6.16 and later).
type CT struct {
	ID        *uint32  `json:"id,omitzero"` // as `conntrack -L -o id` prints it
	State     string   `json:"state,omitzero"`
	Status    []string `json:"status,omitzero"`
	Direction string   `json:"direction,omitzero"`
	Zone      *uint16  `json:"zone,omitzero"`
}

// Device is a change of device inside one namespace: over loopback, or from a
// bridge up to the host.
type Device struct {
	From string `json:"from"`
	To   string `json:"to"`
	Why  string `json:"why"`
}

// Result is what became of the packet in this namespace.
type Result string

// The results. A result that the kernel does not let one know is ResultUnknown.
const (
	Delivered     Result = "delivered"
	Forwarded     Result = "forwarded"
	Sent          Result = "sent"
	Dropped       Result = "dropped"
	Rejected      Result = "rejected"
	Queued        Result = "queued"
	ResultUnknown Result = "unknown"
)

// Outcome is the end of the journey and its reason.
type Outcome struct {
	Result  Result   `json:"result"`
	Step    *int     `json:"step,omitzero"` // the index of the step that decided it
	With    string   `json:"with,omitzero"` // what a reject answered
	Why     string   `json:"why"`           // one sentence
	Because []int    `json:"because"`       // the earlier steps that led there
	Try     []string `json:"try,omitzero"`  // what to look at next, as commands
}

// Identity says how sure it is that all steps belong to one packet.
type Identity string

// Certain: no step can be another packet's. Inferred: more than one open packet fitted.
const (
	Certain  Identity = "certain"
	Inferred Identity = "inferred"
)

// LostCount counts the kernel messages that were lost while the journey was open.
type LostCount struct {
	Count int64 `json:"count"`
	More  bool  `json:"more"` // at least Count
}

// LinkKind says how two journeys belong together.
type LinkKind string

// The kinds of a link.
const (
	LinkReply     LinkKind = "reply"     // the other direction of the flow
	LinkAnswer    LinkKind = "answer"    // what a reject sent, or the packet it answers
	LinkContinues LinkKind = "continues" // the same packet in another namespace
	LinkFragment  LinkKind = "fragment"
)

// Link joins a journey to another without rewriting it.
type Link struct {
	Kind     LinkKind `json:"kind"`
	ID       ID       `json:"id"`
	Identity Identity `json:"identity"`
}
