package xt

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Offsets in struct ebt_entries, which begins a chain, struct ebt_entry and the
// extensions behind it (include/uapi/linux/netfilter_bridge/ebtables.h), on 64-bit
// machines.
const (
	ebtChainName    = 4
	ebtNameSize     = 32
	ebtChainCounter = 36 // of the chain's first rule
	ebtChainPolicy  = 40
	ebtChainSize    = 48

	ebtFlags      = 0
	ebtInvert     = 4
	ebtProto      = 8
	ebtIn         = 10
	ebtLogicalIn  = 26
	ebtOut        = 42
	ebtLogicalOut = 58
	ebtSource     = 74 // and its mask behind it
	ebtDest       = 86
	ebtWatchers   = 100
	ebtTarget     = 104
	ebtNext       = 108
	ebtEntrySize  = 112

	ebtPartRevision = 31
	ebtPartLength   = 32
	ebtPartHead     = 40

	ebtCounterSize = 16

	ifaceSize = 16 // IFNAMSIZ
)

// Bits of an entry and of what it inverts (EBT_ENTRY_OR_ENTRIES and so on, EBT_IPROTO
// and so on).
const (
	ebtIsEntry   = 0x01
	ebtNoProto   = 0x02
	ebtLength    = 0x04
	ebtHasSource = 0x08
	ebtHasDest   = 0x10

	ebtNotProto      = 0x01
	ebtNotIn         = 0x02
	ebtNotOut        = 0x04
	ebtNotSource     = 0x08
	ebtNotDest       = 0x10
	ebtNotLogicalIn  = 0x20
	ebtNotLogicalOut = 0x40
)

// ParseEbtTable reads a legacy table of ebtables as EBT_SO_GET_ENTRIES gives it: its
// chains, those of the hooks whose bits are set (NF_BR_*) first, and the counters of all
// rules, without which none is counted. It keeps what it does not know; an
// error means that the bytes are not a table, and tells where.
func ParseEbtTable(name string, hooks uint32, entries, counters []byte, e Env) (*Table, error) {
	e.Family = ruleset.Bridge
	p := &ebtParser{env: e, data: entries, counters: counters, chains: map[int]*Chain{}}
	t := &Table{Name: name, Family: ruleset.Bridge}
	err := p.walk(func(at int) error { return p.begin(t, at, bits.OnesCount32(hooks)) }, nil)
	if err == nil {
		err = p.walk(p.enter, p.rule)
	}
	if err != nil {
		return nil, fmt.Errorf("legacy table %s of ebtables: %w", name, err)
	}
	return t, nil
}

type ebtParser struct {
	env            Env
	data, counters info
	chains         map[int]*Chain // by where they begin

	chain   *Chain // whose rules come
	counter int    // of the next rule
}

// walk calls chain for each beginning of a chain, and rule for each rule behind it.
func (p *ebtParser) walk(chain func(at int) error, rule func(b info, at int) error) error {
	for at := 0; at < len(p.data); {
		if at+ebtChainSize > len(p.data) {
			return fmt.Errorf("byte %d: no room for a chain or a rule", at)
		}
		if !p.data.flag(at, ebtIsEntry) {
			if err := chain(at); err != nil {
				return err
			}
			at += ebtChainSize
			continue
		}
		b, err := p.entry(at)
		if err != nil {
			return err
		}
		if rule != nil {
			if err := rule(b, at); err != nil {
				return fmt.Errorf("rule at byte %d: %w", at, err)
			}
		}
		at += len(b)
	}
	return nil
}

// entry is the bytes of one rule.
func (p *ebtParser) entry(at int) (info, error) {
	b := p.data[at:]
	if len(b) < ebtEntrySize {
		return nil, fmt.Errorf("byte %d: no room for a rule", at)
	}
	watchers, target, next := uint64(b.u32(ebtWatchers)), uint64(b.u32(ebtTarget)), uint64(b.u32(ebtNext))
	if watchers < ebtEntrySize || target < watchers || next < target+ebtPartHead || next > uint64(len(b)) {
		return nil, fmt.Errorf("byte %d: a rule with watchers at %d, the target at %d and its end at %d of %d bytes", at, watchers, target, next, len(b))
	}
	return b[:next], nil
}

// begin notes a chain; those of hooks come first.
func (p *ebtParser) begin(t *Table, at, builtin int) error {
	c := &Chain{Name: p.data.text(at+ebtChainName, ebtNameSize), Uncounted: true}
	policy, ok := ebtStandard(int32(p.data.u32(at + ebtChainPolicy)))
	if !ok {
		return fmt.Errorf("byte %d: chain %s has the policy %d", at, c.Name, int32(p.data.u32(at+ebtChainPolicy)))
	}
	c.Policy = policy
	t.Chains, p.chains[at] = append(t.Chains, c), c
	if n := len(t.Chains); n <= builtin && c.Name == "" {
		return fmt.Errorf("byte %d: chain %d has no name", at, n)
	}
	return nil
}

// ebtStandard is a verdict of a chain or a standard target.
func ebtStandard(n int32) (Verdict, bool) { return Verdict(ebtVerdict(n)), n >= -4 && n < 0 }

func (p *ebtParser) enter(at int) error {
	p.chain, p.counter = p.chains[at], int(p.data.u32(at+ebtChainCounter))
	return nil
}

func (p *ebtParser) rule(b info, at int) error {
	if p.chain == nil {
		return errors.New("it stands before the first chain")
	}
	r := Rule{Frame: b.frame()}
	r.In, r.Out = b.ebtInterface(ebtIn, ebtNotIn), b.ebtInterface(ebtOut, ebtNotOut)
	p.count(&r)
	err := eachEbtPart(b[ebtEntrySize:b.u32(ebtTarget)], func(x part) { r.Matches = append(r.Matches, x.match(p.env)) })
	if err != nil {
		return err
	}
	target, _, err := ebtPartAt(b[b.u32(ebtTarget):])
	if err != nil {
		return err
	}
	if r.Target, err = p.target(target); err != nil {
		return err
	}
	p.chain.Rules = append(p.chain.Rules, r)
	return nil
}

func (p *ebtParser) count(r *Rule) {
	at := p.counter * ebtCounterSize
	if r.Uncounted = at < 0 || at+ebtCounterSize > len(p.counters); !r.Uncounted {
		r.Packets, r.Bytes = p.counters.u64(at), p.counters.u64(at+8)
	}
	p.counter++
}

// frame is what a rule asks of the Ethernet header and of the bridges.
func (b info) frame() *Frame {
	f := &Frame{LogicalIn: b.ebtInterface(ebtLogicalIn, ebtNotLogicalIn), LogicalOut: b.ebtInterface(ebtLogicalOut, ebtNotLogicalOut)}
	switch number := b.be16(ebtProto); {
	case b.flag(ebtFlags, ebtNoProto):
	case b.flag(ebtFlags, ebtLength):
		f.Type = EtherType{Length: true, Not: b.flag(ebtInvert, ebtNotProto)}
	default:
		f.Type = EtherType{Number: number, Name: EtherTypeName(number), Not: b.flag(ebtInvert, ebtNotProto)}
	}
	if b.flag(ebtFlags, ebtHasSource) {
		f.Source = MAC{Addr: b.mac(ebtSource), Mask: b.mac(ebtSource + 6), Not: b.flag(ebtInvert, ebtNotSource)}
	}
	if b.flag(ebtFlags, ebtHasDest) {
		f.Dest = MAC{Addr: b.mac(ebtDest), Mask: b.mac(ebtDest + 6), Not: b.flag(ebtInvert, ebtNotDest)}
	}
	return f
}

// ebtInterface: a byte of 1 stands for all that may follow (net/bridge/netfilter/ebtables.c:
// ebt_dev_check).
func (b info) ebtInterface(at int, not uint32) Interface {
	name, _, rest := strings.Cut(b.text(at, ifaceSize), "\x01")
	if rest {
		name += "+"
	}
	if name == "+" && !b.flag(ebtInvert, not) {
		name = "" // any
	}
	return Interface{Name: name, Not: name != "" && b.flag(ebtInvert, not)}
}

// target is a verdict, a jump, nil for one that goes on, or an extension.
func (p *ebtParser) target(x part) (Target, error) {
	if string(x.name) != "standard" {
		return x.decode(p.env), nil
	}
	if len(x.data) < 4 {
		return nil, fmt.Errorf("a verdict of %d bytes", len(x.data))
	}
	n := int32(x.data.u32(0))
	if n < 0 {
		v, ok := ebtStandard(n)
		switch {
		case !ok:
			return nil, fmt.Errorf("verdict %d", n)
		case v == "CONTINUE":
			return nil, nil
		}
		return v, nil
	}
	c := p.chains[int(n)]
	if c == nil {
		return nil, fmt.Errorf("a jump to byte %d, where no chain begins", n)
	}
	return Jump{Chain: c.Name}, nil
}

// eachEbtPart goes through matches or watchers.
func eachEbtPart(b info, f func(part)) error {
	for len(b) > 0 {
		x, size, err := ebtPartAt(b)
		if err != nil {
			return err
		}
		f(x)
		b = b[size:]
	}
	return nil
}

// ebtPartAt reads a match, watcher or target; the size of its data stands behind its name.
func ebtPartAt(b info) (x part, size int, err error) {
	if len(b) < ebtPartHead {
		return x, 0, fmt.Errorf("%d bytes are no room for an extension", len(b))
	}
	length := uint64(b.u32(ebtPartLength))
	if length > uint64(len(b)-ebtPartHead) {
		return x, 0, fmt.Errorf("extension %s has %d bytes of %d", b.text(0, ebtPartRevision), len(b)-ebtPartHead, length)
	}
	name, _, _ := bytes.Cut(b[:ebtPartRevision], []byte{0})
	size = ebtPartHead + int(length)
	return part{name: name, rev: b[ebtPartRevision], data: b[ebtPartHead:size]}, size, nil
}
