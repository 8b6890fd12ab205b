package ipset

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// AppendSave appends the set as `ipset save` of 7.17 prints it, but for
// forceadd, which that leaves out, and for types of ICMP, which are numbers here.
func (s *Set) AppendSave(b []byte) []byte {
	b = append(b, "create "+s.Name+" "+s.Type...)
	b = append(s.appendHead(b), '\n')
	for i := range s.Elements {
		b = append(b, "add "+s.Name+" "...)
		b = append(s.appendElement(b, &s.Elements[i]), '\n')
	}
	return b
}

func (s *Set) appendHead(b []byte) []byte {
	masksLast := false
	switch s.method() {
	case "bitmap":
		b = append(b, " range "...)
		if s.From.IsValid() {
			b = append(s.From.AppendTo(b), '-')
			b = s.To.AppendTo(b)
		} else {
			b = fmt.Appendf(b, "%d-%d", s.FromPort, s.ToPort)
		}
	case "list":
		b = fmt.Appendf(b, " size %d", s.Size)
	default:
		b = append(b, " family "+familyWord(s.Family)...)
		if s.MarkMask != 0 {
			b = fmt.Appendf(b, " markmask 0x%08x", s.MarkMask)
		}
		b = fmt.Appendf(b, " hashsize %d maxelem %d", s.HashSize, s.MaxElem)
		masksLast = s.Type != "hash:ip"
	}
	if !masksLast {
		b = s.appendMasks(b)
	}
	b = s.appendOptions(b)
	if masksLast {
		b = s.appendMasks(b)
	}
	return b
}

func (s *Set) appendMasks(b []byte) []byte {
	switch {
	case s.Bitmask.IsValid():
		b = s.Bitmask.AppendTo(append(b, " bitmask "...))
	case s.Netmask != 0:
		b = fmt.Appendf(b, " netmask %d", s.Netmask)
	}
	return b
}

func (s *Set) appendOptions(b []byte) []byte {
	if s.HasTimeout {
		b = fmt.Appendf(b, " timeout %d", s.Timeout)
	}
	for _, o := range []struct {
		flag uint32
		word string
	}{{WithCounters, " counters"}, {WithComment, " comment"}, {WithForceAdd, " forceadd"}, {WithSkbInfo, " skbinfo"}} {
		if s.Flags&o.flag != 0 {
			b = append(b, o.word...)
		}
	}
	if s.HasBuckets {
		b = fmt.Appendf(b, " bucketsize %d initval 0x%08x", s.BucketSize, s.InitVal)
	}
	return appendUnknown(b, s.Unknown)
}

func (s *Set) appendElement(b []byte, e *Element) []byte {
	b = s.appendKey(b, e)
	x := e.Extra
	if s.HasTimeout && x != nil {
		b = fmt.Appendf(b, " timeout %d", x.Timeout)
	}
	if e.NoMatch {
		b = append(b, " nomatch"...)
	}
	if x == nil {
		return b
	}
	if s.Flags&WithCounters != 0 {
		b = fmt.Appendf(b, " packets %d bytes %d", x.Packets, x.Bytes)
	}
	if x.Comment != "" {
		b = append(b, ` comment "`+x.Comment+`"`...)
	}
	return appendUnknown(x.appendSkb(b), x.Unknown)
}

// appendKey appends what a packet is looked up by.
func (s *Set) appendKey(b []byte, e *Element) []byte {
	addr := &e.Addr
	for i, word := range s.dimensions() {
		if word == "mac" && i > 0 && !e.HasMAC {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		switch word {
		case "ip", "net":
			b = appendNetwork(b, *addr)
			addr = &e.Addr2
		case "port":
			b = s.appendPort(b, e)
		case "mac":
			b = fmt.Appendf(b, "%02X:%02X:%02X:%02X:%02X:%02X", e.MAC[0], e.MAC[1], e.MAC[2], e.MAC[3], e.MAC[4], e.MAC[5])
		case "mark":
			b = fmt.Appendf(b, "0x%08x", e.Mark)
		case "iface":
			b = appendInterface(b, e)
		default:
			b = append(b, e.Name...)
		}
	}
	return b
}

func appendNetwork(b []byte, p netip.Prefix) []byte {
	b = p.Addr().AppendTo(b)
	if p.Bits() != p.Addr().BitLen() {
		b = fmt.Appendf(b, "/%d", p.Bits())
	}
	return b
}

func appendInterface(b []byte, e *Element) []byte {
	if e.Physdev {
		b = append(b, "physdev:"...)
	}
	b = append(b, e.Name...)
	if e.Wildcard {
		b = append(b, " wildcard"...)
	}
	return b
}

func (s *Set) appendPort(b []byte, e *Element) []byte {
	if s.Type == "bitmap:port" {
		return strconv.AppendUint(b, uint64(e.Port), 10)
	}
	b = append(append(b, protocolWord(e.Proto)...), ':')
	if isICMP(e.Proto) {
		return fmt.Appendf(b, "%d/%d", e.Port>>8, e.Port&0xff)
	}
	return strconv.AppendUint(b, uint64(e.Port), 10)
}

func (x *Extra) appendSkb(b []byte) []byte {
	if x.HasMark {
		b = fmt.Appendf(b, " skbmark 0x%x", x.SkbMark)
		if x.SkbMask != ^uint32(0) {
			b = fmt.Appendf(b, "/0x%x", x.SkbMask)
		}
	}
	if x.HasPrio {
		b = fmt.Appendf(b, " skbprio %x:%x", x.SkbPrio>>16, x.SkbPrio&0xffff)
	}
	if x.HasQueue {
		b = fmt.Appendf(b, " skbqueue %d", x.SkbQueue)
	}
	return b
}

// appendUnknown shows attributes that are not known as they came.
func appendUnknown(b, raw []byte) []byte {
	if len(raw) == 0 {
		return b
	}
	return append(append(b, " unknown 0x"...), hex.EncodeToString(raw)...)
}

func familyWord(fam uint8) string {
	switch ruleset.Family(fam) {
	case ruleset.IP:
		return "inet"
	case ruleset.IP6:
		return "inet6"
	}
	return "unspec"
}

// protocolWord is the name by which Debian's /etc/protocols has a protocol that
// sets are made of often, else its number.
func protocolWord(proto uint8) string {
	switch proto {
	case protoICMP:
		return "icmp"
	case protoTCP:
		return "tcp"
	case protoUDP:
		return "udp"
	case protoGRE:
		return "gre"
	case protoESP:
		return "esp"
	case protoAH:
		return "ah"
	case protoICMP6:
		return "ipv6-icmp"
	case protoSCTP:
		return "sctp"
	case protoUDPLite:
		return "udplite"
	}
	return strconv.Itoa(int(proto))
}

// Protocol numbers (include/uapi/linux/in.h).
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoGRE     = 47
	protoESP     = 50
	protoAH      = 51
	protoICMP6   = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

func isICMP(proto uint8) bool { return proto == protoICMP || proto == protoICMP6 }
