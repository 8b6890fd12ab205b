package collect

import (
	"fmt"
	"os"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// ownRules is of everything something; ruleset/nft replays its messages.
const ownRules = "../../ruleset/nft/testdata/native.nft"

// TestNFTablesStyles compares the variants of the listing with nft's. With
// PKTRAIL_RECORD=1 it also records the messages that ruleset/nft replays.
func TestNFTablesStyles(t *testing.T) {
	ns := newNS(t)
	loadOwn(t, ns)
	for _, style := range []nft.Style{{}, {Handles: true}, {Stateless: true}, {Handles: true, Stateless: true}} {
		style.Names = nftStyle(t, ns).Names
		if got, want := nativeList(t, ns, &style); got != want || got == "" {
			t.Errorf("handles %v, stateless %v: %s", style.Handles, style.Stateless, corpus.FirstDifference(got, want))
		}
	}
	if os.Getenv("PKTRAIL_RECORD") == "" {
		return
	}
	listed := run(t, ns, "", "nft", "-s", "list", "ruleset")
	if err := os.WriteFile("../../ruleset/nft/testdata/native.list", []byte(listed), 0o644); err != nil {
		t.Fatal(err)
	}
	var all []byte
	if err := ns.Do(func() error {
		s, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		r := &nativeReader{sockets: &socketPool{all: []*nfnetlink.Socket{s}}, to: &nft.Native{}, tap: func(m wire.Message) {
			all = append(all, m.Raw...)
			all = append(all, make([]byte, wire.Align(len(m.Raw))-len(m.Raw))...)
		}}
		return r.all()
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../ruleset/nft/testdata/native.messages", all, 0o644); err != nil {
		t.Fatal(err)
	}
}

// loadOwn loads the rules.
func loadOwn(t *testing.T, ns *netns.NS) {
	t.Helper()
	if _, stderr, err := tryRun(ns, "", "nft", "-f", ownRules); err != nil {
		lab.Lacks(t, fmt.Sprintf("this kernel, or its nft, lacks some of it: %s", stderr))
	}
}

// TestNFTablesOfNothing: where nf_tables is not in use, nothing is.
func TestNFTablesOfNothing(t *testing.T) {
	native, err := New(newNS(t)).NFTables()
	if err != nil || len(native.Tables) != 0 {
		t.Errorf("%d tables, %v", len(native.Tables), err)
	}
}

// TestNFTablesByChain reads a table chain by chain, as one of many rules is.
func TestNFTablesByChain(t *testing.T) {
	ns := newNS(t)
	loadOwn(t, ns)
	_, want := nativeList(t, ns, nftStyle(t, ns))
	err := ns.Do(func() error {
		s, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		r := &nativeReader{sockets: &socketPool{all: []*nfnetlink.Socket{s}}, to: &nft.Native{}, many: 1}
		if err := r.all(); err != nil {
			return err
		}
		if got := withoutTimes(string(r.to.AppendList(nil, nftStyle(t, ns)))); got != want {
			t.Error(corpus.FirstDifference(got, want))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
