package iptnft

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Attributes of a lookup (enum nft_lookup_attributes).
const (
	lookupSet   = 1
	lookupSreg  = 2
	lookupDreg  = 3
	lookupFlags = 5
)

// Bytes of the keys: a hardware address, or one and an IPv4 address, each in a
// register of its own.
const (
	macBytes  = 6
	pairBytes = 12
	pairIP    = 8
)

// lookup tells `among` of ebtables (iptables/nft-ruleparse-bridge.c:
// nft_bridge_parse_lookup); iptables looks up no sets.
func (d *decoder) lookup(x *expr) error {
	i := slices.IndexFunc(d.sets, func(s *nft.Set) bool { return s.Name == string(x.text(lookupSet)) })
	if d.rule.Frame == nil || i < 0 || x.has(lookupDreg) || d.sets[i].Flags&^setFlags != setConstants {
		return errLookup
	}
	keys := d.sets[i].Keys()
	if len(keys) == 0 {
		return errLookup
	}
	dest, ok := d.amongSide(x.u32(lookupSreg), len(keys[0]))
	if !ok {
		return errLookup
	}
	all, ok := pairsOf(keys)
	if !ok {
		return errLookup
	}
	return d.addAmong(all, dest, x.u32(lookupFlags)&1 != 0)
}

// Sets of among are anonymous and constant, and where they have IPv4 addresses
// they are of intervals of several fields (enum nft_set_flags).
const (
	setConstants = 0x3
	setFlags     = 0x4 | 0x80
)

// amongSide tells by the loads before whether it is the destination that is
// looked up.
func (d *decoder) amongSide(reg uint32, size int) (dest, ok bool) {
	r := d.regs.at(reg)
	if r == nil || r.kind != holdsPayload || r.base != linkHeader || r.length != macBytes || r.mask != nil {
		return false, false
	}
	dest = r.offset == frameDest
	if !dest && r.offset != frameSource {
		return false, false
	}
	if size == macBytes {
		return dest, true
	}
	ip := d.regs.after(reg, pairIP)
	want := uint32(ip4Source)
	if dest {
		want = ip4Dest
	}
	ok = d.onlyIP && ip != nil && ip.kind == holdsPayload && ip.base == networkHeader && ip.offset == want && ip.length == 4
	return dest, ok && ip.mask == nil
}

// pairsOf are the keys in the order in which ebtables keeps them.
func pairsOf(keys [][]byte) (all []xt.Pair, ok bool) {
	size := len(keys[0])
	if size != macBytes && size != pairBytes {
		return nil, false
	}
	keys = slices.Clone(keys)
	slices.SortFunc(keys, bytes.Compare)
	for _, k := range keys {
		if len(k) != size {
			return nil, false
		}
		p := xt.Pair{MAC: [6]byte(k)}
		if size == pairBytes {
			p.IP = netip.AddrFrom4([4]byte(k[pairIP:]))
		}
		all = append(all, p)
	}
	return all, true
}

// addAmong: one match tells both sides.
func (d *decoder) addAmong(all []xt.Pair, dest, not bool) error {
	var m xt.EbtAmong
	if d.among >= 0 {
		m, _ = d.matches[d.among].(xt.EbtAmong)
	} else {
		d.among = len(d.matches)
		d.add(m)
	}
	switch {
	case dest && m.Dest == nil:
		m.Dest, m.NotDest = all, not
	case !dest && m.Source == nil:
		m.Source, m.NotSource = all, not
	default:
		return errTwice
	}
	if all[0].IP.IsValid() {
		d.amongIP, m.IPv4 = true, true
	}
	d.matches[d.among] = m
	return nil
}
