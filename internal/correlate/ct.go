package correlate

import (
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
)

// The bits of a conntrack status, in the kernel's words
// (include/uapi/linux/netfilter/nf_conntrack_common.h: enum ip_conntrack_status).
var ctStatus = [...]string{
	"expected", "seen-reply", "assured", "confirmed", "snat", "dnat", "seq-adjust",
	"snat-done", "dnat-done", "dying", "fixed-timeout", "template", "nat-clash",
	"helper", "offload", "hw-offload",
}

func showCT(ct *event.CT) *journey.CT {
	out := &journey.CT{State: ctState(ct.State)}
	if ct.HasID {
		out.ID = new(ct.ID)
	}
	if ct.HasDir {
		out.Direction = "original"
		if ct.Direction == 1 {
			out.Direction = "reply"
		}
	}
	for i, word := range ctStatus {
		if ct.Status&(1<<i) != 0 {
			out.Status = append(out.Status, word)
		}
	}
	return out
}

// ctState is the state in nft's words; the bits are those of `ct state`.
func ctState(bits uint32) string {
	switch {
	case bits&1 != 0:
		return "invalid"
	case bits&2 != 0:
		return "established"
	case bits&4 != 0:
		return "related"
	case bits&8 != 0:
		return "new"
	case bits&64 != 0:
		return "untracked"
	}
	return ""
}
