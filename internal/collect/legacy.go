package collect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// The socket options by which xtables hands out a table
// (include/uapi/linux/netfilter_ipv4/ip_tables.h; ip6_tables.h has the same numbers,
// netfilter_arp/arp_tables.h others).
const (
	soGetInfo    = 64 // IPT_SO_GET_INFO
	soGetEntries = 65 // IPT_SO_GET_ENTRIES

	soGetARPInfo    = 96 // ARPT_SO_GET_INFO
	soGetARPEntries = 97 // ARPT_SO_GET_ENTRIES

	tableNameLen  = 32 // XT_TABLE_MAXNAMELEN
	sizeofInfo    = 84 // struct ipt_getinfo
	sizeofARPInfo = 68 // struct arpt_getinfo
	sizeofEntries = 40 // struct ipt_get_entries without the entries, on 64-bit machines
	sizeofXtMatch = 32 // struct xt_entry_match, struct xt_entry_target
	xtNameLen     = 29 // XT_EXTENSION_MAXNAMELEN
)

// layout is where the parts of struct ipt_entry, ip6t_entry or arpt_entry are.
type layout struct {
	target, next, counters, size int
}

func layoutOf(fam ruleset.Family) layout {
	switch fam {
	case ruleset.ARP:
		return layout{target: 164, next: 166, counters: 176, size: 192}
	case ruleset.IP6:
		return layout{target: 140, next: 142, counters: 152, size: 168}
	}
	return layout{target: 88, next: 90, counters: 96, size: 112}
}

// xtSocket asks for legacy tables. Asking for one that the namespace does not
// have makes the kernel create it, so ask only for those of legacyNames.
type xtSocket struct {
	fd, level int
	fam       ruleset.Family
}

// dialXt opens the socket in the namespace of the calling thread.
func dialXt(fam ruleset.Family) (*xtSocket, error) {
	domain, level := unix.AF_INET, unix.IPPROTO_IP
	if fam == ruleset.IP6 {
		domain, level = unix.AF_INET6, unix.IPPROTO_IPV6
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("open socket for legacy tables: %w", err)
	}
	return &xtSocket{fd: fd, level: level, fam: fam}, nil
}

func (x *xtSocket) close() { _ = unix.Close(x.fd) }

// info returns how many entries a table has and how many bytes they take.
func (x *xtSocket) info(table string) (entries, size uint32, err error) {
	_, entries, size, err = x.ask(table)
	return entries, size, err
}

// ask asks for what the kernel says of a table beside its entries.
func (x *xtSocket) ask(table string) (h xt.Hooks, entries, size uint32, err error) {
	option, parse, room := soGetInfo, xt.ParseInfo, sizeofInfo
	if x.fam == ruleset.ARP {
		option, parse, room = soGetARPInfo, xt.ParseARPInfo, sizeofARPInfo
	}
	b := make([]byte, room)
	copy(b[:tableNameLen-1], table)
	if err := x.get(option, b); err != nil {
		return h, 0, 0, fmt.Errorf("ask for legacy table %s: %w", table, err)
	}
	return parse(b)
}

// blob returns a table's entries as the kernel keeps them.
func (x *xtSocket) blob(table string) ([]byte, error) {
	for range tries {
		_, size, err := x.info(table)
		if err != nil {
			return nil, err
		}
		b := make([]byte, sizeofEntries+int(size))
		copy(b[:tableNameLen-1], table)
		binary.NativeEndian.PutUint32(b[tableNameLen:], size)
		err = x.get(x.entriesOption(), b)
		if err == nil {
			return b[sizeofEntries:], nil
		}
		if !errors.Is(err, unix.EAGAIN) { // else its size changed between the two questions
			return nil, fmt.Errorf("read legacy table %s: %w", table, err)
		}
	}
	return nil, fmt.Errorf("read legacy table %s: %w", table, errChanged)
}

func (x *xtSocket) entriesOption() int {
	if x.fam == ruleset.ARP {
		return soGetARPEntries
	}
	return soGetEntries
}

func (x *xtSocket) get(option int, b []byte) error { return x.getAt(x.level, option, b) }

func (x *xtSocket) getAt(level, option int, b []byte) error {
	size := uint32(len(b))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(x.fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// entries walks the rules of a blob; it ends at the first that does not fit.
func entries(b []byte, fam ruleset.Family) iter.Seq[[]byte] {
	at := layoutOf(fam)
	return func(yield func([]byte) bool) {
		for len(b) >= at.size {
			next := int(binary.NativeEndian.Uint16(b[at.next:]))
			if next < at.size || next > len(b) || !yield(b[:next]) {
				return
			}
			b = b[next:]
		}
	}
}

// withoutCounters sets the counters of a blob to zero, which leaves what only
// a change of the rules can change.
func withoutCounters(b []byte, fam ruleset.Family) {
	at := layoutOf(fam)
	for e := range entries(b, fam) {
		clear(e[at.counters:at.size])
	}
}

// extensions walks an entry's matches and, last, its target: name and data of each.
func extensions(entry []byte, fam ruleset.Family) iter.Seq2[string, []byte] {
	at := layoutOf(fam)
	return func(yield func(string, []byte) bool) {
		target := int(binary.NativeEndian.Uint16(entry[at.target:]))
		for off := at.size; off+sizeofXtMatch <= len(entry); {
			size := int(binary.NativeEndian.Uint16(entry[off:]))
			if size < sizeofXtMatch || off+size > len(entry) {
				return
			}
			name, _, _ := bytes.Cut(entry[off+2:off+2+xtNameLen], []byte{0})
			if !yield(string(name), entry[off+sizeofXtMatch:off+size]) || off >= target {
				return
			}
			off += size
		}
	}
}
