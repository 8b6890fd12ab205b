package capture

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// The blocks of pcapng (draft-ietf-opsawg-pcapng).
const (
	blockSection     = 0x0a0d0d0a
	blockInterface   = 1
	blockOldPacket   = 2
	blockSimple      = 3
	blockNames       = 4
	blockStatistics  = 5
	blockEnhanced    = 6
	blockSecrets     = 10
	sectionByteOrder = 0x1a2b3c4d

	blockHeadLen = 8
	blockLen     = blockHeadLen + 4 // its length stands once more behind it
)

// pcapng is a file of blocks, in one section or several.
type pcapng struct {
	order   binary.ByteOrder
	ifaces  []iface
	skipped bool // the section is of a version that is not known here
}

// mostInterfaces of a section are more than there are.
const mostInterfaces = 1 << 16

func isPcapng(head []byte) bool {
	_, ok := sectionOrder(head)
	return ok
}

// sectionOrder is the byte order of a section that begins with head.
func sectionOrder(head []byte) (binary.ByteOrder, bool) {
	if binary.LittleEndian.Uint32(head) != blockSection { // the same in both orders
		return nil, false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(head[blockHeadLen:]) == sectionByteOrder {
			return order, true
		}
	}
	return nil, false
}

func (f *pcapng) record() string { return "block" }

func (f *pcapng) next(s *Source) error {
	head, err := s.in.peek(blockLen)
	if err != nil {
		return err
	}
	if order, ok := sectionOrder(head); ok {
		f.order = order
	}
	typ, size := f.order.Uint32(head), f.order.Uint32(head[4:])
	if typ == blockSection && f.order.Uint32(head[blockHeadLen:]) != sectionByteOrder {
		return &damage{"a section without a byte order"}
	}
	if size < blockLen || size > most || size%4 != 0 {
		return &damage{fmt.Sprintf("it says that it has %d bytes", size)}
	}
	all, err := s.in.peek(int(size))
	if err != nil {
		return err
	}
	if again := f.order.Uint32(all[size-4:]); again != size {
		return &damage{fmt.Sprintf("it says that it has %d bytes, and at its end that it has %d", size, again)}
	}
	b := block{order: f.order, offset: s.in.offset, body: all[blockHeadLen : size-4]}
	s.in.take(len(all))
	if err := f.block(s, typ, &b); err != nil {
		s.undecoded(&record{offset: b.offset, time: s.last, data: all}, err)
	}
	return nil
}

// block takes a block that is whole. The error is that of its inside.
func (f *pcapng) block(s *Source, typ uint32, b *block) error {
	if typ == blockSection {
		return f.section(s, b)
	}
	if f.skipped {
		return nil
	}
	switch typ {
	case blockInterface:
		return f.iface(s, b)
	case blockEnhanced:
		return f.enhanced(s, b)
	case blockSimple:
		return f.simple(s, b)
	case blockOldPacket:
		return f.old(s, b)
	case blockStatistics:
		return f.statistics(s, b)
	case blockNames, blockSecrets: // tell of no packet
	default:
		s.closing.skip(typ)
	}
	return nil
}

func (f *pcapng) section(s *Source, b *block) error {
	f.ifaces = f.ifaces[:0]
	f.skipped = true
	head, err := b.fields(16)
	if err != nil {
		return err
	}
	if major := b.order.Uint16(head[4:]); major != 1 {
		return fmt.Errorf("a section of version %d, and 1 is read: its packets are left out", major)
	}
	f.skipped = false
	return nil
}

func (f *pcapng) iface(s *Source, b *block) error {
	if len(f.ifaces) >= mostInterfaces {
		return fmt.Errorf("more than %d interfaces", mostInterfaces)
	}
	i, err := readInterface(b)
	i.device = s.device(i.name)
	// One that cannot be read has a number like others.
	f.ifaces = append(f.ifaces, i)
	return err
}

// packet is what an interface's blocks have in common.
func (f *pcapng) packet(s *Source, b *block, id uint32) (p record, i *iface, err error) {
	if int64(id) >= int64(len(f.ifaces)) {
		return p, nil, fmt.Errorf("interface %d: the section describes %d before it", id, len(f.ifaces))
	}
	i = &f.ifaces[id]
	return record{offset: b.offset, link: i.link, order: b.order, device: i.device}, i, nil
}

// enhanced reads a packet with a time and options.
func (f *pcapng) enhanced(s *Source, b *block) error {
	head, err := b.fields(20)
	if err != nil {
		return err
	}
	p, i, err := f.packet(s, b, b.order.Uint32(head))
	if err != nil {
		return err
	}
	if p.time, err = i.time(b.stamp(head[4:])); err != nil {
		return err
	}
	if p.data, err = b.data(b.order.Uint32(head[12:])); err != nil {
		return err
	}
	p.length = b.order.Uint32(head[16:])
	var dropped uint64
	// What options say is not worth losing a packet for.
	broken := b.options(func(code uint16, value []byte) {
		switch {
		case code == optionComment && p.comment == nil:
			p.comment = value
		case code == optionFlags && len(value) == 4:
			p.sent = b.order.Uint32(value)&flagsDirection == flagsOutbound
		case code == optionDropCount && len(value) == 8:
			dropped = b.order.Uint64(value)
		}
	})
	if broken != nil {
		s.undecoded(&p, broken)
	}
	i.told += dropped
	s.lost(dropped, p.time)
	s.tell(&p)
	return nil
}

// simple reads a packet of the section's first interface, without a time.
func (f *pcapng) simple(s *Source, b *block) error {
	head, err := b.fields(4)
	if err != nil {
		return err
	}
	p, i, err := f.packet(s, b, 0)
	if err != nil {
		return err
	}
	p.length = b.order.Uint32(head)
	size := min(p.length, uint32(len(b.body)))
	if i.snap != 0 {
		size = min(size, i.snap)
	}
	if p.data, err = b.data(size); err != nil {
		return err
	}
	p.time = time.Time{}
	s.closing.timeless++
	s.tell(&p)
	return nil
}

// old reads the packet block that enhanced ones have replaced.
func (f *pcapng) old(s *Source, b *block) error {
	head, err := b.fields(20)
	if err != nil {
		return err
	}
	p, i, err := f.packet(s, b, uint32(b.order.Uint16(head)))
	if err != nil {
		return err
	}
	if p.time, err = i.time(b.stamp(head[4:])); err != nil {
		return err
	}
	if p.data, err = b.data(b.order.Uint32(head[12:])); err != nil {
		return err
	}
	p.length = b.order.Uint32(head[16:])
	s.tell(&p)
	return nil
}

// statistics tells what an interface and the capturing machine had no room for,
// as far as the packets have not said so.
func (f *pcapng) statistics(s *Source, b *block) error {
	head, err := b.fields(12)
	if err != nil {
		return err
	}
	_, i, err := f.packet(s, b, b.order.Uint32(head))
	if err != nil {
		return err
	}
	var dropped uint64
	err = b.options(func(code uint16, value []byte) {
		if (code == optionIfDrop || code == optionOSDrop) && len(value) == 8 {
			dropped += b.order.Uint64(value)
		}
	})
	if dropped > i.told {
		s.lost(dropped-i.told, s.last)
		i.told = dropped
	}
	return err
}

// lost tells packets that the capture has missed.
func (s *Source) lost(n uint64, at time.Time) {
	if n == 0 || n >= 1<<53 { // no count: more than can be
		return
	}
	s.add(event.KindLost, at).Lost = &event.Lost{What: "packets of the capture " + s.name, Count: int64(n)}
}
