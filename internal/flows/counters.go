package flows

import (
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
)

// counter is what one of the kernel's counters means
// (net/netfilter/nf_conntrack_core.c).
type counter struct {
	stat    conntrack.Stat
	weight  journey.CounterWeight
	meaning string
	matters string
	try     string
}

func counters() []counter {
	return []counter{
		{conntrack.Drop, journey.CounterTrouble, "packets that were dropped for want of an entry: the table was full, two packets of one flow came at once, or a packet did not fit the state",
			"whenever it grows: those packets are lost, with no rule to show for it", "compare the number of entries with nf_conntrack_max (pktrail ct count), and look at insert_failed and invalid, which tell the other two"},
		{conntrack.InsertFailed, journey.CounterTrouble, "new entries that could not be put in, and whose packet was dropped: an entry of the same flow was there first, or the chain was too long",
			"while it grows: first packets are lost, such as one of two DNS queries sent from one port at once", "see whether it is chaintoolong; else send such queries one after the other (resolv.conf: options single-request-reopen), or exempt them with notrack"},
		{conntrack.EarlyDrop, journey.CounterTrouble, "entries without an assured connection that were thrown away to make room for new ones, because the table was full",
			"whenever it grows: the table is at its maximum, and drop comes next", "find what fills it (pktrail ct list --state UNREPLIED), shorten timeouts, or raise net.netfilter.nf_conntrack_max"},
		{conntrack.ChainTooLong, journey.CounterTrouble, "new entries that were refused because too many others have the same place in the hash table",
			"whenever it grows: the hash table is too small for the entries, or somebody aims at one place", "raise net.netfilter.nf_conntrack_buckets to at least nf_conntrack_max / 4"},
		{conntrack.Invalid, journey.CounterNotice, "packets that belong to no flow as conntrack knows it: TCP outside the window or after the end, bad checksums, headers that are cut",
			"when it grows with traffic that should work: rules that drop ctstate INVALID lose it, and what is not dropped is not translated", "sysctl -w net.netfilter.nf_conntrack_log_invalid=255 says why in the log; where packets take two ways, nf_conntrack_tcp_be_liberal=1 helps"},
		{conntrack.Error, journey.CounterNotice, "ICMP packets that could not be tied to a flow: the packet that they quote is of none that is known, or they are broken",
			"when path MTU discovery or unreachable messages get lost", "sysctl -w net.netfilter.nf_conntrack_log_invalid=255 says which in the log; see whether errors come back by another way than the packets went"},
		{conntrack.ClashResolve, journey.CounterNotice, "clashes of two first packets of one flow that were settled: both packets went on",
			"only with insert_failed: it shows how often packets of one flow come at once", ""},
		{conntrack.SearchRestart, journey.CounterNotice, "searches that began anew because an entry was moved meanwhile",
			"when it grows by thousands a second: the table changes faster than it is searched, or is being resized", "raise net.netfilter.nf_conntrack_buckets"},
		{conntrack.Found, journey.CounterPlain, "ports that NAT tried for a new flow and found taken",
			"when it grows much faster than flows are made: few ports are left towards one destination", "give NAT more addresses or ports, or shorten the timeouts of what holds them"},
		{conntrack.Insert, journey.CounterPlain, "entries that programs put in by themselves, such as pktrail ct create or conntrackd; entries of packets are not counted", "", ""},
		{conntrack.New, journey.CounterPlain, "entries that were made (older kernels)", "", ""},
		{conntrack.Ignore, journey.CounterPlain, "packets that were tracked already or exempted (older kernels)", "", ""},
		{conntrack.Searched, journey.CounterPlain, "entries that were looked at in searches (older kernels)", "", ""},
		{conntrack.Delete, journey.CounterPlain, "entries that were taken out (older kernels)", "", ""},
		{conntrack.DeleteList, journey.CounterPlain, "entries that were taken out and waited for their end to be told (older kernels)", "", ""},
	}
}

// maxStat is the last number that a counter can have.
const maxStat = conntrack.Stat(31)

// Counters tells what each of the kernel's counters has and means, those that
// matter most first. Rates are those since before, which may be nil; then there
// are none. Counters that the kernel does not have are left out, and one that is
// newer than this package comes last, without words.
func Counters(now, before []conntrack.CPUStats, between time.Duration) []journey.FlowCounter {
	var list []journey.FlowCounter
	told := map[conntrack.Stat]bool{}
	add := func(c counter) {
		told[c.stat] = true
		f := journey.FlowCounter{Name: c.stat.String(), Weight: c.weight, Meaning: c.meaning, Matters: c.matters, Try: c.try}
		if countUp(&f, c.stat, now, before, between) {
			list = append(list, f)
		}
	}
	for _, c := range counters() {
		add(c)
	}
	for s := conntrack.Stat(1); s <= maxStat; s++ {
		if !told[s] {
			add(counter{stat: s, weight: journey.CounterPlain})
		}
	}
	return list
}

// countUp adds the CPUs' counters up; it reports whether there are any. Each is
// of 32 bits and wraps, so that differences are taken CPU by CPU.
func countUp(f *journey.FlowCounter, s conntrack.Stat, now, before []conntrack.CPUStats, between time.Duration) bool {
	var grown int64
	there := false
	for i := range now {
		v, ok := now[i].Get(s)
		if !ok {
			continue
		}
		there = true
		f.Value += int64(v)
		f.CPUs = append(f.CPUs, journey.CPUCount{CPU: int(now[i].CPU), Value: int64(v)})
		if old, ok := ofCPU(before, now[i].CPU, s); ok {
			grown += int64(v - old)
		}
	}
	if before != nil && between > 0 {
		f.PerSecond = new(float64(grown) / between.Seconds())
	}
	return there
}

func ofCPU(list []conntrack.CPUStats, cpu uint16, s conntrack.Stat) (uint32, bool) {
	for i := range list {
		if list[i].CPU == cpu {
			return list[i].Get(s)
		}
	}
	return 0, false
}
