package nft

import (
	"time"

	"github.com/pktrail/pktrail/ruleset"
)

// Style is how a ruleset is printed. The zero value prints what `nft list
// ruleset` of 1.0.6 prints on a host that has no names for numbers.
type Style struct {
	Handles   bool // as nft -a
	Stateless bool // as nft -s: without what counters, quotas and timeouts hold
	Terse     bool // as nft -t: without the elements of named sets
	// Now gives hours of a day their time zone; the zero value is UTC.
	Now   time.Time
	Names Names
	// XT says a match or target of iptables in iptables' words, "" where it cannot.
	// They stand as a remark at the end of the rule, since nft has no words of its own.
	XT func(fam ruleset.Family, e *XT) string
	// Asks says what a packet must be for such a match to hold, in a table of that
	// family; nil, or false, where that cannot be told.
	Asks func(fam ruleset.Family, e *XT) ([]ruleset.Condition, bool)
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
