package iptnft

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Offsets in the header of IPv4 (include/uapi/linux/ip.h: struct iphdr).
const (
	ip4Fragment = 6
	ip4TTL      = 8
	ip4Protocol = 9
	ip4Source   = 12
	ip4Dest     = 16
)

// Offsets in the header of IPv6 (include/uapi/linux/ipv6.h: struct ipv6hdr).
const (
	ip6Protocol = 6
	ip6HopLimit = 7
	ip6Source   = 8
	ip6Dest     = 24
)

// compareNetwork tells a comparison of a field of the IP header.
func (d *decoder) compareNetwork(r *register, op operator, data []byte) error {
	if d.env.Family == ruleset.IP6 {
		return d.compareIP6(r, op, data)
	}
	return d.compareIP4(r, op, data)
}

func (d *decoder) compareIP4(r *register, op operator, data []byte) error {
	switch r.offset {
	case ip4Source:
		return d.network(&d.rule.Source, r, op, data)
	case ip4Dest:
		return d.network(&d.rule.Dest, r, op, data)
	case ip4Protocol:
		return d.protocol(r, op, data)
	case ip4Fragment:
		return d.fragment(r, op, data)
	case ip4TTL:
		return d.ttl(r, op, data)
	}
	return errOperation
}

func (d *decoder) compareIP6(r *register, op operator, data []byte) error {
	switch r.offset {
	case ip6Source:
		return d.network(&d.rule.Source, r, op, data)
	case ip6Dest:
		return d.network(&d.rule.Dest, r, op, data)
	case ip6Protocol:
		return d.protocol(r, op, data)
	case ip6HopLimit:
		return d.ttl(r, op, data)
	}
	return errOperation
}

// network tells an address: whole, its first bytes, or under a mask
// (iptables/nft-shared.c: add_addr).
func (d *decoder) network(to *xt.Network, r *register, op operator, data []byte) error {
	not, ok := op.negated()
	size := 4
	if d.env.Family == ruleset.IP6 {
		size = 16
	}
	switch {
	case !ok || len(data) > size:
		return errOperation
	case r.mask != nil && len(r.mask) != size:
		return errOperation
	case to.Addr.IsValid():
		return errTwice
	}
	*to = xt.Network{Addr: padded(data, size), Mask: padded(r.mask, size), Not: not}
	if r.mask == nil {
		to.Mask = firstOnes(len(data), size)
	}
	return nil
}

// firstOnes is a mask of so many bytes.
func firstOnes(n, size int) netip.Addr {
	var mask [16]byte
	for i := range n {
		mask[i] = 255
	}
	return padded(mask[:], size)
}

// padded is an address of its first bytes.
func padded(b []byte, size int) netip.Addr {
	var whole [16]byte
	copy(whole[:], b)
	if size == 4 {
		return netip.AddrFrom4([4]byte(whole[:4]))
	}
	return netip.AddrFrom16(whole)
}

// protocol tells a comparison of what follows the IP header.
func (d *decoder) protocol(r *register, op operator, data []byte) error {
	not, ok := op.negated()
	switch {
	case !ok || r.mask != nil || len(data) != 1 || data[0] == 0:
		return errOperation
	case d.rule.Protocol.Number != 0:
		return errTwice
	}
	d.rule.Protocol = xt.NewProtocol(uint16(data[0]), not, d.env)
	return nil
}

// fragment tells `-f`: an offset that is not 0.
func (d *decoder) fragment(r *register, op operator, data []byte) error {
	not, ok := op.negated()
	switch {
	case !ok || len(data) != 2 || !zero(data) || len(r.mask) != 2 || r.mask[0] != 0x1f || r.mask[1] != 0xff:
		return errOperation
	case d.rule.Fragment:
		return errTwice
	}
	d.rule.Fragment, d.rule.NotFragment = true, !not
	return nil
}

// ttl tells a comparison of the time to live or the hop limit, which iptables
// says as equal, less or greater (iptables/nft-shared.c: nft_parse_hl).
func (d *decoder) ttl(r *register, op operator, data []byte) error {
	if r.mask != nil || len(data) != 1 {
		return errOperation
	}
	n := int(data[0])
	switch op {
	case lessOrEqual:
		op, n = less, n+1
	case greaterOrEqual:
		op, n = greater, n-1
	}
	modes := map[operator]uint8{equal: 0, notEqual: 1, less: 2, greater: 3}
	mode, ok := modes[op]
	if !ok || n < 0 || n > 255 {
		return errOperation
	}
	d.add(xt.MatchTTL{IPv6: d.env.Family == ruleset.IP6, Mode: mode, TTL: uint8(n)})
	return nil
}
