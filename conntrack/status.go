package conntrack

import (
	"strconv"
	"strings"
)

// Status is the bits that the kernel keeps of a flow
// (include/uapi/linux/netfilter/nf_conntrack_common.h: enum ip_conntrack_status).
type Status uint32

// The bits of Status, in the kernel's words.
const (
	Expected Status = 1 << iota
	SeenReply
	Assured
	Confirmed
	SrcNAT
	DstNAT
	SeqAdjust
	SrcNATDone
	DstNATDone
	Dying
	FixedTimeout
	Template
	Untracked
	HelperSet
	Offload
	HWOffload
)

// statusNames are the kernel's names, by bit.
var statusNames = [...]string{
	"EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT", "DST_NAT", "SEQ_ADJUST", "SRC_NAT_DONE",
	"DST_NAT_DONE", "DYING", "FIXED_TIMEOUT", "TEMPLATE", "UNTRACKED", "HELPER", "OFFLOAD", "HW_OFFLOAD",
}

// String is the names of the bits that are set, with commas, in the order of the
// bits; bits without a name are one number in hex at the end.
func (s Status) String() string {
	var names []string
	for i, name := range statusNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if left := uint32(s) >> len(statusNames) << len(statusNames); left != 0 {
		names = append(names, "0x"+strconv.FormatUint(uint64(left), 16))
	}
	return strings.Join(names, ",")
}
