package nftexpr

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Field is something of a packet that a rule loads into a register.
type Field struct {
	Text string // nft's words: "ip saddr"
	Size int    // in bytes

	kind datatype
	load func(reg uint32) Expr
}

// datatype is nft's type of a value: the kernel only keeps its number, which
// tells nft how to print the elements of a set.
type datatype struct {
	number uint32
	name   string
	host   bool // host byte order
}

// The numbers of nft's include/datatype.h.
var (
	typeNFProto   = datatype{2, "nf_proto", true}
	typeInteger   = datatype{4, "integer", false}
	typeIPv4      = datatype{7, "ipv4_addr", false}
	typeIPv6      = datatype{8, "ipv6_addr", false}
	typeEther     = datatype{10, "ether_type", false}
	typeInetProto = datatype{12, "inet_proto", false}
	typeService   = datatype{13, "inet_service", false}
	typeICMP      = datatype{14, "icmp_type", false}
	typeFlags     = datatype{15, "tcp_flag", true}
	typeMark      = datatype{19, "mark", true}
	typeIndex     = datatype{20, "iface_index", true}
	typeCTState   = datatype{26, "ct_state", true}
	typeCTStatus  = datatype{28, "ct_status", true}
	typeICMPv6    = datatype{29, "icmpv6_type", false}
	typeCodev6    = datatype{33, "icmpv6_code", false}
	typeIfname    = datatype{41, "ifname", true}
)

// Base is where a payload offset counts from (enum nft_payload_bases).
type Base uint32

// The bases.
const (
	Link      Base = 0
	Network   Base = 1
	Transport Base = 2
)

func (b Base) text() string { return [...]string{"ll", "nh", "th"}[b] }

func header(text string, base Base, offset, size int, kind datatype) Field {
	return Field{Text: text, Size: size, kind: kind, load: func(reg uint32) Expr {
		return payload(uint32(base), uint32(offset), uint32(size), reg)
	}}
}

// Raw is size bytes at an offset in bytes, as a number in network order.
func Raw(base Base, offset, size int) Field {
	return header(fmt.Sprintf("@%s,%d,%d", base.text(), offset*8, size*8), base, offset, size, typeInteger)
}

// Addresses, ports and types in a packet's headers. The transport fields are
// read where the kernel found the transport header, behind options and
// extension headers. A rule needs L4Proto before them, and HasTransport with them.
func IPSaddr() Field    { return header("ip saddr", Network, 12, 4, typeIPv4) }
func IPDaddr() Field    { return header("ip daddr", Network, 16, 4, typeIPv4) }
func IP6Saddr() Field   { return header("ip6 saddr", Network, 8, 16, typeIPv6) }
func IP6Daddr() Field   { return header("ip6 daddr", Network, 24, 16, typeIPv6) }
func Sport() Field      { return header("th sport", Transport, 0, 2, typeService) }
func Dport() Field      { return header("th dport", Transport, 2, 2, typeService) }
func TCPFlags() Field   { return header("tcp flags", Transport, 13, 1, typeFlags) }
func ICMPType() Field   { return header("icmp type", Transport, 0, 1, typeICMP) }
func ICMPv6Type() Field { return header("icmpv6 type", Transport, 0, 1, typeICMPv6) }
func ICMPv6Code() Field { return header("icmpv6 code", Transport, 1, 1, typeCodev6) }

func meta(text string, key uint32, size int, kind datatype) Field {
	return Field{Text: text, Size: size, kind: kind, load: func(reg uint32) Expr { return metaLoad(key, reg) }}
}

// What the kernel knows of a packet besides its bytes.
func L4Proto() Field  { return meta("meta l4proto", unix.NFT_META_L4PROTO, 1, typeInetProto) }
func NFProto() Field  { return meta("meta nfproto", unix.NFT_META_NFPROTO, 1, typeNFProto) }
func Protocol() Field { return meta("meta protocol", unix.NFT_META_PROTOCOL, 2, typeEther) }
func MetaMark() Field { return meta("meta mark", unix.NFT_META_MARK, 4, typeMark) }
func IIf() Field      { return meta("iif", unix.NFT_META_IIF, 4, typeIndex) }
func IIfname() Field  { return meta("iifname", unix.NFT_META_IIFNAME, 16, typeIfname) }
func OIfname() Field  { return meta("oifname", unix.NFT_META_OIFNAME, 16, typeIfname) }

// Direction is a direction of a conntrack entry.
type Direction uint8

// The directions.
const (
	Original Direction = 0
	Reply    Direction = 1
)

func (d Direction) String() string { return [...]string{"original", "reply"}[d] }

func ct(text string, key uint32, size int, kind datatype) Field {
	return Field{Text: "ct " + text, Size: size, kind: kind, load: func(reg uint32) Expr { return ctLoad(key, -1, reg) }}
}

func tuple(d Direction, text string, key uint32, size int, kind datatype) Field {
	return Field{Text: "ct " + d.String() + " " + text, Size: size, kind: kind, load: func(reg uint32) Expr {
		return ctLoad(key, int(d), reg)
	}}
}

// What conntrack knows of a packet's entry. A rule that holds any of these
// starts connection tracking in its namespace, and a packet without an entry
// matches none of them but CTState. Ports need L4Proto before them for nft's words.
func CTState() Field  { return ct("state", unix.NFT_CT_STATE, 4, typeCTState) }
func CTStatus() Field { return ct("status", unix.NFT_CT_STATUS, 4, typeCTStatus) }
func CTID() Field     { return ct("id", unix.NFT_CT_ID, 4, typeInteger) }

func CTSaddr(d Direction) Field  { return tuple(d, "ip saddr", unix.NFT_CT_SRC_IP, 4, typeIPv4) }
func CTDaddr(d Direction) Field  { return tuple(d, "ip daddr", unix.NFT_CT_DST_IP, 4, typeIPv4) }
func CTSaddr6(d Direction) Field { return tuple(d, "ip6 saddr", unix.NFT_CT_SRC_IP6, 16, typeIPv6) }
func CTDaddr6(d Direction) Field { return tuple(d, "ip6 daddr", unix.NFT_CT_DST_IP6, 16, typeIPv6) }
func CTSport(d Direction) Field {
	return tuple(d, "proto-src", unix.NFT_CT_PROTO_SRC, 2, typeService)
}
func CTDport(d Direction) Field {
	return tuple(d, "proto-dst", unix.NFT_CT_PROTO_DST, 2, typeService)
}
func CTL3Proto(d Direction) Field {
	return tuple(d, "l3proto", unix.NFT_CT_L3PROTOCOL, 1, typeNFProto)
}
func CTProto(d Direction) Field {
	return tuple(d, "protocol", unix.NFT_CT_PROTOCOL, 1, typeInetProto)
}
