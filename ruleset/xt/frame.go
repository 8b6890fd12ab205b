package xt

import (
	"fmt"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// Frame is what a rule of ebtables asks of the Ethernet header and of the bridge.
type Frame struct {
	Type                  EtherType
	Source, Dest          MAC
	LogicalIn, LogicalOut Interface // the bridges that the ports belong to
}

// EtherType is what follows the Ethernet header; the zero value is no condition.
type EtherType struct {
	Number uint16
	Length bool   // a frame of IEEE 802.3, which has its length in this place
	Name   string // of ebtables, empty without one
	Not    bool
}

// MAC is a hardware address under a mask; a mask of zero is no condition.
type MAC struct {
	Addr, Mask [6]byte
	Not        bool
}

// appendFrame appends a rule of ebtables as ebtables-save 1.8.9 prints it
// (iptables/nft-bridge.c: nft_bridge_save_rule).
func (r *Rule) appendFrame(dst []byte) []byte {
	f := r.Frame
	dst = f.Type.append(dst)
	dst = f.Source.append(dst, " -s")
	dst = f.Dest.append(dst, " -d")
	dst = r.In.appendEbt(dst, " -i")
	dst = f.LogicalIn.appendEbt(dst, " --logical-in")
	dst = r.Out.appendEbt(dst, " -o")
	dst = f.LogicalOut.appendEbt(dst, " --logical-out")
	for _, m := range r.Matches {
		if u, ok := m.(Unknown); ok {
			dst = append(append(dst, " -m "...), u.Extension...)
		}
		dst = m.AppendSave(dst)
	}
	if r.Target == nil {
		return append(dst, " -j CONTINUE"...)
	}
	dst = append(append(dst, " -j "...), r.Target.Name()...)
	return r.Target.AppendSave(dst)
}

// ebtOption appends an option's name, with "!" behind it where it is negated.
func ebtOption(dst []byte, name string, not bool) []byte {
	dst = append(append(dst, " --"...), name...)
	return behind(dst, not)
}

func behind(dst []byte, not bool) []byte {
	if not {
		return append(dst, " !"...)
	}
	return dst
}

func (i Interface) appendEbt(dst []byte, flag string) []byte {
	if i.Name == "" {
		return dst
	}
	return bare(behind(append(dst, flag...), i.Not), i.Name)
}

func (t EtherType) append(dst []byte) []byte {
	switch {
	case t.Length:
		return bare(behind(append(dst, " -p"...), t.Not), "Length")
	case t.Number == 0:
		return dst
	case t.Name != "":
		return bare(behind(append(dst, " -p"...), t.Not), t.Name)
	}
	return hexadecimal(behind(append(dst, " -p"...), t.Not), t.Number)
}

func (m MAC) append(dst []byte, flag string) []byte {
	if m.Mask == [6]byte{} {
		return dst
	}
	dst = append(behind(append(dst, flag...), m.Not), ' ')
	if word := m.word(); word != "" {
		return append(dst, word...)
	}
	return macMask(dst, m.Addr, m.Mask)
}

// word is ebtables' word for a group of addresses, or empty.
func (m MAC) word() string {
	group, all := [6]byte{1}, [6]byte{255, 255, 255, 255, 255, 255}
	switch {
	case m.Addr == [6]byte{} && m.Mask == group:
		return "Unicast"
	case m.Addr == group && m.Mask == group:
		return "Multicast"
	case m.Addr == all && m.Mask == all:
		return "Broadcast"
	case m.Addr == [6]byte{1, 0x80, 0xc2} && m.Mask == all:
		return "BGA"
	}
	return ""
}

func mac(dst []byte, a [6]byte) []byte {
	return fmt.Appendf(dst, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

func macMask(dst []byte, a, mask [6]byte) []byte {
	if dst = mac(dst, a); mask == [6]byte{255, 255, 255, 255, 255, 255} {
		return dst
	}
	return mac(append(dst, '/'), mask)
}

func (b info) mac(at int) [6]byte { return [6]byte(b[at:]) }

// EtherTypeName is the name of a protocol in a frame as /etc/ethertypes of
// iptables has it; empty for one that it does not have.
func EtherTypeName(n uint16) string { return etherTypeNames()[n] }

func etherTypeNames() map[uint16]string {
	return map[uint16]string{
		0x0800: "IPv4", 0x0805: "X25", 0x0806: "ARP", 0x0808: "FR_ARP", 0x08ff: "BPQ", 0x22f3: "TRILL", 0x22f4: "L2-IS-IS",
		0x6558: "TEB", 0x6559: "RAW_FR", 0x8035: "RARP", 0x809b: "ATALK", 0x80f3: "AARP", 0x8100: "802_1Q", 0x8137: "IPX",
		0x8191: "NetBEUI", 0x86dd: "IPv6", 0x880b: "PPP", 0x8847: "MPLS", 0x8848: "MPLS_MULTI", 0x884c: "ATMMPOA",
		0x8863: "PPP_DISC", 0x8864: "PPP_SES", 0x8884: "ATMFATE", 0x888e: "EAPOL", 0x88a8: "S-TAG", 0x88c7: "EAP_PREAUTH",
		0x88cc: "LLDP", 0x88e5: "MACSEC", 0x88e7: "PBB", 0x88f5: "MVRP", 0x88f7: "PTP", 0x8906: "FCOE", 0x8914: "FIP",
		0x8915: "ROCE", 0xa0ed: "LoWPAN",
	}
}

// frameConditions is [Rule.Conditions] for a rule of ebtables.
func (r *Rule) frameConditions(a asked) []ruleset.Condition {
	var all told
	f := r.Frame
	all.add(f.Type.append(all.words), f.Type.when())
	all.add(f.Source.append(all.words, " -s"), f.Source.when(ruleset.EtherSource))
	all.add(f.Dest.append(all.words, " -d"), f.Dest.when(ruleset.EtherDest))
	all.add(r.In.appendEbt(all.words, " -i"), r.In.when(ruleset.InName))
	all.add(f.LogicalIn.appendEbt(all.words, " --logical-in"), f.LogicalIn.when(ruleset.InPort))
	all.add(r.Out.appendEbt(all.words, " -o"), r.Out.when(ruleset.OutName))
	all.add(f.LogicalOut.appendEbt(all.words, " --logical-out"), f.LogicalOut.when(ruleset.OutPort))
	for _, m := range r.Matches {
		all.frameMatch(m, a)
	}
	return all.finish()
}

// frameMatch is told.match in the words of ebtables, which have no -m.
func (t *told) frameMatch(m Match, a asked) {
	parts := []Match{m}
	if p, ok := m.(parted); ok {
		parts = p.parts()
	}
	for _, part := range parts {
		if conditions := part.when(a); len(conditions) > 0 {
			t.add(part.AppendSave(t.words), conditions)
		}
	}
}

// eachBit is a match for each option that is asked for.
func eachBit(asked uint16, only func(bit uint16) Match) (parts []Match) {
	for ; asked != 0; asked &= asked - 1 {
		parts = append(parts, only(asked&-asked))
	}
	return parts
}

func (t EtherType) when() []ruleset.Condition {
	switch {
	case t.Length:
		return []ruleset.Condition{within(ruleset.EtherType, t.Not, ruleset.Span(0, 0x5ff))}
	case t.Number != 0:
		return []ruleset.Condition{number16(ruleset.EtherType, Ports{t.Number, t.Number}, t.Not)}
	}
	return nil
}

func (m MAC) when(f ruleset.Field) []ruleset.Condition {
	if m.Mask == [6]byte{} {
		return nil
	}
	return []ruleset.Condition{masked(f, macValue(m.Addr), macValue(m.Mask), 48, m.Not)}
}

// addressOf compares a hardware address in the packet with one, both under the mask.
func addressOf(f ruleset.Field, addr, mask [6]byte, not bool) ruleset.Condition {
	return masked(f, macValue(addr).And(macValue(mask)), macValue(mask), 48, not)
}

func macValue(a [6]byte) ruleset.Value {
	var n uint64
	for _, b := range a {
		n = n<<8 | uint64(b)
	}
	return ruleset.Number(n)
}

// ebtVerdict is the word for a number that targets of ebtables end with
// (include/uapi/linux/netfilter_bridge/ebtables.h).
func ebtVerdict(n int32) string {
	switch n | ^0xf {
	case -1:
		return "ACCEPT"
	case -2:
		return "DROP"
	case -3:
		return "CONTINUE"
	case -4:
		return "RETURN"
	}
	return strconv.Itoa(int(n))
}

// ebtEnds is what such a target makes of the packet.
func ebtEnds(e *ruleset.Effect, n int32) {
	e.Verdict = ruleset.Unknown
	if word := ebtVerdict(n); word == "CONTINUE" {
		e.Verdict = ruleset.Continue
	} else if v, ok := standard(word); ok {
		e.Verdict = v
	}
}
