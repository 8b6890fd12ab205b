package iptnft

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/ruleset/xt"
)

// Offsets in the header of ARP with addresses of Ethernet and IPv4
// (include/uapi/linux/if_arp.h: struct arphdr).
const (
	arpHardware       = 0
	arpProtocol       = 2
	arpLength         = 4
	arpProtocolLength = 5
	arpOperation      = 6
	arpSourceMAC      = 8
	arpSource         = 14
	arpDestMAC        = 18
	arpDest           = 24
)

// compareARP tells a comparison of a field of the ARP header
// (iptables/nft-ruleparse-arp.c: nft_arp_parse_payload).
func (d *decoder) compareARP(r *register, op operator, data []byte) error {
	a := d.rule.ARP
	if r.base != networkHeader {
		return errOperation
	}
	switch r.offset {
	case arpHardware:
		return arpNumber(&a.HardwareType, r, op, data, 2)
	case arpProtocol:
		return arpNumber(&a.ProtocolType, r, op, data, 2)
	case arpLength:
		return arpNumber(&a.HardwareLength, r, op, data, 1)
	case arpOperation:
		return arpNumber(&a.Operation, r, op, data, 2)
	case arpProtocolLength:
		if op != equal || r.mask != nil || len(data) != 1 || data[0] != 4 {
			return errOperation
		}
		d.fourBytes = true
		return nil
	case arpSourceMAC:
		return arpHardwareAddr(&a.SourceMAC, r, op, data)
	case arpDestMAC:
		return arpHardwareAddr(&a.DestMAC, r, op, data)
	case arpSource:
		return d.network(&d.rule.Source, r, op, data)
	case arpDest:
		return d.network(&d.rule.Dest, r, op, data)
	}
	return errOperation
}

// arpNumber tells a number of one or two bytes, whole or under a mask.
func arpNumber(to *xt.ARPNumber, r *register, op operator, data []byte, size int) error {
	not, ok := op.negated()
	switch {
	case !ok || len(data) != size || r.mask != nil && zero(r.mask):
		return errOperation
	case *to != xt.ARPNumber{}:
		return errTwice
	}
	mask := []byte{0xff, 0xff}[:size]
	if r.mask != nil {
		mask = r.mask
	}
	*to = xt.ARPNumber{Value: number16(data), Mask: number16(mask), Not: not}
	return nil
}

// number16 is a number of one or two bytes in network byte order.
func number16(b []byte) uint16 {
	if len(b) == 1 {
		return uint16(b[0])
	}
	return binary.BigEndian.Uint16(b)
}

// arpHardwareAddr tells an address of Ethernet: whole, its first bytes, or under a mask.
func arpHardwareAddr(to *xt.HardwareAddr, r *register, op operator, data []byte) error {
	var m xt.MAC
	if to.Mask != [16]byte{} {
		return errTwice
	}
	if err := hardware(&m, r, op, data); err != nil {
		return err
	}
	for i := range m.Addr {
		if m.Addr[i]&^m.Mask[i] != 0 {
			return errOperation
		}
	}
	to.Not = m.Not
	copy(to.Addr[:], m.Addr[:])
	copy(to.Mask[:], m.Mask[:])
	return nil
}

// compareARPMeta tells a comparison of the names of interfaces.
func (d *decoder) compareARPMeta(r *register, op operator, data []byte) error {
	if r.key != metaIIFName && r.key != metaOIFName {
		return errOperation
	}
	return d.compareMeta(r, op, data)
}

// endARP refuses what arptables has no words for: matches, a goto, and targets
// that it does not know.
func (d *decoder) endARP() error {
	switch t := d.rule.Target.(type) {
	case xt.Jump:
		if t.Goto {
			return errOperation
		}
	case xt.TargetMark:
		d.rule.Target = xt.ARPMark{TargetMark: t}
	case nil, xt.Verdict, xt.ARPMark, xt.ARPClassify, xt.ARPMangle, xt.Unknown:
	default:
		return errOperation
	}
	switch {
	case len(d.matches) > 0:
		return errOperation
	case !d.fourBytes:
		return errLength
	}
	return nil
}
