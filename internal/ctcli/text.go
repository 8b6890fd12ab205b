package ctcli

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// Format is how entries are written. The zero value is conntrack's plain line.
type Format struct {
	XML, Save  bool
	Layer3     bool    // extended
	ID         bool    // id
	KernelTime bool    // ktimestamp: when the entry began and ended
	When       bool    // the time of writing, in XML
	Labels     *Labels // names of labels, nil: none are written

	// Now is the clock by which the age of an entry is reckoned, in the zone that
	// times are written in.
	Now func() time.Time
}

// AppendFlow appends an entry, or an event about one, without a newline.
func (f *Format) AppendFlow(b []byte, k conntrack.Kind, flow *conntrack.Flow) []byte {
	switch {
	case f.Save:
		return appendSave(b, k, flow)
	case f.XML:
		return f.appendXML(b, k, flow)
	}
	return f.appendLine(b, k, flow)
}

// appendLine writes the fields with a blank behind each, and takes the last one off.
func (f *Format) appendLine(b []byte, k conntrack.Kind, flow *conntrack.Flow) []byte {
	b = append(b, eventWord(k)...)
	if f.Layer3 {
		b = appendPadded(b, layer3Name(flow.Family))
		b = appendNumber(b, "", uint64(flow.Family))
	}
	b = appendPadded(b, layer4Name(flow.Orig.Proto))
	b = appendNumber(b, "", uint64(flow.Orig.Proto))
	if flow.Has&conntrack.HasTimeout != 0 {
		b = appendNumber(b, "", uint64(flow.Timeout))
	}
	b = appendStates(b, flow)
	b = appendDirection(b, flow.Family, &flow.Orig, "zone-orig=")
	if flow.Has&conntrack.HasCountersOrig != 0 {
		b = appendCounters(b, flow.CountersOrig)
	}
	if flow.Has&conntrack.HasStatus != 0 && flow.Status&conntrack.SeenReply == 0 {
		b = append(b, "[UNREPLIED] "...)
	}
	b = appendDirection(b, flow.Family, &flow.Reply, "zone-reply=")
	if flow.Has&conntrack.HasCountersReply != 0 {
		b = appendCounters(b, flow.CountersReply)
	}
	b = append(b, assuredWord(flow)...)
	b = f.appendMeta(b, flow)
	return b[:len(b)-1]
}

// eventWord is what a line about an event begins with, right-aligned in nine columns.
func eventWord(k conntrack.Kind) string {
	switch k {
	case conntrack.NewFlow, conntrack.NewExpect:
		return "    [NEW] "
	case conntrack.UpdatedFlow:
		return " [UPDATE] "
	case conntrack.DestroyedFlow, conntrack.DestroyedExpect:
		return "[DESTROY] "
	}
	return ""
}

func assuredWord(flow *conntrack.Flow) string {
	switch {
	case flow.Status&conntrack.HWOffload != 0:
		return "[HW_OFFLOAD] "
	case flow.Status&conntrack.Offload != 0:
		return "[OFFLOAD] "
	case flow.Status&conntrack.Assured != 0:
		return "[ASSURED] "
	}
	return ""
}

func (f *Format) appendMeta(b []byte, flow *conntrack.Flow) []byte {
	if flow.Has&conntrack.HasMark != 0 {
		b = appendNumber(b, "mark=", uint64(flow.Mark))
	}
	if flow.Has&conntrack.HasSecMark != 0 {
		b = appendNumber(b, "secmark=", uint64(flow.SecMark))
	}
	if flow.Has&conntrack.HasSecCtx != 0 {
		b = appendWord(b, "secctx=", flow.SecCtx)
	}
	if flow.Has&conntrack.HasZone != 0 {
		b = appendNumber(b, "zone=", uint64(flow.Zone))
	}
	if flow.Has&conntrack.HasStart != 0 {
		b = f.appendTimes(b, flow)
	}
	if flow.Has&conntrack.HasHelper != 0 {
		b = appendWord(b, "helper=", flow.Helper)
	}
	if flow.Has&conntrack.HasUse != 0 {
		b = appendNumber(b, "use=", uint64(flow.Use))
	}
	if f.ID && flow.Has&conntrack.HasID != 0 {
		b = appendNumber(b, "id=", uint64(flow.ID))
	}
	if f.Labels != nil && flow.Has&conntrack.HasLabels != 0 {
		b = f.Labels.appendList(b, &flow.Labels)
	}
	return b
}

// appendTimes writes how long the entry lives in whole seconds, as conntrack
// reckons it: seconds that began, subtracted.
func (f *Format) appendTimes(b []byte, flow *conntrack.Flow) []byte {
	b = appendNumber(b, "delta-time=", uint64(f.end(flow)-int64(flow.Start/1e9)))
	if !f.KernelTime {
		return b
	}
	zone := f.Now().Location()
	b = appendWord(b, "[start=", flow.Start.Time().In(zone).Format(time.ANSIC)+"]")
	if flow.Has&conntrack.HasStop != 0 {
		b = appendWord(b, "[stop=", flow.Stop.Time().In(zone).Format(time.ANSIC)+"]")
	}
	return b
}

// end is the second in which the entry ended, or this one.
func (f *Format) end(flow *conntrack.Flow) int64 {
	if flow.Stop != 0 {
		return int64(flow.Stop / 1e9)
	}
	return f.Now().Unix()
}

func appendStates(b []byte, flow *conntrack.Flow) []byte {
	if flow.Has&conntrack.HasTCPState != 0 {
		b = appendWord(b, "", tcpState(flow.TCP.State))
	}
	if flow.Has&conntrack.HasSCTPState != 0 {
		b = appendWord(b, "", sctpState(flow.SCTP.State))
	}
	if flow.Has&conntrack.HasDCCPState != 0 {
		b = appendWord(b, "", dccpState(flow.DCCP.State))
	}
	return b
}

// States that conntrack does not know are none to it.

func tcpState(s conntrack.TCPState) string {
	if s > conntrack.TCPSynSent2 {
		s = conntrack.TCPNone
	}
	return s.String()
}

func sctpState(s conntrack.SCTPState) string {
	if s > conntrack.SCTPHeartbeatAcked {
		s = conntrack.SCTPNone
	}
	return s.String()
}

func dccpState(s conntrack.DCCPState) string {
	if s > conntrack.DCCPInvalid {
		s = conntrack.DCCPNone
	}
	return s.String()
}

func appendCounters(b []byte, c conntrack.Counters) []byte {
	b = appendNumber(b, "packets=", c.Packets)
	return appendNumber(b, "bytes=", c.Bytes)
}

func appendDirection(b []byte, family packet.Family, t *conntrack.Tuple, zone string) []byte {
	b = appendAddrs(b, family, t, "src=", "dst=")
	b = appendPorts(b, t)
	if t.Has&conntrack.HasTupleZone != 0 {
		b = appendNumber(b, zone, uint64(t.Zone))
	}
	return b
}

// appendAddrs writes the addresses of a tuple; one that is not there is all zeros.
func appendAddrs(b []byte, family packet.Family, t *conntrack.Tuple, src, dst string) []byte {
	if family != packet.IPv4 && family != packet.IPv6 {
		return b
	}
	b = append(b, src...)
	b = appendAddr(b, orZero(t.Src, family))
	b = append(b, ' ')
	b = append(b, dst...)
	b = appendAddr(b, orZero(t.Dst, family))
	return append(b, ' ')
}

func orZero(a netip.Addr, family packet.Family) netip.Addr {
	switch {
	case a.IsValid():
		return a
	case family == packet.IPv6:
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// appendPorts writes what a protocol has instead of ports too.
func appendPorts(b []byte, t *conntrack.Tuple) []byte {
	switch t.Proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP:
		b = appendNumber(b, "sport=", uint64(t.SrcPort))
		b = appendNumber(b, "dport=", uint64(t.DstPort))
	case packet.ProtoGRE:
		b = appendKey(b, "srckey=0x", t.SrcPort)
		b = appendKey(b, "dstkey=0x", t.DstPort)
	case packet.ProtoICMP, packet.ProtoICMPv6:
		b = appendNumber(b, "type=", uint64(t.ICMPType))
		b = appendNumber(b, "code=", uint64(t.ICMPCode))
		b = appendNumber(b, "id=", uint64(t.ICMPID))
	}
	return b
}

func appendKey(b []byte, name string, key uint16) []byte {
	b = append(b, name...)
	return append(strconv.AppendUint(b, uint64(key), 16), ' ')
}

func appendNumber(b []byte, name string, n uint64) []byte {
	b = append(b, name...)
	return append(strconv.AppendUint(b, n, 10), ' ')
}

func appendWord(b []byte, name, word string) []byte {
	b = append(b, name...)
	b = append(b, word...)
	return append(b, ' ')
}

// appendPadded writes a word, left-aligned in eight columns, and a blank.
func appendPadded(b []byte, word string) []byte {
	b = append(b, word...)
	for n := len(word); n < 8; n++ {
		b = append(b, ' ')
	}
	return append(b, ' ')
}

// appendAddr writes an address as inet_ntop(3) does, which has dotted numbers at
// the end of an IPv6 address of which only the last 32 bits are not zero.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() || a.Is4In6() {
		return a.AppendTo(b)
	}
	v := a.As16()
	if [12]byte(v[:12]) != [12]byte{} || v[12] == 0 && v[13] == 0 {
		return a.AppendTo(b)
	}
	b = append(b, "::"...)
	return netip.AddrFrom4([4]byte(v[12:])).AppendTo(b)
}

func layer3Name(f packet.Family) string {
	switch f {
	case packet.IPv4:
		return "ipv4"
	case packet.IPv6:
		return "ipv6"
	}
	return "unknown"
}

func layer4Name(proto uint8) string {
	switch proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoICMP, packet.ProtoICMPv6,
		packet.ProtoSCTP, packet.ProtoGRE, packet.ProtoDCCP:
		return packet.ProtoName(proto)
	}
	return "unknown"
}
