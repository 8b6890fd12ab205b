// Package nflog decodes NFULNL_MSG_PACKET, what nfnetlink_log sends: LOG and
// NFLOG messages and the lines of legacy TRACE. It is pure: bytes in, one event out.
package nflog

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
)

// MessageType is the netlink message type of a logged packet:
// NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET.
const MessageType = 4 << 8

// Attributes of a logged packet (include/uapi/linux/netfilter/nfnetlink_log.h: enum nfulnl_attr_type).
const (
	attrPacketHeader = 1
	attrMark         = 2
	attrTimestamp    = 3
	attrIn           = 4
	attrOut          = 5
	attrPhysIn       = 6
	attrPhysOut      = 7
	attrPayload      = 9
	attrPrefix       = 10
	attrUID          = 11
	attrSeq          = 12
	attrGID          = 14
	attrHWType       = 15
	attrHWHeader     = 16
	attrCT           = 18
	attrCTInfo       = 19
	attrVLAN         = 20
)

// vlanProto and vlanTag are the attributes of the nested tag (enum nfulnl_vlan_attr).
const (
	vlanProto = 1
	vlanTag   = 2
)

// ctaID and ctaStatus are the attributes of the nested conntrack entry that are
// used here (nfnetlink_conntrack.h: enum ctattr_type).
const (
	ctaStatus = 3
	ctaID     = 12
)

// Decode fills l from one message. Slices keep pointing into the message.
func Decode(m wire.Message, l *event.Log) error {
	*l = event.Log{Family: m.Family, Group: m.ResID}
	attrs := m.Attrs
	at := m.Offset(attrs)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		if !decodeAttr(a, l) {
			return fmt.Errorf("NFLOG message: attribute %d at offset %d: its %d bytes do not fit", a.Type, at, len(a.Data))
		}
		at = m.Offset(attrs)
	}
	if len(attrs) > 0 {
		return fmt.Errorf("NFLOG message: no attribute at offset %d of %d", at, len(m.Raw))
	}
	return nil
}

func decodeAttr(a wire.Attr, l *event.Log) (ok bool) {
	switch a.Type {
	case attrPacketHeader:
		if len(a.Data) < 4 {
			return false
		}
		l.EtherType, l.Hook, ok = binary.BigEndian.Uint16(a.Data), a.Data[2], true
	case attrMark:
		l.Mark, ok = a.BE32()
	case attrTimestamp:
		l.Timestamp, ok = timestamp(a.Data)
	case attrIn:
		l.In, ok = a.BE32()
	case attrOut:
		l.Out, ok = a.BE32()
	case attrPhysIn:
		l.PhysIn, ok = a.BE32()
	case attrPhysOut:
		l.PhysOut, ok = a.BE32()
	case attrPayload:
		l.Payload, ok = a.Data, true
	case attrPrefix:
		l.Prefix, ok = a.Text(), true
	case attrUID:
		l.UID, ok = a.BE32()
		l.HasUID = ok
	case attrSeq:
		l.Seq, ok = a.BE32()
		l.HasSeq = ok
	case attrGID:
		l.GID, ok = a.BE32()
		l.HasGID = ok
	case attrHWType:
		if len(a.Data) < 2 {
			return false
		}
		l.LinkType, l.HasLinkType, ok = binary.BigEndian.Uint16(a.Data), true, true
	case attrHWHeader:
		l.LinkHeader, ok = a.Data, true
	case attrVLAN:
		ok = decodeVLAN(wire.Attrs(a.Data), l)
	case attrCT:
		ok = decodeCT(wire.Attrs(a.Data), &l.CT)
	case attrCTInfo:
		var info uint32
		if info, ok = a.BE32(); ok {
			setInfo(info, &l.CT)
		}
	default:
		ok = true
	}
	return ok
}

// maxSeconds is the end of the year 9999, the last that RFC 3339 can write.
const maxSeconds = 253402300799

// timestamp reads struct nfulnl_msg_packet_timestamp: seconds and microseconds.
func timestamp(b []byte) (t time.Time, ok bool) {
	if len(b) != 16 {
		return t, false
	}
	sec, usec := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	if sec > maxSeconds || usec >= 1e6 {
		return t, false
	}
	return time.Unix(int64(sec), int64(usec)*1000), true
}

func decodeVLAN(attrs wire.Attrs, l *event.Log) bool {
	l.HasVLAN = true
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case vlanProto:
			if l.VLANProto, ok = a.BE16(); !ok {
				return false
			}
		case vlanTag:
			if l.VLANTag, ok = a.BE16(); !ok {
				return false
			}
		}
	}
	return len(attrs) == 0
}

func decodeCT(attrs wire.Attrs, ct *event.CT) bool {
	ct.Known = true
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaStatus:
			if ct.Status, ok = a.BE32(); !ok {
				return false
			}
			ct.HasStatus = true
		case ctaID:
			if ct.ID, ok = a.BE32(); !ok {
				return false
			}
			ct.HasID = true
		}
	}
	return len(attrs) == 0
}

// setInfo turns enum ip_conntrack_info into the state bits and the direction
// that trace events use (include/uapi/linux/netfilter/nf_conntrack_common.h:
// NF_CT_STATE_BIT, CTINFO2DIR).
func setInfo(info uint32, ct *event.CT) {
	const (
		isReply   = 3 // IP_CT_IS_REPLY
		untracked = 7 // IP_CT_UNTRACKED
	)
	ct.Known = true
	switch {
	case info < isReply:
		ct.State, ct.Direction, ct.HasDir = 2<<info, 0, true
	case info < 2*isReply:
		ct.State, ct.Direction, ct.HasDir = 2<<(info-isReply), 1, true
	case info == untracked:
		ct.State = 64
	}
}
