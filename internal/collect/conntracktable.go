package collect

import (
	"os"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// ConntrackTable reads the limit of the connection tracking table and what an
// entry costs. It needs no right; the size of an entry is root's to read on most
// hosts.
func (h *Host) ConntrackTable() snapshot.ConntrackTable {
	var t snapshot.ConntrackTable
	err := h.NS.Do(func() error {
		t.Max = numberIn("/proc/sys/net/netfilter/nf_conntrack_max")
		t.Buckets = numberIn("/proc/sys/net/netfilter/nf_conntrack_buckets")
		return nil
	})
	if err != nil {
		t.Max, t.Buckets = snapshot.Unknown[int64](err.Error()), snapshot.Unknown[int64](err.Error())
	}
	t.EntryBytes = entryBytes()
	return t
}

// entryBytes is the size of struct nf_conn in its slab, alignment included.
func entryBytes() snapshot.Value[int64] {
	if v := numberIn("/sys/kernel/slab/nf_conntrack/slab_size"); v.Known {
		return v
	}
	b, err := os.ReadFile("/proc/slabinfo")
	if err != nil {
		return snapshot.Unknown[int64](err.Error())
	}
	return slabSize(string(b), "nf_conntrack")
}

// slabSize finds a cache's object size, the fourth word of its line in /proc/slabinfo.
func slabSize(slabinfo, cache string) snapshot.Value[int64] {
	for line := range strings.Lines(slabinfo) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != cache {
			continue
		}
		if n, err := strconv.ParseInt(f[3], 10, 64); err == nil {
			return snapshot.Known(n)
		}
	}
	return snapshot.Unknown[int64]("/proc/slabinfo has no " + cache)
}

func numberIn(path string) snapshot.Value[int64] {
	b, err := os.ReadFile(path)
	if err != nil {
		return snapshot.Unknown[int64](err.Error())
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return snapshot.Unknown[int64](path + ": " + err.Error())
	}
	return snapshot.Known(n)
}
