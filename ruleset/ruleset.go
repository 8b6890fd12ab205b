// Package ruleset is the one model of packet-filter rules: tables, chains and
// rules of legacy iptables, iptables-nft and native nftables alike. It parses
// no text and asks no kernel; the dialects do (ruleset/xt, ruleset/nft).
package ruleset

import (
	"fmt"
	"time"
)

// Backend is the kernel engine that runs a rule.
type Backend string

// The two engines of Linux.
const (
	Legacy Backend = "legacy" // xtables: ip_tables, ip6_tables
	NFT    Backend = "nft"    // nf_tables
)

// Dialect is the language in which a rule was written and is shown.
type Dialect string

// A rule of iptables-nft has the back end NFT and the dialect Iptables.
const (
	Iptables Dialect = "iptables"
	Nftables Dialect = "nft"
)

// Family is the kernel's NFPROTO_* number of a table (include/uapi/linux/netfilter.h).
type Family uint8

// The families that have tables.
const (
	Inet   Family = 1
	IP     Family = 2
	ARP    Family = 3
	Netdev Family = 5
	Bridge Family = 7
	IP6    Family = 10
)

// String is nft's word for the family.
func (f Family) String() string {
	switch f {
	case Inet:
		return "inet"
	case IP:
		return "ip"
	case IP6:
		return "ip6"
	case ARP:
		return "arp"
	case Bridge:
		return "bridge"
	case Netdev:
		return "netdev"
	}
	return fmt.Sprintf("family %d", uint8(f))
}

// Hook is a place in the kernel's path where chains are called.
type Hook string

// The hooks of all families, in nft's words.
const (
	Ingress     Hook = "ingress"
	Prerouting  Hook = "prerouting"
	Input       Hook = "input"
	Forward     Hook = "forward"
	Output      Hook = "output"
	Postrouting Hook = "postrouting"
	Egress      Hook = "egress"
)

// Verdict is what a rule or a policy decides about a packet.
type Verdict string

// The verdicts, in nft's words; Unknown is what could not be told.
const (
	Accept   Verdict = "accept"
	Drop     Verdict = "drop"
	Reject   Verdict = "reject"
	Jump     Verdict = "jump"
	Goto     Verdict = "goto"
	Return   Verdict = "return"
	Continue Verdict = "continue"
	Queue    Verdict = "queue"
	Stolen   Verdict = "stolen"
	Unknown  Verdict = "unknown"
)

// TableKey names one table of one namespace.
type TableKey struct {
	Backend Backend
	Family  Family
	Name    string
}

// Table is one table as it was read.
type Table struct {
	TableKey
	Dialect Dialect
	Chains  []*Chain
	// ReadAt is when the rules were read; zero while only the chains are known.
	ReadAt time.Time
	// NoText says why the rules have no text, in words for the user; empty when they have.
	NoText string
}

// Chain is a list of rules. A base chain hangs at a hook; a user chain is
// reached by a jump or goto only.
type Chain struct {
	Name string
	Base *Base // nil for a user chain
	// Policy of a base chain; empty when there is none or it is not known.
	Policy Verdict
	// PolicyCounter is how much the policy has decided; nil where that is not counted.
	PolicyCounter *Counter `json:"-"`
	Rules         []Rule
}

// Base says where a base chain is called.
type Base struct {
	Hook     Hook
	Priority int32
	// Type is nft's chain type: filter, nat or route. Legacy nat chains are "nat".
	Type string
	// Device names the interfaces of a netdev chain, or of an inet ingress one.
	Device []string
	// Called is the chain's place among all that the kernel calls at the hook, from 1,
	// by the family of packets; nil where the kernel was not asked.
	Called map[Family]int `json:"-"`
}

// Rule is one rule of a chain.
type Rule struct {
	Number int    // from 1, in the order of the chain
	Handle uint64 // nft's handle; 0 in legacy tables
	Text   string // as iptables-save or nft prints it
	Effect Effect
	// When is what a packet must be, as far as it was asked for: rules that were
	// read for their texts alone have none. Known says that it is there.
	When    []Condition `json:"-"`
	Known   bool        `json:"-"`
	Counter *Counter    `json:"-"` // nil for a rule that does not count, or whose counter was not read
}

// Counter is how many packets, of how many bytes, a rule or a policy has seen.
type Counter struct{ Packets, Bytes uint64 }

// Effect is what a rule does to a packet that matches it, as far as its text
// tells. The zero value says that nothing is known.
type Effect struct {
	Known   bool
	Verdict Verdict // Continue for targets such as LOG or MARK
	Target  string  // the chain of a jump or goto, else the target's or statement's own word: LOG, MARK, REJECT, masquerade
	// Bare: the rule has no match at all and a plain verdict (ACCEPT, DROP, RETURN),
	// which legacy TRACE reports as return:N or policy:N.
	Bare bool
	// RejectWith is what a reject answers with, in nft's words: "tcp-reset",
	// "icmp-port-unreachable", "icmpv6-admin-prohibited".
	RejectWith string
	NAT        NAT
	SetsMark   bool // writes the packet mark, from a value or from conntrack
	// MarkMask is which bits of the mark it writes; 0 where that is not known.
	MarkMask uint32 `json:"-"`
	// Rewrites: it writes addresses, ports or such into the packet, by which rules
	// tell packets; translation, DSCP, TTL and options apart.
	Rewrites   bool `json:"-"`
	ReadsMark  bool
	ReadsCT    bool     // looks at conntrack's state, status, mark or tuple
	ReadsSets  []string // named sets, maps and ipsets that the rule looks up
	WritesSets []string // named sets that the rule adds to or deletes from
	NoTrack    bool
}

// NAT is the kind of address translation that a rule asks for.
type NAT string

// The kinds of translation; the empty string is none.
const (
	SNAT       NAT = "snat"
	DNAT       NAT = "dnat"
	Masquerade NAT = "masquerade"
	Redirect   NAT = "redirect"
	Netmap     NAT = "netmap"
	TProxy     NAT = "tproxy"
)

// Chain returns the chain of that name, or nil.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// ByNumber returns the rule at a position that counts from 1, or nil.
func (c *Chain) ByNumber(n int) *Rule {
	if n < 1 || n > len(c.Rules) {
		return nil
	}
	return &c.Rules[n-1]
}

// ByHandle returns the rule with an nft handle, or nil.
func (c *Chain) ByHandle(h uint64) *Rule {
	for i := range c.Rules {
		if c.Rules[i].Handle == h {
			return &c.Rules[i]
		}
	}
	return nil
}
