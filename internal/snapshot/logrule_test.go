package snapshot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

func TestParseLogRule(t *testing.T) {
	for _, c := range []struct {
		text    string
		dialect ruleset.Dialect
		want    LogRule
	}{
		{`-A PREROUTING -p icmp -j LOG --log-prefix "raw pre: " --log-level 7`, ruleset.Iptables,
			LogRule{Kind: LogToKernel, Level: 7, Prefix: "raw pre: "}},
		{`-A FORWARD -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "a \"b\" c"`, ruleset.Iptables,
			LogRule{Kind: LogToKernel, Level: 4, Prefix: `a "b" c`, Limit: "3/min"}},
		{`-A INPUT -j NFLOG --nflog-group 7 --nflog-prefix x`, ruleset.Iptables,
			LogRule{Kind: LogToGroup, Level: 4, Prefix: "x", Group: 7}},
		{`-A OUTPUT -p tcp -j TRACE`, ruleset.Iptables, LogRule{Kind: LogTrace, Level: 4}},
		{`-A LOG -m comment --comment "-j LOG" -j LOGDROP`, ruleset.Iptables, LogRule{}},
		{`limit rate 5/minute counter packets 12 bytes 1008 log prefix "x level debug " level info flags all`, ruleset.Nftables,
			LogRule{Kind: LogToKernel, Level: 6, Prefix: "x level debug ", Limit: "5/minute", Packets: Known(uint64(12))}},
		{`ip saddr { 10.0.0.1, 10.0.0.2 } log`, ruleset.Nftables, LogRule{Kind: LogToKernel, Level: 4}},
		{`limit rate over 400/minute log group 3 snaplen 100 drop`, ruleset.Nftables,
			LogRule{Kind: LogToGroup, Level: 4, Group: 3, Limit: "over 400/minute"}},
		{`log level audit`, ruleset.Nftables, LogRule{Kind: LogToAudit, Level: 4}},
		{`tcp dport 80 meta nftrace set 1`, ruleset.Nftables, LogRule{Kind: LogTrace, Level: 4}},
		{`meta nftrace set 0`, ruleset.Nftables, LogRule{}},
		{`tcp dport 80 jump log`, ruleset.Nftables, LogRule{}},
		{`accept comment "log this"`, ruleset.Nftables, LogRule{}},
		{`accept comment log`, ruleset.Nftables, LogRule{}},
	} {
		got, ok := ParseLogRule(c.text, c.dialect)
		if ok != (c.want.Kind != "") {
			t.Errorf("%s: tells of packets: %v", c.text, ok)
		}
		if !ok {
			continue
		}
		c.want.Text, c.want.Dialect = c.text, c.dialect
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestLevel(t *testing.T) {
	for name, want := range map[string]uint8{"warn": 4, "ERROR": 3, "7": 7, "panic": 0, "debug": 7} {
		if got, ok := Level(name); !ok || got != want {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
	for _, name := range []string{"8", "-1", "", "none"} {
		if _, ok := Level(name); ok {
			t.Errorf("%q is taken for a level", name)
		}
	}
}

func FuzzParseLogRule(f *testing.F) {
	f.Add(`-A INPUT -m limit --limit 3/min -j LOG --log-prefix "a \"b"`)
	f.Add(`limit rate over 4/minute counter packets 1 bytes 2 log prefix "x" group 3 level audit`)
	f.Add(`log prefix`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []ruleset.Dialect{ruleset.Iptables, ruleset.Nftables} {
			if r, ok := ParseLogRule(text, d); ok && (r.Level > 7 || r.Kind == "") {
				t.Errorf("%+v", r)
			}
		}
	})
}
