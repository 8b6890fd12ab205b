package nftexpr

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// Error is the kernel's refusal of a batch: Object is the part that it
// refused, Err the *nfnetlink.Error with errno, offset and the kernel's words.
type Error struct {
	Object string
	Err    error
}

func (e *Error) Error() string { return e.Object + ": " + e.Err.Error() }

// Unwrap gives the kernel's error.
func (e *Error) Unwrap() error { return e.Err }

// Run sends the transaction over the socket, which owns the table where it is
// made with Owner. A refusal is an *Error, and nothing of the batch is done.
func (b *Batch) Run(s *nfnetlink.Socket) error {
	if len(b.messages) == 0 {
		return nil
	}
	var first uint32
	err := s.Request("nf_tables transaction", 1, func(seq uint32) []byte {
		first = seq
		return b.Marshal(seq)
	})
	var refused *nfnetlink.Error
	if errors.As(err, &refused) {
		return &Error{Object: b.objectAt(refused.Seq - first), Err: err}
	}
	return err
}

// objectAt is what the message at a position of the batch is about; the begin,
// to which the kernel answers for the transaction as a whole, is 0.
func (b *Batch) objectAt(position uint32) string {
	if position == 0 || int(position) > len(b.messages) {
		return "table " + b.tableName()
	}
	return b.messages[position-1].object
}

// Counted is what a named counter has counted.
type Counted struct{ Packets, Bytes uint64 }

// Counters reads the named counters of a table.
func Counters(s *nfnetlink.Socket, family ruleset.Family, table string) (map[string]Counted, error) {
	ask := attrs(nil).text(unix.NFTA_OBJ_TABLE, table).be32(unix.NFTA_OBJ_TYPE, unix.NFT_OBJECT_COUNTER)
	counters := map[string]Counted{}
	op := "read counters of table " + family.String() + " " + table
	_, err := s.Dump(op, func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETOBJ, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, uint8(family), 0, ask)
	}, func(m wire.Message) error {
		name, counted, err := counter(m.Attrs)
		counters[name] = counted
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return counters, nil
}

func counter(list wire.Attrs) (name string, c Counted, err error) {
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		switch a.Type {
		case unix.NFTA_OBJ_NAME:
			name = string(a.Text())
		case unix.NFTA_OBJ_DATA:
			data := wire.Attrs(a.Data)
			for d, ok := data.Next(); ok; d, ok = data.Next() {
				switch d.Type {
				case unix.NFTA_COUNTER_BYTES:
					c.Bytes, _ = d.BE64()
				case unix.NFTA_COUNTER_PACKETS:
					c.Packets, _ = d.BE64()
				}
			}
		}
	}
	if name == "" {
		return "", c, errors.New("a counter without a name")
	}
	return name, c, nil
}
