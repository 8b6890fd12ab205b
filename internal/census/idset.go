package census

// idSet is the kernel's numbers of entries, up to a limit.
type idSet struct {
	slots []uint32 // a power of two of them; 0 is empty
	n     int
	most  int
	zero  bool // number 0 is in it
	full  bool // it had no room for all
}

const leastSlots = 1 << 10

// reset empties the set and makes room for as many as are expected.
func (s *idSet) reset(expected, most int) {
	size := leastSlots
	for size < 2*expected {
		size *= 2
	}
	if size == len(s.slots) {
		clear(s.slots)
	} else {
		s.slots = make([]uint32, size)
	}
	s.n, s.most, s.zero, s.full = 0, most, false, false
}

// add reports whether the number was not there. What there is no room for counts
// as not there.
func (s *idSet) add(id uint32) bool {
	if id == 0 {
		was := s.zero
		s.zero = true
		return !was
	}
	at := s.find(id)
	if s.slots[at] == id {
		return false
	}
	if s.n >= s.most {
		s.full = true
		return true
	}
	s.slots[at] = id
	if s.n++; 2*s.n > len(s.slots) {
		s.grow()
	}
	return true
}

func (s *idSet) has(id uint32) bool {
	if id == 0 {
		return s.zero
	}
	return s.slots[s.find(id)] == id
}

// find is the slot that has the number, or the one where it belongs. The kernel's
// numbers are a hash already (net/netfilter/nf_conntrack_core.c: nf_ct_get_id).
func (s *idSet) find(id uint32) int {
	mask := len(s.slots) - 1
	at := int(id) & mask
	for s.slots[at] != 0 && s.slots[at] != id {
		at = (at + 1) & mask
	}
	return at
}

func (s *idSet) grow() {
	old := s.slots
	s.slots = make([]uint32, 2*len(old))
	for _, id := range old {
		if id != 0 {
			s.slots[s.find(id)] = id
		}
	}
}
