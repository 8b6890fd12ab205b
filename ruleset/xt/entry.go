package xt

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
)

// layout is where the parts of struct ipt_entry or ip6t_entry are on a 64-bit
// machine (include/uapi/linux/netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h).
type layout struct {
	addr                         int // bytes of an address
	ifaces                       int // names, then masks
	proto, flags, inv            int
	target, next, counters, size int
	gotoFlag                     uint8
}

func layoutOf(fam ruleset.Family) layout {
	if fam == ruleset.ARP {
		return arpLayout()
	}
	if fam == ruleset.IP6 {
		return layout{
			addr: 16, ifaces: 64, proto: 128, flags: 131, inv: 132,
			target: 140, next: 142, counters: 152, size: 168, gotoFlag: 4,
		}
	}
	return layout{
		addr: 4, ifaces: 16, proto: 80, flags: 82, inv: 83,
		target: 88, next: 90, counters: 96, size: 112, gotoFlag: 2,
	}
}

// The bits of the field invflags, the same in both families.
const (
	invIn       = 0x01
	invOut      = 0x02
	invSource   = 0x08
	invDest     = 0x10
	invFragment = 0x20
	invProtocol = 0x40
)

const (
	extensionHead = 32 // struct xt_entry_match, struct xt_entry_target
	nameSize      = 29 // XT_EXTENSION_MAXNAMELEN
	fragmentFlag  = 1  // IPT_F_FRAG
)

// part is a match or target within an entry, still encoded.
type part struct {
	name []byte
	rev  uint8
	data info
}

// partAt reads a match or target; its size stands in its first two bytes.
func partAt(b info, at int) (p part, size int, err error) {
	if at+extensionHead > len(b) {
		return p, 0, fmt.Errorf("byte %d: no room for an extension", at)
	}
	size = int(b.u16(at))
	if size < extensionHead || at+size > len(b) {
		return p, 0, fmt.Errorf("byte %d: an extension of %d bytes", at, size)
	}
	name, _, _ := bytes.Cut(b[at+2:at+2+nameSize], []byte{0})
	return part{name, b.u8(at + 31), b[at+extensionHead : at+size]}, size, nil
}

// entry is one rule of a table as it lies in the kernel's memory.
type entry struct {
	at   int // offset in the table
	data info
	lay  *layout
}

// entryAt cuts the entry at an offset out of a table.
func entryAt(table info, at int, lay *layout) (entry, error) {
	if at < 0 || at+lay.size > len(table) {
		return entry{}, fmt.Errorf("byte %d: no room for an entry", at)
	}
	size := int(table.u16(at + lay.next))
	if size < lay.size || at+size > len(table) {
		return entry{}, fmt.Errorf("byte %d: an entry of %d bytes", at, size)
	}
	return entry{at, table[at : at+size], lay}, nil
}

func (e entry) end() int { return e.at + len(e.data) }

func (e entry) target() (part, error) {
	p, _, err := partAt(e.data, int(e.data.u16(e.lay.target)))
	return p, err
}

// rule decodes all of the entry but its target. What is not known stays an
// [Unknown]; an error means that the sizes in the entry do not fit.
func (e entry) rule(env Env) (Rule, error) {
	b, lay := e.data, e.lay
	if env.Family == ruleset.ARP {
		r := b.arpRule()
		return r, e.matches(&r, env)
	}
	inv, fam := b.u8(lay.inv), env.Family
	r := Rule{
		Packets: b.u64(lay.counters), Bytes: b.u64(lay.counters + 8),
		Source: newNetwork(b.addr(0, fam), b.addr(2*lay.addr, fam), inv&invSource != 0),
		Dest:   newNetwork(b.addr(lay.addr, fam), b.addr(3*lay.addr, fam), inv&invDest != 0),
		In:     Interface{b.iface(lay.ifaces), inv&invIn != 0},
		Out:    Interface{b.iface(lay.ifaces + 16), inv&invOut != 0},
	}
	if n := b.u16(lay.proto); n != 0 {
		r.Protocol = Protocol{n, env.protocolName(n), inv&invProtocol != 0}
	}
	if fam == ruleset.IP && b.u8(lay.flags)&fragmentFlag != 0 {
		r.Fragment, r.NotFragment = true, inv&invFragment != 0
	}
	err := e.matches(&r, env)
	return r, err
}

func (e entry) matches(r *Rule, env Env) error {
	end := int(e.data.u16(e.lay.target))
	for at := e.lay.size; at < end; {
		p, size, err := partAt(e.data, at)
		if err != nil {
			return err
		}
		r.Matches = append(r.Matches, p.match(env))
		at += size
	}
	return nil
}

// iface reads a name and the mask 32 bytes behind it, which says how many of
// its bytes count (iptables/xshared.c: save_iface).
func (b info) iface(at int) string {
	if b[at+32] == 0 {
		return ""
	}
	var name [17]byte
	n := 0
	for i := range 16 {
		if b[at+32+i] == 0 {
			if b[at+i-1] != 0 {
				name[n] = '+'
				n++
			}
			break
		}
		if b[at+i] != 0 {
			name[n] = b[at+i]
			n++
		}
	}
	return string(name[:n])
}

// standardVerdict is the number of a standard target: an offset, or a verdict below 0.
func (p part) standardVerdict() (int32, bool) {
	if len(p.name) > 0 || len(p.data) < 4 {
		return 0, false
	}
	return int32(binary.NativeEndian.Uint32(p.data)), true
}
