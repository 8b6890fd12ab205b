package conntrack

import (
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

// ExpectFields says which fields of an Expect hold.
type ExpectFields uint16

// The fields of an Expect.
const (
	HasExpectTimeout ExpectFields = 1 << iota
	HasExpectID
	HasExpectHelper
	HasExpectZone
	HasExpectFlags
	HasExpectClass
	HasExpectNATDir
	HasExpectFunc
)

// Flags of an expectation (nf_conntrack_common.h: NF_CT_EXPECT_*).
const (
	ExpectPermanent uint32 = 1 << iota
	ExpectInactive
	ExpectUserspace
)

// Expect is a flow that a helper waits for, because of what it saw in another.
type Expect struct {
	Has    ExpectFields
	Family packet.Family

	Tuple, Mask Tuple // what the first packet must have, and which bits of it count
	Master      Tuple // original direction of the flow that it is because of

	Timeout uint32 // seconds
	ID      uint32
	Helper  string
	Zone    uint16
	Flags   uint32
	Class   uint32
	Func    string // what the kernel does with the new flow

	// NATTuple's source is what the new flow is translated to, NATDir the
	// direction of it that is: 0 the original, 1 the reply.
	NATTuple Tuple
	NATDir   uint32

	Unknown []Attr // in place: Data holds as long as the message
}

// Clone is a copy that shares no memory with e.
func (e *Expect) Clone() *Expect {
	c := *e
	c.Unknown = cloneAttrs(e.Unknown)
	return &c
}

// Expect decodes a message about an expectation, from its netlink header on,
// into e, as Flow does for entries.
func (d *Decoder) Expect(message []byte, e *Expect) error {
	m, err := open(message, subsysExpect)
	if err != nil {
		return err
	}
	*e = Expect{Family: packet.Family(m.Family), Unknown: e.Unknown[:0]}
	attrs := m.Attrs
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		d.expectAttr(a, e)
	}
	e.left().rest(attrs, place{})
	return nil
}

func (e *Expect) left() *leftovers { return (*leftovers)(&e.Unknown) }

func (d *Decoder) expectAttr(a wire.Attr, e *Expect) {
	switch a.Type {
	case ctaExpectTuple:
		decodeTuple(a, &e.Tuple, e.left(), place{})
	case ctaExpectMask:
		decodeTuple(a, &e.Mask, e.left(), place{})
	case ctaExpectMaster:
		decodeTuple(a, &e.Master, e.left(), place{})
	case ctaExpectTimeout:
		e.be32(a, &e.Timeout, HasExpectTimeout, place{})
	case ctaExpectID:
		e.be32(a, &e.ID, HasExpectID, place{})
	case ctaExpectFlags:
		e.be32(a, &e.Flags, HasExpectFlags, place{})
	case ctaExpectClass:
		e.be32(a, &e.Class, HasExpectClass, place{})
	case ctaExpectZone:
		e.zone(a)
	case ctaExpectHelpName:
		e.Helper = d.intern(a.Text())
		e.Has |= HasExpectHelper
	case ctaExpectFn:
		e.Func = d.intern(a.Text())
		e.Has |= HasExpectFunc
	case ctaExpectNAT:
		e.nat(a)
	default:
		e.left().keep(a, place{})
	}
}

func (e *Expect) be32(a wire.Attr, to *uint32, has ExpectFields, in place) {
	if v, ok := a.BE32(); ok {
		*to = v
		e.Has |= has
		return
	}
	e.left().keep(a, in)
}

func (e *Expect) zone(a wire.Attr) {
	if v, ok := a.BE16(); ok {
		e.Zone = v
		e.Has |= HasExpectZone
		return
	}
	e.left().keep(a, place{})
}

func (e *Expect) nat(nat wire.Attr) {
	in := place{ctaExpectNAT}
	attrs := wire.Attrs(nat.Data)
	for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
		switch a.Type {
		case ctaExpectNATDir:
			e.be32(a, &e.NATDir, HasExpectNATDir, in)
		case ctaExpectNATTuple:
			decodeTuple(a, &e.NATTuple, e.left(), in)
		default:
			e.left().keep(a, in)
		}
	}
	e.left().rest(attrs, in)
}

// AppendExpectCreate appends a request for a new expectation, which takes Tuple,
// Mask and Master; the kernel refuses it where the master flow is not there
// (ENOENT) or has no helper (EOPNOTSUPP).
func AppendExpectCreate(b []byte, seq uint32, ack bool, e *Expect) []byte {
	b, at := beginMessage(b, subsysExpect|msgNew, flagCreate|flagExcl|ackFlag(ack), seq, e.family())
	return endMessage(appendExpect(b, e), at)
}

// AppendExpectUpdate appends a request to change an expectation's timeout, the
// only thing of it that can be (ctnetlink_change_expect).
func AppendExpectUpdate(b []byte, seq uint32, ack bool, e *Expect) []byte {
	b, at := beginMessage(b, subsysExpect|msgNew, ackFlag(ack), seq, e.family())
	return endMessage(appendExpect(b, e), at)
}

// AppendExpectGet appends a request for the expectation with e's tuple.
func AppendExpectGet(b []byte, seq uint32, ack bool, e *Expect) []byte {
	b, at := beginMessage(b, subsysExpect|msgGet, ackFlag(ack), seq, e.family())
	return endMessage(appendExpectIdentity(b, e), at)
}

// AppendExpectDelete appends a request to delete the expectation with e's tuple,
// and with e's ID where it has one. Nothing is appended without a tuple, since
// the kernel would then delete all.
func AppendExpectDelete(b []byte, seq uint32, ack bool, e *Expect) []byte {
	if e.Tuple.IsZero() {
		return b
	}
	b, at := beginMessage(b, subsysExpect|msgDelete, ackFlag(ack), seq, e.family())
	return endMessage(appendExpectIdentity(b, e), at)
}

// AppendExpectFlush appends a request to delete all expectations, or all of
// flows with a helper where one is named.
func AppendExpectFlush(b []byte, seq uint32, helper string) []byte {
	b, at := beginMessage(b, subsysExpect|msgDelete, flagAck, seq, packet.Unspec)
	if helper != "" {
		b = appendText(b, ctaExpectHelpName, helper)
	}
	return endMessage(b, at)
}

// AppendExpectDump appends a request for all expectations of a family, Unspec
// for any.
func AppendExpectDump(b []byte, seq uint32, family packet.Family) []byte {
	b, at := beginMessage(b, subsysExpect|msgGet, flagDump, seq, family)
	return endMessage(b, at)
}

func (e *Expect) family() packet.Family {
	if e.Family != packet.Unspec {
		return e.Family
	}
	return e.Tuple.Family()
}

func appendExpectIdentity(b []byte, e *Expect) []byte {
	b = appendTuple(b, ctaExpectTuple, &e.Tuple)
	if e.Has&HasExpectZone != 0 {
		b = appendBE16(b, ctaExpectZone, e.Zone)
	}
	if e.Has&HasExpectID != 0 {
		b = appendBE32(b, ctaExpectID, e.ID)
	}
	return b
}

func appendExpect(b []byte, e *Expect) []byte {
	b = appendTuple(b, ctaExpectMaster, &e.Master)
	b = appendTuple(b, ctaExpectTuple, &e.Tuple)
	b = appendTuple(b, ctaExpectMask, &e.Mask)
	for _, n := range [...]struct {
		has ExpectFields
		typ uint16
		v   uint32
	}{{HasExpectTimeout, ctaExpectTimeout, e.Timeout}, {HasExpectFlags, ctaExpectFlags, e.Flags}, {HasExpectClass, ctaExpectClass, e.Class}} {
		if e.Has&n.has != 0 {
			b = appendBE32(b, n.typ, n.v)
		}
	}
	if e.Has&HasExpectZone != 0 {
		b = appendBE16(b, ctaExpectZone, e.Zone)
	}
	if e.Has&HasExpectHelper != 0 {
		b = appendText(b, ctaExpectHelpName, e.Helper)
	}
	if e.Has&HasExpectFunc != 0 {
		b = appendText(b, ctaExpectFn, e.Func)
	}
	if e.Has&HasExpectNATDir != 0 {
		var at int
		b, at = begin(b, ctaExpectNAT)
		b = appendBE32(b, ctaExpectNATDir, e.NATDir)
		b = appendTuple(b, ctaExpectNATTuple, &e.NATTuple)
		end(b, at)
	}
	return b
}

func appendText(b []byte, typ uint16, s string) []byte {
	return wire.AppendAttr(b, typ, append([]byte(s), 0))
}
