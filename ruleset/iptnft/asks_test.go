package iptnft

import (
	"encoding/binary"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

func TestAsksOf(t *testing.T) {
	words := func(all ...uint32) (b []byte) {
		for _, n := range all {
			b = binary.NativeEndian.AppendUint32(b, n)
		}
		return append(b, 0, 0, 0, 0)
	}
	mark := nft.XT{Name: "mark", Revision: 1, Info: words(1, 0xff)}
	length := nft.XT{Name: "length", Info: append(binary.NativeEndian.AppendUint16(nil, 40), words()...)}
	hops := nft.XT{Name: "hl", Info: []byte{0, 64}}
	frame := nft.XT{Name: "pkttype", Info: []byte{1, 0}}
	asks := AsksOf(nil, func(ruleset.Family) ruleset.Members { return nil })
	for _, c := range []struct {
		fam  ruleset.Family
		x    nft.XT
		want ruleset.Field // none where it cannot be told
	}{
		{ruleset.IP, mark, ruleset.Mark},
		{ruleset.Inet, mark, ruleset.Mark},
		{ruleset.Netdev, mark, ruleset.Mark},
		{ruleset.IP6, length, ruleset.Length},
		{ruleset.IP6, hops, ruleset.HopLimit},
		{ruleset.Inet, hops, ""},
		{ruleset.Bridge, frame, ruleset.PktType},
		{ruleset.IP, nft.XT{Name: "mark", Revision: 257, Info: mark.Info}, ""},
		{ruleset.IP, nft.XT{Target: true, Name: "MARK", Revision: 2, Info: words(1, 1)}, ""},
		{ruleset.IP, nft.XT{Name: "nosuch"}, ""},
	} {
		all, ok := asks(c.fam, &c.x)
		if !ok && c.want == "" {
			continue
		}
		if !ok || len(all) != 1 || all[0].Fields[0] != c.want || all[0].Text == "" {
			t.Errorf("%v %s: %v %+v", c.fam, c.x.Name, ok, all)
		}
	}
}
