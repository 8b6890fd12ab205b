package sysctl

import (
	"strings"
	"testing"
)

// TestSettings holds the table to itself: every setting says what it is and when
// to change it, takes its own default, and is named once.
func TestSettings(t *testing.T) {
	all := Settings()
	seen := map[string]bool{}
	for i := range all {
		s := &all[i]
		for _, name := range append([]string{s.Name}, s.Aliases...) {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		if s.Group == "" || !strings.HasSuffix(s.Meaning, ".") {
			t.Errorf("%s: group %q, meaning %q", s.Name, s.Group, s.Meaning)
		}
		if !s.ReadOnly && s.When == "" {
			t.Errorf("%s does not say when to change it", s.Name)
		}
		for _, m := range s.Mind {
			if strings.HasSuffix(m, ".") {
				t.Errorf("%s: a line to mind ends with a dot: %s", s.Name, m)
			}
		}
		if !s.ReadOnly && s.From != FromMemory && s.From != FromBuckets {
			if wrong := s.Takes.Check(s.Default); wrong != "" {
				t.Errorf("%s does not take its default: %s", s.Name, wrong)
			}
		}
		for _, name := range s.Through {
			if _, ok := NewTable().Find(name); !ok {
				t.Errorf("%s: is set through %s, which is not described", s.Name, name)
			}
		}
	}
}

func TestTakes(t *testing.T) {
	arp := Takes{Choices: []Choice{{0, "a"}, {8, "b"}}}
	for _, c := range []struct {
		takes Takes
		value string
		ok    bool
	}{
		{onOff(), "0", true}, {onOff(), "1", true}, {onOff(), "2", false}, {onOff(), "-1", false}, {onOff(), "on", false}, {onOff(), "", false},
		{arp, "8", true}, {arp, "3", false},
		{seconds(), "0", true}, {seconds(), "-1", false}, {seconds(), "21474837", false}, {seconds(), "1.5", false}, {seconds(), "99999999999999999999", false},
		{number(1, 255), "0", false}, {number(1, 255), "255", true},
		{Takes{Ports: PortRange}, "1024 65535", true}, {Takes{Ports: PortRange}, "1024", false}, {Takes{Ports: PortRange}, "2000 1000", false},
		{Takes{Ports: PortRange}, "0 1000", false}, {Takes{Ports: PortRange}, "1 70000", false}, {Takes{Ports: PortRange}, "1 2 3", false},
		{Takes{Ports: PortList}, "", true}, {Takes{Ports: PortList}, "80,9000-9100", true}, {Takes{Ports: PortList}, "80,,81", false}, {Takes{Ports: PortList}, "9-8", false},
		{Takes{}, "anything", true},
	} {
		if wrong := c.takes.Check(c.value); (wrong == "") != c.ok {
			t.Errorf("%s: %q: %s", c.takes.Words(), c.value, wrong)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		takes Takes
		a, b  string
		same  bool
	}{
		{seconds(), "60", " 60 ", true}, {seconds(), "60", "0x3c", true}, {seconds(), "60", "61", false},
		{onOff(), "1", "2", true}, {onOff(), "0", "2", false}, {oneOf("a", "b", "c"), "1", "2", false},
		{Takes{Ports: PortRange}, "1024\t65535", "1024 65535", true}, {Takes{Ports: PortList}, "", "80", false},
	} {
		if got := c.takes.Same(c.a, c.b); got != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

// TestBuckets has the sizes of machines whose kernels told them.
func TestBuckets(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		memory   uint64
		wordBits int
		recent   bool
		want     uint64
	}{
		{24103 * mib, 64, true, 262144}, {3900 * mib, 64, true, 65536}, {1000 * mib, 64, true, 8192}, {64 * mib, 64, true, 1024},
		{100 * mib, 64, true, 1024}, {24103 * mib, 64, false, 65536}, {3900 * mib, 64, false, 16384}, {900 * mib, 32, true, 15360},
	} {
		got := buckets(c.memory, c.wordBits, c.recent)
		if got != c.want {
			t.Errorf("%d MiB, %d bits, recent %v: %d buckets, want %d", c.memory/mib, c.wordBits, c.recent, got, c.want)
		}
	}
}

func TestOlderThan(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"5.10.0-28-amd64", "5.15", true}, {"5.15.0", "5.15", false}, {"6.1-rc3", "5.19", false}, {"4.18.0-553.el8", "5.15", true},
		{"6.18.44", "", false}, {"", "5.15", false}, {"x.y", "5.15", false},
	} {
		if got := olderThan(c.a, c.b); got != c.want {
			t.Errorf("%s older than %s: %v", c.a, c.b, got)
		}
	}
}
