package conntrack

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

func beginMessage(b []byte, typ, flags uint16, seq uint32, family packet.Family) (_ []byte, at int) {
	return wire.AppendMessage(b, typ, flagRequest|flags, seq, uint8(family), 0, nil), len(b)
}

// endMessage fills in the length of the message that began at at.
func endMessage(b []byte, at int) []byte {
	binary.NativeEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// begin opens a nested attribute, end fills in its length.
func begin(b []byte, typ uint16) (_ []byte, at int) {
	return wire.AppendAttr(b, typ|flagNested, nil), len(b)
}

func end(b []byte, at int) { binary.NativeEndian.PutUint16(b[at:], uint16(len(b)-at)) }

func appendBE16(b []byte, typ, v uint16) []byte {
	b = appendHead(b, typ, 2)
	return append(b, byte(v>>8), byte(v), 0, 0)
}

func appendBE32(b []byte, typ uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, typ, 4), v)
}

// appendByteIf appends one byte where has is not 0.
func appendByteIf(b []byte, typ uint16, v uint8, has Fields) []byte {
	if has == 0 {
		return b
	}
	return append(appendHead(b, typ, 1), v, 0, 0, 0)
}

// appendHead appends the header of an attribute of n bytes.
func appendHead(b []byte, typ uint16, n int) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(wire.AttrHeaderLen+n))
	return binary.NativeEndian.AppendUint16(b, typ)
}
