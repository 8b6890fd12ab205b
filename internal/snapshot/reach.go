package snapshot

import "net/netip"

// Reach is what a namespace's routes, neighbours and links say of an address, and
// which namespaces of the host have it.
type Reach struct {
	Addr netip.Addr `json:"addr"`
	// Owners are the namespaces of this host that have the address on a link.
	Owners []string     `json:"owners"`
	Route  Value[Route] `json:"route"`
	// Choosy is how many rules of policy routing look at more than the
	// destination, such as a mark: packets may go another way than Route says.
	Choosy int `json:"choosy"`
	// Neighbour is the state of the next hop's neighbour entry, in the words of
	// ip-neighbour(8); "" where there is none.
	Neighbour Value[string] `json:"neighbour"`
	// Behind are the namespaces that are all there is behind the route's link: a
	// veth, or a bridge with ports of no other kind, whose far ends were all
	// looked at, and none of which forwards. Unknown where there may be more, or
	// where somebody may be at the next hop whom no namespace tells of.
	Behind Value[[]string] `json:"behind"`
}

// Route is what the kernel answers when it is asked for the way to an address.
type Route struct {
	// Type is a word of ip-route(8): unicast, local, broadcast, multicast,
	// unreachable, blackhole, prohibit; or none where no route fits.
	Type string     `json:"type"`
	Dev  string     `json:"dev,omitzero"`
	Via  netip.Addr `json:"via,omitzero"` // the gateway
}

// NoRoute is the type of a route that is not there.
const NoRoute = "none"

// ConntrackTable is what bounds the table of connection tracking, and what it
// takes of memory.
type ConntrackTable struct {
	// Max is net.netfilter.nf_conntrack_max, 0 for no limit: one value for the
	// host, with which each namespace's own count is compared.
	Max        Value[int64] `json:"max"`
	Buckets    Value[int64] `json:"buckets"`     // of the hash table, which is all namespaces' own
	EntryBytes Value[int64] `json:"entry_bytes"` // without extensions
}
