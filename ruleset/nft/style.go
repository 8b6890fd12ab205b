package nft

import "time"

// Style is how a ruleset is printed. The zero value prints what `nft list
// ruleset` of 1.0.6 prints on a host that has no names for numbers.
type Style struct {
	Handles   bool // as nft -a
	Stateless bool // as nft -s: without what counters, quotas and timeouts hold
	Terse     bool // as nft -t: without the elements of named sets
	// Now gives hours of a day their time zone; the zero value is UTC.
	Now   time.Time
	Names Names
}

// Names are a host's words for numbers in rules. Any may be nil.
type Names struct {
	Link      func(index uint32) string // the name of an interface; "" if there is none
	Cgroup    func(id uint64) string    // its path below /sys/fs/cgroup; "" if there is none
	Program   func(port uint32) string  // who owns a table, by netlink port
	Marks     map[uint64]string         // rt_marks
	Realms    map[uint64]string         // rt_realms
	Groups    map[uint64]string         // of interfaces
	Labels    map[uint64]string         // connlabel.conf, by bit
	Protocols map[uint64]string         // /etc/protocols; nil for what Debian has
}
