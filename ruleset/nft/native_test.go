package nft

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// recorded is the messages by which a kernel told testdata/native.nft, one
// after the other (internal/collect: TestNFTablesStyles with PKTRAIL_RECORD=1).
func recorded(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/native.messages")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replay gives a Native all messages that can be told apart.
func replay(datagram []byte) *Native {
	n := &Native{}
	for off := 0; ; {
		m, next, ok, err := wire.Next(datagram, off)
		if err != nil || !ok {
			return n
		}
		n.Take(m)
		off = next
	}
}

func TestNativeListsAsNFTDoes(t *testing.T) {
	want, err := os.ReadFile("testdata/native.list")
	if err != nil {
		t.Fatal(err)
	}
	n := replay(recorded(t))
	for range 2 { // a listing changes nothing
		got := n.AppendList(nil, &Style{Stateless: true})
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("-nft +native:\n%s", diff)
		}
	}
}

// TestNativeAgreesWithItsText: the listing read as text gives the same rules.
func TestNativeAgreesWithItsText(t *testing.T) {
	n := replay(recorded(t))
	style := &Style{Handles: true}
	tables := modelled(t, "native", string(n.AppendList(nil, style)))
	if len(tables) != len(n.Tables) {
		t.Fatalf("%d tables, want %d", len(tables), len(n.Tables))
	}
	for i, want := range tables {
		got := n.Tables[i].Model(style, false)
		forgetNumbers(got)
		forgetNumbers(want)
		foldBound(got)
		foldBound(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -text +native:\n%s", want.Name, diff)
		}
	}
}

// foldBound forgets what a listing does not tell of chains without a name, and
// on which lines their rules stand.
func foldBound(t *ruleset.Table) {
	bound := func(name string) bool { return strings.HasPrefix(name, "__chain") || name == "{" }
	t.Chains = slices.DeleteFunc(t.Chains, func(c *ruleset.Chain) bool { return bound(c.Name) })
	for _, ch := range t.Chains {
		for i := range ch.Rules {
			if r := &ch.Rules[i]; bound(r.Effect.Target) {
				r.Effect.Target = ""
				r.Text = strings.Join(strings.Fields(strings.ReplaceAll(r.Text, ";", "")), " ")
			}
		}
	}
}

// forgetNumbers clears what no text tells.
func forgetNumbers(t *ruleset.Table) {
	for _, ch := range t.Chains {
		ch.PolicyCounter = nil
		for i := range ch.Rules {
			ch.Rules[i].Counter, ch.Rules[i].Effect.MarkMask, ch.Rules[i].Effect.Rewrites = nil, 0, false
		}
	}
}

// TestExprsAreTyped: every expression is decoded, and none is lost.
func TestExprsAreTyped(t *testing.T) {
	var kinds []string
	for _, table := range replay(recorded(t)).Tables {
		for _, ch := range table.Chains {
			for _, r := range ch.Rules {
				for _, e := range r.Exprs() {
					if u, ok := e.(*Unknown); ok {
						t.Errorf("%s: %s is not known", ch.Name, u.Name)
					}
					kinds = append(kinds, e.Kind())
				}
			}
		}
	}
	slices.Sort(kinds)
	if kinds = slices.Compact(kinds); len(kinds) < 18 {
		t.Errorf("only %v", kinds)
	}
}

// TestUnknownIsKept: an expression of a newer kernel is shown, with its bytes.
func TestUnknownIsKept(t *testing.T) {
	attr := func(typ uint16, data []byte) []byte { return wire.AppendAttr(nil, typ, data) }
	elem := append(attr(exprName, []byte("novel\x00")), attr(exprData, []byte{1, 2, 3, 4})...)
	table := &Table{Family: 2, Name: "t"}
	got := table.Text(&Rule{exprs: attr(listElem, elem)}, &Style{})
	if want := `unknown "novel" 0x01020304`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestMissingRegisterIsKept: an expression that cannot be lifted stays in the rule.
func TestMissingRegisterIsKept(t *testing.T) {
	attr := func(typ uint16, data []byte) []byte { return wire.AppendAttr(nil, typ, data) }
	cmpData := append(attr(1, []byte{0, 0, 0, 9}), attr(2, []byte{0, 0, 0, 0})...)
	elem := append(attr(exprName, []byte("cmp\x00")), attr(exprData, cmpData)...)
	table := &Table{Family: 2, Name: "t"}
	if got := table.Text(&Rule{exprs: attr(listElem, elem)}, &Style{}); !strings.HasPrefix(got, `unknown "cmp" (`) {
		t.Error(got)
	}
}

// TestXTWords: matches of iptables stand raw, with a remark in iptables' words.
func TestXTWords(t *testing.T) {
	attr := func(typ uint16, data []byte) []byte { return wire.AppendAttr(nil, typ, data) }
	xt := func(kind, name string) []byte {
		data := append(attr(1, []byte(name+"\x00")), attr(2, []byte{0, 0, 0, 1})...)
		return attr(listElem, append(attr(exprName, []byte(kind+"\x00")), attr(exprData, data)...))
	}
	table := &Table{Family: ruleset.IP, Name: "t", Chains: []*Chain{{Name: "c", Rules: []*Rule{
		{Handle: 7, exprs: append(xt("match", "conntrack"), xt("target", "MARK")...)},
	}}}}
	style := &Style{Handles: true, XT: func(_ ruleset.Family, e *XT) string { return "words of " + e.Name }}
	want := "\t\txt match \"conntrack\" xt target \"MARK\" # iptables: words of conntrack words of MARK # handle 7\n"
	if got := string(table.AppendList(nil, style)); !strings.Contains(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := table.Text(table.Chains[0].Rules[0], style); strings.Contains(got, "#") {
		t.Error(got)
	}
}

// FuzzNative: whatever the messages hold, the listing ends.
func FuzzNative(f *testing.F) {
	b := recorded(f)
	f.Add(b)
	for off := 0; ; {
		_, next, ok, err := wire.Next(b, off)
		if err != nil || !ok {
			break
		}
		f.Add(b[off:next])
		off = next
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		list := replay(datagram).AppendList(nil, &Style{Handles: true})
		if len(list) > 1<<20+64*len(datagram) {
			t.Errorf("%d bytes of text of %d", len(list), len(datagram))
		}
	})
}

// FuzzRule changes the expressions of real rules, over the tables that they are of.
func FuzzRule(f *testing.F) {
	seed := replay(recorded(f))
	for i, table := range seed.Tables {
		for _, ch := range table.Chains {
			for _, r := range ch.Rules {
				f.Add(uint8(i), r.exprs)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, exprs []byte) {
		table := seed.Tables[int(which)%len(seed.Tables)]
		for _, c := range table.Conditions(&Rule{exprs: exprs}) {
			if len(c.Fields) == 0 && c.Why == "" {
				t.Errorf("a condition that says nothing: %+v", c)
			}
			for _, row := range c.Rows {
				if len(row.Ranges) != len(c.Fields) {
					t.Errorf("a row of another length: %+v", c)
				}
			}
			c.Judge(ruleset.Facts{ruleset.NFProto: {ruleset.Span(2, 2)}, ruleset.IPSource: {ruleset.Span(1, 1<<32-1)}})
		}
		text := table.Text(&Rule{exprs: exprs}, &Style{})
		if len(text) > 1<<20 {
			t.Errorf("%d bytes of text", len(text))
		}
	})
}
