package tally

import "slices"

// most is how many keys a counter holds.
const most = 1 << 16

// counter counts keys. When it is full it drops the half of the keys that were
// counted least. Whatever is counted for a key after that may lack what was
// dropped, so it gets an error: no key ever had more than floor when it was dropped.
type counter[K comparable] struct {
	index   map[K]uint32
	entries []entry[K]
	last    uint32 // the entry that was counted last, which neighbours in a log often share
	floor   int64
	lines   int64 // that were counted, dropped ones included
	pruned  bool
	limit   int // most, less in tests
}

type entry[K comparable] struct {
	key          K
	count, error int64
}

// hit counts a key that is there, and says at which entry. near is the entry
// that it is probably at, which saves the map.
func (c *counter[K]) hit(k K, near uint32) (at uint32, ok bool) {
	if int(near) >= len(c.entries) || c.entries[near].key != k {
		if near, ok = c.index[k]; !ok {
			return 0, false
		}
	}
	c.lines++
	c.entries[near].count++
	c.last = near
	return near, true
}

// insert counts a key that is not there.
func (c *counter[K]) insert(k K) (at uint32) {
	if c.index == nil {
		c.index = map[K]uint32{}
	}
	if c.limit == 0 {
		c.limit = most
	}
	if len(c.entries) >= c.limit {
		c.prune()
	}
	c.lines++
	c.last = uint32(len(c.entries))
	c.index[k] = c.last
	c.entries = append(c.entries, entry[K]{k, 1, c.floor})
	return c.last
}

func (c *counter[K]) add(k K, near uint32) (at uint32) {
	if at, ok := c.hit(k, near); ok {
		return at
	}
	return c.insert(k)
}

// prune drops half of the keys: those with the smallest counts, of equal ones
// the older. What is kept stays in order.
func (c *counter[K]) prune() {
	drop := len(c.entries) / 2
	counts := make([]int64, len(c.entries))
	for i := range c.entries {
		counts[i] = c.entries[i].count
	}
	slices.Sort(counts)
	limit := counts[drop-1]
	first, _ := slices.BinarySearch(counts, limit)
	atLimit := drop - first
	floor := c.floor
	c.entries = slices.DeleteFunc(c.entries, func(e entry[K]) bool {
		if e.count > limit || e.count == limit && atLimit == 0 {
			return false
		}
		if e.count == limit {
			atLimit--
		}
		floor = max(floor, e.count+e.error)
		return true
	})
	c.floor, c.pruned = floor, true
	clear(c.index)
	for i := range c.entries {
		c.index[c.entries[i].key] = uint32(i)
	}
}
