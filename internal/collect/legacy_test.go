package collect

import (
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// FuzzBlob: no bytes that claim to be a legacy table may lead outside of them.
func FuzzBlob(f *testing.F) {
	entry := make([]byte, 184)
	entry[88], entry[90], entry[112] = 144, 184, 32 // one match without data, one target of 40 bytes
	entry[144] = 40
	copy(entry[114:], "conntrack")
	f.Add(entry, false)
	f.Add(entry, true)
	f.Fuzz(func(t *testing.T, b []byte, six bool) {
		fam := ruleset.IP
		if six {
			fam = ruleset.IP6
		}
		needOfBlob(b, fam)
		withoutCounters(b, fam)
	})
}

func TestNeedOfBlob(t *testing.T) {
	entry := make([]byte, 184)
	entry[88], entry[90], entry[112], entry[144] = 144, 184, 32, 40
	copy(entry[114:], "conntrack")
	if need := needOfBlob(entry, ruleset.IP); need != "conntrack" {
		t.Errorf("need %q", need)
	}
	copy(entry[114:], "comment\x00\x00")
	if need := needOfBlob(entry, ruleset.IP); need != "" {
		t.Errorf("need %q", need)
	}
	copy(entry[146:], "CT")
	if need := needOfBlob(entry, ruleset.IP); need != "CT" {
		t.Errorf("need %q", need)
	}
	entry[176] = 1 // XT_CT_NOTRACK
	if need := needOfBlob(entry, ruleset.IP); need != "" {
		t.Errorf("need %q for CT --notrack", need)
	}
}
