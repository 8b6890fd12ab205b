package flows

import (
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// Query says which entries are meant. The zero value means all; every part must
// hold. An answer has three values, since a message of the kernel may not have
// what a part asks for.
type Query struct {
	// Match is judged over the packets of the original direction, as they come
	// in; with Both over those of either. Its interfaces, mark and TCP flags are
	// not looked at: an entry has none (match.Conntrack). Reply is judged over the
	// packets of the reply direction, as they come in: its ends are those that
	// answer, which NAT may have made others than Match names.
	Match  match.Match
	Reply  match.Match
	ICMPID *uint16     // of the query
	Mark   *match.Mark // the connection's
	State  Words
	Status Bits
	NAT    NAT
	Zone   *uint16
	Labels []int // all must be set

	Older         time.Duration // lives longer; 0 for any age
	ExpiresWithin *time.Duration
	Now           time.Time // what Older counts from
}

// Words are states of which the entry must have one, or none with Not.
type Words struct {
	Any []string
	Not bool
}

// Bits are bits of the status that must be set, and others that must not.
type Bits struct{ Set, Unset conntrack.Status }

// NAT is the translation that an entry must have.
type NAT string

// The choices of NAT; empty for any entry.
const (
	SourceNAT      NAT = "snat"
	DestinationNAT NAT = "dnat"
	AnyNAT         NAT = "any"
	NoNAT          NAT = "none"
)

func verdict(holds bool) match.Verdict {
	if holds {
		return match.Verdict{Answer: match.Yes}
	}
	return match.Verdict{Answer: match.No}
}

func unknown(why string) match.Verdict { return match.Verdict{Answer: match.Unknown, Why: why} }

// Judge tells whether the entry is meant. One part that says no decides, whatever
// else is unknown.
func (q *Query) Judge(f *conntrack.Flow) match.Verdict {
	answer := match.Verdict{Answer: match.Yes}
	for _, part := range [...]func(*Query, *conntrack.Flow) match.Verdict{
		(*Query).judgeZone, (*Query).judgeMark, (*Query).judgeStatus, (*Query).judgeNAT, (*Query).judgeState,
		(*Query).judgeLabels, (*Query).judgeTimes, (*Query).judgePackets, (*Query).judgeReply, (*Query).judgeICMPID,
	} {
		v := part(q, f)
		if v.Answer == match.No {
			return v
		}
		if v.Answer == match.Unknown && answer.Answer == match.Yes {
			answer = v
		}
	}
	return answer
}

func (q *Query) judgeZone(f *conntrack.Flow) match.Verdict {
	return verdict(q.Zone == nil || f.InZone(*q.Zone))
}

// judgeMark: an event without a mark is of an entry whose mark is 0
// (net/netfilter/nf_conntrack_netlink.c: ctnetlink_dump_mark).
func (q *Query) judgeMark(f *conntrack.Flow) match.Verdict {
	k := q.Mark
	return verdict(k == nil || (f.Mark&k.Mask == k.Value) != k.Not)
}

func (q *Query) judgeStatus(f *conntrack.Flow) match.Verdict {
	s := q.Status
	switch {
	case s == Bits{}:
		return verdict(true)
	case f.Has&conntrack.HasStatus == 0:
		return unknown("the kernel did not say the status")
	}
	return verdict(f.Status&s.Set == s.Set && f.Status&s.Unset == 0)
}

func (q *Query) judgeNAT(f *conntrack.Flow) match.Verdict {
	if q.NAT == "" {
		return verdict(true)
	}
	src, dst := f.Status&conntrack.SrcNAT != 0, f.Status&conntrack.DstNAT != 0
	if f.Has&conntrack.HasStatus == 0 {
		o, r := &f.Orig, &f.Reply
		src, dst = o.Src != r.Dst || o.SrcPort != r.DstPort, o.Dst != r.Src || o.DstPort != r.SrcPort
	}
	switch q.NAT {
	case SourceNAT:
		return verdict(src)
	case DestinationNAT:
		return verdict(dst)
	case NoNAT:
		return verdict(!src && !dst)
	}
	return verdict(src || dst)
}

// judgeState: NEW and UNREPLIED are entries without an answer, ASSURED those that
// are kept when the table is full. ESTABLISHED is the protocol's state where it
// has states, and else that an answer came. All other words are of protocols.
func (q *Query) judgeState(f *conntrack.Flow) match.Verdict {
	if len(q.State.Any) == 0 {
		return verdict(true)
	}
	state, known := State(f)
	why := ""
	for _, word := range q.State.Any {
		var holds bool
		switch {
		case word == stateNew || word == stateUnreplied:
			holds = f.Status&conntrack.SeenReply == 0
		case word == stateAssured:
			holds = f.Status&conntrack.Assured != 0
		case word == stateEstablished && !hasStates(f):
			holds = f.Status&conntrack.SeenReply != 0
		case !known && hasStates(f):
			why = "the kernel did not say the state"
			continue
		default:
			if known && state == word {
				return verdict(!q.State.Not)
			}
			continue
		}
		if f.Has&conntrack.HasStatus == 0 {
			why = "the kernel did not say the status"
			continue
		}
		if holds {
			return verdict(!q.State.Not)
		}
	}
	if why != "" {
		return unknown(why)
	}
	return verdict(q.State.Not)
}

// hasStates tells of protocols that have states of their own.
func hasStates(f *conntrack.Flow) bool {
	switch f.Orig.Proto {
	case packet.ProtoTCP, packet.ProtoSCTP, packet.ProtoDCCP:
		return true
	}
	return false
}

func (q *Query) judgeLabels(f *conntrack.Flow) match.Verdict {
	for _, n := range q.Labels {
		if !f.Labels.Bit(n) {
			return verdict(false)
		}
	}
	return verdict(true)
}

func (q *Query) judgeTimes(f *conntrack.Flow) match.Verdict {
	if q.ExpiresWithin != nil && f.Has&conntrack.HasTimeout == 0 {
		return unknown("the entry has no timeout of its own")
	}
	if q.ExpiresWithin != nil && time.Duration(f.Timeout)*time.Second > *q.ExpiresWithin {
		return verdict(false)
	}
	if q.Older == 0 {
		return verdict(true)
	}
	age, ok := f.Lifetime(q.Now)
	if !ok {
		return unknown("the kernel kept no start of flows that began without net.netfilter.nf_conntrack_timestamp=1")
	}
	return verdict(age > q.Older)
}

func (q *Query) judgePackets(f *conntrack.Flow) match.Verdict {
	v := judgeTuple(&q.Match, f, &f.Orig)
	if v.Answer == match.Yes || !q.Match.Both {
		return v
	}
	if back := judgeTuple(&q.Match, f, &f.Reply); back.Answer != match.No {
		return back
	}
	return v
}

func (q *Query) judgeReply(f *conntrack.Flow) match.Verdict { return judgeTuple(&q.Reply, f, &f.Reply) }

func (q *Query) judgeICMPID(f *conntrack.Flow) match.Verdict {
	return verdict(q.ICMPID == nil || f.Orig.Has&conntrack.HasICMPID != 0 && f.Orig.ICMPID == *q.ICMPID)
}

// judgeTuple judges MATCH over a packet of one direction.
func judgeTuple(m *match.Match, f *conntrack.Flow, t *conntrack.Tuple) match.Verdict {
	p := packet.Packet{Family: f.Family, Src: t.Src, Dst: t.Dst, Proto: t.Proto, NextHeader: t.Proto, Has: packet.HasIP | packet.HasProto}
	if p.Family == packet.Unspec {
		p.Family = t.Family()
	}
	if t.Has&conntrack.HasPorts == conntrack.HasPorts && t.Proto != packet.ProtoGRE {
		p.SrcPort, p.DstPort = t.SrcPort, t.DstPort
		p.Has |= packet.HasPorts
	}
	if t.Has&conntrack.HasICMPType != 0 {
		p.ICMP = packet.ICMP{Type: t.ICMPType, Code: t.ICMPCode, ID: t.ICMPID}
		p.Has |= packet.HasICMP
	}
	return m.Judge(&p, "", "", nil)
}
