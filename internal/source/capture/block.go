package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// The options of blocks that are read here.
const (
	optionEnd        = 0
	optionComment    = 1
	optionName       = 2  // of an interface
	optionResolution = 9  // of its times
	optionOffset     = 14 // of its times, in seconds
	optionFlags      = 2  // of an enhanced packet
	optionDropCount  = 4  // of an enhanced packet: since the one before
	optionIfDrop     = 5  // of statistics: since the capture began
	optionOSDrop     = 7  // likewise

	flagsDirection = 3
	flagsOutbound  = 2
)

// block is a block whose length holds; body is read from its front.
type block struct {
	order  binary.ByteOrder
	offset int64
	body   []byte
}

// fields takes the n bytes of fixed fields.
func (b *block) fields(n int) ([]byte, error) {
	if len(b.body) < n {
		return nil, fmt.Errorf("%d bytes of fields, want %d", len(b.body), n)
	}
	head := b.body[:n:n]
	b.body = b.body[n:]
	return head, nil
}

// data takes n bytes of a packet and what fills them up to four.
func (b *block) data(n uint32) ([]byte, error) {
	if int64(n) > int64(len(b.body)) {
		return nil, fmt.Errorf("it says that %d bytes of the packet were captured, and holds %d", n, len(b.body))
	}
	data := b.body[:n:n]
	b.body = b.body[min(padded(int(n)), len(b.body)):]
	return data, nil
}

// options calls f for each option up to their end. The error names the place of
// one that does not fit.
func (b *block) options(f func(code uint16, value []byte)) error {
	for all := len(b.body); len(b.body) > 0; {
		if len(b.body) < 4 {
			return fmt.Errorf("options: %d bytes too many behind byte %d", len(b.body), all-len(b.body))
		}
		code, size := b.order.Uint16(b.body), int(b.order.Uint16(b.body[2:]))
		if code == optionEnd {
			return nil
		}
		if 4+size > len(b.body) {
			return fmt.Errorf("option %d at byte %d of the options: %d bytes do not fit", code, all-len(b.body), size)
		}
		f(code, b.body[4:4+size:4+size])
		b.body = b.body[min(4+padded(size), len(b.body)):]
	}
	return nil
}

// stamp reads a time in an interface's units; its upper half stands first.
func (b *block) stamp(at []byte) uint64 {
	return uint64(b.order.Uint32(at))<<32 | uint64(b.order.Uint32(at[4:]))
}

func padded(n int) int { return (n + 3) &^ 3 }

// iface is one interface of a section.
type iface struct {
	name   string
	link   uint32
	snap   uint32 // bytes that were captured of a packet at most; 0 without a limit
	device uint32 // its number in links
	unit   uint64 // of its times in a second; 0 when not known
	offset int64  // seconds from 1970 to where its times begin
	told   uint64 // packets that were told as lost
}

// maxSeconds is the end of the year 9999, the last that RFC 3339 can write.
const maxSeconds = 253402300799

func readInterface(b *block) (i iface, err error) {
	head, err := b.fields(8)
	if err != nil {
		return i, err
	}
	i.link, i.snap, i.unit = uint32(b.order.Uint16(head)), b.order.Uint32(head[4:]), 1e6
	var resolution error
	err = b.options(func(code uint16, value []byte) {
		switch {
		case code == optionName:
			i.name = string(value)
		case code == optionResolution && len(value) == 1:
			i.unit, resolution = unitOf(value[0])
		case code == optionOffset && len(value) == 8:
			i.offset = int64(b.order.Uint64(value))
		}
	})
	if resolution != nil {
		return i, resolution
	}
	return i, err
}

// unitOf is the units in a second that a resolution says: a negative power of
// ten, or of two where its highest bit is set.
func unitOf(resolution byte) (uint64, error) {
	base, exponent := uint64(10), int(resolution&0x7f)
	if resolution&0x80 != 0 {
		base = 2
	}
	unit := uint64(1)
	for range exponent {
		hi, lo := bits.Mul64(unit, base)
		if hi != 0 {
			return 0, fmt.Errorf("times in units of %d^-%d seconds, which is too little to count in", base, exponent)
		}
		unit = lo
	}
	return unit, nil
}

// time turns an interface's time into ours.
func (i *iface) time(stamp uint64) (time.Time, error) {
	if i.unit == 0 {
		return time.Time{}, errors.New("a time in units that are not known")
	}
	seconds := int64(min(stamp/i.unit, 2*maxSeconds)) + min(max(i.offset, -2*maxSeconds), 2*maxSeconds)
	if seconds < 0 || seconds > maxSeconds {
		return time.Time{}, errors.New("its time is not between the years 1970 and 9999")
	}
	hi, lo := bits.Mul64(stamp%i.unit, 1e9)
	nanoseconds, _ := bits.Div64(hi, lo, i.unit)
	return time.Unix(seconds, int64(nanoseconds)), nil
}
