package xt

import (
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// blob lays out a table of one built-in chain, OUTPUT, and one user chain.
type blob struct {
	fam ruleset.Family
	b   []byte
}

// add appends an entry whose target has that name and data.
func (x *blob) add(change func(entry []byte), target string, info ...byte) (at int) {
	lay, at := layoutOf(x.fam), len(x.b)
	size := lay.size + extensionHead + len(info)
	e := data(size, field{lay.target, uint16(lay.size)}, field{lay.next, uint16(size)},
		field{lay.size, uint16(extensionHead + len(info))}, field{lay.size + 2, target})
	copy(e[lay.size+extensionHead:], info)
	if change != nil {
		change(e)
	}
	x.b = append(x.b, e...)
	return at
}

func verdict(n int) []byte { return data(8, field{0, uint32(int32(n))}) }

// small is a table with a jump, a goto, a rule that only counts and a policy.
func small(fam ruleset.Family) ([]byte, Hooks) {
	x, lay := &blob{fam: fam}, layoutOf(fam)
	first := x.add(nil, "", verdict(0)...) // jumps; where to is put in below
	x.add(func(e []byte) { copy(e[lay.ifaces:], "eth"); copy(e[lay.ifaces+32:], "\xff\xff\xff") }, "", verdict(0)...)
	policy := x.add(func(e []byte) { copy(e[lay.counters:], verdict(7)) }, "", verdict(-1)...)
	x.add(nil, errorTarget, []byte("user\x00\x00\x00\x00")...)
	user := x.add(func(e []byte) { e[lay.proto], e[lay.inv] = 88, invProtocol }, "", verdict(-2)...)
	x.add(nil, "", verdict(-5)...)
	x.add(nil, errorTarget, []byte(errorTarget+"\x00\x00\x00")...)
	copy(x.b[first+lay.size+extensionHead:], verdict(user))
	second := first + lay.size + extensionHead + 8
	copy(x.b[second+lay.size+extensionHead:], verdict(user))
	x.b[second+lay.flags] = lay.gotoFlag
	h := Hooks{Valid: 1 << 3}
	h.Entry[3], h.Underflow[3] = uint32(first), uint32(policy)
	return x.b, h
}

func TestParseTable(t *testing.T) {
	want := `*filter
:OUTPUT DROP [7:0]
:user - [0:0]
-A OUTPUT -j user
-A OUTPUT -i eth+ -g user
-A user ! -p eigrp -j ACCEPT
COMMIT
`
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		b, h := small(fam)
		table, err := ParseTable("filter", h, b, env(fam))
		if err != nil {
			t.Fatal(err)
		}
		var written strings.Builder
		if err := table.WriteSave(&written, false); err != nil || written.String() != want {
			t.Errorf("written: %v\n%s", err, written.String())
		}
		if got := string(table.AppendSave(nil, false)); got != want {
			t.Errorf("%s:\n%s", fam, got)
		}
		counted := strings.ReplaceAll(want, "\n-A", "\n[0:0] -A")
		if got := string(table.AppendSave(nil, true)); got != counted {
			t.Errorf("%s with counters:\n%s", fam, got)
		}
	}
}

// A table that ends within an entry is an error, as is a jump to nowhere.
func TestParseTableDamaged(t *testing.T) {
	b, h := small(ruleset.IP)
	const entrySize = 112 + 32 + 8
	for n := 1; n < len(b); n++ {
		if _, err := ParseTable("filter", h, b[:n], env(ruleset.IP)); err == nil && n%entrySize != 0 {
			t.Errorf("the first %d bytes of %d are no table", n, len(b))
		}
	}
	if _, err := ParseTable("filter", h, b[:3*entrySize], env(ruleset.IP)); err == nil {
		t.Error("a jump beyond the table's end is no error")
	}
}

func FuzzParseTable(f *testing.F) {
	for i, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		b, h := small(fam)
		f.Add(b, h.Entry[3], uint8(i))
	}
	b, h := smallARP()
	f.Add(b, h.Entry[0], uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, entry uint32, family uint8) {
		fam := [...]ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.ARP}[family%3]
		h := Hooks{Valid: 9}
		h.Entry[0], h.Entry[3] = ^uint32(0), entry
		if fam == ruleset.ARP {
			h.Entry[0] = entry
		}
		table, err := ParseTable("filter", h, b, env(fam))
		if err != nil {
			return
		}
		if fam == ruleset.ARP {
			table.Model(true, nil)
		}
		rules := 0
		for _, c := range table.Chains {
			rules += len(c.Rules)
		}
		if rules*layoutOf(fam).size > len(b) {
			t.Errorf("%d rules in %d bytes", rules, len(b))
		}
		if text := table.AppendSave(nil, true); len(text) > 100+20*len(b) {
			t.Errorf("%d bytes of text for %d bytes", len(text), len(b))
		}
	})
}

func FuzzDecodeMatch(f *testing.F) {
	for name, forms := range matchForms {
		f.Add(name, forms[0].rev, make([]byte, forms[0].size), true)
	}
	f.Fuzz(func(_ *testing.T, name string, rev uint8, b []byte, six bool) {
		fam := ruleset.IP
		if six {
			fam = ruleset.IP6
		}
		m, _ := DecodeMatch(name, rev, b, env(fam))
		m.AppendSave(nil)
		g, _ := DecodeTarget(name, rev, b, env(fam))
		g.AppendSave(nil)
	})
}
