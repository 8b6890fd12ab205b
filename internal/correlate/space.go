package correlate

import (
	"strconv"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// space is what is known of one namespace and the packets that are in it.
type space struct {
	c     *Correlator
	info  event.Namespace
	netns *journey.Netns
	host  journey.Host

	chains       map[chainKey]*chain
	lineChains   map[lineKey]*chain // legacy chains by what a TRACE line says
	bases        []*chain           // all base chains that report packets, ours too
	allKnown     bool               // bases holds every base chain there is
	pendingTexts bool
	checked      time.Time // up to when the rules are known to be those that were read; zero where nobody looks
	stale        bool      // they have changed since

	byID    map[uint32]*trip
	byKey   map[packet.Key]*trip // open trips by their bytes, chained by sameKey
	byTrail map[packet.Key]*trip // likewise by what NAT leaves, chained by sameTrail
	byTuple map[packet.Tuple]*trip

	story   atLog
	foreign strays
	nat     bool // some chain translates, or that is not known
	losing  bool
	lossy   bool // messages were lost at some time
}

func newSpace(c *Correlator) *space {
	return &space{
		c:          c,
		netns:      &journey.Netns{},
		chains:     map[chainKey]*chain{},
		lineChains: map[lineKey]*chain{},
		byID:       map[uint32]*trip{},
		byKey:      map[packet.Key]*trip{},
		byTrail:    map[packet.Key]*trip{},
		byTuple:    map[packet.Tuple]*trip{},
		foreign:    strays{map[uint32]time.Time{}, map[packet.Key]time.Time{}},
		nat:        true,
	}
}

func (s *space) describe(n *event.Namespace) {
	s.info = *n
	s.netns = &journey.Netns{Name: n.Name, Inode: n.Inode, Cookie: n.Cookie}
	s.host = journey.Host{Name: n.Host, BootID: n.BootID}
	if n.Log {
		s.describeLog(n)
	}
	s.rebase()
}

func (s *space) link(index uint32) string {
	if index == 0 {
		return ""
	}
	if name, ok := s.info.Links[index]; ok {
		return name
	}
	return "if" + strconv.FormatUint(uint64(index), 10)
}

// lose marks every packet that is on its way: any of its messages may be among
// the lost ones.
func (s *space) lose(l *event.Lost) {
	s.lossy = true
	s.losing = l.Open
	if !l.Open {
		s.c.counts.Lost.Count += l.Count
		s.c.counts.Lost.More = s.c.counts.Lost.More || l.More
	}
	for _, t := range s.c.trips {
		if t.sp != s || t.ended {
			continue
		}
		t.missing |= missingLost
		if !l.Open {
			t.lost.Count += l.Count
			t.lost.More = t.lost.More || l.More
		}
	}
}

// list makes a trip findable by its present bytes; unlist takes it out.
func (s *space) list(t *trip) {
	t.key, t.trail, t.tuple = t.now.Key(), t.now.Trail(), t.now.Tuple()
	t.sameKey, t.sameTrail = s.byKey[t.key], s.byTrail[t.trail]
	s.byKey[t.key], s.byTrail[t.trail] = t, t
	s.byTuple[t.tuple] = t
	t.listed = true
}

func (s *space) unlist(t *trip) {
	for _, id := range t.ids {
		if s.byID[id] == t {
			delete(s.byID, id)
		}
	}
	if s.byTuple[t.tuple] == t {
		delete(s.byTuple, t.tuple)
	}
	s.unkey(t)
}

// unkey takes a trip out of the indexes by bytes: it is over, and no line can be its own.
func (s *space) unkey(t *trip) {
	if !t.listed {
		return
	}
	t.listed = false
	unchain(s.byKey, t.key, t, func(t *trip) **trip { return &t.sameKey })
	unchain(s.byTrail, t.trail, t, func(t *trip) **trip { return &t.sameTrail })
}

func unchain(index map[packet.Key]*trip, key packet.Key, t *trip, next func(*trip) **trip) {
	head := index[key]
	if head == t {
		if n := *next(t); n != nil {
			index[key] = n
		} else {
			delete(index, key)
		}
		*next(t) = nil
		return
	}
	for p := head; p != nil; p = *next(p) {
		if *next(p) == t {
			*next(p) = *next(t)
			*next(t) = nil
			return
		}
	}
}

// families of tables through which a packet of an IP family goes.
func sees(table ruleset.Family, nfproto uint8) bool {
	if table == ruleset.Family(nfproto) {
		return true
	}
	return table == ruleset.Inet && (nfproto == uint8(ruleset.IP) || nfproto == uint8(ruleset.IP6))
}
