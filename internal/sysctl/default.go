package sysctl

import (
	"strconv"
	"strings"
)

// defaultOf is the value that the setting has in a fresh namespace of this kernel.
func (r *reporter) defaultOf(s *Setting) (string, bool) {
	facts := &r.snap.Facts
	switch s.From {
	case FromMemory, FromBuckets:
		return r.sizeOf(s)
	case FromModule:
		param := facts.Acct
		if strings.HasSuffix(s.Name, "_timestamp") {
			param = facts.Tstamp
		}
		if on, known := param.Get(); known && on {
			return "1", true
		}
	}
	return s.Default, !s.ReadOnly
}

// sizeOf is the sizes that follow from the host's memory.
func (r *reporter) sizeOf(s *Setting) (string, bool) {
	memory, known := r.snap.Facts.MemoryBytes.Get()
	if !known {
		return "", false
	}
	recent := !olderThan(r.snap.Facts.Release, "5.15")
	n := buckets(memory, r.snap.Facts.WordBits, recent)
	switch {
	case strings.HasSuffix(s.Name, "_expect_max"):
		n = max(n/256, 1) * 4
	case strings.HasSuffix(s.Name, "_max") && !recent:
		n *= 4
	}
	return strconv.FormatUint(n, 10), true
}

// buckets is the size of the hash table that the kernel chooses by its memory
// (net/netfilter/nf_conntrack_core.c: nf_conntrack_init_start), rounded up to
// whole pages of 4096 bytes (nf_ct_alloc_hashtable). Before 5.15 it was a quarter
// of it from 1 GiB on, and the table's limit four times the buckets.
func buckets(memory uint64, wordBits int, recent bool) uint64 {
	word := uint64(max(wordBits, 32) / 8)
	n := memory / 16384 / word
	const gib = 1 << 30
	medium, large, least := uint64(65536), uint64(262144), uint64(1024)
	if !recent {
		medium, large, least = 16384, 65536, 32
	}
	switch {
	case memory > 4*gib && (word == 8 || !recent):
		n = large
	case memory > gib:
		n = medium
	}
	perPage := 4096 / word
	return (max(n, least) + perPage - 1) / perPage * perPage
}

// olderThan compares releases such as 6.1.0-18-amd64 and 6.3 by their first two
// numbers. An unreadable release is not older, and nothing is older than "".
func olderThan(release, than string) bool {
	a, ok := releaseNumbers(release)
	b, ok2 := releaseNumbers(than)
	return ok && ok2 && (a[0] < b[0] || a[0] == b[0] && a[1] < b[1])
}

func releaseNumbers(release string) (n [2]int, ok bool) {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return n, false
	}
	for i := range n {
		digits := parts[i]
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = digits[:end]
		}
		var err error
		if n[i], err = strconv.Atoi(digits); err != nil {
			return n, false
		}
	}
	return n, true
}
