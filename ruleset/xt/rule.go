package xt

import (
	"net/netip"
	"strconv"
)

// Rule is one rule of iptables, decoded.
type Rule struct {
	Handle         uint64 // of nf_tables, for a rule of iptables-nft; else 0
	Packets, Bytes uint64 // that matched so far
	Uncounted      bool   // it counts nothing: a rule of nf_tables that nft may have written
	Source, Dest   Network
	In, Out        Interface
	Protocol       Protocol
	Fragment       bool // -f: only fragments behind the first, of IPv4
	NotFragment    bool
	Matches        []Match
	Target         Target // nil when the rule only counts
	Frame          *Frame // of a rule of ebtables, which has no Source, Dest and Protocol; else nil
	Unread         string // of a line that could not be read, what stands behind the chain; the rest is then empty
	ARP            *ARP   // of a rule of arptables, whose Source and Dest are those in the ARP header; else nil
}

// Network is an address under a mask of the same family; invalid addresses
// stand for no condition.
type Network struct {
	Addr, Mask netip.Addr
	Not        bool
}

// newNetwork leaves out what matches every address.
func newNetwork(addr, mask netip.Addr, not bool) Network {
	if !not && mask.IsUnspecified() && (addr.Is6() || addr.IsUnspecified()) {
		return Network{}
	}
	return Network{addr, mask, not}
}

// Interface is a name, or with "+" at its end the beginning of one; an empty
// name is no condition.
type Interface struct {
	Name string
	Not  bool
}

// Protocol is what follows the IP header; 0 is no condition.
type Protocol struct {
	Number uint16
	Name   string // of iptables or /etc/protocols, empty without one
	Not    bool
}

// AppendSave appends the rule as iptables-save prints it in that chain, without
// counters and newline.
func (r *Rule) AppendSave(dst []byte, chain string) []byte {
	dst = append(append(dst, "-A "...), chain...)
	switch {
	case r.Unread != "":
		return append(append(dst, ' '), r.Unread...)
	case r.Frame != nil:
		return r.appendFrame(dst)
	case r.ARP != nil:
		return r.appendARP(dst)
	}
	dst = r.Source.append(dst, " -s ")
	dst = r.Dest.append(dst, " -d ")
	dst = r.In.append(dst, " -i ")
	dst = r.Out.append(dst, " -o ")
	dst = r.Protocol.append(dst)
	if r.Fragment {
		dst = append(negation(dst, r.NotFragment), " -f"...)
	}
	for _, m := range r.Matches {
		dst = append(append(dst, " -m "...), m.Name()...)
		dst = m.AppendSave(dst)
	}
	if r.Target == nil {
		return dst
	}
	flag := " -j "
	if j, ok := r.Target.(Jump); ok && j.Goto {
		flag = " -g "
	}
	dst = append(append(dst, flag...), r.Target.Name()...)
	return r.Target.AppendSave(dst)
}

// AppendCounters appends "[packets:bytes] ", which stands before a rule in the
// output of iptables-save -c.
func (r *Rule) AppendCounters(dst []byte) []byte {
	return append(counters(dst, r.Packets, r.Bytes), ' ')
}

func counters(dst []byte, packets, bytes uint64) []byte {
	dst = strconv.AppendUint(append(dst, '['), packets, 10)
	dst = strconv.AppendUint(append(dst, ':'), bytes, 10)
	return append(dst, ']')
}

func negation(dst []byte, not bool) []byte {
	if not {
		return append(dst, " !"...)
	}
	return dst
}

// append leaves out no condition, and what matches every address
// (iptables/xshared.c: save_ipv4_addr, save_ipv6_addr).
func (n Network) append(dst []byte, flag string) []byte {
	if n = newNetwork(n.Addr, n.Mask, n.Not); !n.Addr.IsValid() || !n.Mask.IsValid() {
		return dst
	}
	dst = append(negation(dst, n.Not), flag...)
	dst = append(address(dst, n.Addr), '/')
	if length, ok := maskLen(n.Mask); ok {
		return strconv.AppendInt(dst, int64(length), 10)
	}
	return address(dst, n.Mask)
}

func (i Interface) append(dst []byte, flag string) []byte {
	if i.Name == "" {
		return dst
	}
	return append(append(negation(dst, i.Not), flag...), i.Name...)
}

func (p Protocol) append(dst []byte) []byte {
	if p.Number == 0 {
		return dst
	}
	dst = append(negation(dst, p.Not), " -p "...)
	if p.Name != "" {
		return append(dst, p.Name...)
	}
	return strconv.AppendUint(dst, uint64(p.Number), 10)
}

// protocolName is iptables' own word for a protocol, else that of
// /etc/protocols (iptables/xshared.c: proto_to_name).
func (e Env) protocolName(n uint16) string {
	switch n {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 1:
		return "icmp"
	case 58:
		return "ipv6-icmp"
	case 132:
		return "sctp"
	case 136:
		return "udplite"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 135:
		return "mobility-header"
	}
	if e.Names != nil && n < 256 {
		return e.Names.Protocol[uint8(n)]
	}
	return ""
}

// protocolNumber knows iptables' own words, the host's, and those of the
// registry of protocols that rules of other hosts may have.
func (e Env) protocolNumber(name string) (uint16, bool) {
	switch name {
	case "tcp":
		return 6, true
	case "udp":
		return 17, true
	case "icmp":
		return 1, true
	case "ipv6-icmp":
		return 58, true
	case "mobility-header":
		return 135, true
	}
	for n, known := range e.names().Protocol {
		if known == name {
			return uint16(n), true
		}
	}
	n, ok := registered()[name]
	return n, ok
}

// registered are assigned protocol numbers in the words of /etc/protocols.
func registered() map[string]uint16 {
	return map[string]uint16{
		"hopopt": 0, "igmp": 2, "ggp": 3, "ipencap": 4, "ipv4": 4, "st": 5, "egp": 8, "igp": 9, "pup": 12, "hmp": 20,
		"xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37, "idpr-cmtp": 38, "ipv6": 41,
		"ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "skip": 57,
		"ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ax.25": 93, "ipip": 94,
		"etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132,
		"fc": 133, "udplite": 136, "mpls-in-ip": 137, "manet": 138, "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142,
	}
}
