// Package nft reads the rules of nf_tables and writes them as nft lists them: from
// the kernel's netlink messages ([Native.Take]), from nft's words ([ParseRuleset])
// and from its JSON ([ParseJSON]), all to the same statements. It tells what each
// rule asks of a packet and does to it ([Table.Model]). It runs no tool and asks no kernel.
package nft

import (
	"slices"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// Native is what nf_tables holds, as its netlink messages brought it. The zero
// value is empty.
type Native struct {
	Generation uint32 // of the rules as they were read; 0 if it was not told
	Tables     []*Table

	byKey map[tableKey]*Table
}

type tableKey struct {
	fam  ruleset.Family
	name string
}

// Table is one table of nf_tables.
type Table struct {
	Family     ruleset.Family
	Name       string
	Handle     uint64
	Flags      uint32 // NFT_TABLE_F_*
	Owner      uint32 // netlink port of its owner, if it has one
	Comment    string
	Chains     []*Chain
	Sets       []*Set
	Objects    []*Object
	Flowtables []*Flowtable

	chains map[string]*Chain
	sets   map[string]*Set
}

// Chain is one chain. Type is empty for a chain that is reached by jumps only.
type Chain struct {
	Name     string
	Handle   uint64
	Flags    uint32 // NFT_CHAIN_*
	Type     string
	Hook     uint32 // of the family: NF_INET_*, NF_ARP_*, NF_NETDEV_*
	Priority int32
	Policy   uint32 // NF_DROP or NF_ACCEPT
	Devices  []string
	Comment  string
	Rules    []*Rule
	// Counter is what the policy has met; nil where that is not counted.
	Counter *Counter

	uses uint32 // rules in it, and rules that jump to it
}

// Rule is one rule, as the kernel holds it.
type Rule struct {
	Handle  uint64
	Comment string
	// EbtPolicy: by this last rule ebtables keeps the policy of a user chain.
	EbtPolicy bool

	exprs []byte // a list of NFTA_LIST_ELEM
	// written is the rule as it was read from text, in place of exprs.
	written []lowered
}

// Exprs decodes the rule's expressions; what is not known is an *Unknown.
// A rule that was read from text has none.
func (r *Rule) Exprs() []Expr { return decodeExprs(r.exprs) }

// Raw is the expressions as the kernel sent them, a list of NFTA_LIST_ELEM, for
// who must read very many of them; nil for a rule that was read from text. It is
// not to be changed.
func (r *Rule) Raw() []byte { return r.exprs }

// Messages of nf_tables (enum nf_tables_msg_types).
const (
	msgNewTable     = 0
	msgNewChain     = 3
	msgNewRule      = 6
	msgNewSet       = 9
	msgNewSetElem   = 12
	msgNewGen       = 15
	msgNewObj       = 18
	msgNewFlowtable = 22

	subsystem = 10 // NFNL_SUBSYS_NFTABLES
)

// Take adds what a message of a dump brings: a table, and after it its chains,
// sets, elements, objects, flowtables and rules. Messages of other kinds, and
// parts of a table that did not come, are passed over; it reports whether the
// message was taken. Nothing of the message is kept.
func (n *Native) Take(m wire.Message) bool {
	if m.Type>>8 != subsystem {
		return false
	}
	f := fieldsOf(m.Attrs)
	switch kind := m.Type & 0xff; kind {
	case msgNewGen:
		n.Generation = f.u32(1)
		return true
	case msgNewTable:
		n.addTable(ruleset.Family(m.Family), &f)
		return true
	default:
		t := n.byKey[tableKey{ruleset.Family(m.Family), f.text(1)}]
		return t != nil && t.take(kind, &f)
	}
}

func (n *Native) addTable(fam ruleset.Family, f *fields) {
	t := &Table{Family: fam, Name: f.text(1), Flags: f.u32(2), Handle: f.u64(4), Comment: udataComment(f[6]), Owner: f.u32(7)}
	t.chains, t.sets = map[string]*Chain{}, map[string]*Set{}
	if n.byKey == nil {
		n.byKey = map[tableKey]*Table{}
	}
	n.byKey[tableKey{fam, t.Name}] = t
	n.Tables = append(n.Tables, t)
}

func (t *Table) take(kind uint16, f *fields) bool {
	switch kind {
	case msgNewChain:
		ch := decodeNativeChain(f)
		t.chains[ch.Name] = ch
		t.Chains = append(t.Chains, ch)
	case msgNewSet:
		s := decodeSet(t, f)
		t.sets[s.Name] = s
		t.Sets = append(t.Sets, s)
	case msgNewSetElem:
		s := t.sets[f.text(2)]
		return s != nil && s.add(f)
	case msgNewRule:
		ch := t.chains[f.text(2)]
		return ch != nil && ch.add(f)
	case msgNewObj:
		t.Objects = append(t.Objects, decodeObject(f))
	case msgNewFlowtable:
		t.Flowtables = append(t.Flowtables, decodeFlowtable(f))
	default:
		return false
	}
	return true
}

// isEbtPolicy looks for the mark of ebtables (iptables/nft.c:
// nft_rule_is_policy_rule).
func isEbtPolicy(b []byte) (is bool) {
	const mark = 1 // UDATA_TYPE_EBTABLES_POLICY
	udata(b, func(typ uint8, data []byte) { is = is || typ == mark && udataU32(data) == 1 })
	return is
}

// Take adds the rule that a message of a dump of this chain brings, and reports
// whether it was one. Other chains may take theirs at the same time.
func (c *Chain) Take(m wire.Message) bool {
	if m.Type != subsystem<<8|msgNewRule {
		return false
	}
	f := fieldsOf(m.Attrs)
	return f.is(2, c.Name) && c.add(&f)
}

func (c *Chain) add(f *fields) bool {
	c.Rules = append(c.Rules, &Rule{Handle: f.u64(3), Comment: udataComment(f[7]), EbtPolicy: isEbtPolicy(f[7]), exprs: slices.Clone(f[4])})
	return true
}

// Take adds the elements that a message of a dump of this set brings, as they
// came, and reports whether it was one. Other sets may take theirs at the same time.
func (s *Set) Take(m wire.Message) bool {
	if m.Type != subsystem<<8|msgNewSetElem {
		return false
	}
	f := fieldsOf(m.Attrs)
	return f.is(2, s.Name) && s.add(&f)
}

func (s *Set) add(f *fields) bool {
	list := wire.Attrs(slices.Clone(f[3])) // enum nft_set_elem_list_attributes
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		if a.Type == listElem {
			s.raw = append(s.raw, a.Data)
		}
	}
	s.elems, s.held = nil, nil
	return true
}

// Uses is at least the number of the chain's rules, and known before they are
// read: the kernel counts them together with the jumps to it.
func (c *Chain) Uses() int { return int(c.uses) }

const chainBinding = 4 // NFT_CHAIN_BINDING

func (t *Table) setNamed(name string) *Set { return t.sets[name] }

// binding is a chain without a name of its own, that one rule jumps to.
func (t *Table) binding(name string) *Chain {
	if ch := t.chains[name]; ch != nil && ch.Flags&chainBinding != 0 {
		return ch
	}
	return nil
}

// decodeNativeChain decodes an NFT_MSG_NEWCHAIN (enum nft_chain_attributes).
func decodeNativeChain(f *fields) *Chain {
	ch := &Chain{Handle: f.u64(2), Name: f.text(3), uses: f.u32(6), Flags: f.u32(10), Comment: udataComment(f[12])}
	if f.has(8) {
		counter := fieldsOf(wire.Attrs(f[8]))
		ch.Counter = decodeCounter(&counter).(*Counter)
	}
	if f.has(4) && f.has(5) && f.has(7) {
		hook := fieldsOf(wire.Attrs(f[4]))
		ch.Type, ch.Policy = f.text(7), f.u32(5)
		ch.Hook, ch.Priority = hook.u32(1), int32(hook.u32(2))
		ch.Devices = devices(hook[4])
		if hook.has(3) {
			ch.Devices = []string{hook.text(3)}
		}
	}
	return ch
}

// devices are the names in a list of NFTA_DEVICE_NAME, sorted as nft does.
func devices(list wire.Attrs) (names []string) {
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		if a.Type == 1 {
			names = append(names, string(a.Text()))
		}
	}
	slices.Sort(names)
	return names
}

// Flowtable takes connections over that rules give it.
type Flowtable struct {
	Name     string
	Handle   uint64
	Flags    uint32 // NFT_FLOWTABLE_*
	Hook     uint32
	Priority int32
	Devices  []string
}

// decodeFlowtable decodes an NFT_MSG_NEWFLOWTABLE (enum nft_flowtable_attributes).
func decodeFlowtable(f *fields) *Flowtable {
	hook := fieldsOf(wire.Attrs(f[3]))
	return &Flowtable{Name: f.text(2), Handle: f.u64(5), Flags: f.u32(7), Hook: hook.u32(1),
		Priority: int32(hook.u32(2)), Devices: devices(hook[3])}
}

// Object is a counter, quota, limit or such that rules use by name. Data is its
// NFTA_OBJ_DATA.
type Object struct {
	Name    string
	Handle  uint64
	Type    uint32 // NFT_OBJECT_*
	Comment string
	data    fields
}

// decodeObject decodes an NFT_MSG_NEWOBJ (enum nft_object_attributes).
func decodeObject(f *fields) *Object {
	data := slices.Clone(f[4])
	return &Object{Name: f.text(2), Type: f.u32(3), Handle: f.u64(6), Comment: udataComment(f[8]), data: fieldsOf(data)}
}
