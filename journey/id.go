package journey

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"time"
)

// ID is 128 bits, ordered by time: 48 bits of Unix milliseconds, then a hash
// over where and when the packet was first seen, so that a recording tells its
// journeys under the same ids wherever it is read.
type ID [16]byte

// NewID makes the id of the seq-th journey of one stream, first seen at start.
func NewID(start time.Time, bootID, netnsCookie string, traceID uint32, seq uint64) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], uint64(start.UnixMilli())<<16)
	h := fnv.New128a()
	var b [20]byte
	binary.BigEndian.PutUint64(b[0:], uint64(start.UnixNano()))
	binary.BigEndian.PutUint32(b[8:], traceID)
	binary.BigEndian.PutUint64(b[12:], seq)
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte(bootID))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(netnsCookie))
	copy(id[6:], h.Sum(nil)[:10])
	return id
}

// String is 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) {
	return hex.AppendEncode(make([]byte, 0, 32), id[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("journey id %q: want %d hex digits", text, 2*len(id))
	}
	_, err := hex.Decode(id[:], text)
	return err
}
