package ctcli

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

func (f *Format) appendXML(b []byte, k conntrack.Kind, flow *conntrack.Flow) []byte {
	b = append(b, flowTag(k)...)
	counted := flow.Has&conntrack.HasCountersOrig != 0
	b = appendTupleXML(b, "original", flow.Family, &flow.Orig, flow.CountersOrig, counted)
	b = appendTupleXML(b, "reply", flow.Family, &flow.Reply, flow.CountersReply, counted)
	b = f.appendMetaXML(b, flow)
	if f.When {
		b = appendWhen(b, f.Now())
	}
	if flow.Has&conntrack.HasHelper != 0 {
		b = appendTag(b, "helper", flow.Helper)
	}
	return append(b, "</flow>"...)
}

func flowTag(k conntrack.Kind) string {
	switch k {
	case conntrack.NewFlow, conntrack.NewExpect:
		return `<flow type="new">`
	case conntrack.UpdatedFlow:
		return `<flow type="update">`
	case conntrack.DestroyedFlow, conntrack.DestroyedExpect:
		return `<flow type="destroy">`
	}
	return "<flow>"
}

func appendTupleXML(b []byte, direction string, family packet.Family, t *conntrack.Tuple, c conntrack.Counters, counted bool) []byte {
	b = append(b, `<meta direction="`...)
	b = append(b, direction...)
	b = append(b, `">`...)
	b = appendLayer(b, "layer3", uint8(family), layer3Name(family))
	b = appendAddrXML(b, "src", t.Src, family)
	b = appendAddrXML(b, "dst", t.Dst, family)
	b = append(b, "</layer3>"...)
	b = appendLayer(b, "layer4", t.Proto, layer4Name(t.Proto))
	b = appendPortsXML(b, t)
	b = append(b, "</layer4>"...)
	if t.Has&conntrack.HasTupleZone != 0 {
		b = appendTagNumber(b, "zone", uint64(t.Zone))
	}
	if counted {
		b = append(b, "<counters>"...)
		b = appendTagNumber(b, "packets", c.Packets)
		b = appendTagNumber(b, "bytes", c.Bytes)
		b = append(b, "</counters>"...)
	}
	return append(b, "</meta>"...)
}

func appendLayer(b []byte, tag string, num uint8, name string) []byte {
	b = append(append(b, '<'), tag...)
	b = strconv.AppendUint(append(b, ` protonum="`...), uint64(num), 10)
	b = append(append(b, `" protoname="`...), name...)
	return append(b, `">`...)
}

func appendAddrXML(b []byte, tag string, a netip.Addr, family packet.Family) []byte {
	b = openTag(b, tag)
	if family == packet.IPv4 || family == packet.IPv6 {
		b = appendAddr(b, orZero(a, family))
	}
	return closeTag(b, tag)
}

func appendPortsXML(b []byte, t *conntrack.Tuple) []byte {
	return appendPortXML(appendPortXML(b, t.Proto, "s", "src", t.SrcPort), t.Proto, "d", "dst", t.DstPort)
}

// appendPortXML writes one port or key; letter and word name its side.
func appendPortXML(b []byte, proto uint8, letter, word string, port uint16) []byte {
	switch proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP:
		return appendTagNumber(b, letter+"port", uint64(port))
	case packet.ProtoGRE:
		return appendTag(b, word+"key", "0x"+strconv.FormatUint(uint64(port), 16))
	}
	return b
}

// hasMeta are the fields without any of which there is nothing beside the tuples.
const hasMeta = conntrack.HasTCPState | conntrack.HasSCTPState | conntrack.HasDCCPState | conntrack.HasTimeout | conntrack.HasMark |
	conntrack.HasSecMark | conntrack.HasZone | conntrack.HasUse | conntrack.HasStatus | conntrack.HasID | conntrack.HasLabels |
	conntrack.HasStart | conntrack.HasStop

func (f *Format) appendMetaXML(b []byte, flow *conntrack.Flow) []byte {
	if flow.Has&hasMeta == 0 {
		return b
	}
	b = append(b, `<meta direction="independent">`...)
	b = appendStatesXML(b, flow)
	b = appendNumbersXML(b, flow, conntrack.HasTimeout, conntrack.HasMark)
	if f.Labels != nil && flow.Has&conntrack.HasLabels != 0 {
		b = f.Labels.appendXML(b, &flow.Labels)
	}
	b = appendNumbersXML(b, flow, conntrack.HasSecMark)
	if flow.Has&conntrack.HasSecCtx != 0 {
		b = appendTag(b, "secctx", flow.SecCtx)
	}
	b = appendNumbersXML(b, flow, conntrack.HasZone, conntrack.HasUse, conntrack.HasID)
	if flow.Status&conntrack.Assured != 0 {
		b = append(b, "<assured/>"...)
	}
	if flow.Has&conntrack.HasStatus != 0 && flow.Status&conntrack.SeenReply == 0 {
		b = append(b, "<unreplied/>"...)
	}
	b = f.appendTimesXML(b, flow)
	return append(b, "</meta>"...)
}

func appendNumbersXML(b []byte, flow *conntrack.Flow, fields ...conntrack.Fields) []byte {
	for _, field := range fields {
		if flow.Has&field == 0 {
			continue
		}
		switch field {
		case conntrack.HasTimeout:
			b = appendTagNumber(b, "timeout", uint64(flow.Timeout))
		case conntrack.HasMark:
			b = appendTagNumber(b, "mark", uint64(flow.Mark))
		case conntrack.HasSecMark:
			b = appendTagNumber(b, "secmark", uint64(flow.SecMark))
		case conntrack.HasZone:
			b = appendTagNumber(b, "zone", uint64(flow.Zone))
		case conntrack.HasUse:
			b = appendTagNumber(b, "use", uint64(flow.Use))
		case conntrack.HasID:
			b = appendTagNumber(b, "id", uint64(flow.ID))
		}
	}
	return b
}

// appendStatesXML gives states of SCTP and DCCP the names that TCP has for their
// numbers, as conntrack does.
func appendStatesXML(b []byte, flow *conntrack.Flow) []byte {
	if flow.Has&conntrack.HasTCPState != 0 {
		b = appendTag(b, "state", tcpState(flow.TCP.State))
	}
	if flow.Has&conntrack.HasSCTPState != 0 {
		b = appendTag(b, "state", tcpState(conntrack.TCPState(flow.SCTP.State)))
	}
	if flow.Has&conntrack.HasDCCPState != 0 {
		b = appendTag(b, "state", tcpState(conntrack.TCPState(flow.DCCP.State)))
	}
	return b
}

func (f *Format) appendTimesXML(b []byte, flow *conntrack.Flow) []byte {
	start, stop := flow.Has&conntrack.HasStart != 0, flow.Has&conntrack.HasStop != 0
	if f.KernelTime && (start || stop) {
		b = append(b, "<timestamp>"...)
		if start {
			b = appendTagNumber(b, "start", uint64(flow.Start))
		}
		if stop {
			b = appendTagNumber(b, "stop", uint64(flow.Stop))
		}
		b = append(b, "</timestamp>"...)
	}
	switch {
	case start && stop:
		return appendTagNumber(b, "deltatime", uint64(flow.Stop-flow.Start)/1e9)
	case start:
		return appendTagNumber(b, "deltatime", uint64(f.Now().Unix()-int64(flow.Start/1e9)))
	}
	return b
}

func appendWhen(b []byte, now time.Time) []byte {
	b = append(b, "<when>"...)
	b = appendTagNumber(b, "hour", uint64(now.Hour()))
	b = appendTag(b, "min", now.Format("04"))
	b = appendTag(b, "sec", now.Format("05"))
	b = appendTagNumber(b, "wday", uint64(now.Weekday())+1)
	b = appendTagNumber(b, "day", uint64(now.Day()))
	b = appendTagNumber(b, "month", uint64(now.Month()))
	b = appendTagNumber(b, "year", uint64(now.Year()))
	return append(b, "</when>"...)
}

func openTag(b []byte, tag string) []byte { return append(append(append(b, '<'), tag...), '>') }

func closeTag(b []byte, tag string) []byte { return append(append(append(b, "</"...), tag...), '>') }

func appendTag(b []byte, tag, text string) []byte {
	return closeTag(append(openTag(b, tag), text...), tag)
}

func appendTagNumber(b []byte, tag string, n uint64) []byte {
	return closeTag(strconv.AppendUint(openTag(b, tag), n, 10), tag)
}
