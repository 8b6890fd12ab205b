package event

import (
	"net/netip"
	"time"

	"github.com/pktrail/pktrail/packet"
)

// LogLine is one line of the kernel's packet log: what LOG, TRACE and nft's log
// statement tell of a packet, read from a log or made of an NFLOG message. Its
// fields are those of net/netfilter/nf_log_syslog.c, which prints it. Strings
// may be kept; byte slices hold as long as the event.
type LogLine struct {
	// Where the line was found.
	File   string // as the user named it; empty for a live source
	Offset int64  // of the line in File, in bytes from its beginning, decompressed
	Host   string // as the log names it; empty when it does not
	Clock  Clock  // what the event's time is
	Uptime time.Duration
	// HasUptime: the line carries the kernel's own stamp, which is then Uptime.
	HasUptime bool

	// What the rule gave it.
	Prefix string    // as it stands in the line, blanks at its end included; without Trace's
	Trace  TraceLine // Table is empty when it is no TRACE line

	// What the kernel told of the packet.
	Has             LineHas
	Cut             Cut
	Form            Form
	In, Out         string // may be empty where Has tells of them: a packet of the host's own has no In
	PhysIn, PhysOut string
	MAC             []byte // the hexadecimal text behind MAC=, "aa:bb:...", as it stands
	MACSrc, MACDst  [6]byte
	MACProto        uint16
	VLANProto       uint16
	VLAN            uint16     // VID, which has the tag's priority in its upper bits
	TunnelSrc       netip.Addr // of a sit device
	TunnelDst       netip.Addr
	Headers         Headers
	Quoted          Headers // what an ICMP error quotes, in brackets, where Has has HasQuoted
	UID, GID        uint32
	Mark            uint32

	// Rest is what stands in the line and was not understood, as it stands.
	Rest []byte
}

// Clock says what the time of a log line is.
type Clock uint8

// The clocks. A log that gives no time at all has ClockNone.
const (
	ClockNone    Clock = iota
	ClockWall          // as the log says, with date, year and zone
	ClockAssumed       // as the log says, with a year or a zone that was chosen, or reckoned from the uptime
	ClockUptime        // seconds since the host's start, counted from 1970-01-01: when that was is not known
	ClockReceipt       // when it was received
)

// LineHas says which fields of a LogLine are there.
type LineHas uint16

// The fields of a LogLine that may be absent.
const (
	HasIn LineHas = 1 << iota
	HasOut
	HasPhysIn
	HasPhysOut
	HasMAC    // MAC, which may be empty
	HasMACs   // MACSrc, MACDst, MACProto: the decoded form (--log-macdecode)
	HasVLAN   // VLANProto, VLAN
	HasTunnel // TunnelSrc, TunnelDst
	HasQuoted // Quoted
	HasUID
	HasGID
	HasMark     // absent in a complete line: the mark is 0
	HasEbtables // the words of ebtables' own log watcher: `MAC source = … proto = 0x0800`
)

// Cut says where a line is not complete.
type Cut uint8

// A line may be cut at both ends, and may lack words that the kernel always writes.
const (
	CutHead Cut = 1 << iota // begins behind IN=
	CutTail                 // ends before what the kernel writes last
	CutGaps                 // lacks fields in the middle
)

// Form says how a line's writer differed from the kernel, so that the line can
// be printed again as it was.
type Form uint8

// The forms. A line as the kernel writes it has none of them.
const (
	FormTrimmed    Form = 1 << iota // without the blank that the kernel leaves at the end
	FormCompressed                  // IPv6 addresses as RFC 5952 has them; the kernel writes all digits
	FormLOGEMU                      // as ulogd's LOGEMU writes: TOS without 0x, TCP without RES
	FormSpaced                      // blanks were lost or added, as web pages and wrapping do
)

// Headers are the headers of a packet as the kernel's log tells them. Numbers
// are in host byte order.
type Headers struct {
	Has    HeaderHas
	Family packet.Family // IPv4, IPv6, ARP; Unspec where the line tells none

	Src, Dst   netip.Addr
	Length     uint32 // bytes of the whole IP packet
	TOS        uint8  // IPv4: TOS and PREC together, without the lowest bit, which the kernel does not print; IPv6: TC
	TTL        uint8  // HOPLIMIT
	ID         uint32 // IPv4 identification, or that of an IPv6 fragment
	FlowLabel  uint32
	FragOffset uint16 // bytes
	Options    []byte // what stands between the parentheses of OPT, IPv4: hexadecimal; IPv6: all its OPT groups as they stand
	Proto      uint8

	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Window           uint16
	Reserved         uint8 // RES, the bits behind the data offset as the kernel prints them
	Flags            packet.TCPFlags
	Urgent           uint16
	TCPOptions       []byte // hexadecimal
	L4Length         uint16 // UDP's own LEN
	ICMPType         uint8
	ICMPCode         uint8
	ICMPID, ICMPSeq  uint16
	Parameter        uint32 // PARAMETER or POINTER
	Gateway          netip.Addr
	MTU              uint32
	SPI              uint32
	Incomplete       uint32 // INCOMPLETE [n bytes]: how many there were

	ARPHType, ARPPType, ARPOp uint16
	ARPSrc, ARPDst            [6]byte
}

// HeaderHas says which fields of Headers are there.
type HeaderHas uint64

// The fields of Headers.
const (
	HasAddrs  HeaderHas = 1 << iota // Src, Dst
	HasLength                       // Length
	HasTOS
	HasTTL
	HasID
	HasFlowLabel
	HasCE
	HasDF
	HasMF
	HasFragment // FragOffset
	HasOptions
	HasProto
	HasPorts
	HasSeq // Seq, Ack
	HasWindow
	HasReserved
	HasFlags // what stands of TCP's flags; in a complete line none may be set
	HasUrgent
	HasTCPOptions
	HasL4Length
	HasICMP     // ICMPType
	HasICMPCode // ICMPCode; only shortened and cut lines have a type without it
	HasICMPID
	HasICMPSeq
	HasParameter
	HasGateway
	HasMTU
	HasSPI
	HasIncomplete
	HasTruncated // the kernel's own word where it could not read a header
	HasARP       // ARPHType, ARPPType, ARPOp
	HasARPAddrs  // ARPSrc, ARPDst, Src, Dst
)
