package conntrack

import (
	"strconv"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

// Stat is a counter that the kernel keeps for each CPU
// (nfnetlink_conntrack.h: enum ctattr_stats_cpu).
type Stat uint8

// The counters. Kernels of today have Found, Invalid and those from Insert on.
const (
	Searched Stat = 1 + iota
	Found
	New
	Invalid
	Ignore
	Delete
	DeleteList
	Insert
	InsertFailed
	Drop
	EarlyDrop
	Error
	SearchRestart
	ClashResolve
	ChainTooLong
)

var statNames = [...]string{
	"searched", "found", "new", "invalid", "ignore", "delete", "delete_list", "insert", "insert_failed", "drop",
	"early_drop", "error", "search_restart", "clash_resolve", "chaintoolong",
}

// String is the word that conntrack -S and /proc/net/stat/nf_conntrack have for
// it; a counter that is newer than this package is stat and its number.
func (s Stat) String() string {
	if s >= 1 && int(s) <= len(statNames) {
		return statNames[s-1]
	}
	return "stat" + strconv.Itoa(int(s))
}

// maxStats is how many counters are kept, with room for newer ones.
const maxStats = 32

// CPUStats is what one CPU counted in this namespace since it was made.
type CPUStats struct {
	CPU   uint16
	Has   uint32 // bit n: Value[n] holds
	Value [maxStats]uint32
}

// Get returns a counter; ok is false where the kernel does not have it.
func (c *CPUStats) Get(s Stat) (v uint32, ok bool) {
	if int(s) >= maxStats {
		return 0, false
	}
	return c.Value[s], c.Has&(1<<s) != 0
}

// Add adds the counters of another CPU; sums wrap as the kernel's counters do.
func (c *CPUStats) Add(other *CPUStats) {
	c.Has |= other.Has
	for i, v := range other.Value {
		c.Value[i] += v
	}
}

// DecodeCPUStats decodes one CPU's message of a dump of counters.
func DecodeCPUStats(message []byte, c *CPUStats) error {
	return decodeCounters(message, c)
}

func decodeCounters(message []byte, c *CPUStats) error {
	m, err := open(message, subsysFlow)
	if err != nil {
		return err
	}
	*c = CPUStats{CPU: m.ResID}
	for a, ok := m.Attrs.Next(); ok; a, ok = m.Attrs.Next() {
		v, number := a.BE32()
		if !number || a.Type >= maxStats {
			continue
		}
		c.Value[a.Type] = v
		c.Has |= 1 << a.Type
	}
	return nil
}

// Totals is what the kernel says of the whole table.
type Totals struct {
	Entries uint32 // in this namespace
	Max     uint32 // of all namespaces together; 0 where the kernel does not say (before 5.2)
}

// DecodeTotals decodes the kernel's answer about the whole table.
func DecodeTotals(message []byte, t *Totals) error {
	var c CPUStats
	if err := decodeCounters(message, &c); err != nil {
		return err
	}
	*t = Totals{Entries: c.Value[1], Max: c.Value[2]}
	return nil
}

// ExpectStats is what one CPU counted of expectations.
type ExpectStats struct {
	CPU                   uint16
	New, Created, Deleted uint32
}

// DecodeExpectStats decodes one CPU's message of a dump of expectations' counters.
func DecodeExpectStats(message []byte, e *ExpectStats) error {
	var c CPUStats
	if err := decodeCounters(message, &c); err != nil {
		return err
	}
	*e = ExpectStats{CPU: c.CPU, New: c.Value[1], Created: c.Value[2], Deleted: c.Value[3]}
	return nil
}

// AppendStats appends a request for the whole table's totals.
func AppendStats(b []byte, seq uint32) []byte {
	return wire.AppendMessage(b, subsysFlow|msgGetStats, flagRequest|flagAck, seq, uint8(packet.Unspec), 0, nil)
}

// AppendCPUStats appends a request for the counters of every CPU.
func AppendCPUStats(b []byte, seq uint32) []byte {
	return wire.AppendMessage(b, subsysFlow|msgGetStatsCPU, flagRequest|flagDump, seq, uint8(packet.Unspec), 0, nil)
}

// AppendExpectStats appends a request for the expectations' counters of every CPU.
func AppendExpectStats(b []byte, seq uint32) []byte {
	return wire.AppendMessage(b, subsysExpect|msgExpectStatsCPU, flagRequest|flagDump, seq, uint8(packet.Unspec), 0, nil)
}
