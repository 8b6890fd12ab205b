package live

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// learn makes the other namespaces trace a flow under the addresses that NAT gave
// it here. The packet that taught it is beyond them already, so they follow the
// flow from its next packet on.
func (t *Trace) learn(j *journey.Journey) string {
	if !t.widens() || j.Netns == nil {
		return ""
	}
	from, to := j.Headers.Tuple(), lastTuple(j)
	if from == to || t.widened[to] || len(t.widened) >= maxWidened {
		return ""
	}
	t.widened[to] = true
	var names, failed []string
	for i, s := range t.spaces {
		if s.info.Cookie == j.Netns.Cookie {
			continue
		}
		sport, dport := to.SrcPort, to.DstPort
		if to.Proto == packet.ProtoICMP || to.Proto == packet.ProtoICMPv6 {
			sport, dport = to.ID, uint16(to.Type)<<8|uint16(to.Code)
		}
		if err := t.armed.Widen(i, to.Src, to.Dst, to.Proto, sport, dport); err != nil {
			failed = append(failed, fmt.Sprintf("%s (%v)", s.ns.Name, err))
			continue
		}
		names = append(names, s.ns.Name)
	}
	note := fmt.Sprintf("NAT made %s of it: from its next packet on, this flow is followed in %s too", tupleText(to), strings.Join(names, ", "))
	if len(failed) > 0 {
		note += "; not in " + strings.Join(failed, ", ")
	}
	return note
}

// maxWidened bounds how many flows MATCH grows by.
const maxWidened = 1024

// lastTuple is the packet's tuple after every translation of the journey.
func lastTuple(j *journey.Journey) packet.Tuple {
	t := j.Headers.Tuple()
	for i := range j.Steps {
		n := j.Steps[i].NAT
		if n == nil {
			continue
		}
		if n.Src != nil {
			t.Src = n.Src.To
		}
		if n.Dst != nil {
			t.Dst = n.Dst.To
		}
		if n.SPort != nil {
			t.SrcPort = n.SPort.To
		}
		if n.DPort != nil {
			t.DstPort = n.DPort.To
		}
	}
	return t
}

func tupleText(t packet.Tuple) string {
	if t.SrcPort == 0 && t.DstPort == 0 {
		return fmt.Sprintf("%s %s > %s", packet.ProtoName(t.Proto), t.Src, t.Dst)
	}
	return fmt.Sprintf("%s %s port %d > %s port %d", packet.ProtoName(t.Proto), t.Src, t.SrcPort, t.Dst, t.DstPort)
}
