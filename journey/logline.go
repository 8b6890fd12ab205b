package journey

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// LogLineSchema names the JSON form of a LogLine.
const LogLineSchema = "pktrail/logline/v1"

// LogLine is one line of the kernel's packet log: what a LOG rule, a TRACE rule
// or nft's log statement told of one packet (net/netfilter/nf_log_syslog.c). What
// the line does not tell is absent; an interface that it names as empty is "".
type LogLine struct {
	Schema string `json:"schema"`
	Time   Time   `json:"time,omitzero"`  // absent where the log gives none, or an uptime alone
	Clock  Clock  `json:"clock,omitzero"` // what the time is
	// Uptime is the kernel's own stamp, in seconds since the host's start.
	Uptime *Uptime `json:"uptime,omitzero"`
	Host   string  `json:"host,omitzero"` // as the log names it
	File   string  `json:"file,omitzero"`
	Line   *int64  `json:"line,omitzero"`   // in File, from 1
	Offset *int64  `json:"offset,omitzero"` // of the line in File, in bytes, decompressed

	Prefix *string    `json:"prefix,omitzero"` // as it stands, blanks at its end included; absent where the line begins behind it
	Origin *Origin    `json:"origin,omitzero"` // absent for a prefix of no known form
	Trace  *TraceLine `json:"trace,omitzero"`  // absent unless it is a line of legacy TRACE

	Netns *Netns       `json:"netns,omitzero"`
	Hook  ruleset.Hook `json:"hook,omitzero"`

	In      *string  `json:"in,omitzero"`
	Out     *string  `json:"out,omitzero"`
	PhysIn  *string  `json:"physin,omitzero"` // bridge port
	PhysOut *string  `json:"physout,omitzero"`
	MAC     Bytes    `json:"mac,omitzero"` // link header in hexadecimal, as it stands behind MAC=
	Link    *LogLink `json:"link,omitzero"`
	VLAN    *VLANTag `json:"vlan,omitzero"`
	Tunnel  *Tunnel  `json:"tunnel,omitzero"`

	Packet LogPacket `json:"packet"`
	UID    *uint32   `json:"uid,omitzero"` // of the socket's owner
	GID    *uint32   `json:"gid,omitzero"`
	Mark   *uint32   `json:"mark,omitzero"` // the kernel prints no mark that is 0

	Cut  []string `json:"cut,omitzero"`  // head, tail, gaps: where the line is not complete
	Rest Bytes    `json:"rest,omitzero"` // what was not understood, as it stands
}

// Clock says what the time of a log line is.
type Clock string

// The clocks.
const (
	ClockLog     Clock = "log"     // as the log says, with date, year and zone
	ClockAssumed Clock = "assumed" // as the log says, with a year or a zone that was chosen, or reckoned from the uptime
	ClockUptime  Clock = "uptime"  // the uptime alone: when the host was started is not known
	ClockReceipt Clock = "receipt" // when it was received
)

// Origin is which program wrote a prefix, and what it means there. What the
// prefix does not tell is empty.
type Origin struct {
	Tool   string `json:"tool,omitzero"`
	Chain  string `json:"chain,omitzero"`
	Action string `json:"action,omitzero"`
}

// TraceLine is the prefix of legacy TRACE, as it stands: where Type is return or
// policy, only the rules tell whether it was a rule after all.
type TraceLine struct {
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	Type   string `json:"type"` // rule, return, policy
	Number int    `json:"number"`
}

// VLANTag is the tag of a bridged packet.
type VLANTag struct {
	Proto EtherType `json:"proto"`
	ID    uint16    `json:"id"`
}

// LogLink is the link header, where the line tells it part by part, or where it
// is Ethernet's.
type LogLink struct {
	Src   Ether     `json:"src"`
	Dst   Ether     `json:"dst"`
	Proto EtherType `json:"proto"`
}

// Tunnel is the outer addresses of what came in by a sit device.
type Tunnel struct {
	Src netip.Addr `json:"src"`
	Dst netip.Addr `json:"dst"`
}
