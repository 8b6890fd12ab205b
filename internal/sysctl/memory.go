package sysctl

import "strconv"

// Memory is what the connection tracking table costs, in bytes.
type Memory struct {
	EntryBytes uint64 `json:"entry_bytes"` // one entry without its extensions
	Measured   bool   `json:"measured"`    // EntryBytes is of /proc/slabinfo; else it is that of common 64-bit kernels
	// ExtensionBytes is the least that an entry's extensions take where it has any:
	// NAT, events, counters, labels.
	ExtensionBytes uint64  `json:"extension_bytes"`
	LimitBytes     *uint64 `json:"limit_bytes,omitzero"` // entries that one namespace may have
	NowBytes       *uint64 `json:"now_bytes,omitzero"`   // entries that this namespace has
	HashBytes      *uint64 `json:"hash_bytes,omitzero"`  // the hash table, whatever it holds
	// Objects is the entries of the whole host that memory is taken for now.
	Objects *uint64 `json:"objects,omitzero"`
}

const (
	usualEntry = 256
	// extension is what the kernel allocates for an entry's extensions at once
	// (net/netfilter/nf_conntrack_extend.c: NF_CT_EXT_PREALLOC).
	extension = 128
)

// memory tells the cost of the settings that decide about it.
func (r *reporter) memory(e *Entry) *Memory {
	m := &Memory{EntryBytes: usualEntry, ExtensionBytes: extension}
	if slab, known := r.snap.Facts.Entries.Get(); known && slab.ObjectBytes > 0 {
		m.EntryBytes, m.Measured, m.Objects = slab.ObjectBytes, true, &slab.Objects
	}
	n, known := r.number(e.path)
	if !known {
		return nil
	}
	entries := n * (m.EntryBytes + m.ExtensionBytes)
	switch e.Name {
	case "net.netfilter.nf_conntrack_max":
		if n > 0 {
			m.LimitBytes = &entries
		}
		m.HashBytes = r.hashBytes()
	case "net.netfilter.nf_conntrack_count":
		m.NowBytes = &entries
	case "net.netfilter.nf_conntrack_buckets":
		m.HashBytes = r.hashBytes()
	default:
		return nil
	}
	return m
}

// number is the value of a path, where it is a number.
func (r *reporter) number(path string) (uint64, bool) {
	v, known := r.values[path].Get()
	if !known {
		return 0, false
	}
	return number32(v)
}

func number32(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return n, err == nil
}

// hashBytes: a bucket is one pointer (net/netfilter/nf_conntrack_core.c: nf_ct_alloc_hashtable).
func (r *reporter) hashBytes() *uint64 {
	n, known := r.number("net/netfilter/nf_conntrack_buckets")
	if !known {
		return nil
	}
	n *= uint64(r.snap.Facts.WordBits / 8)
	return &n
}
