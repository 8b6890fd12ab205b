package iptnft

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Offsets in the Ethernet header (include/uapi/linux/if_ether.h: struct ethhdr).
const (
	frameDest   = 0
	frameSource = 6
	frameType   = 12
)

// Names of bridges, and the type of a frame (enum nft_meta_keys).
const (
	metaProtocol   = 1
	metaBridgeIn   = 17
	metaBridgeOut  = 18
	etherIP        = 0x0800
	lengthsAreLess = 0x0600 // what is less in the place of a type is a length
)

// compareFrame tells a comparison of a field of the Ethernet header
// (iptables/nft-ruleparse-bridge.c: nft_bridge_parse_payload).
func (d *decoder) compareFrame(r *register, op operator, data []byte) error {
	switch {
	case r.base != linkHeader:
		return errOperation
	case r.offset == frameDest:
		return hardware(&d.rule.Frame.Dest, r, op, data)
	case r.offset == frameSource:
		return hardware(&d.rule.Frame.Source, r, op, data)
	case r.offset == frameType && len(data) == 2 && r.mask == nil:
		return d.etherType(op, binary.BigEndian.Uint16(data))
	}
	return errOperation
}

// hardware tells a hardware address: whole, its first bytes, or under a mask.
func hardware(to *xt.MAC, r *register, op operator, data []byte) error {
	not, ok := op.negated()
	switch {
	case !ok || len(data) > 6:
		return errOperation
	case to.Mask != [6]byte{}:
		return errTwice
	}
	to.Not = not
	copy(to.Addr[:], data)
	for i := range data {
		to.Mask[i] = 255
	}
	copy(to.Mask[:], r.mask)
	return nil
}

func (d *decoder) etherType(op operator, n uint16) error {
	to := &d.rule.Frame.Type
	not, ok := op.negated()
	switch {
	case *to != xt.EtherType{}:
		return errTwice
	case n == lengthsAreLess && (op == less || op == greaterOrEqual):
		*to = xt.EtherType{Length: true, Not: op == greaterOrEqual}
	case ok && n != 0:
		*to = xt.EtherType{Number: n, Name: xt.EtherTypeName(n), Not: not}
	default:
		return errOperation
	}
	return nil
}

// compareBridgeMeta tells a comparison of the names of ports and bridges.
func (d *decoder) compareBridgeMeta(r *register, op operator, data []byte) error {
	not, ok := op.negated()
	if !ok || r.mask != nil {
		return errOperation
	}
	switch r.key {
	case metaIIFName:
		return iface(&d.rule.In, data, not)
	case metaOIFName:
		return iface(&d.rule.Out, data, not)
	case metaBridgeIn:
		return iface(&d.rule.Frame.LogicalIn, data, not)
	case metaBridgeOut:
		return iface(&d.rule.Frame.LogicalOut, data, not)
	case metaProtocol:
		d.onlyIP = true
		if not || len(data) != 2 || binary.BigEndian.Uint16(data) != etherIP {
			return errOperation
		}
		return nil
	}
	return errOperation
}

// ebtPolicy takes the rule off a user chain by which ebtables keeps its policy.
func (d *decoder) ebtPolicy(to *xt.Chain, rules []*nft.Rule) []*nft.Rule {
	to.Policy, to.Uncounted = "RETURN", true
	n := len(rules) - 1
	if n < 0 || !rules[n].EbtPolicy {
		return rules
	}
	var last xt.Rule
	v, ok := xt.Verdict(""), d.decode(&last, rules[n]) == nil
	if ok {
		v, ok = last.Target.(xt.Verdict)
	}
	if !ok || v == "RETURN" || len(last.Matches) > 0 || *last.Frame != (xt.Frame{}) {
		return rules
	}
	to.Policy, to.PolicyRule = v, rules[n].Handle
	to.Packets, to.Bytes, to.Uncounted = last.Packets, last.Bytes, last.Uncounted
	return rules[:n]
}
