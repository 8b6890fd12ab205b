package xt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/pktrail/pktrail/internal/inorder"
	"github.com/pktrail/pktrail/ruleset"
)

// Table is one table of iptables, decoded.
type Table struct {
	Name    string
	Backend ruleset.Backend // Legacy where it is empty
	Family  ruleset.Family
	Chains  []*Chain // the built-in ones by hook, then the others by name
}

// Chain is one chain of a Table.
type Chain struct {
	Name           string
	Policy         Verdict // empty for a user chain, unless it is of ebtables
	Packets, Bytes uint64  // that the policy met
	Rules          []Rule
	// Uncounted: nothing counts what the policy met, in a table of nf_tables.
	Uncounted bool
	// PolicyRule is the handle of the rule by which a user chain of ebtables has
	// its policy; 0 for none, and such a chain returns.
	PolicyRule uint64
	// Absent: the kernel has no such chain. iptables-save prints the built-in
	// chains of a table of nf_tables whether they are there or not.
	Absent bool
}

// Hooks is where the built-in chains of a table begin and where their policies
// are, as struct ipt_getinfo says (include/uapi/linux/netfilter_ipv4/ip_tables.h).
type Hooks struct {
	Valid     uint32 // bit n: hook n
	Entry     [5]uint32
	Underflow [5]uint32
}

const (
	infoSize    = 84 // struct ipt_getinfo
	arpInfoSize = 68 // struct arpt_getinfo, of three hooks
)

// ParseARPInfo is [ParseInfo] for the answer to ARPT_SO_GET_INFO.
func ParseARPInfo(b []byte) (h Hooks, entries, size uint32, err error) {
	if len(b) < arpInfoSize {
		return h, 0, 0, fmt.Errorf("the answer to ARPT_SO_GET_INFO has %d bytes of %d", len(b), arpInfoSize)
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	h.Valid = word(32) & 7
	for i := range 3 {
		h.Entry[i], h.Underflow[i] = word(36+4*i), word(48+4*i)
	}
	return h, word(60), word(64), nil
}

// ParseInfo reads the answer to IPT_SO_GET_INFO: hooks, number of entries and
// their size in bytes.
func ParseInfo(b []byte) (h Hooks, entries, size uint32, err error) {
	if len(b) < infoSize {
		return h, 0, 0, fmt.Errorf("the answer to IPT_SO_GET_INFO has %d bytes of %d", len(b), infoSize)
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	h.Valid = word(32)
	for i := range 5 {
		h.Entry[i], h.Underflow[i] = word(36+4*i), word(56+4*i)
	}
	return h, word(76), word(80), nil
}

// errorTarget is the target of entries that begin a user chain or end the table.
const errorTarget = "ERROR"

const chainNameSize = 30 // XT_FUNCTION_MAXNAMELEN

// hookNames are the built-in chains by the number of their hook
// (include/uapi/linux/netfilter.h; netfilter_arp.h: NF_ARP_IN).
func hookNames(fam ruleset.Family) [5]string {
	if fam == ruleset.ARP {
		return [5]string{"INPUT", "OUTPUT", "FORWARD"}
	}
	return [5]string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}
}

// ParseTable reads the entries that IPT_SO_GET_ENTRIES, IP6T_SO_GET_ENTRIES or
// ARPT_SO_GET_ENTRIES gives. It keeps what it does not know; an error means that the bytes are not
// a table, and tells where.
func ParseTable(name string, h Hooks, entries []byte, e Env) (*Table, error) {
	p := &tableParser{env: e, hooks: h, lay: layoutOf(e.Family), data: entries}
	if err := p.read(); err != nil {
		return nil, fmt.Errorf("legacy table %s: %w", name, err)
	}
	t := &Table{Name: name, Family: e.Family, Chains: p.chains}
	slices.SortStableFunc(t.Chains, func(a, b *Chain) int {
		if a.Policy != "" || b.Policy != "" {
			return cmp.Compare(userChain(a), userChain(b))
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return t, nil
}

func userChain(c *Chain) int {
	if c.Policy == "" {
		return 1
	}
	return 0
}

// extent is where a chain lies in a table: its first rule and its end.
type extent struct {
	chain      *Chain
	begin, end int
}

type tableParser struct {
	env    Env
	hooks  Hooks
	lay    layout
	data   info
	chains []*Chain
	where  []extent // in the order of their offsets
}

func (p *tableParser) read() error {
	if err := p.findChains(); err != nil {
		return err
	}
	parts := p.parts()
	return inorder.Each(len(parts), func(i int) (struct{}, error) {
		for j := range parts[i] {
			if err := p.fill(&parts[i][j]); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	}, func(struct{}) error { return nil })
}

// partBytes is from how many bytes of entries on chains are decoded apart from others.
const partBytes = 256 << 10

func (p *tableParser) parts() (parts [][]extent) {
	begin := 0
	for i, x := range p.where {
		if x.end-p.where[begin].begin >= partBytes || i == len(p.where)-1 {
			parts = append(parts, p.where[begin:i+1])
			begin = i + 1
		}
	}
	return parts
}

// findChains walks the entries once for the places where chains begin.
func (p *tableParser) findChains() error {
	for at := 0; at < len(p.data); {
		e, err := entryAt(p.data, at, &p.lay)
		if err != nil {
			return err
		}
		t, err := e.target()
		if err != nil {
			return err
		}
		if name, begins := p.chainAt(e, t); begins {
			p.begin(name, e, t)
		}
		at = e.end()
	}
	p.endLast(len(p.data))
	return nil
}

// chainAt tells a chain by the hook that points to it or by the entry that names it.
func (p *tableParser) chainAt(e entry, t part) (name string, begins bool) {
	if string(t.name) == errorTarget {
		raw, _, _ := bytes.Cut(t.data[:min(len(t.data), chainNameSize)], []byte{0})
		return string(raw), true
	}
	for i, name := range hookNames(p.env.Family) {
		if p.hooks.Valid>>i&1 != 0 && int(p.hooks.Entry[i]) == e.at {
			return name, true
		}
	}
	return "", false
}

func (p *tableParser) begin(name string, e entry, t part) {
	p.endLast(e.at)
	begin := e.at
	if string(t.name) == errorTarget {
		if begin = e.end(); begin == len(p.data) {
			return // the entry that ends the table
		}
	}
	c := &Chain{Name: name}
	p.chains = append(p.chains, c)
	p.where = append(p.where, extent{chain: c, begin: begin, end: len(p.data)})
}

func (p *tableParser) endLast(at int) {
	if n := len(p.where); n > 0 && at < p.where[n-1].end {
		p.where[n-1].end = at
	}
}

// fill decodes a chain's rules; the last is its policy, or the return at the
// end of a user chain.
func (p *tableParser) fill(x *extent) error {
	x.chain.Rules = make([]Rule, 0, p.count(x))
	for at := x.begin; at < x.end; {
		e, err := entryAt(p.data[:x.end], at, &p.lay)
		if err != nil {
			return err
		}
		if at = e.end(); at >= x.end {
			return p.policy(x, e)
		}
		r, err := p.rule(e)
		if err != nil {
			return err
		}
		x.chain.Rules = append(x.chain.Rules, r)
	}
	return nil
}

func (p *tableParser) count(x *extent) (n int) {
	for at := x.begin; at < x.end; n++ {
		e, err := entryAt(p.data, at, &p.lay)
		if err != nil {
			return n
		}
		at = e.end()
	}
	return max(n-1, 0)
}

func (p *tableParser) policy(x *extent, e entry) error {
	if !p.builtin(x) {
		return nil
	}
	t, err := e.target()
	if err != nil {
		return err
	}
	n, _ := t.standardVerdict()
	v, ok := verdictOfNumber(n)
	if !ok {
		return fmt.Errorf("byte %d: chain %s has the policy %d", e.at, x.chain.Name, n)
	}
	x.chain.Policy = v
	x.chain.Packets, x.chain.Bytes = e.data.u64(p.lay.counters), e.data.u64(p.lay.counters+8)
	return nil
}

func (p *tableParser) builtin(x *extent) bool {
	for i := range p.hooks.Entry {
		if p.hooks.Valid>>i&1 != 0 && int(p.hooks.Entry[i]) == x.begin {
			return true
		}
	}
	return false
}

func (p *tableParser) rule(e entry) (Rule, error) {
	r, err := e.rule(p.env)
	if err != nil {
		return r, fmt.Errorf("entry at byte %d: %w", e.at, err)
	}
	t, err := e.target()
	if err != nil {
		return r, fmt.Errorf("entry at byte %d: %w", e.at, err)
	}
	n, standard := t.standardVerdict()
	if !standard {
		r.Target = t.decode(p.env)
		return r, nil
	}
	r.Target, err = p.standard(e, n)
	return r, err
}

// standard turns a standard target's number into a verdict, a jump, or nil for
// one that goes on to the next rule.
func (p *tableParser) standard(e entry, n int32) (Target, error) {
	if n < 0 {
		v, ok := verdictOfNumber(n)
		if !ok {
			return nil, fmt.Errorf("entry at byte %d: verdict %d", e.at, n)
		}
		return v, nil
	}
	if int(n) == e.end() {
		return nil, nil
	}
	i := sort.Search(len(p.where), func(i int) bool { return p.where[i].begin >= int(n) })
	if i == len(p.where) || p.where[i].begin != int(n) {
		return nil, fmt.Errorf("entry at byte %d: jump to byte %d, where no chain begins", e.at, n)
	}
	return Jump{p.where[i].chain.Name, e.data.u8(p.lay.flags)&p.lay.gotoFlag != 0}, nil
}
