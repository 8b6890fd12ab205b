// Package event holds one decoded kernel fact each: what a source emits and
// what correlate turns into journeys.
package event

import (
	"time"

	"github.com/pktrail/pktrail/ruleset"
)

// Kind says which part of an Event is filled.
type Kind uint8

// The kinds of events.
const (
	KindTrace     Kind = iota + 1 // Trace: nf_tables reports a rule, a return or a policy
	KindLog                       // Log: a message of nfnetlink_log
	KindNamespace                 // Namespace: what is known about the namespace, again after a change
	KindRules                     // Rules: tables as they were read
	KindLost                      // Lost
	KindUndecoded                 // Undecoded
	KindNote                      // Note: what makes the stream as a whole incomplete
	KindCounters                  // Counters: what our own rules counted
	KindIdle                      // all that the kernel had for this namespace up to Time has been emitted
	KindChecked                   // the rules at Time were compared with the last reading; Stale: they differ
	KindLine                      // Line: a line of the kernel's packet log
	KindBadLine                   // BadLine: a line that looks like one, and cannot be read as one
)

// Event is one fact. The byte slices inside point into the reader's buffer and
// hold only until the call that hands them over returns.
type Event struct {
	Kind  Kind
	Time  time.Time // of receipt
	Netns uint16    // number of the namespace in this stream, from 0

	Trace     Trace
	Log       Log
	Line      *LogLine
	BadLine   *BadLine
	Namespace *Namespace
	Rules     *Rules
	Lost      *Lost
	Undecoded *Undecoded
	Note      string
	Counters  *Counters
	Stale     bool
}

// TraceType is the kernel's enum nft_trace_types.
type TraceType uint8

// The types of trace events (include/uapi/linux/netfilter/nf_tables.h).
const (
	TraceUnspec TraceType = 0
	TracePolicy TraceType = 1
	TraceReturn TraceType = 2
	TraceRule   TraceType = 3
)

// Trace is one NFT_MSG_TRACE message.
type Trace struct {
	ID      uint32
	Type    TraceType
	Family  ruleset.Family // of the table
	NFProto uint8          // of the hook: an inet table's packet is ip or ip6
	Table   string
	Chain   string
	Handle  uint64          // 0: no rule, the end of the chain
	Verdict ruleset.Verdict // empty when absent
	Target  string          // chain of a jump or goto
	Policy  ruleset.Verdict // of a policy event
	Mark    uint32

	HasPacket bool   // headers and interfaces are there: the first event of a chain traversal
	In, Out   uint32 // interface indexes, 0 when absent
	Link      []byte
	Network   []byte
	Transport []byte

	CT CT
}

// CT is what the kernel tells of the conntrack entry with an event.
type CT struct {
	Known     bool // at least one attribute was there
	ID        uint32
	HasID     bool
	State     uint32 // bits of NF_CT_STATE_BIT: 1 invalid, 2 established, 4 related, 8 new, 64 untracked
	Status    uint32 // IPS_* bits
	Direction uint8  // 0 original, 1 reply
	HasDir    bool
	HasStatus bool
}

// Log is one NFULNL_MSG_PACKET message.
type Log struct {
	Family         uint8 // NFPROTO of the logging hook
	Hook           uint8 // number of the hook in that family, or NoHook
	Group          uint16
	Prefix         []byte // without the terminating zero
	In, Out        uint32
	PhysIn         uint32
	PhysOut        uint32
	Mark           uint32
	EtherType      uint16 // network byte order turned to host order
	LinkHeader     []byte
	LinkType       uint16 // ARPHRD_* of the device that LinkHeader is of
	HasLinkType    bool
	VLANProto      uint16 // of the tag that stands beside LinkHeader, as bridges carry it
	VLANTag        uint16 // priority, drop bit and id
	HasVLAN        bool
	Payload        []byte // from the network header on
	Timestamp      time.Time
	Seq            uint32
	HasSeq         bool
	UID, GID       uint32
	HasUID, HasGID bool
	CT             CT

	// Line is what a prefix in the form of legacy TRACE says; Line.Table is empty for other prefixes.
	Line TraceLine
}

// NoHook is the hook of a packet that was captured, and that no hook logged.
const NoHook = 0xff

// LineType is what a legacy TRACE line says about itself.
type LineType uint8

// The types of a TRACE line (net/ipv4/netfilter/ip_tables.c: trace_packet).
const (
	LineRule LineType = iota + 1
	LineReturn
	LinePolicy
)

// TraceLine is the prefix `TRACE: table:chain:type:number `.
type TraceLine struct {
	Table  string
	Chain  string
	Type   LineType
	Number int // position in the chain, from 1
}

// Namespace describes a namespace of the stream.
type Namespace struct {
	Name    string            `json:"name"`
	Inode   uint64            `json:"inode"`
	Cookie  string            `json:"cookie"`
	Host    string            `json:"host"`
	BootID  string            `json:"boot_id"`
	Links   map[uint32]string `json:"links"`   // interface names by index
	Bridges map[uint32]uint32 `json:"bridges"` // port index to bridge index

	// Own is the chains that pktrail armed with, by name, in tables named
	// OwnTable; no two of them share a name, whatever their family.
	OwnTable string              `json:"own_table"`
	Own      map[string]OwnChain `json:"own"`
	// Log: the packets are told by a log or a capture, so a packet begins with its
	// first line and not at a chain of ours.
	Log bool `json:"log"`
	// BlindLegacy says why the lines of legacy tables cannot be seen; empty when they can.
	BlindLegacy string `json:"blind_legacy"`
}

// Role is what a chain of our own is for.
type Role string

// The roles. A packet meets an Arm chain and, when it is to be traced, the Trace
// chain behind it; a Milestone reports it between the tables of others.
const (
	Arm       Role = "arm"
	TraceRole Role = "trace"
	Milestone Role = "milestone"
)

// OwnChain is one chain of ours.
type OwnChain struct {
	Role Role `json:"role"`
	// Cause says why packets of a Trace chain are traced: match, reply, answer or widened.
	Cause    string         `json:"cause"`
	Family   ruleset.Family `json:"family"` // of its table
	Hook     ruleset.Hook   `json:"hook"`
	Priority int32          `json:"priority"`
}

// Rules is tables as they were read, so that recordings explain themselves.
// A table replaces an earlier reading of the same table.
type Rules struct {
	Tables []*ruleset.Table `json:"tables"`
	// All: these are all tables that the namespace has; what is not in it is gone.
	All bool `json:"all"`
	// Generation of nf_tables when they were read, 0 when not known.
	Generation uint32 `json:"generation"`
	// Pending: texts follow in a later event.
	Pending bool `json:"pending"`
	// Problems say what could not be read, in words.
	Problems []string `json:"problems"`
}

// Lost is messages that the kernel could not deliver.
type Lost struct {
	What  string `json:"what"` // "nftrace and NFLOG", "NFLOG"
	Count int64  `json:"count"`
	More  bool   `json:"more"` // at least Count
	// Open: the loss goes on until a Lost event that has Open false.
	Open bool `json:"open"`
}

// Undecoded is a message that no decoder understands, kept as it came.
type Undecoded struct {
	Type   uint16 `json:"type"` // of the netlink message
	Reason string `json:"reason"`
	Raw    []byte `json:"raw"`
}

// BadLine is a line, or a stretch of a file, that could not be read as the
// packet line that it looks like.
type BadLine struct {
	File   string
	Number int64 // of the line, from 1; 0 when not known
	Reason string
	Text   []byte // its beginning
}

// Counters is what the rules of our own table counted in one namespace.
type Counters struct {
	Traced      int64 `json:"traced"`
	RateLimited int64 `json:"rate_limited"`
}
