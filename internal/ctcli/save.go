package ctcli

import (
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// appendSave writes an entry as the options that make it again.
func appendSave(b []byte, k conntrack.Kind, flow *conntrack.Flow) []byte {
	switch k {
	case conntrack.ListedFlow, conntrack.NewFlow:
		b = append(b, "-A "...)
	case conntrack.UpdatedFlow:
		b = append(b, "-U "...)
	case conntrack.DestroyedFlow:
		b = append(b, "-D "...)
	}
	b = appendSaveMeta(b, flow)
	b = appendSaveAddrs(b, flow)
	if p := protocolOf(flow.Orig.Proto); p != nil {
		b = appendWord(b, "-p ", p.name)
		b = appendSaveProto(b, flow, p)
	} else {
		b = appendNumber(b, "-p ", uint64(flow.Orig.Proto))
	}
	return b[:len(b)-1]
}

func appendSaveMeta(b []byte, flow *conntrack.Flow) []byte {
	if flow.Has&conntrack.HasTimeout != 0 {
		b = appendNumber(b, "-t ", uint64(flow.Timeout))
	}
	if flow.Has&conntrack.HasStatus != 0 {
		b = appendSaveStatus(b, flow.Status)
	}
	if flow.Has&conntrack.HasSecMark != 0 {
		b = appendNumber(b, "-c ", uint64(flow.SecMark))
	}
	if flow.Has&conntrack.HasZone != 0 {
		b = appendNumber(b, "-w ", uint64(flow.Zone))
	}
	if flow.Orig.Has&conntrack.HasTupleZone != 0 {
		b = appendNumber(b, "--orig-zone ", uint64(flow.Orig.Zone))
	}
	if flow.Reply.Has&conntrack.HasTupleZone != 0 {
		b = appendNumber(b, "--reply-zone ", uint64(flow.Reply.Zone))
	}
	return b
}

// appendSaveStatus writes the bits that -u can set.
func appendSaveStatus(b []byte, s conntrack.Status) []byte {
	s &= conntrack.Expected | conntrack.SeenReply | conntrack.Assured | conntrack.FixedTimeout
	if s == 0 {
		return append(b, "-u UNSET "...)
	}
	return appendWord(b, "-u ", s.String())
}

func appendSaveAddrs(b []byte, flow *conntrack.Flow) []byte {
	src, dst := "-r ", "-q "
	if isDNAT(flow) {
		src = "-g "
	}
	if isSNAT(flow) {
		dst = "-n "
	}
	for _, a := range [...]struct {
		option string
		addr   netip.Addr
	}{{"-s ", flow.Orig.Src}, {"-d ", flow.Orig.Dst}, {src, flow.Reply.Src}, {dst, flow.Reply.Dst}} {
		if a.addr.IsValid() {
			b = append(appendAddr(append(b, a.option...), a.addr), ' ')
		}
	}
	return b
}

// isSNAT and isDNAT report whether an address of the flow is translated, isSPAT
// and isDPAT whether a port is: where the status is known, only if the kernel
// has dealt with that side.
func isSNAT(f *conntrack.Flow) bool {
	return natDone(f, conntrack.SrcNATDone) && f.Reply.Dst != f.Orig.Src
}

func isDNAT(f *conntrack.Flow) bool {
	return natDone(f, conntrack.DstNATDone) && f.Reply.Src != f.Orig.Dst
}

func isSPAT(f *conntrack.Flow) bool {
	return natDone(f, conntrack.SrcNATDone) && dstWord(&f.Reply) != srcWord(&f.Orig)
}

func isDPAT(f *conntrack.Flow) bool {
	return natDone(f, conntrack.DstNATDone) && srcWord(&f.Reply) != dstWord(&f.Orig)
}

func natDone(f *conntrack.Flow, bit conntrack.Status) bool {
	return f.Has&conntrack.HasStatus == 0 || f.Status&bit != 0
}

// srcWord and dstWord are what lies where ports do: the kernel keeps ICMP's id
// and its type and code there, and conntrack compares them as if they were ports.
func srcWord(t *conntrack.Tuple) uint16 {
	if t.Has&conntrack.HasICMP != 0 {
		return t.ICMPID
	}
	return t.SrcPort
}

func dstWord(t *conntrack.Tuple) uint16 {
	if t.Has&conntrack.HasICMP != 0 {
		return uint16(t.ICMPType)<<8 | uint16(t.ICMPCode)
	}
	return t.DstPort
}

func appendSaveProto(b []byte, flow *conntrack.Flow, p *protocol) []byte {
	switch p.number {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		return appendSaveICMP(b, &flow.Orig, "--"+p.name+"-")
	}
	for _, o := range [...]struct {
		name string
		has  conntrack.TupleFields
		t    *conntrack.Tuple
		port uint16
	}{
		{p.saved[0], conntrack.HasSrcPort, &flow.Orig, flow.Orig.SrcPort},
		{p.saved[1], conntrack.HasDstPort, &flow.Orig, flow.Orig.DstPort},
		{p.saved[2], conntrack.HasSrcPort, &flow.Reply, flow.Reply.SrcPort},
		{p.saved[3], conntrack.HasDstPort, &flow.Reply, flow.Reply.DstPort},
	} {
		if o.t.Has&o.has != 0 {
			b = appendNumber(b, o.name, uint64(o.port))
		}
	}
	return appendSaveState(b, flow)
}

func appendSaveICMP(b []byte, t *conntrack.Tuple, prefix string) []byte {
	if t.Has&conntrack.HasICMPType != 0 {
		b = appendNumber(b, prefix+"type ", uint64(t.ICMPType))
	}
	if t.Has&conntrack.HasICMPCode != 0 {
		b = appendNumber(b, prefix+"code ", uint64(t.ICMPCode))
	}
	if t.Has&conntrack.HasICMPID != 0 {
		b = appendNumber(b, prefix+"id ", uint64(t.ICMPID))
	}
	return b
}

func appendSaveState(b []byte, flow *conntrack.Flow) []byte {
	if flow.Has&conntrack.HasTCPState != 0 {
		b = appendWord(b, "--state ", tcpState(flow.TCP.State))
	}
	if flow.Has&conntrack.HasSCTPState != 0 {
		b = appendWord(b, "--state ", sctpState(flow.SCTP.State))
	}
	if flow.Has&conntrack.HasSCTPTagOrig != 0 {
		b = appendNumber(b, "--orig-vtag ", uint64(swap(flow.SCTP.TagOrig)))
	}
	if flow.Has&conntrack.HasSCTPTagReply != 0 {
		b = appendNumber(b, "--reply-vtag ", uint64(swap(flow.SCTP.TagReply)))
	}
	if flow.Has&conntrack.HasDCCPState != 0 {
		b = appendWord(b, "--state ", dccpState(flow.DCCP.State))
	}
	if flow.Has&conntrack.HasDCCPRole != 0 {
		b = appendWord(b, "--role ", roleName(flow.DCCP.Role))
	}
	return b
}

func roleName(role uint8) string {
	switch role {
	case 0:
		return "client"
	case 1:
		return "server"
	}
	return strconv.Itoa(int(role))
}

// swap exchanges the bytes: conntrack takes verification tags for numbers in
// network byte order, both when it reads and when it writes them.
func swap(v uint32) uint32 { return v<<24 | v<<8&0xff0000 | v>>8&0xff00 | v>>24 }
