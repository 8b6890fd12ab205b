package xt

import (
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetNetmap rewrites the network part of an address one to one
// (include/uapi/linux/netfilter/nf_nat.h).
type TargetNetmap struct{ Addr, Mask netip.Addr }

func decodeNetmap4(b info, _ Env) Target {
	return TargetNetmap{b.addr(8, ruleset.IP), maskBetween(b[8:12], b[12:16])}
}

func decodeNetmap6(b info, e Env) Target {
	return TargetNetmap{b.addr(4, e.Family), maskBetween(b[4:20], b[20:36])}
}

// maskBetween has the bits in which two addresses agree.
func maskBetween(low, high []byte) netip.Addr {
	mask := make([]byte, len(low))
	for i := range mask {
		mask[i] = ^(low[i] ^ high[i])
	}
	a, _ := netip.AddrFromSlice(mask)
	return a
}

// Name is "NETMAP".
func (TargetNetmap) Name() string { return "NETMAP" }

// AppendSave implements [Target].
func (t TargetNetmap) AppendSave(dst []byte) []byte {
	dst = append(address(append(option(dst, false, "to"), ' '), t.Addr), '/')
	if n, ok := maskLen(t.Mask); ok {
		return strconv.AppendInt(dst, int64(n), 10)
	}
	return address(dst, t.Mask)
}
