package collect

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// mapsByNumber are such as are asked for by number, and such as look like these.
func mapsByNumber() string {
	var many, rules strings.Builder
	for i := range maxGuessed + 20 {
		fmt.Fprintf(&many, "%d : drop, ", i)
	}
	for i := range 70 { // more than one datagram of questions
		fmt.Fprintf(&rules, "  ip daddr set numgen random mod 3 map { 0 : 10.0.0.%d, 1 : 10.0.1.%d, 2 : 10.0.2.%d } accept\n", i, i, i)
	}
	return `table ip t {
 map named { typeof numgen inc mod 2 : verdict; elements = { 0 : drop, 1 : accept } }
 chain a { }
 chain c {
  ` + rules.String() + `
  numgen inc mod 2 vmap { 0 : goto a, 1 : drop }
  numgen inc mod 9 vmap { 0 : drop, 7 : accept }
  numgen inc mod 9 vmap { 5 : drop, 3 : accept }
  numgen inc mod 9 vmap { 0 : drop, 1 : accept, * : jump a }
  numgen inc mod 9 vmap { 0-3 : drop, 4-8 : accept }
  numgen inc mod 200 vmap { ` + many.String() + `}
  jhash ip saddr mod 2 vmap { 0 : accept, 1 : drop }
  tcp dport { 0, 1 } accept
  meta mark { 0, 1 } accept
  meta length { 0, 1 } accept
 }
}
`
}

// TestNumbered: sets whose keys are guessed are as nft lists them.
func TestNumbered(t *testing.T) {
	ns := newNS(t)
	run(t, ns, mapsByNumber(), "nft", "-f", "-")
	got, want := nativeList(t, ns, nftStyle(t, ns))
	if got != want || strings.Count(want, "map {") < 75 {
		t.Errorf("%s\n%s", corpus.FirstDifference(got, want), want)
	}
	err := ns.Do(func() error {
		sockets, err := dialPool()
		if err != nil {
			return err
		}
		defer sockets.close()
		dumped := map[string]bool{}
		r := &nativeReader{sockets: sockets, to: &nft.Native{}, tap: func(m wire.Message) {
			if m.Type&0xff == unix.NFT_MSG_NEWSETELEM && m.Flags&unix.NLM_F_MULTI != 0 {
				for a := range attrs(m.Attrs) {
					if a.Type == unix.NFTA_SET_ELEM_LIST_SET {
						dumped[text(a)] = true
					}
				}
			}
		}}
		if err := r.all(); err != nil {
			return err
		}
		if sets := len(r.to.Tables[0].Sets); len(dumped) == 0 || len(dumped) > sets-70 {
			t.Errorf("%d of %d sets were dumped: %v", len(dumped), sets, dumped)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
