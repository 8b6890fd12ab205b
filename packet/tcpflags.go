package packet

// TCPFlags is the flag bits of a TCP header (RFC 9293, 3.1; AccECN's AE bit as 0x100).
type TCPFlags uint16

// The flags.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE
)
