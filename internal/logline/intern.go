package logline

import "encoding/binary"

const (
	internSlots = 1024
	internBytes = 160 // a prefix has at most 127 bytes (NF_LOG_PREFIXLEN), a chain's name fewer
)

// interned turns bytes into strings, the same string for the same bytes as long
// as nothing else took its slot. It never holds more than its slots.
type interned [internSlots]string

func (t *interned) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > internBytes {
		return string(b)
	}
	slot := &t[slotOf(b)]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// slotOf mixes length, the first eight and the last eight bytes: enough to keep
// apart the names and prefixes of one host.
func slotOf(b []byte) uint32 {
	var head, tail uint64
	if len(b) >= 8 {
		head, tail = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[len(b)-8:])
	} else {
		for _, c := range b {
			head = head<<8 | uint64(c)
		}
	}
	h := (head ^ uint64(len(b))) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ tail) * 0xbf58476d1ce4e5b9
	return uint32(h>>40) % internSlots
}
