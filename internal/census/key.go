package census

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
)

// By is what entries are grouped by. All of it is of the original direction, as
// its packets come in, before translation.
type By string

// What entries can be grouped by.
const (
	Source      By = "source"
	Destination By = "destination"
	Service     By = "service" // protocol and destination port
	State       By = "state"
	Zone        By = "zone"
	Netns       By = "netns"  // the namespace that owns the source address
	Target      By = "target" // protocol, destination and its port
	Pair        By = "pair"   // source and target
)

// Kinds is what entries can be grouped by, in the order in which it is listed.
func Kinds() []By { return []By{Source, Destination, Service, State, Zone, Netns, Target, Pair} }

// ParseBy reads one of Kinds.
func ParseBy(word string) (By, error) {
	if i := slices.Index(Kinds(), By(word)); i >= 0 {
		return Kinds()[i], nil
	}
	names := make([]string, len(Kinds()))
	for i, by := range Kinds() {
		names[i] = string(by)
	}
	return "", fmt.Errorf("%q is nothing that entries are grouped by: there are %s", word, strings.Join(names, ", "))
}

// Key is what the entries of a group have in common.
type Key struct {
	Src, Dst netip.Addr
	State    string // of TCP, SCTP and DCCP the kernel's word, else UNREPLIED, REPLIED or ASSURED
	Owner    string
	Proto    uint8
	HasProto bool
	HasPort  bool
	HasZone  bool
	Port     uint16
	Zone     uint16
}

func (by By) key(f *conntrack.Flow, owner func(netip.Addr) string) Key {
	var k Key
	switch by {
	case Source:
		k.Src = f.Orig.Src
	case Destination:
		k.Dst = f.Orig.Dst
	case Service:
		k.service(f)
	case State:
		k.Proto, k.HasProto = f.Orig.Proto, f.Orig.Has&conntrack.HasProto != 0
		k.State = state(f)
	case Zone:
		k.zone(f)
	case Netns:
		k.Owner = owner(f.Orig.Src)
	case Target:
		k.Dst = f.Orig.Dst
		k.service(f)
	case Pair:
		k.Src, k.Dst = f.Orig.Src, f.Orig.Dst
		k.service(f)
	}
	return k
}

func (k *Key) service(f *conntrack.Flow) {
	k.Proto, k.HasProto = f.Orig.Proto, f.Orig.Has&conntrack.HasProto != 0
	k.Port, k.HasPort = f.Orig.DstPort, f.Orig.Has&conntrack.HasDstPort != 0
}

// zone is that of the original direction; entries without one lie in zone 0.
func (k *Key) zone(f *conntrack.Flow) {
	k.HasZone = true
	switch {
	case f.Has&conntrack.HasZone != 0:
		k.Zone = f.Zone
	case f.Orig.Has&conntrack.HasTupleZone != 0:
		k.Zone = f.Orig.Zone
	}
}

func state(f *conntrack.Flow) string {
	switch {
	case f.Has&conntrack.HasTCPState != 0:
		return f.TCP.State.String()
	case f.Has&conntrack.HasSCTPState != 0:
		return f.SCTP.State.String()
	case f.Has&conntrack.HasDCCPState != 0:
		return f.DCCP.State.String()
	case f.Status&conntrack.Assured != 0:
		return "ASSURED"
	case f.Status&conntrack.SeenReply != 0:
		return "REPLIED"
	}
	return "UNREPLIED"
}

func (k *Key) compare(o *Key) int {
	return cmp.Or(k.Src.Compare(o.Src), k.Dst.Compare(o.Dst), cmp.Compare(k.Proto, o.Proto), cmp.Compare(k.Port, o.Port),
		cmp.Compare(k.State, o.State), cmp.Compare(k.Zone, o.Zone), cmp.Compare(k.Owner, o.Owner))
}
