package xt

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchConntrack looks at the packet's entry in the connection tracking table
// (include/uapi/linux/netfilter/xt_conntrack.h: XT_CONNTRACK_*). It is shown as
// "state" where it was written so.
type MatchConntrack struct {
	Flags, Not uint16 // XT_CONNTRACK_*: what is looked at, and what is negated
	State      uint16
	Status     uint16 // IPS_*
	Protocol   uint16
	// The four addresses and port ranges of a flow, in the order original
	// source and destination, reply source and destination.
	Addr, Mask [4]netip.Addr
	Port       [4]Ports
	Expires    Span // in seconds
}

// The bits of MatchConntrack.Flags. Addresses begin at ctOrigSrc, ports at ctOrigSrcPort.
const (
	ctState       = 1 << 0
	ctProto       = 1 << 1
	ctOrigSrc     = 1 << 2
	ctStatus      = 1 << 6
	ctExpires     = 1 << 7
	ctOrigSrcPort = 1 << 8
	ctDirection   = 1 << 12
	ctStateAlias  = 1 << 13
)

func decodeConntrack(b info, e Env) MatchConntrack {
	m := MatchConntrack{Expires: b.span(128), Protocol: b.u16(136), Flags: b.u16(146), Not: b.u16(148)}
	for i := range 4 {
		m.Addr[i], m.Mask[i] = b.addr(32*i, e.Family), b.addr(32*i+16, e.Family)
	}
	return m
}

func decodeConntrack1(b info, e Env) Match {
	m := decodeConntrack(b, e)
	m.State, m.Status = uint16(b.u8(150)), uint16(b.u8(151))
	return m.withSinglePorts(b)
}

func decodeConntrack2(b info, e Env) Match {
	m := decodeConntrack(b, e)
	m.State, m.Status = b.u16(150), b.u16(152)
	return m.withSinglePorts(b)
}

// withSinglePorts reads the ports of revisions 1 and 2, which are in network byte order.
func (m MatchConntrack) withSinglePorts(b info) Match {
	for i := range 4 {
		p := b.be16(138 + 2*i)
		m.Port[i] = Ports{p, p}
	}
	return m
}

func decodeConntrack3(b info, e Env) Match {
	m := decodeConntrack(b, e)
	m.State, m.Status = b.u16(150), b.u16(152)
	for i := range 4 {
		m.Port[i] = Ports{b.u16(138 + 2*i), b.u16(154 + 2*i)}
	}
	return m
}

// Name is "conntrack" or "state".
func (m MatchConntrack) Name() string {
	if m.Flags&ctStateAlias != 0 {
		return "state"
	}
	return "conntrack"
}

// AppendSave implements [Match].
func (m MatchConntrack) AppendSave(dst []byte) []byte {
	if m.Flags&ctState != 0 {
		dst = m.appendState(dst)
	}
	if m.Flags&ctProto != 0 {
		dst = number(option(dst, m.Not&ctProto != 0, "ctproto"), m.Protocol)
	}
	dst = m.appendTuples(dst)
	if m.Flags&ctStatus != 0 {
		dst = ctStatusWords(option(dst, m.Not&ctStatus != 0, "ctstatus"), m.Status)
	}
	if m.Flags&ctExpires != 0 {
		dst = reach(option(dst, m.Not&ctExpires != 0, "ctexpire"), m.Expires.Low, m.Expires.High)
	}
	if m.Flags&ctDirection != 0 {
		dst = ctDirectionWord(option(dst, false, "ctdir"), m.Not&ctDirection != 0)
	}
	return dst
}

func (m MatchConntrack) appendState(dst []byte) []byte {
	name := "ctstate"
	if m.Flags&ctStateAlias != 0 {
		name = "state"
	}
	return ctStateWords(option(dst, m.Not&ctState != 0, name), m.State)
}

func (m MatchConntrack) appendTuples(dst []byte) []byte {
	if m.Flags&0xf3c == 0 {
		return dst
	}
	names := [4]string{"ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"}
	for i, name := range names {
		if bit := uint16(ctOrigSrc << i); m.Flags&bit != 0 {
			dst = option(dst, m.Not&bit != 0, name)
			dst = addressMask(append(dst, ' '), m.Addr[i], m.Mask[i])
		}
	}
	for i, name := range names {
		if bit := uint16(ctOrigSrcPort << i); m.Flags&bit != 0 {
			dst = append(option(dst, m.Not&bit != 0, name), "port"...)
			dst = ctPorts(dst, m.Port[i])
		}
	}
	return dst
}

func ctPorts(dst []byte, p Ports) []byte {
	if p.High == 0 {
		return number(dst, p.Low)
	}
	return reach(dst, p.Low, p.High)
}

// ctStates are the words for the bits of a state in the order in which iptables prints them.
const ctStates = "INVALID=0,NEW=3,RELATED=2,ESTABLISHED=1,UNTRACKED=8,SNAT=6,DNAT=7"

// ctStateWords appends nothing, not even a blank, for no state at all.
func ctStateWords(dst []byte, state uint16) []byte {
	sep := byte(' ')
	for entry := range strings.SplitSeq(ctStates, ",") {
		word, bit, _ := strings.Cut(entry, "=")
		if state>>(bit[0]-'0')&1 != 0 {
			dst = append(append(dst, sep), word...)
			sep = ','
		}
	}
	return dst
}

// ctStatusWords has words for the four lowest of the bits IPS_*.
func ctStatusWords(dst []byte, status uint16) []byte {
	if status == 0 {
		return bare(dst, "NONE")
	}
	if status&0xf == 0 {
		return dst
	}
	return bitWords(append(dst, ' '), uint32(status), "EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED")
}

func ctDirectionWord(dst []byte, reply bool) []byte {
	if reply {
		return bare(dst, "REPLY")
	}
	return bare(dst, "ORIGINAL")
}

func parseState(a *arguments, e Env) Match {
	m := newConntrack(e)
	a.each(func(g given) bool {
		m.look(ctState|ctStateAlias, g.not && g.name == "state")
		m.Not &^= ctStateAlias
		m.State = a.ctStates(g)
		return g.name == "state"
	})
	return m
}

func newConntrack(e Env) MatchConntrack {
	var m MatchConntrack
	for i := range 4 {
		m.Addr[i], m.Mask[i] = e.zeroAddr(), e.zeroAddr()
	}
	return m
}

// look notes what is looked at, and whether that is negated.
func (m *MatchConntrack) look(bits uint16, not bool) {
	if m.Flags |= bits; not {
		m.Not |= bits
	}
}

func parseConntrack(a *arguments, e Env) Match {
	m := newConntrack(e)
	a.each(func(g given) bool {
		switch g.name {
		case "ctstate":
			m.look(ctState, g.not)
			m.State = a.ctStates(g)
		case "ctproto":
			m.look(ctProto, g.not)
			m.Protocol = e.parseProtocol(a, given{name: g.name, args: []string{a.text(g)}}).Number
		case "ctstatus":
			m.look(ctStatus, g.not)
			if a.text(g) != "NONE" {
				m.Status = uint16(a.wordBits(g, "EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED"))
			}
		case "ctexpire":
			m.look(ctExpires, g.not)
			m.Expires = a.expires(g)
		case "ctdir":
			m.look(ctDirection, a.word(g, a.text(g), "ORIGINAL,REPLY") == 1)
			return !g.not
		default:
			return m.parseTuple(a, g, e)
		}
		return true
	})
	return m
}

func (a *arguments) ctStates(g given) (state uint16) {
	for s := range strings.SplitSeq(a.text(g), ",") {
		_, rest, ok := strings.Cut(ctStates, s+"=")
		if !ok || s == "" {
			a.fail(g, "no state of a flow")
			break
		}
		state |= 1 << (rest[0] - '0')
	}
	return state
}

func (a *arguments) expires(g given) Span {
	low, high, ranged := strings.Cut(a.text(g), ":")
	s := Span{Low: uint32(a.number(g, low, 32))}
	if s.High = s.Low; ranged {
		s.High = uint32(a.number(g, high, 32))
	}
	return s
}

// parseTuple reads addresses and ports of the flow.
func (m *MatchConntrack) parseTuple(a *arguments, g given, e Env) bool {
	for i, name := range [4]string{"ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"} {
		switch g.name {
		case name:
			m.look(ctOrigSrc<<i, g.not)
			m.Addr[i], m.Mask[i] = a.network(g, e)
			return true
		case name + "port":
			m.look(ctOrigSrcPort<<i, g.not)
			m.Port[i] = a.ports(g)
			return true
		}
	}
	return false
}

func (MatchConntrack) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when mirrors net/netfilter/xt_conntrack.c: conntrack_mt. Where a state is asked
// for, packets without a flow pass all else that is asked.
func (m MatchConntrack) when(a asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.Flags&ctState != 0 {
		all = m.stateConditions()
	}
	flowless := m.flowless()
	for _, c := range m.flowConditions(a) {
		if flowless != 0 {
			c = either(false, c, someBit(ruleset.CTState, flowless, false))
		}
		all = append(all, c)
	}
	return all
}

// Two bits of [ruleset.CTState].
const (
	stateInvalid   = 1
	stateUntracked = 64
)

// flowless are the states of packets without a flow that the match takes.
func (m MatchConntrack) flowless() uint64 {
	states := m.states() & (stateInvalid | stateUntracked)
	switch {
	case m.Flags&ctState == 0:
		return 0
	case m.Not&ctState != 0:
		return states ^ (stateInvalid | stateUntracked)
	}
	return states
}

// states are the match's in the bits of [ruleset.CTState].
func (m MatchConntrack) states() uint64 {
	states := uint64(m.State & 0xf)
	if m.State&(1<<8) != 0 {
		states |= stateUntracked
	}
	return states
}

// stateConditions: SNAT and DNAT among the states are bits of the flow's status.
func (m MatchConntrack) stateConditions() []ruleset.Condition {
	states, status := m.states(), uint64(m.State>>6&3)<<4
	not := m.Not&ctState != 0
	state, nat := someBit(ruleset.CTState, states, not), someBit(ruleset.CTStatus, status, not)
	switch {
	case status == 0:
		return []ruleset.Condition{state}
	case !not && states == 0:
		return []ruleset.Condition{nat}
	case not: // nor has a packet without a flow that status
		none := someBit(ruleset.CTState, stateInvalid|stateUntracked, false)
		nat = either(false, nat, none)
		if states == 0 {
			return []ruleset.Condition{nat}
		}
		return []ruleset.Condition{state, nat}
	}
	return []ruleset.Condition{either(false, state, nat)}
}

func (m MatchConntrack) flowConditions(a asked) []ruleset.Condition {
	not := func(bit uint16) bool { return m.Not&bit != 0 }
	var all []ruleset.Condition
	if m.Flags&ctDirection != 0 {
		all = append(all, number8(ruleset.CTDir, 0, not(ctDirection)))
	}
	addrs, ports := ctFields(a.fam)
	for i := range 4 {
		if bit := uint16(ctOrigSrc << i); m.Flags&bit != 0 {
			all = append(all, addressUnder(addrs[i], and(m.Addr[i], m.Mask[i]), m.Mask[i], not(bit)))
		}
		if bit := uint16(ctOrigSrcPort << i); m.Flags&bit != 0 {
			all = append(all, number16(ports[i], m.Port[i], not(bit)))
		}
	}
	if m.Flags&ctProto != 0 {
		all = append(all, number16(ruleset.CTProto, Ports{m.Protocol, m.Protocol}, not(ctProto)))
	}
	if m.Flags&ctStatus != 0 {
		all = append(all, someBit(ruleset.CTStatus, uint64(m.Status), not(ctStatus)))
	}
	if m.Flags&ctExpires != 0 {
		all = append(all, untold("depends on how long the flow has still to live")...)
	}
	return all
}

// ctFields are the flow's addresses and ports in the order of [MatchConntrack].
func ctFields(fam ruleset.Family) (addrs, ports [4]ruleset.Field) {
	ports = [4]ruleset.Field{ctSourcePort, ruleset.CTDestPort, ctReplySport, ctReplyDport}
	if fam == ip6 {
		return [4]ruleset.Field{ruleset.CTSource6, ruleset.CTDest6, ctReplySrc6, ctReplyDst6}, ports
	}
	return [4]ruleset.Field{ruleset.CTSource, ruleset.CTDest, ctReplySrc, ctReplyDst}, ports
}

// parts: what is asked of the flow stands alone unless packets without one pass it.
func (m MatchConntrack) parts() []Match {
	if m.flowless() != 0 {
		return nil
	}
	var parts []Match
	for bit := uint16(1); bit <= ctDirection; bit <<= 1 {
		if part := m; m.Flags&bit != 0 {
			if part.Flags = bit; bit == ctState {
				part.Flags |= m.Flags & ctStateAlias
			}
			parts = append(parts, part)
		}
	}
	return parts
}
