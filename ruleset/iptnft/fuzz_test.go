package iptnft

import (
	"testing"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// FuzzTable: whatever a rule holds, it is told or refused, and what was told can
// be printed and judged.
func FuzzTable(f *testing.F) {
	for _, rule := range [][]byte{
		list(load(1, 12, 1), compare(equal, "\x0a"), counted(1, 2), decides(verdictJump, "user")),
		list(proto("\x06"), load(2, 0, 4), compare(notEqual, "\x00\x16\x00\x50"), load(2, 13, 1), mask("\x12"), compare(equal, "\x02")),
		list(proto("\x11"), load(2, 0, 2), within(notEqual, "\x00\x01", "\x00\x09")),
		list(proto("\x01"), load(2, 0, 2), compare(equal, "\x03\x04")),
		list(meta(metaIIFName), compare(equal, "eth"), meta(metaMark), mask(native(15)), compare(notEqual, native(1))),
		list(load(1, 6, 2), mask("\x1f\xff"), compare(notEqual, "\x00\x00"), loads("\x01"), sets(metaTrace)),
		list(one("match", attr(xtName, "comment\x00"), attr(xtRevision, 0), attr(xtInfo, make([]byte, 256)))),
		list(one("limit", attr(limitRate, uint64(5)), attr(limitUnit, uint64(60)), attr(limitBurst, 7)), one("log", attr(logGroup, uint16(3)))),
		list(one("target", attr(xtName, "MARK\x00"), attr(xtRevision, 2), attr(xtInfo, native(1)+native(3)))),
	} {
		f.Add(rule, uint8(0))
		f.Add(rule, uint8(1))
	}
	f.Add(list(load(0, 6, 6), one("lookup", attr(lookupSet, "__set0\x00"), attr(lookupSreg, 1), attr(lookupFlags, 1))), uint8(2))
	f.Add(list(load(0, 12, 2), compare(greaterOrEqual, "\x06\x00"), one("target", attr(xtName, "log\x00"), attr(xtInfo, make([]byte, 36)))), uint8(2))
	f.Add(ofARP(load(1, 14, 1), compare(equal, "\x0a"), load(1, 8, 6), mask("\x01\x00\x00\x00\x00\x00"), compare(notEqual, "\x01\x00\x00\x00\x00\x00")), uint8(3))
	f.Add(ofARP(one("target", attr(xtName, "mangle\x00"), attr(xtRevision, 0), attr(xtInfo, make([]byte, 48)))), uint8(3))
	f.Fuzz(func(t *testing.T, rule []byte, family uint8) {
		fam := [...]ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.Bridge, ruleset.ARP}[family%4]
		native := filter(fam, rule)
		table, err := Table(native, xt.Env{})
		if err != nil {
			return
		}
		if got := len(table.Chains[0].Rules); got != len(chainOf(native, "INPUT").Rules) {
			t.Fatalf("%d rules", got)
		}
		table.AppendSave(nil, true)
		table.Model(true, nil)
	})
}

func FuzzWords(f *testing.F) {
	f.Add("comment", uint32(0), []byte("what it is for\x00"), false)
	f.Add("MARK", uint32(2), []byte("\x01\x00\x00\x00\xff\x00\x00\x00"), true)
	f.Fuzz(func(t *testing.T, name string, revision uint32, info []byte, target bool) {
		for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.Inet, ruleset.Bridge, ruleset.ARP} {
			words := Words(fam, &nft.XT{Target: target, Name: name, Revision: revision, Info: info})
			if words == "" && revision < 256 && fam != ruleset.Bridge { // where options alone are the words
				t.Errorf("no words for %q in family %s", name, fam)
			}
		}
	})
}
