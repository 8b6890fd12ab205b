package ipset

import (
	"net/netip"

	"github.com/pktrail/pktrail/internal/wire"
)

// The subsystem of ipsets and the command that lists them
// (include/uapi/linux/netfilter/nfnetlink.h, ipset/ip_set.h).
const (
	Subsystem = 6 // NFNL_SUBSYS_IPSET
	CmdList   = 7 // IPSET_CMD_LIST
)

// Attributes of a message (IPSET_ATTR_*).
const (
	attrProtocol = 1
	attrSetName  = 2
	attrTypeName = 3
	attrRevision = 4
	attrFamily   = 5
	attrData     = 7
	attrMembers  = 8 // IPSET_ATTR_ADT
	attrIndex    = 11
)

// Attributes that a set's head and its members share.
const (
	attrIP      = 1 // also IPSET_ATTR_IP_FROM
	attrIPTo    = 2
	attrCIDR    = 3
	attrPort    = 4 // also IPSET_ATTR_PORT_FROM
	attrPortTo  = 5
	attrTimeout = 6
	attrProto   = 7
	attrFlags   = 8 // IPSET_ATTR_CADT_FLAGS
	attrMark    = 10
)

// Attributes of a set's head.
const (
	attrMarkMask   = 11
	attrBitmask    = 12
	attrInitVal    = 17
	attrHashSize   = 18
	attrMaxElem    = 19
	attrNetmask    = 20
	attrBucketSize = 21
	attrSize       = 23
	attrElements   = 24
	attrReferences = 25
	attrMemSize    = 26
)

// Attributes of a member.
const (
	attrEther    = 17
	attrName     = 18
	attrIP2      = 20
	attrCIDR2    = 21
	attrIface    = 23
	attrBytes    = 24
	attrPackets  = 25
	attrComment  = 26
	attrSkbMark  = 27
	attrSkbPrio  = 28
	attrSkbQueue = 29
)

// Flags of a member.
const (
	flagPhysdev  = 1 << 1
	flagNoMatch  = 1 << 2
	flagWildcard = 1 << 7
)

// Listing is what a dump of all sets brings, message by message. The zero value
// is empty.
type Listing struct{ Sets []*Set }

// Take adds what a message of a dump brings: a set with its first members, or
// more members of the last one. Other messages are passed over; it reports
// whether the message was taken. Nothing of the message is kept.
func (l *Listing) Take(m wire.Message) bool {
	if m.Type != Subsystem<<8|CmdList {
		return false
	}
	name, typeName := "", ""
	for as := m.Attrs; ; {
		a, ok := as.Next()
		if !ok {
			break
		}
		switch a.Type {
		case attrSetName:
			name = string(a.Text())
		case attrTypeName:
			typeName = string(a.Text())
		}
	}
	s := l.last()
	switch {
	case typeName != "":
		s = &Set{Name: name, Type: typeName}
		l.Sets = append(l.Sets, s)
	case s == nil || s.Name != name:
		return false
	}
	for as := m.Attrs; ; {
		a, ok := as.Next()
		if !ok {
			return true
		}
		s.take(a)
	}
}

func (l *Listing) last() *Set {
	if len(l.Sets) == 0 {
		return nil
	}
	return l.Sets[len(l.Sets)-1]
}

func (s *Set) take(a wire.Attr) {
	switch a.Type {
	case attrProtocol, attrSetName, attrTypeName:
	case attrIndex:
		s.Index, s.HasIndex = a.BE16()
	case attrRevision:
		s.Revision, _ = a.Uint8()
	case attrFamily:
		s.Family, _ = a.Uint8()
	case attrData:
		each(a, s.head)
	case attrMembers:
		each(a, func(member wire.Attr) {
			if member.Type == attrData {
				s.Elements = append(s.Elements, decodeElement(member))
			}
		})
	default:
		s.Unknown = wire.AppendAttr(s.Unknown, a.Type, a.Data)
	}
}

// each calls f for the attributes that lie in another.
func each(in wire.Attr, f func(wire.Attr)) {
	for as := wire.Attrs(in.Data); ; {
		a, ok := as.Next()
		if !ok {
			return
		}
		f(a)
	}
}

// head takes an attribute of what the set was made with.
func (s *Set) head(a wire.Attr) {
	switch a.Type {
	case attrIP:
		s.From = address(a)
	case attrIPTo:
		s.To = address(a)
	case attrPort:
		s.FromPort, _ = a.BE16()
	case attrPortTo:
		s.ToPort, _ = a.BE16()
	case attrTimeout:
		s.Timeout, s.HasTimeout = a.BE32()
	case attrFlags:
		s.Flags, _ = a.BE32()
	case attrMarkMask:
		s.MarkMask, _ = a.BE32()
	case attrBitmask:
		s.Bitmask = address(a)
	case attrNetmask:
		s.Netmask, _ = a.Uint8()
	default:
		s.sizes(a)
	}
}

// sizes takes an attribute of how the kernel keeps the set.
func (s *Set) sizes(a wire.Attr) {
	switch a.Type {
	case attrInitVal:
		s.InitVal, _ = a.BE32()
	case attrHashSize:
		s.HashSize, _ = a.BE32()
	case attrMaxElem:
		s.MaxElem, _ = a.BE32()
	case attrBucketSize:
		s.BucketSize, s.HasBuckets = a.Uint8()
	case attrSize:
		s.Size, _ = a.BE32()
	case attrReferences:
		s.References, _ = a.BE32()
	case attrMemSize:
		s.Memory, _ = a.BE32()
	case attrElements: // the members are counted as they come
	default:
		s.Unknown = wire.AppendAttr(s.Unknown, a.Type, a.Data)
	}
}

// address takes an IPSET_ATTR_IP, whose data is an attribute by family; its
// zero value where there is none.
func address(in wire.Attr) (addr netip.Addr) {
	each(in, func(a wire.Attr) {
		if ip, ok := netip.AddrFromSlice(a.Data); ok {
			addr = ip
		}
	})
	return addr
}
