package collect

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// TestUnsettled: rules that change while they are read, each time, are read all
// the same, and said to be so.
func TestUnsettled(t *testing.T) {
	ns := newNS(t)
	loadOwn(t, ns)
	read := func(loose bool) (*nft.Native, error) {
		run(t, ns, "", "nft", "add table ip restless; add set ip restless s { type ipv4_addr; elements = { 192.0.2.1 }; }")
		var change sync.Once
		r := &nativeReader{loose: loose, to: &nft.Native{}, tap: func(m wire.Message) {
			if m.Type&0xff == unix.NFT_MSG_NEWSET {
				change.Do(func() { run(t, ns, "", "nft", "delete table ip restless") })
			}
		}}
		err := ns.Do(func() error {
			s, err := dial()
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			r.sockets = &socketPool{all: []*nfnetlink.Socket{s}}
			return r.all()
		})
		return r.to, err
	}
	if _, err := read(false); !errors.Is(err, errChanged) {
		t.Errorf("strictly: %v", err)
	}
	torn, err := read(true)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := New(ns).NFTables()
	if err != nil {
		t.Fatal(err)
	}
	if len(torn.Tables) != len(whole.Tables)+1 {
		t.Errorf("%d tables, of %d and one that is gone", len(torn.Tables), len(whole.Tables))
	}
	quiet, err := New(ns).unsettled()
	if err != nil || len(quiet.Tables) != len(whole.Tables) {
		t.Errorf("at rest: %v", err)
	}
}
