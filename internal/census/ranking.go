package census

import (
	"net/netip"

	"github.com/pktrail/pktrail/packet"
)

// Ranking is the groups with the most entries.
type Ranking struct {
	By     By      `json:"by"`
	Groups []Group `json:"groups"`
	Keys   int     `json:"keys"`   // how many groups there are
	More   bool    `json:"more"`   // there were more than could be kept: Keys is at least, and so are counts that say so
	Others int64   `json:"others"` // entries of groups that are not listed
}

// Group is the entries that have something in common. What they are not grouped
// by is absent.
type Group struct {
	Src     netip.Addr `json:"src,omitzero"`
	Dst     netip.Addr `json:"dst,omitzero"`
	Proto   string     `json:"proto,omitzero"`
	DstPort *uint16    `json:"dport,omitzero"`
	State   string     `json:"state,omitzero"` // of TCP, SCTP and DCCP the kernel's word, else UNREPLIED, REPLIED or ASSURED
	Zone    *uint16    `json:"zone,omitzero"`
	Netns   *string    `json:"netns,omitzero"` // that owns the source address; absent where none of this host is known to

	Entries   int64   `json:"entries"`
	More      bool    `json:"more,omitzero"` // it may have more entries
	Share     float64 `json:"share"`         // of all entries, 0 to 1
	Unreplied int64   `json:"unreplied"`
	Unassured int64   `json:"unassured"` // which the kernel gives up first when the table is full

	New   *float64 `json:"new_per_second,omitzero"`
	Ended *float64 `json:"ended_per_second,omitzero"`
}

// Ranking ranks the groups of the last look, at most so many.
func (c *Census) Ranking(by By, most int) Ranking {
	r := Ranking{By: by, Groups: []Group{}}
	at := c.index(by)
	if c.now == nil || at < 0 {
		return r
	}
	g := &c.now.groups[at]
	r.Keys, r.More, r.Others = len(g.keys), g.floor > 0, c.now.entries
	order := g.order()
	for _, i := range order[:min(most, len(order))] {
		r.Groups = append(r.Groups, c.group(by, g.keys[i], g.count[i], at))
		r.Others -= g.count[i].entries
	}
	return r
}

func (c *Census) index(by By) int {
	for i, b := range c.opt.By {
		if b == by {
			return i
		}
	}
	return -1
}

func (c *Census) group(by By, k Key, now tally, at int) Group {
	g := k.group(by)
	g.Entries, g.More = now.entries, now.error > 0
	g.Share = round(float64(now.entries)/float64(c.now.entries), 1e4)
	g.Unreplied, g.Unassured = now.noReply, now.unassured
	if c.last != nil {
		g.New, g.Ended = c.rates(c.last.groups[at].of(k), now)
	}
	return g
}

func (k *Key) group(by By) Group {
	g := Group{Src: k.Src, Dst: k.Dst, State: k.State}
	if k.HasProto {
		g.Proto = packet.ProtoName(k.Proto)
	}
	if k.HasPort {
		g.DstPort = &k.Port
	}
	if k.HasZone {
		g.Zone = &k.Zone
	}
	if by == Netns && k.Owner != "" {
		g.Netns = &k.Owner
	}
	return g
}
