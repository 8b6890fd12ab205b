package ctcli

import (
	"net/netip"

	"github.com/pktrail/pktrail/conntrack"
)

// maskOption is the option that a prefix length behind an address stands for.
var maskOption = map[int]int{'s': '{', 'd': '}', '[': '{', ']': '}'}

func (p *parser) address(val int, arg string) error {
	a, prefix, ok := parseAddr(arg)
	if !ok {
		return misuse("Invalid IP address `%s'", arg)
	}
	if err := p.setFamily(familyOf(a)); err != nil {
		return err
	}
	mask := maskOption[val]
	switch {
	case prefix != noPrefix && mask == 0:
		return misuse("CIDR notation unavailable for `--%s'", longName(val))
	case prefix == badPrefix:
		return misuse("Invalid netmask")
	}
	p.setAddr(val, a)
	if prefix != noPrefix && mask != 0 && prefix != a.BitLen() {
		p.setAddr(mask, netmask(a, prefix))
	}
	return nil
}

func (p *parser) setAddr(val int, a netip.Addr) {
	r := p.r
	r.options |= optionBits[val]
	family := familyOf(a)
	switch val {
	case 's':
		r.flow.Orig.Src, r.origFamily = a, family
	case 'd':
		r.flow.Orig.Dst, r.origFamily = a, family
	case 'r':
		r.flow.Reply.Src, r.replyFamily = a, family
	case 'q':
		r.flow.Reply.Dst, r.replyFamily = a, family
	case '[':
		r.expect.Src, r.expectFamily = a, family
	case ']':
		r.expect.Dst, r.expectFamily = a, family
	case '{':
		r.mask.Src, r.maskFamily = a, family
	case '}':
		r.mask.Dst, r.maskFamily = a, family
	}
}

func (p *parser) nat(val int) error {
	p.r.options |= optionBits[val]
	word, ok := p.opts.optional()
	if !ok {
		return nil
	}
	text, port, hasPort, err := splitPort(word)
	if err != nil {
		return err
	}
	a, prefix, ok := parseAddr(text)
	if !ok {
		return misuse("Invalid IP address `%s'", text)
	}
	if err := p.setFamily(familyOf(a)); err != nil {
		return err
	}
	if prefix != noPrefix {
		return misuse("CIDR notation unavailable for `--%s'", longName(val))
	}
	if val != 'j' {
		p.r.origFamily = familyOf(a)
	}
	for i, side := range [...]struct {
		val    int
		target *conntrack.NATRange
		has    conntrack.Fields
	}{{'n', &p.r.flow.SrcNAT, conntrack.HasSrcNAT}, {'g', &p.r.flow.DstNAT, conntrack.HasDstNAT}} {
		if val != 'j' && val != side.val {
			continue
		}
		side.target.Min = a
		p.r.flow.Has |= side.has
		if hasPort {
			n := uint16(number(port, 10))
			side.target.MinPort, side.target.MaxPort, p.r.natPort[i] = n, n, true
		}
	}
	return nil
}
