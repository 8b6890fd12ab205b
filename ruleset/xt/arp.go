package xt

import (
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// ARP is what a rule of arptables asks of an ARP header
// (include/uapi/linux/netfilter_arp/arp_tables.h: struct arpt_arp).
type ARP struct {
	SourceMAC, DestMAC HardwareAddr
	HardwareLength     ARPNumber // bytes of a hardware address
	Operation          ARPNumber
	HardwareType       ARPNumber
	ProtocolType       ARPNumber
	// Ethernet: it is a rule of arptables-nft, which does not say type 1 and length 6
	// of hardware addresses, and asks for protocol addresses of four bytes.
	Ethernet bool
}

// HardwareAddr is a hardware address under a mask; the zero value is no condition.
type HardwareAddr struct {
	Addr, Mask [16]byte
	Not        bool
}

// ARPNumber is a number of an ARP header under a mask; the zero value is no condition.
type ARPNumber struct {
	Value, Mask uint16
	Not         bool
}

// Fields of ARP, in nft's words.
const (
	arpHType     ruleset.Field = "arp htype"
	arpPType     ruleset.Field = "arp ptype"
	arpHLen      ruleset.Field = "arp hlen"
	arpPLen      ruleset.Field = "arp plen"
	arpOperation ruleset.Field = "arp operation"
	arpSourceIP  ruleset.Field = "arp saddr ip"
	arpDestIP    ruleset.Field = "arp daddr ip"
	arpSourceMAC ruleset.Field = "arp saddr ether"
	arpDestMAC   ruleset.Field = "arp daddr ether"
)

// appendARP appends a rule of arptables as arptables-save prints it, without the
// blank that it may have at its end. What the tools of 1.8.9 lose, or say so that
// they read another number, is said as those of 1.8.10 do
// (iptables/nft-arp.c: nft_arp_print_rule_details).
func (r *Rule) appendARP(dst []byte) []byte {
	if r.Target != nil {
		dst = append(append(dst, " -j "...), r.Target.Name()...)
	}
	dst = r.In.append(dst, " -i ")
	dst = r.Out.append(dst, " -o ")
	dst = r.Source.appendARP(dst, " -s ")
	dst = r.ARP.SourceMAC.append(dst, "src-mac")
	dst = r.Dest.appendARP(dst, " -d ")
	dst = r.ARP.DestMAC.append(dst, "dst-mac")
	for _, n := range r.ARP.numbers() {
		dst = n.said(r.ARP.Ethernet).append(dst, n.option)
	}
	for _, m := range r.Matches {
		dst = m.AppendSave(append(append(dst, " -m "...), m.Name()...))
	}
	if r.Target != nil {
		dst = r.Target.AppendSave(dst)
	}
	return dst
}

// arpOption is a number with the option that says it.
type arpOption struct {
	ARPNumber
	option string
	field  ruleset.Field
	bits   int
	usual  ARPNumber // of Ethernet; zero where there is none
}

func (a *ARP) numbers() [4]arpOption {
	return [4]arpOption{
		{a.HardwareLength, "h-length", arpHLen, 8, ARPNumber{6, 0xff, false}},
		{a.Operation, "opcode", arpOperation, 16, ARPNumber{}},
		{a.HardwareType, "h-type", arpHType, 16, ARPNumber{1, 0xffff, false}},
		{a.ProtocolType, "proto-type", arpPType, 16, ARPNumber{}},
	}
}

// arpSaid is a number as it is printed.
type arpSaid struct {
	ARPNumber
	any  bool // said although it asks for nothing
	full uint16
}

// said: where silence means what Ethernet has, no condition has to be said.
func (o *arpOption) said(ethernet bool) arpSaid {
	s := arpSaid{ARPNumber: o.ARPNumber, full: uint16(whole(o.bits).To.Low)}
	if ethernet && o.usual != (ARPNumber{}) {
		s.any = o.ARPNumber == ARPNumber{}
		if o.ARPNumber == o.usual {
			s.ARPNumber = ARPNumber{}
		}
	}
	return s
}

func (s arpSaid) append(dst []byte, name string) []byte {
	if s.ARPNumber == (ARPNumber{}) && !s.any {
		return dst
	}
	form := number[uint16]
	switch {
	case name == "proto-type", name == "h-type" && s.Value > 9: // which the tools read in base 16
		form = hexadecimal[uint16]
	}
	dst = form(option(dst, s.Not, name), s.Value)
	switch {
	case s.Mask == s.full:
		return dst
	case name == "proto-type" || name == "h-type":
		return hexDigits(append(dst, '/'), uint32(s.Mask))
	}
	return strconv.AppendUint(append(dst, '/'), uint64(s.Mask), 10)
}

// appendARP has no length behind a whole address.
func (n Network) appendARP(dst []byte, flag string) []byte {
	if n = newNetwork(n.Addr, n.Mask, n.Not); !n.Addr.IsValid() || !n.Mask.IsValid() {
		return dst
	}
	return addressMask(append(negation(dst, n.Not), flag...), n.Addr, n.Mask)
}

func (h HardwareAddr) append(dst []byte, name string) []byte {
	if h == (HardwareAddr{}) {
		return dst
	}
	n := h.size()
	dst = colons(append(option(dst, h.Not, name), ' '), h.Addr[:n])
	for _, b := range h.Mask[:n] {
		if b != 0xff {
			return colons(append(dst, '/'), h.Mask[:n])
		}
	}
	return dst
}

// size is how many bytes the address has: those of Ethernet, or more.
func (h HardwareAddr) size() int {
	n := len(h.Mask)
	for n > 6 && h.Mask[n-1] == 0 && h.Addr[n-1] == 0 {
		n--
	}
	return n
}

func colons(dst, bytes []byte) []byte {
	for i, b := range bytes {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = padded(dst, uint32(b), 2)
	}
	return dst
}

// arpConditions is [Rule.Conditions] for a rule of arptables.
func (r *Rule) arpConditions(a asked) []ruleset.Condition {
	var all told
	all.add(r.In.append(all.words, " -i "), r.In.when(ruleset.InName))
	all.add(r.Out.append(all.words, " -o "), r.Out.when(ruleset.OutName))
	all.add(r.Source.appendARP(all.words, " -s "), r.Source.when(arpSourceIP))
	all.add(r.ARP.SourceMAC.append(all.words, "src-mac"), r.ARP.SourceMAC.when(arpSourceMAC))
	all.add(r.Dest.appendARP(all.words, " -d "), r.Dest.when(arpDestIP))
	all.add(r.ARP.DestMAC.append(all.words, "dst-mac"), r.ARP.DestMAC.when(arpDestMAC))
	for _, n := range r.ARP.numbers() {
		all.add(n.said(false).append(all.words, n.option), n.when())
	}
	if r.ARP.Ethernet {
		all.add(append(all.words, " (protocol addresses of 4 bytes)"...), []ruleset.Condition{number8(arpPLen, 4, false)})
	}
	for _, m := range r.Matches {
		all.match(m, a)
	}
	return all.finish()
}

func (o *arpOption) when() []ruleset.Condition {
	if o.ARPNumber == (ARPNumber{}) {
		return nil
	}
	value, mask := ruleset.Number(uint64(o.Value)), ruleset.Number(uint64(o.Mask))
	return []ruleset.Condition{masked(o.field, value, mask, o.bits, o.Not)}
}

// when mirrors net/ipv4/netfilter/arp_tables.c: arp_devaddr_compare, which masks
// both addresses.
func (h HardwareAddr) when(f ruleset.Field) []ruleset.Condition {
	switch {
	case h.size() > 6:
		return untold("looks at more of a hardware address than Ethernet has")
	case !h.Not && h.Mask == [16]byte{}:
		return nil
	}
	addr, mask := macValue([6]byte(h.Addr[:])), macValue([6]byte(h.Mask[:]))
	return []ruleset.Condition{masked(f, addr.And(mask), mask, 48, h.Not)}
}
