package nfnetlink_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
)

// TestDumpAhead: a dump that is given up in its middle does not spoil the next.
func TestDumpAhead(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 0, false)
	enough := errors.New("enough")
	for range 3 {
		if _, err := s.DumpAhead("list tables", dump(unix.NFT_MSG_GETTABLE), func(wire.Message) error { return enough }); !errors.Is(err, enough) {
			t.Fatal(err)
		}
		n := 0
		if _, err := s.DumpAhead("list tables", dump(unix.NFT_MSG_GETTABLE), func(wire.Message) error {
			n++
			return nil
		}); err != nil || n != 1 {
			t.Fatalf("%d tables, %v", n, err)
		}
	}
	var refusal *nfnetlink.Error
	if _, err := s.DumpAhead("list nothing", dump(0xff), func(wire.Message) error { return nil }); !errors.As(err, &refusal) {
		t.Errorf("no such message: %v", err)
	}
}

// TestRequests: each refusal is told with its place, and the others are done.
func TestRequests(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 0, false)
	for _, last := range []string{"t", "no such table"} {
		names := []string{"nothing", "t", "nobody", last}
		var refused []int
		err := s.Requests("get tables", func(seq uint32) (out []byte) {
			for i, name := range names {
				flags := uint16(unix.NLM_F_REQUEST)
				if i == len(names)-1 {
					flags |= unix.NLM_F_ACK
				}
				attrs := wire.AppendAttr(nil, unix.NFTA_TABLE_NAME, append([]byte(name), 0))
				out = wire.AppendMessage(out, nftables|unix.NFT_MSG_GETTABLE, flags, seq+uint32(i), unix.NFPROTO_INET, 0, attrs)
			}
			return out
		}, func(i int, err error) {
			if !errors.Is(err, unix.ENOENT) {
				t.Errorf("%d: %v", i, err)
			}
			refused = append(refused, i)
		})
		want := 2
		if last != "t" {
			want = 3
		}
		if err != nil || len(refused) != want || refused[0] != 0 || refused[1] != 2 {
			t.Errorf("refused %v, %v", refused, err)
		}
	}
}
