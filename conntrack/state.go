package conntrack

import "strconv"

// TCPState is where a TCP connection stands
// (include/uapi/linux/netfilter/nf_conntrack_tcp.h: enum tcp_conntrack).
type TCPState uint8

// The states of TCP.
const (
	TCPNone TCPState = iota
	TCPSynSent
	TCPSynRecv
	TCPEstablished
	TCPFinWait
	TCPCloseWait
	TCPLastAck
	TCPTimeWait
	TCPClose
	TCPSynSent2
)

var tcpStates = [...]string{
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
}

// String is the kernel's name, or the number of a state that has none.
func (s TCPState) String() string { return nameOf(tcpStates[:], uint8(s)) }

// SCTPState is where an SCTP association stands
// (include/uapi/linux/netfilter/nf_conntrack_sctp.h: enum sctp_conntrack).
type SCTPState uint8

// The states of SCTP. SCTPHeartbeatAcked is of kernels before 6.1.
const (
	SCTPNone SCTPState = iota
	SCTPClosed
	SCTPCookieWait
	SCTPCookieEchoed
	SCTPEstablished
	SCTPShutdownSent
	SCTPShutdownRecd
	SCTPShutdownAckSent
	SCTPHeartbeatSent
	SCTPHeartbeatAcked
)

var sctpStates = [...]string{
	"NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
	"SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED",
}

// String is the kernel's name, or the number of a state that has none.
func (s SCTPState) String() string { return nameOf(sctpStates[:], uint8(s)) }

// DCCPState is where a DCCP connection stands; kernels had it up to 6.16
// (include/linux/netfilter/nf_conntrack_dccp.h: enum ct_dccp_states).
type DCCPState uint8

// The states of DCCP.
const (
	DCCPNone DCCPState = iota
	DCCPRequest
	DCCPRespond
	DCCPPartOpen
	DCCPOpen
	DCCPCloseReq
	DCCPClosing
	DCCPTimeWait
	DCCPIgnore
	DCCPInvalid
)

var dccpStates = [...]string{
	"NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID",
}

// String is the kernel's name, or the number of a state that has none.
func (s DCCPState) String() string { return nameOf(dccpStates[:], uint8(s)) }

func nameOf(names []string, n uint8) string {
	if int(n) < len(names) {
		return names[n]
	}
	return strconv.Itoa(int(n))
}

// Flags of one side of a TCP connection (nf_conntrack_tcp.h: IP_CT_TCP_FLAG_*).
const (
	TCPWindowScale uint8 = 1 << iota
	TCPSackPerm
	TCPCloseInit
	TCPBeLiberal
	TCPDataUnacknowledged
	TCPMaxAckSet
	TCPChallengeAck
	TCPSimultaneousOpen
)
