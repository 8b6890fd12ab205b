// Package ipset is the sets of ipset(8) as values: read from the messages in
// which the kernel lists them, printed as `ipset save` prints them, and turned
// into what they ask of a packet. It asks no kernel.
package ipset

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Set is one ipset with its members.
type Set struct {
	Name     string
	Type     string // as "hash:ip,port"
	Family   uint8  // NFPROTO_*; 0 for sets without addresses
	Revision uint8  // of the type

	// Index is the kernel's number for the set, by which rules of iptables hold it.
	// Kernels before 4.20 do not tell it.
	Index    uint16
	HasIndex bool

	HashSize, MaxElem  uint32
	Size               uint32     // of a list:set, in members
	From, To           netip.Addr // of bitmap:ip and bitmap:ip,mac
	FromPort, ToPort   uint16     // of bitmap:port
	Netmask            uint8      // bits of an address that are looked at; 0 for all
	Bitmask            netip.Addr // that addresses are looked at under; not valid for all bits
	MarkMask           uint32     // bits of the mark that are looked at, in hash:ip,mark
	BucketSize         uint8
	InitVal            uint32
	Timeout            uint32 // seconds that members stay by default; 0 for ever
	HasTimeout         bool
	HasBuckets         bool // BucketSize and InitVal came
	Flags              uint32
	References, Memory uint32 // rules and lists that use it; bytes

	Elements []Element
	Unknown  []byte // attributes of the set that are not known, as they came
}

// Flags of a set (include/uapi/linux/netfilter/ipset/ip_set.h: IPSET_FLAG_WITH_*).
const (
	WithCounters = 1 << 3
	WithComment  = 1 << 4
	WithForceAdd = 1 << 5
	WithSkbInfo  = 1 << 6
)

// Element is one member of a set: which fields it has, the set's type says.
type Element struct {
	Addr  netip.Prefix // of the first dimension of addresses
	Addr2 netip.Prefix // of the second
	Name  string       // of an interface, or of a set in a list:set
	Mark  uint32
	Port  uint16 // of ICMP: the type in the upper byte, the code in the lower
	Proto uint8
	MAC   [6]byte
	// HasMAC is false for a member of bitmap:ip,mac whose address will be
	// learned from the first packet.
	HasMAC   bool
	NoMatch  bool // an exception: what lies in it is not in the set
	Physdev  bool // Name is of a bridge's port
	Wildcard bool // Name is the beginning of names
	Extra    *Extra
}

// Extra is what a member has beside what is looked up.
type Extra struct {
	Timeout        uint32 // seconds that are left, 0 for ever
	Packets, Bytes uint64
	Comment        string
	SkbMark        uint32
	SkbMask        uint32
	SkbPrio        uint32
	SkbQueue       uint16
	HasMark        bool
	HasPrio        bool
	HasQueue       bool
	Unknown        []byte // attributes that are not known, as they came
}

// list is the type of sets whose members are sets.
const list = "list:set"

// dimensions are what a set's members are looked up by, in order: "ip", "net",
// "port", "mac", "mark", "iface", or "set".
func (s *Set) dimensions() []string {
	_, words, _ := strings.Cut(s.Type, ":")
	return strings.Split(words, ",")
}

// method is how the kernel keeps the members: "hash", "bitmap" or "list".
func (s *Set) method() string {
	word, _, _ := strings.Cut(s.Type, ":")
	return word
}

// addressBits is 32 or 128, by the set's family.
func (s *Set) addressBits() int {
	if s.Family == uint8(ruleset.IP6) {
		return 128
	}
	return 32
}
