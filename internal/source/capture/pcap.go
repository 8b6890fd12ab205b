package capture

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The classic format (draft-ietf-opsawg-pcap).
const (
	magicMicro   = 0xa1b2c3d4
	magicNano    = 0xa1b23c4d
	pcapHeadLen  = 24
	recordLen    = 16
	linkTypeMask = 0x03ffffff // above it stands what is said of frame check sequences

	// usualMost is the longest packet that programs capture (libpcap's MAXIMUM_SNAPLEN);
	// few link types have longer ones, and their files say so. most is the limit then.
	usualMost = 256 << 10
	most      = 16 << 20
)

// pcap is a file of the classic format.
type pcap struct {
	order binary.ByteOrder
	unit  int64 // nanoseconds
	link  uint32
	most  uint32 // bytes of a packet
}

func pcapMagic(b []byte) (order binary.ByteOrder, unit time.Duration, ok bool) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(b) {
		case magicMicro:
			return order, time.Microsecond, true
		case magicNano:
			return order, time.Nanosecond, true
		}
	}
	return nil, 0, false
}

func openPcap(in *window) (*pcap, error) {
	magic, err := in.peek(magicLen)
	if err != nil {
		return nil, err
	}
	order, unit, ok := pcapMagic(magic)
	if !ok {
		return nil, ErrNotCapture
	}
	head, err := in.peek(pcapHeadLen)
	if err != nil {
		return nil, err
	}
	if major, minor := order.Uint16(head[4:]), order.Uint16(head[6:]); major != 2 || minor != 4 {
		return nil, fmt.Errorf("pcap of version %d.%d, and 2.4 is read: convert it with `editcap -F pcap`", major, minor)
	}
	f := &pcap{
		order: order,
		unit:  int64(unit),
		most:  min(max(order.Uint32(head[16:]), usualMost), most),
		link:  order.Uint32(head[20:]) & linkTypeMask,
	}
	in.take(pcapHeadLen)
	return f, nil
}

func (f *pcap) record() string { return "packet" }

func (f *pcap) next(s *Source) error {
	head, err := s.in.peek(recordLen)
	if err != nil {
		return err
	}
	size := f.order.Uint32(head[8:])
	if size > f.most {
		return &damage{fmt.Sprintf("it says that %d bytes of it were captured", size)}
	}
	all, err := s.in.peek(recordLen + int(size))
	if err != nil {
		return err
	}
	p := record{
		offset: s.in.offset,
		time:   time.Unix(int64(f.order.Uint32(all)), int64(f.order.Uint32(all[4:]))*f.unit),
		link:   f.link,
		order:  f.order,
		data:   all[recordLen:],
		length: f.order.Uint32(all[12:]),
	}
	s.in.take(len(all))
	s.tell(&p)
	return nil
}
