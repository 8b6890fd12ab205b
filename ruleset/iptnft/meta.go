package iptnft

import (
	"bytes"
	"encoding/binary"

	"github.com/pktrail/pktrail/ruleset/xt"
)

// What iptables looks at beside the packet (enum nft_meta_keys).
const (
	metaMark    = 3
	metaIIFName = 6
	metaOIFName = 7
	metaTrace   = 12
	metaL4Proto = 16
	metaPktType = 19
)

// compareMeta tells a comparison of what the kernel knows about the packet.
func (d *decoder) compareMeta(r *register, op operator, data []byte) error {
	not, ok := op.negated()
	if !ok || r.mask != nil && (r.key != metaMark || len(r.mask) != 4) {
		return errOperation
	}
	switch r.key {
	case metaIIFName:
		return iface(&d.rule.In, data, not)
	case metaOIFName:
		return iface(&d.rule.Out, data, not)
	case metaL4Proto:
		return d.protocol(r, op, data)
	case metaMark:
		return d.mark(r, data, not)
	case metaPktType:
		return d.pktType(data, not)
	}
	return errOperation
}

// nameSize is IFNAMSIZ.
const nameSize = 16

// iface tells a name that ends, or the begin of one (iptables/nft-shared.c:
// parse_ifname). `! -i +`, which no packet matches, is an interface that no host
// can have.
func iface(to *xt.Interface, data []byte, not bool) error {
	name, _, whole := bytes.Cut(data, []byte{0})
	switch {
	case to.Name != "":
		return errTwice
	case len(data) == 0 || len(name) == 0 || len(data) > nameSize || whole && len(name) != len(data)-1 && !zero(data[len(name):]):
		return errOperation
	case whole && string(name) == "INVAL/D" && !not:
		*to = xt.Interface{Name: "+", Not: true}
	case whole || len(name) == nameSize:
		*to = xt.Interface{Name: string(name), Not: not}
	default:
		*to = xt.Interface{Name: string(name) + "+", Not: not}
	}
	return nil
}

func (d *decoder) mark(r *register, data []byte, not bool) error {
	if len(data) != 4 {
		return errOperation
	}
	m := xt.MatchMark{Mark: binary.NativeEndian.Uint32(data), Mask: ^uint32(0), Not: not}
	if r.mask != nil {
		m.Mask = binary.NativeEndian.Uint32(r.mask)
	}
	d.add(m)
	return nil
}

func (d *decoder) pktType(data []byte, not bool) error {
	if len(data) != 1 {
		return errOperation
	}
	d.add(xt.MatchPktType{Type: uint32(data[0]), Not: not})
	return nil
}

// setMeta tells TRACE, and MARK as iptables 1.8.13 reads it.
func (d *decoder) setMeta(x *expr) error {
	r := d.regs.at(x.u32(metaSreg))
	if r == nil || r.kind != holdsValue {
		return errRegister
	}
	switch key := x.u32(metaKey); {
	case key == metaTrace && len(r.data) == 1 && r.data[0] != 0:
		d.decide(xt.Plain("TRACE"))
	case key == metaMark && len(r.data) == 4:
		d.decide(xt.TargetMark{Mark: binary.NativeEndian.Uint32(r.data), Mask: ^uint32(0)})
	default:
		return errOperation
	}
	return nil
}
