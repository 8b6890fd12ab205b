package ctcli

import (
	"strings"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
)

const labelFile = "0 zero\n1 one\n# 2 two\n 5\tfive words \n100 hundred\n1 again\n3 one\n0x7f last\n7 bad_name\n2000 too-high\nx\n300 far\n8\n"

func TestLabels(t *testing.T) {
	l, err := ReadLabels(strings.NewReader(labelFile))
	if err != nil {
		t.Fatal(err)
	}
	var set conntrack.Labels
	for name, bit := range map[string]int{"zero": 0, "one": 1, "five words": 5, "hundred": 100, "last": 127} {
		if got, ok := l.bits[name]; !ok || got != bit {
			t.Errorf("%s: %d %v", name, got, ok)
		}
		set.SetBit(bit)
	}
	if len(l.bits) != 6 { // "far", beyond what the kernel keeps
		t.Errorf("%v", l.bits)
	}
	if got := string(l.appendList(nil, &set)); got != "labels=zero,one,five words,hundred,last " {
		t.Errorf("%q", got)
	}
	if got := string(l.appendList(nil, &conntrack.Labels{})); got != "labels " {
		t.Errorf("none: %q", got)
	}
	if got := string(l.appendXML(nil, &set)); !strings.HasPrefix(got, "<labels><label>zero</label><label>one</label>") {
		t.Errorf("%q", got)
	}
}

func TestLabelSet(t *testing.T) {
	l, err := ReadLabels(strings.NewReader(labelFile))
	if err != nil {
		t.Fatal(err)
	}
	var s labelSet
	if name, ok := s.add(l, "one,nothing"); ok || name != "nothing" {
		t.Errorf("%q %v", name, ok)
	}
	f := &conntrack.Flow{}
	f.Labels.SetBit(1)
	if s.within(f) {
		t.Error("a flow without labels has one")
	}
	f.Has = conntrack.HasLabels
	if !s.within(f) {
		t.Error("a flow has not the label that it has")
	}
	if _, ok := s.add(l, "last"); !ok || s.within(f) {
		t.Error("a flow has a label that it has not")
	}
	if _, ok := (&labelSet{}).add(nil, "one"); ok {
		t.Error("a label without names")
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		s    string
		base int
		n    uint64
		rest string
		ok   bool
	}{
		{"12", 0, 12, "", true}, {" +012x", 0, 10, "x", true}, {"0x1F/3", 0, 31, "/3", true}, {"0x", 0, 0, "x", true}, {"08", 0, 0, "8", true},
		{"", 0, 0, "", false}, {"x", 10, 0, "x", false}, {"-1", 10, 1<<64 - 1, "", true}, {"99999999999999999999", 10, 1<<64 - 1, "", true},
	} {
		if n, rest, ok := strtoul(c.s, c.base); n != c.n || rest != c.rest || ok != c.ok {
			t.Errorf("%q: %d %q %v", c.s, n, rest, ok)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		s, addr string
		prefix  int
	}{
		{"1.2.3.4", "1.2.3.4", noPrefix}, {"1.2.3.4/24", "1.2.3.4", 24}, {"127.1", "127.0.0.1", noPrefix}, {"0x7f.010.1", "127.8.0.1", noPrefix},
		{"1", "0.0.0.1", noPrefix}, {"1.2.3.4 x", "1.2.3.4", noPrefix}, {"1.2.3.4/33", "1.2.3.4", badPrefix}, {"1.2.3.4/-1", "1.2.3.4", badPrefix},
		{"1.2.3.4/", "1.2.3.4", 0}, {"::1/64", "::1", 64}, {"2001:DB8::1.1.1.1", "2001:db8::101:101", noPrefix}, {"::/129", "::", badPrefix},
		{"1.2.3.4.5", "", 0}, {"1.2.3.", "", 0}, {"256.1.1.1", "", 0}, {"1.2.65536", "", 0}, {"fe80::1%lo", "", 0}, {"", "", 0}, {"a", "", 0},
	} {
		a, prefix, ok := parseAddr(c.s)
		switch {
		case c.addr == "" && ok, c.addr != "" && (!ok || a.String() != c.addr || prefix != c.prefix):
			t.Errorf("%q: %v %d %v", c.s, a, prefix, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-L -p tcp --dport 80 -s 10.0.0.0/8 -u !ASSURED -o xml,id")
	f.Add("-A -t 5 -s 1.1.1.1 -d 2.2.2.2 -p sctp --sport 1 --dport 2 --state CLOSED --orig-vtag 1 --reply-vtag 2 -n 1.1.1.1:5")
	f.Add("-L -n [::1]:5 -m 1/2 \"a\\\"b\" --stat ASSURED -- x")
	f.Fuzz(func(t *testing.T, line string) {
		words, err := splitWords(line)
		if err != nil {
			return
		}
		p := parser{warn: &strings.Builder{}}
		r, err := p.parse(append([]string{"conntrack"}, words...))
		if err != nil {
			return
		}
		if filter, err := r.filter(true); err == nil {
			filter.Match(&conntrack.Flow{})
		}
		r.complete()
		_ = conntrack.AppendCreate(nil, 1, true, r.sent())
	})
}
