package xt

import (
	"net/netip"
	"slices"
)

// Parts of struct ebt_among_info and of the lists that it points to, struct
// ebt_mac_wormhash (include/uapi/linux/netfilter_bridge/ebt_among.h).
const (
	amongDest   = 0 // where the lists are, from the beginning; 0 for none
	amongSource = 4
	amongFlags  = 8

	amongNotDest   = 1
	amongNotSource = 2

	amongCount = 257 * 4 // behind what finds addresses by their last byte
	amongPool  = amongCount + 4
	amongTuple = 12 // two bytes of zero, the hardware address, the IPv4 address
)

func decodeEbtAmong(b info, _ Env) Match {
	source, ok := b.amongList(b.u32(amongSource))
	dest, also := b.amongList(b.u32(amongDest))
	if !ok || !also {
		return Unknown{"among", 0, slices.Clone(b)}
	}
	return EbtAmong{Source: source, Dest: dest, NotSource: b.flag(amongFlags, amongNotSource), NotDest: b.flag(amongFlags, amongNotDest)}
}

// amongList reads a list; ok is false for one that does not fit.
func (b info) amongList(at uint32) (all []Pair, ok bool) {
	if at == 0 {
		return nil, true
	}
	if uint64(at)+amongPool > uint64(len(b)) {
		return nil, false
	}
	b = b[at:]
	count := uint64(b.u32(amongCount))
	if b = b[amongPool:]; count*amongTuple > uint64(len(b)) {
		return nil, false
	}
	all = make([]Pair, count)
	withIP := false
	for i := range all {
		all[i] = Pair{b.mac(2), netip.AddrFrom4([4]byte(b[8:]))}
		withIP = withIP || !all[i].IP.IsUnspecified()
		b = b[amongTuple:]
	}
	for i := range all {
		if !withIP {
			all[i].IP = netip.Addr{}
		}
	}
	sortPairs(all)
	return all, true
}
