package nfnetlink

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

const own = 4711

// answer is an acknowledgement with an errno.
func answer(port, seq uint32, errno int32, flags uint16, tlvs ...byte) []byte {
	data := binary.NativeEndian.AppendUint32(nil, uint32(-errno))
	data = binary.NativeEndian.AppendUint32(data, 20) // the message it is about, capped
	data = append(data, make([]byte, 12)...)
	data = append(data, tlvs...)
	d := binary.NativeEndian.AppendUint32(nil, uint32(16+len(data)))
	d = binary.NativeEndian.AppendUint16(d, unix.NLMSG_ERROR)
	d = binary.NativeEndian.AppendUint16(d, flags)
	d = binary.NativeEndian.AppendUint32(d, seq)
	d = binary.NativeEndian.AppendUint32(d, port)
	return append(d, data...)
}

func other(n byte) []byte { return []byte{n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n} }

func TestSort(t *testing.T) {
	r := request{op: "ask", port: own, first: 100, last: 101, open: 2}
	kept, heard, err := r.sort([][]byte{
		other(1), answer(own, 99, int32(unix.ENOENT), 0), answer(own, 100, 0, 0), other(2), {9},
		answer(own, 101, int32(unix.EBUSY), 0), other(3), answer(own, 101, 0, 0), answer(1, 100, 0, 0), other(4),
	}, [][]byte{other(0)})
	if !errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENOENT) || !heard || r.open != 0 {
		t.Errorf("%v, %d open", err, r.open)
	}
	var order []byte
	for _, d := range kept {
		order = append(order, d[0])
	}
	if string(order) != "\x00\x01\x02\x09\x03\x24\x04" {
		t.Errorf("kept %x", order)
	}
}

func TestSortDamaged(t *testing.T) {
	r := request{op: "ask", port: own, first: 100, last: 100, open: 1}
	bad := answer(own, 100, 0, 0)
	binary.NativeEndian.PutUint32(bad, 99)
	if _, _, err := r.sort([][]byte{bad}, nil); err == nil {
		t.Error("a damaged answer is taken")
	}
	short := answer(own, 100, 0, 0)[:18]
	binary.NativeEndian.PutUint32(short, 18)
	if _, _, err := r.sort([][]byte{short}, nil); err == nil {
		t.Error("an answer without a number is taken")
	}
}

func TestAckWords(t *testing.T) {
	text := wire.AppendAttr(nil, ackMessage, []byte("No such table\x00"))
	tlvs := wire.AppendAttr(text, ackOffset, binary.NativeEndian.AppendUint32(nil, 44))
	for name, c := range map[string]struct {
		flags uint16
		want  string
	}{
		"capped":      {unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED, "ask: no such file or directory (No such table) at offset 44"},
		"none wanted": {unix.NLM_F_CAPPED, "ask: no such file or directory"},
		// The refused message follows in full, and lies about its length.
		"not capped": {unix.NLM_F_ACK_TLVS, "ask: no such file or directory"},
	} {
		d := answer(own, 1, int32(unix.ENOENT), c.flags, tlvs...)
		if name == "not capped" {
			binary.NativeEndian.PutUint32(d[20:], 1<<31)
		}
		m, _, _, err := wire.Next(d, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := ackError("ask", m); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func FuzzAck(f *testing.F) {
	f.Add(answer(own, 1, int32(unix.ENOENT), unix.NLM_F_ACK_TLVS, wire.AppendAttr(nil, ackMessage, []byte("x\x00"))...))
	f.Fuzz(func(t *testing.T, d []byte) {
		if m, _, ok, err := wire.Next(d, 0); ok && err == nil {
			if err := ackError("ask", m); err != nil && err.Error() == "" {
				t.Fatal("an error without words")
			}
		}
		r := request{op: "ask", port: own, first: 0, last: 1 << 30, open: 3, each: func(wire.Message) error { return nil }}
		_, _, _ = r.sort([][]byte{d, d}, nil)
	})
}
