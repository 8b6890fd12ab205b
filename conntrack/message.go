package conntrack

import (
	"encoding/binary"
	"fmt"

	"github.com/pktrail/pktrail/internal/wire"
)

// Kind is what a message of the kernel is about.
type Kind uint8

// The kinds of messages. Entries and expectations of a dump, and the answer to a
// Get, are Listed.
const (
	OtherKind Kind = iota // not of connection tracking, or not known
	ListedFlow
	NewFlow
	UpdatedFlow
	DestroyedFlow
	ListedExpect
	NewExpect
	DestroyedExpect
	CPUCounters
	GlobalCounters
	ExpectCounters
)

// KindOf tells a message, from its netlink header on, by its type and flags. The
// kernel lists entries and tells of changed ones with the type of new ones; a
// new one has the flags to create it, a listed one has the sequence number of a
// request (ctnetlink_fill_info, ctnetlink_conntrack_event). Counters of
// expectations come under the number of entries (ctnetlink_exp_stat_fill_info).
func KindOf(message []byte) Kind {
	m, _, ok, err := wire.Next(message, 0)
	if !ok || err != nil {
		return OtherKind
	}
	fresh := m.Flags&(flagCreate|flagExcl) != 0
	switch m.Type {
	case subsysFlow | msgNew:
		switch {
		case fresh:
			return NewFlow
		case m.Seq != 0:
			return ListedFlow
		}
		return UpdatedFlow
	case subsysFlow | msgDelete:
		return DestroyedFlow
	case subsysExpect | msgNew:
		if fresh {
			return NewExpect
		}
		return ListedExpect
	case subsysExpect | msgDelete:
		return DestroyedExpect
	case subsysFlow | msgGetStatsCPU:
		return CPUCounters
	case subsysFlow | msgGetStats:
		return GlobalCounters
	case subsysFlow | msgExpectStatsCPU:
		return ExpectCounters
	}
	return OtherKind
}

// open takes a message apart whose subsystem is known.
func open(message []byte, subsys uint16) (wire.Message, error) {
	m, _, ok, err := wire.Next(message, 0)
	switch {
	case err != nil:
		return m, err
	case !ok:
		return m, fmt.Errorf("conntrack message of 0 bytes")
	case m.Type&0xff00 != subsys:
		return m, fmt.Errorf("message of type 0x%04x is none of subsystem %d", m.Type, subsys>>8)
	}
	return m, nil
}

// PortOf is the netlink port id that a message names: of the program that asked
// for what an event tells of, 0 where it was the kernel's own doing.
func PortOf(message []byte) uint32 {
	if len(message) < wire.HeaderLen {
		return 0
	}
	return binary.NativeEndian.Uint32(message[12:])
}
