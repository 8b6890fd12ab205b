package correlate

import (
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// strays are the packets that are somebody else's, by the kernel's ids and by
// their bytes, with when they were last heard of.
type strays struct {
	ids  map[uint32]time.Time
	keys map[packet.Key]time.Time
}

const maxStrays = 1 << 14

// stray counts a message that belongs to no packet of ours, once for each packet.
// id is the kernel's, 0 for lines, which have none; v is nil where the message does
// not show the packet.
func (s *space) stray(id uint32, v *sight, at time.Time) {
	if s.losing {
		s.c.counts.Unattached++
		return
	}
	known := s.recent(s.foreign.ids[id], at)
	if v != nil {
		key := v.packet.Key()
		known = s.recent(s.foreign.keys[key], at) || known
		if len(s.foreign.keys) < maxStrays {
			s.foreign.keys[key] = at
		}
	}
	if id != 0 && len(s.foreign.ids) < maxStrays {
		s.foreign.ids[id] = at
	}
	if !known {
		s.c.counts.Foreign++
	}
}

// claim takes back that a packet was counted as somebody else's: it is ours too.
func (s *space) claim(id uint32, v *sight, at time.Time) {
	if s.recent(s.foreign.ids[id], at) {
		delete(s.foreign.ids, id)
		delete(s.foreign.keys, v.packet.Key())
		s.c.counts.Foreign--
	}
}

func (s *space) recent(last, now time.Time) bool { return now.Sub(last) <= s.c.opt.Quiet }

func (s *space) forget(now time.Time) {
	for id, last := range s.foreign.ids {
		if !s.recent(last, now) {
			delete(s.foreign.ids, id)
		}
	}
	for key, last := range s.foreign.keys {
		if !s.recent(last, now) {
			delete(s.foreign.keys, key)
		}
	}
}

// given is the sight where the event shows the packet.
func (v *sight) given(ev *event.Trace) *sight {
	if !ev.HasPacket {
		return nil
	}
	return v
}

// otherLog keeps a message that somebody's LOG or NFLOG rule without a group, or
// conntrack's log of invalid packets, sent to our group: it is foreign.
func (s *space) otherLog() {
	s.c.note("messages that are no TRACE lines came to NFLOG group 0: somebody's NFLOG rule without a group, or nf_conntrack_log_invalid")
	s.c.counts.Foreign++
}
