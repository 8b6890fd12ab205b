package nftexpr

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Set is a named set.
type Set struct {
	Name    string
	Key     []Field // what its elements are made of
	Size    uint32  // at most so many elements; 0 is the kernel's own limit
	Timeout time.Duration
	Dynamic bool // rules add to it
}

// anonymous is a set that belongs to one rule.
type anonymous struct {
	field    Field
	elements []Interval // sorted, apart from each other
	not      bool
}

const anonymousName = "__set%d"

// merge sorts intervals and joins those that overlap or touch.
func merge(of []Interval) []Interval {
	sorted := slices.SortedFunc(slices.Values(of), func(a, b Interval) int {
		return cmp.Or(bytes.Compare(a.Lo.Bytes, b.Lo.Bytes), bytes.Compare(a.Hi.Bytes, b.Hi.Bytes))
	})
	var merged []Interval
	for _, i := range sorted {
		n := len(merged) - 1
		if n >= 0 && bytes.Compare(i.Lo.Bytes, merged[n].Hi.Bytes) <= 0 {
			if bytes.Compare(i.Hi.Bytes, merged[n].Hi.Bytes) > 0 {
				merged[n].Hi = i.Hi
			}
			continue
		}
		merged = append(merged, i)
	}
	return merged
}

// intervals reports whether the set holds more than single values.
func (a *anonymous) intervals() bool {
	return slices.ContainsFunc(a.elements, func(i Interval) bool { return i.Lo.Text != i.Hi.Text })
}

// list is the elements as the kernel takes them. A set of intervals is a list
// of beginnings and ends, each end one past the last value, and starts with an
// end at zero as nft's own do (nft src/segtree.c: set_to_intervals).
func (a *anonymous) list() attrs {
	var list attrs
	element := func(key []byte, flags uint32, userdata ...byte) {
		e := attrs(nil)
		if flags != 0 {
			e = e.be32(unix.NFTA_SET_ELEM_FLAGS, flags)
		}
		e = e.value(unix.NFTA_SET_ELEM_KEY, key)
		if len(userdata) > 0 {
			e = e.bytes(unix.NFTA_SET_ELEM_USERDATA, userdata)
		}
		list = list.nest(unix.NFTA_LIST_ELEM, e)
	}
	if !a.intervals() {
		for _, i := range a.elements {
			element(i.Lo.Bytes, 0)
		}
		return list
	}
	if slices.ContainsFunc(a.elements[0].Lo.Bytes, func(b byte) bool { return b != 0 }) {
		element(make([]byte, a.field.Size), unix.NFT_SET_ELEM_INTERVAL_END)
	}
	for n, i := range a.elements {
		end, overflow := successor(i.Hi.Bytes)
		if overflow {
			element(i.Lo.Bytes, 0, openEnd()...)
			continue
		}
		element(i.Lo.Bytes, 0)
		if n+1 == len(a.elements) || !bytes.Equal(end, a.elements[n+1].Lo.Bytes) {
			element(end, unix.NFT_SET_ELEM_INTERVAL_END)
		}
	}
	return list
}

func successor(b []byte) (next []byte, overflow bool) {
	next = bytes.Clone(b)
	for i := len(next) - 1; i >= 0; i-- {
		next[i]++
		if next[i] != 0 {
			return next, false
		}
	}
	return next, true
}

// attrs of NEWSET that an anonymous set has.
func (a *anonymous) attrs(table string, id uint32) attrs {
	flags := uint32(unix.NFT_SET_ANONYMOUS | unix.NFT_SET_CONSTANT)
	if a.intervals() {
		flags |= unix.NFT_SET_INTERVAL
	}
	return attrs(nil).text(unix.NFTA_SET_TABLE, table).text(unix.NFTA_SET_NAME, anonymousName).
		be32(unix.NFTA_SET_FLAGS, flags).
		be32(unix.NFTA_SET_KEY_TYPE, a.field.kind.number).be32(unix.NFTA_SET_KEY_LEN, uint32(a.field.Size)).
		be32(unix.NFTA_SET_ID, id).
		bytes(unix.NFTA_SET_USERDATA, a.field.kind.byteOrder())
}

// byteOrder is the user data by which nft knows a key's byte order
// (libnftnl: NFTNL_UDATA_SET_KEYBYTEORDER).
func (d datatype) byteOrder() []byte {
	const host, big = 1, 2
	order := byte(big)
	if d.host {
		order = host
	}
	return userdata32(0, order)
}

// openEnd is the user data by which nft knows an interval that ends with the
// highest value (libnftnl: NFTNL_UDATA_SET_ELEM_FLAGS, NFTNL_SET_ELEM_F_INTERVAL_OPEN).
func openEnd() []byte { return userdata32(1, 1) }

// userdata32 is one libnftnl user data attribute of four bytes in host order.
func userdata32(typ, v byte) []byte { return append([]byte{typ, 4}, Host32("", uint32(v)).Bytes...) }

func (s *Set) flags() uint32 {
	var flags uint32
	if s.Timeout > 0 {
		flags |= unix.NFT_SET_TIMEOUT
	}
	if s.Dynamic {
		flags |= unix.NFT_SET_EVAL
	}
	return flags
}

func (s *Set) attrs(table string, id uint32) attrs {
	var number, size uint32
	for _, f := range s.Key {
		number = number<<6 | f.kind.number
		size += uint32(f.Size+3) &^ 3
	}
	if len(s.Key) == 1 {
		size = uint32(s.Key[0].Size)
	}
	a := attrs(nil).text(unix.NFTA_SET_TABLE, table).text(unix.NFTA_SET_NAME, s.Name).
		be32(unix.NFTA_SET_FLAGS, s.flags()).
		be32(unix.NFTA_SET_KEY_TYPE, number).be32(unix.NFTA_SET_KEY_LEN, size).
		be32(unix.NFTA_SET_ID, id)
	if s.Timeout > 0 {
		a = a.be64(unix.NFTA_SET_TIMEOUT, uint64(s.Timeout.Milliseconds()))
	}
	if s.Size > 0 {
		a = a.nest(unix.NFTA_SET_DESC, attrs(nil).be32(unix.NFTA_SET_DESC_SIZE, s.Size))
	}
	return a
}

func (s *Set) typeText() string {
	names := make([]string, len(s.Key))
	for i, f := range s.Key {
		names[i] = f.kind.name
	}
	return strings.Join(names, " . ")
}
