package match

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/packet"
)

// String is MATCH in iptables' words; Parse of it gives the same Match. It is
// empty when all packets are meant.
func (m Match) String() string {
	var w words
	switch m.Family {
	case packet.IPv4:
		w.add(false, "-4")
	case packet.IPv6:
		w.add(false, "-6")
	}
	put(&w, "-p", m.Proto, packet.ProtoName)
	put(&w, "-s", m.Src, prefixText)
	put(&w, "-d", m.Dst, prefixText)
	put(&w, "--sport", m.SrcPort, Range.String)
	put(&w, "--dport", m.DstPort, Range.String)
	put(&w, "--ports", m.AnyPort, Range.String)
	m.putICMP(&w)
	if f := m.TCPFlags; f != nil {
		w.add(f.Not, f.text())
	}
	put(&w, "-i", m.In, Iface.String)
	put(&w, "--out-interface", m.Out, Iface.String)
	if k := m.Mark; k != nil {
		w.add(k.Not, "--mark "+k.text())
	}
	if m.Both {
		w.add(false, "--both")
	}
	return strings.Join(w, " ")
}

type words []string

func (w *words) add(not bool, text string) {
	if not {
		text = "! " + text
	}
	*w = append(*w, text)
}

func put[T any](w *words, option string, set Set[T], text func(T) string) {
	if !set.Given() {
		return
	}
	items := make([]string, len(set.Values))
	for i, v := range set.Values {
		items[i] = text(v)
	}
	w.add(set.Not, option+" "+strings.Join(items, ","))
}

func (m Match) putICMP(w *words) {
	option, proto := "--icmp-type", uint8(packet.ProtoICMP)
	if m.Family == packet.IPv6 {
		option, proto = "--icmpv6-type", packet.ProtoICMPv6
	}
	put(w, option, m.ICMP, func(t packet.ICMPType) string { return icmpText(t, proto) })
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// String is the range in iptables' words: 80 or 80:90.
func (r Range) String() string {
	if r.Lo == r.Hi {
		return strconv.Itoa(int(r.Lo))
	}
	return fmt.Sprintf("%d:%d", r.Lo, r.Hi)
}

// String is the name, with + for a wild one.
func (i Iface) String() string {
	if i.Wild {
		return i.Name + "+"
	}
	return i.Name
}

func (k *Mark) text() string {
	if k.Mask == 0xffffffff {
		return fmt.Sprintf("%#x", k.Value)
	}
	return fmt.Sprintf("%#x/%#x", k.Value, k.Mask)
}

// word is the option that asks for the flags.
func (f *TCPFlags) word() string {
	if f == nil {
		return ""
	}
	word, _, _ := strings.Cut(f.text(), " ")
	return word
}

func (f *TCPFlags) text() string {
	if f.Mask == packet.SYN|packet.RST|packet.ACK|packet.FIN && f.Comp == packet.SYN {
		return "--syn"
	}
	return "--tcp-flags " + flagList(f.Mask) + " " + flagList(f.Comp)
}

func flagList(flags packet.TCPFlags) string {
	var names []string
	for _, f := range tcpFlagNames() {
		if flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return "NONE"
	}
	return strings.Join(names, ",")
}
