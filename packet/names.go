package packet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// named is a protocol number and its names, the one that is printed first.
type named struct {
	number uint8
	names  string // separated by blanks
}

// protocols has nft's and iptables' words and those of Debian's /etc/protocols,
// so that an answer does not depend on the host that it was made on.
var protocols = [...]named{
	{0, "hopopt ip"}, {ProtoICMP, "icmp"}, {2, "igmp"}, {3, "ggp"}, {4, "ipencap"}, {5, "st"},
	{ProtoTCP, "tcp"}, {8, "egp"}, {9, "igp"}, {12, "pup"}, {ProtoUDP, "udp"}, {20, "hmp"},
	{22, "xns-idp"}, {27, "rdp"}, {29, "iso-tp4"}, {ProtoDCCP, "dccp"}, {36, "xtp"}, {37, "ddp"},
	{38, "idpr-cmtp"}, {41, "ipv6"}, {protoRouting, "ipv6-route"}, {protoFragment, "ipv6-frag"},
	{45, "idrp"}, {46, "rsvp"}, {ProtoGRE, "gre"}, {ProtoESP, "esp"}, {ProtoAH, "ah"}, {57, "skip"},
	{ProtoICMPv6, "icmpv6 ipv6-icmp icmp6"}, {protoNone, "ipv6-nonxt"}, {protoDestOpts, "ipv6-opts"},
	{73, "rspf"}, {81, "vmtp"}, {88, "eigrp"}, {89, "ospf"}, {93, "ax.25"}, {94, "ipip"},
	{97, "etherip"}, {98, "encap"}, {103, "pim"}, {108, "comp ipcomp"}, {112, "vrrp"}, {115, "l2tp"},
	{124, "isis"}, {ProtoSCTP, "sctp"}, {133, "fc"}, {135, "mh ipv6-mh mobility-header"},
	{ProtoUDPLite, "udplite"}, {137, "mpls-in-ip"}, {138, "manet"}, {139, "hip"}, {140, "shim6"},
	{141, "wesp"}, {142, "rohc"}, {143, "ethernet"},
}

// ProtoName is nft's word for a transport protocol, or its number in decimal.
func ProtoName(proto uint8) string {
	for i := range protocols {
		if protocols[i].number == proto {
			name, _, _ := strings.Cut(protocols[i].names, " ")
			return name
		}
	}
	return strconv.Itoa(int(proto))
}

// ParseProto reads a protocol's name in nft's or iptables' words, whatever its
// case, or its number.
func ParseProto(s string) (uint8, error) {
	if n, err := strconv.ParseUint(s, 0, 8); err == nil {
		return uint8(n), nil
	}
	want := strings.ToLower(s)
	for i := range protocols {
		if slices.Contains(strings.Fields(protocols[i].names), want) {
			return protocols[i].number, nil
		}
	}
	return 0, fmt.Errorf("protocol %q: neither a known name nor a number from 0 to 255", s)
}

type flagName struct {
	flag   TCPFlags
	letter byte
	names  [2]string // of which nft has the last
}

// flagNames has the order in which letters are printed.
var flagNames = [...]flagName{
	{SYN, 'S', [2]string{"syn"}},
	{FIN, 'F', [2]string{"fin"}},
	{RST, 'R', [2]string{"rst"}},
	{PSH, 'P', [2]string{"psh"}},
	{ACK, 'A', [2]string{"ack"}},
	{URG, 'U', [2]string{"urg"}},
	{ECE, 'E', [2]string{"ece", "ecn"}},
	{CWR, 'W', [2]string{"cwr"}},
	{AE, 'e', [2]string{"ae"}},
}

// String is one letter a flag as tcpdump has them, in the order S F R P A U E W
// e; empty when none is set.
func (f TCPFlags) String() string {
	var b [len(flagNames)]byte
	n := 0
	for i := range flagNames {
		if f&flagNames[i].flag != 0 {
			b[n] = flagNames[i].letter
			n++
		}
	}
	return string(b[:n])
}

// ParseTCPFlags reads flags as iptables ("SYN,ACK", "ALL", "NONE") and nft
// ("syn,ack", "syn | ack") write them, as letters ("SA"), or as a number.
// iptables' ALL is the six flags of RFC 793.
func ParseTCPFlags(s string) (TCPFlags, error) {
	if n, err := strconv.ParseUint(s, 0, 9); err == nil {
		return TCPFlags(n), nil
	}
	if f, ok := flagLetters(s); ok {
		return f, nil
	}
	var f TCPFlags
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
		one, ok := flagWord(strings.ToLower(word))
		if !ok {
			return 0, fmt.Errorf("tcp flags %q: %q is none of SYN FIN RST PSH ACK URG ECE CWR AE ALL NONE", s, word)
		}
		f |= one
	}
	return f, nil
}

func flagWord(word string) (TCPFlags, bool) {
	switch word {
	case "all":
		return FIN | SYN | RST | PSH | ACK | URG, true
	case "none":
		return 0, true
	}
	for i := range flagNames {
		if slices.Contains(flagNames[i].names[:], word) {
			return flagNames[i].flag, true
		}
	}
	return 0, false
}

func flagLetters(s string) (TCPFlags, bool) {
	var f TCPFlags
	for _, c := range []byte(s) {
		i := slices.IndexFunc(flagNames[:], func(n flagName) bool { return n.letter == c })
		if i < 0 {
			return 0, false
		}
		f |= flagNames[i].flag
	}
	return f, true
}
