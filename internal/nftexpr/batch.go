package nftexpr

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// TableFlags are the kernel's flags of a table.
type TableFlags uint32

// Owner: the table belongs to the socket that made it, and is gone with it
// (NFT_TABLE_F_OWNER, Linux 5.12).
const Owner TableFlags = 2

// Batch is one transaction about one table: all of it happens, or nothing.
type Batch struct {
	family   ruleset.Family
	table    string
	messages []message
	sets     uint32 // identifiers given out
	script   script
}

// message is one request of the batch.
type message struct {
	command uint16
	flags   uint16
	attrs   attrs
	object  string // what it is about, for errors
}

// NewBatch starts a transaction about a table, which Table makes.
func NewBatch(family ruleset.Family, table string) *Batch {
	return &Batch{family: family, table: table, script: script{family: family, table: table}}
}

func (b *Batch) add(command, flags uint16, object string, a attrs) {
	b.messages = append(b.messages, message{command, flags, a, object})
}

// Table makes the table, and fails where one of that name is there.
func (b *Batch) Table(flags TableFlags, userdata []byte) {
	a := attrs(nil).text(unix.NFTA_TABLE_NAME, b.table).be32(unix.NFTA_TABLE_FLAGS, uint32(flags))
	if len(userdata) > 0 {
		a = a.bytes(tableUserdata, userdata)
	}
	b.add(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, "table "+b.tableName(), a)
	b.script.made, b.script.flags = true, flags
}

const tableUserdata = 6 // NFTA_TABLE_USERDATA

func (b *Batch) tableName() string { return b.family.String() + " " + b.table }

// DeleteTable takes the table away with all that is in it.
func (b *Batch) DeleteTable() {
	b.add(unix.NFT_MSG_DELTABLE, 0, "table "+b.tableName(), attrs(nil).text(unix.NFTA_TABLE_NAME, b.table))
	b.script.deleted = true
}

// Chain is a chain. Without a Hook it is reached by jump and goto only.
type Chain struct {
	Name     string
	Hook     ruleset.Hook
	Priority int32
	Policy   ruleset.Verdict // empty is accept
	Device   string          // of an ingress or egress hook
}

// Chain makes a chain of type filter.
func (b *Batch) Chain(c Chain) error {
	a := attrs(nil).text(unix.NFTA_CHAIN_TABLE, b.table).text(unix.NFTA_CHAIN_NAME, c.Name)
	if c.Hook != "" {
		number, err := hookNumber(b.family, c.Hook)
		if err != nil {
			return fmt.Errorf("chain %s: %w", c.Name, err)
		}
		hook := attrs(nil).be32(unix.NFTA_HOOK_HOOKNUM, number).be32(unix.NFTA_HOOK_PRIORITY, uint32(c.Priority))
		if c.Device != "" {
			hook = hook.text(unix.NFTA_HOOK_DEV, c.Device)
		}
		policy := uint32(verdictAccept)
		if c.Policy == ruleset.Drop {
			policy = verdictDrop
		}
		a = a.nest(unix.NFTA_CHAIN_HOOK, hook).be32(unix.NFTA_CHAIN_POLICY, policy).text(unix.NFTA_CHAIN_TYPE, "filter")
	}
	b.add(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, "chain "+c.Name, a)
	b.script.chain(c)
	return nil
}

// Rule appends a rule to a chain of the table. The comment may be empty.
func (b *Batch) Rule(chain, comment string, stmts ...Stmt) {
	var list attrs
	for _, s := range stmts {
		for _, e := range s.Exprs {
			var id uint32
			if e.set != nil {
				id = b.anonymous(e.set)
			}
			list = list.nest(unix.NFTA_LIST_ELEM, e.encode(id))
		}
	}
	a := attrs(nil).text(unix.NFTA_RULE_TABLE, b.table).text(unix.NFTA_RULE_CHAIN, chain).
		nest(unix.NFTA_RULE_EXPRESSIONS, list)
	if comment != "" {
		a = a.bytes(unix.NFTA_RULE_USERDATA, ruleComment(comment))
	}
	text := ruleText(comment, stmts)
	b.add(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, "rule "+quoted(text)+" of chain "+chain, a)
	b.script.rule(chain, text)
}

// ruleComment is libnftnl's user data (NFTNL_UDATA_RULE_COMMENT), at most 128 bytes of text.
func ruleComment(comment string) []byte {
	if len(comment) > 127 {
		comment = comment[:127]
	}
	return append(append([]byte{0, byte(len(comment) + 1)}, comment...), 0)
}

func (b *Batch) anonymous(set *anonymous) uint32 {
	b.sets++
	object := "set of " + set.field.Text
	b.add(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, object, set.attrs(b.table, b.sets))
	b.add(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, "elements of the "+object, attrs(nil).
		text(unix.NFTA_SET_ELEM_LIST_TABLE, b.table).text(unix.NFTA_SET_ELEM_LIST_SET, anonymousName).
		be32(unix.NFTA_SET_ELEM_LIST_SET_ID, b.sets).
		nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, set.list()))
	return b.sets
}

// Set makes a named set.
func (b *Batch) Set(s Set) {
	b.sets++
	b.add(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, "set "+s.Name, s.attrs(b.table, b.sets))
	b.script.set(s)
}

// Elements puts elements into a named set. Each is the values of one key.
func (b *Batch) Elements(set string, elements ...[]Value) {
	var list attrs
	for _, e := range elements {
		var key []byte
		for i, v := range e {
			key = append(key, v.Bytes...)
			if len(e) > 1 && i < len(e) {
				key = append(key, make([]byte, wire.Align(len(key))-len(key))...)
			}
		}
		list = list.nest(unix.NFTA_LIST_ELEM, attrs(nil).value(unix.NFTA_SET_ELEM_KEY, key))
	}
	b.add(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, "elements of set "+set, attrs(nil).
		text(unix.NFTA_SET_ELEM_LIST_TABLE, b.table).text(unix.NFTA_SET_ELEM_LIST_SET, set).
		nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, list))
	b.script.elements(set, elements)
}

// Limit makes a named limit of so many packets a second, and a burst above it.
func (b *Batch) Limit(name string, perSecond uint64, burst uint32) {
	b.LimitPer(name, perSecond, time.Second, burst)
}

// LimitPer makes a named limit of so many packets in a second, minute, hour, day
// or week, the units that nft has words for.
func (b *Batch) LimitPer(name string, packets uint64, per time.Duration, burst uint32) {
	b.object("limit", name, unix.NFT_OBJECT_LIMIT, attrs(nil).
		be64(unix.NFTA_LIMIT_RATE, packets).be64(unix.NFTA_LIMIT_UNIT, uint64(per/time.Second)).be32(unix.NFTA_LIMIT_BURST, burst).
		be32(unix.NFTA_LIMIT_TYPE, 0).be32(unix.NFTA_LIMIT_FLAGS, 0))
	b.script.object("limit", name, fmt.Sprintf("rate %d/%s burst %d packets", packets, unitName(per), burst))
}

// unitName is nft's word for a unit of time.
func unitName(d time.Duration) string {
	switch d {
	case time.Minute:
		return "minute"
	case time.Hour:
		return "hour"
	case 24 * time.Hour:
		return "day"
	case 7 * 24 * time.Hour:
		return "week"
	}
	return "second"
}

// Counter makes a named counter.
func (b *Batch) Counter(name string) {
	b.object("counter", name, unix.NFT_OBJECT_COUNTER, attrs(nil).
		be64(unix.NFTA_COUNTER_BYTES, 0).be64(unix.NFTA_COUNTER_PACKETS, 0))
	b.script.object("counter", name, "packets 0 bytes 0")
}

func (b *Batch) object(word, name string, kind uint32, data attrs) {
	b.add(unix.NFT_MSG_NEWOBJ, unix.NLM_F_CREATE, word+" "+name, attrs(nil).
		text(unix.NFTA_OBJ_TABLE, b.table).text(unix.NFTA_OBJ_NAME, name).
		be32(unix.NFTA_OBJ_TYPE, kind).nest(unix.NFTA_OBJ_DATA, data))
}

// Marshal is the transaction's messages, numbered from seq: first the begin,
// then one for each object, then the end. The last object asks for an
// acknowledgement; refused ones are always answered.
func (b *Batch) Marshal(seq uint32) []byte {
	out := wire.AppendMessage(nil, unix.NFNL_MSG_BATCH_BEGIN, unix.NLM_F_REQUEST, seq, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)
	for i, m := range b.messages {
		flags := m.flags | unix.NLM_F_REQUEST
		if i == len(b.messages)-1 {
			flags |= unix.NLM_F_ACK
		}
		seq++
		out = wire.AppendMessage(out, unix.NFNL_SUBSYS_NFTABLES<<8|m.command, flags, seq, uint8(b.family), 0, m.attrs)
	}
	return wire.AppendMessage(out, unix.NFNL_MSG_BATCH_END, unix.NLM_F_REQUEST, seq+1, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)
}

// hookNumber is the kernel's number of a hook in a family
// (include/uapi/linux/netfilter.h: nf_inet_hooks, nf_dev_hooks).
func hookNumber(family ruleset.Family, hook ruleset.Hook) (uint32, error) {
	numbers := map[ruleset.Hook]uint32{
		ruleset.Prerouting: 0, ruleset.Input: 1, ruleset.Forward: 2, ruleset.Output: 3, ruleset.Postrouting: 4,
	}
	switch family {
	case ruleset.Inet:
		numbers[ruleset.Ingress] = 5
	case ruleset.Netdev:
		numbers = map[ruleset.Hook]uint32{ruleset.Ingress: 0, ruleset.Egress: 1}
	}
	n, ok := numbers[hook]
	if !ok {
		return 0, fmt.Errorf("family %s has no hook %s", family, hook)
	}
	return n, nil
}
