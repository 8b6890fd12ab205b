// Package nftrace decodes NFT_MSG_TRACE, what nf_tables reports of a packet
// whose trace bit is set. It is pure: bytes in, one event out.
package nftrace

import (
	"fmt"
	"math"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// MessageType is the netlink message type of a trace event:
// NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE.
const MessageType = 10<<8 | 17

// Attributes of a trace event (include/uapi/linux/netfilter/nf_tables.h: enum nft_trace_attributes).
const (
	attrTable           = 1
	attrChain           = 2
	attrRuleHandle      = 3
	attrType            = 4
	attrVerdict         = 5
	attrID              = 6
	attrLinkHeader      = 7
	attrNetworkHeader   = 8
	attrTransportHeader = 9
	attrIn              = 10
	attrInType          = 11
	attrOut             = 12
	attrOutType         = 13
	attrMark            = 14
	attrNFProto         = 15
	attrPolicy          = 16
	attrCTID            = 18
	attrCTDirection     = 19
	attrCTStatus        = 20
	attrCTState         = 21
)

// Attributes of a verdict (enum nft_verdict_attributes).
const (
	verdictCode  = 1
	verdictChain = 2
)

// Names keeps the strings of tables and chains, so that a repeated name costs no allocation.
type Names map[string]string

// maxNames and maxNameLen, the kernel's NFT_NAME_MAXLEN, bound the memory that
// names of a hostile or endless stream can take.
const (
	maxNames   = 1 << 16
	maxNameLen = 256
)

// Intern returns the name as a string.
func (n Names) Intern(b []byte) string {
	if s, ok := n[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(n) < maxNames && len(s) < maxNameLen {
		n[s] = s
	}
	return s
}

// Decode fills t from one message. Header slices keep pointing into the message.
// Attributes that newer kernels add are passed over; one that is known and has a
// wrong length is an error that names it.
func Decode(m wire.Message, names Names, t *event.Trace) error {
	*t = event.Trace{Family: ruleset.Family(m.Family)}
	attrs := m.Attrs
	at := m.Offset(attrs)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		if !decodeAttr(a, names, t) {
			return fmt.Errorf("trace event: attribute %d at offset %d: its %d bytes do not fit", a.Type, at, len(a.Data))
		}
		at = m.Offset(attrs)
	}
	if len(attrs) > 0 {
		return fmt.Errorf("trace event: no attribute at offset %d of %d", at, len(m.Raw))
	}
	if t.Type == event.TraceUnspec || t.Table == "" || t.Chain == "" {
		return fmt.Errorf("trace event: type %d, table %q, chain %q: one of them is missing", t.Type, t.Table, t.Chain)
	}
	return nil
}

func decodeAttr(a wire.Attr, names Names, t *event.Trace) (ok bool) {
	var u uint8
	switch a.Type {
	case attrTable:
		t.Table, ok = names.Intern(a.Text()), len(a.Data) > 0
	case attrChain:
		t.Chain, ok = names.Intern(a.Text()), len(a.Data) > 0
	case attrRuleHandle:
		t.Handle, ok = a.BE64()
	case attrType:
		u, ok = small(a)
		t.Type = event.TraceType(u)
	case attrVerdict:
		ok = decodeVerdict(wire.Attrs(a.Data), names, t)
	case attrID:
		t.ID, ok = a.BE32()
	case attrLinkHeader:
		t.Link, t.HasPacket, ok = a.Data, true, true
	case attrNetworkHeader:
		t.Network, t.HasPacket, ok = a.Data, true, true
	case attrTransportHeader:
		t.Transport, t.HasPacket, ok = a.Data, true, true
	case attrIn:
		t.In, ok = a.BE32()
		t.HasPacket = true
	case attrOut:
		t.Out, ok = a.BE32()
		t.HasPacket = true
	case attrMark:
		t.Mark, ok = a.BE32()
	case attrNFProto:
		u, ok = small(a)
		t.NFProto = u
	case attrPolicy:
		t.Policy, ok = decodeCode(a)
	case attrCTID, attrCTDirection, attrCTStatus, attrCTState:
		ok = decodeCT(a, &t.CT)
	default:
		ok = true
	}
	return ok
}

// small is a number of 32 bits on the wire whose values fit into eight.
func small(a wire.Attr) (v uint8, ok bool) {
	u, ok := a.BE32()
	return uint8(u), ok && u <= math.MaxUint8
}

func decodeCode(a wire.Attr) (ruleset.Verdict, bool) {
	code, ok := a.BE32()
	return verdict(int32(code)), ok
}

func decodeCT(a wire.Attr, ct *event.CT) (ok bool) {
	ct.Known = true
	switch a.Type {
	case attrCTID:
		ct.ID, ok = a.BE32()
		ct.HasID = ok
	case attrCTDirection:
		ct.Direction, ok = a.Uint8()
		ct.HasDir = ok
	case attrCTStatus:
		ct.Status, ok = a.BE32()
		ct.HasStatus = ok
	case attrCTState:
		ct.State, ok = a.BE32()
	}
	return ok
}

func decodeVerdict(attrs wire.Attrs, names Names, t *event.Trace) bool {
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case verdictCode:
			if t.Verdict, ok = decodeCode(a); !ok {
				return false
			}
		case verdictChain:
			t.Target = names.Intern(a.Text())
		}
	}
	return len(attrs) == 0
}

// Verdicts that only nf_tables has (enum nft_verdicts).
const (
	nftContinue int32 = -1 - iota
	nftBreak
	nftJump
	nftGoto
	nftReturn
)

// verdict turns the kernel's number into a word (enum nft_verdicts and
// include/uapi/linux/netfilter.h; the upper half of a queue verdict is its number).
func verdict(code int32) ruleset.Verdict {
	switch code {
	case nftContinue, nftBreak:
		return ruleset.Continue
	case nftJump:
		return ruleset.Jump
	case nftGoto:
		return ruleset.Goto
	case nftReturn:
		return ruleset.Return
	}
	switch uint32(code) & 0xff {
	case 0:
		return ruleset.Drop
	case 1:
		return ruleset.Accept
	case 2:
		return ruleset.Stolen
	case 3:
		return ruleset.Queue
	case 4:
		return ruleset.Continue // NF_REPEAT: the hook is called again
	case 5:
		return ruleset.Accept // NF_STOP
	}
	return ruleset.Unknown
}
