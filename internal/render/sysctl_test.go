package render

import (
	"bytes"
	"testing"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/sysctl"
)

// sysctlHost is a host with a value of every kind of source.
func sysctlHost() *snapshot.Sysctls {
	s := &snapshot.Sysctls{Netns: snapshot.Netns{Name: "host", Inode: 4026531833, First: snapshot.Known(true)}}
	for _, v := range [][2]string{
		{"net/ipv4/conf/all/rp_filter", "1"}, {"net/ipv4/conf/default/rp_filter", "1"}, {"net/ipv4/conf/eth0.10/rp_filter", "2"},
		{"net/ipv4/ip_forward", "1"}, {"net/ipv4/ip_local_reserved_ports", ""}, {"net/netfilter/nf_conntrack_new_list", "1,2,3,4,5,6,7,8,9,10,11,12,13"},
		{"net/netfilter/nf_conntrack_buckets", "262144"}, {"net/netfilter/nf_conntrack_count", "1"}, {"net/netfilter/nf_conntrack_max", "1000000"},
		{"net/netfilter/nf_conntrack_new", "\x1b[31m7"}, {"net/netfilter/nf_conntrack_tcp_loose", "1"}, {"net/netfilter/nf_conntrack_udp_timeout", "10"},
	} {
		s.Keys = append(s.Keys, snapshot.Sysctl{Path: v[0], Value: snapshot.Known(v[1]), Writable: v[0] != "net/netfilter/nf_conntrack_count"})
	}
	s.Keys = append(s.Keys, snapshot.Sysctl{Path: "net/netfilter/nf_conntrack_tcp_be_liberal", Value: snapshot.Unknown[string]("permission denied")})
	for i, text := range []string{"net.ipv4.conf.*.rp_filter = 2", "net.netfilter.nf_conntrack_max = 500000", "net.nf_conntrack_max = 1000000", "net.ipv4.conf.all.rp_filter = 1", "net.ipv4.conf.default.rp_filter = 2", "net.netfilter.nf_conntrack_tcp_loose = 0"} {
		s.Config = append(s.Config, snapshot.ConfigLine{File: "/etc/sysctl.d/90-net.conf", Line: i + 1, Text: text})
	}
	s.Unlinked = []snapshot.ConfigLine{{File: "/etc/sysctl.conf", Line: 9, Text: "net.ipv4.ip_forward=1"}}
	s.Unread = []string{"open /run/sysctl.d/x.conf: permission denied"}
	s.Facts = snapshot.SysctlFacts{Release: "6.18.44", MemoryBytes: snapshot.Known(uint64(16 << 30)), WordBits: 64, Entries: snapshot.Known(snapshot.Slab{Objects: 4096, ObjectBytes: 256}),
		Tracking: snapshot.ModuleLoaded, BridgeNF: snapshot.ModuleAbsent}
	return s
}

func TestSysctls(t *testing.T) {
	s := sysctlHost()
	var plainText, narrow, pages, lines bytes.Buffer
	all := sysctl.Tell(s, sysctl.Want{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(NewText(&plainText, Options{}).Sysctls(&all))
	must(NewText(&narrow, Options{Width: 60, ASCII: true, Color: true}).Sysctls(&all))
	must(NewJSON(&lines).Sysctls(&all))
	page := NewText(&pages, Options{Width: 80})
	s.Unread = nil
	for _, name := range []string{"nf_conntrack_max", "nf_conntrack_count", "eth0.10/rp_filter", "ip_forward", "nf_conntrack_udp_timeout", "be_liberal", "tcp_loose", "nf_conntrack_new_list", "reserved_ports"} {
		r := sysctl.Tell(s, sysctl.Want{Pattern: sysctl.ParsePattern(name)})
		if !r.Full {
			t.Errorf("%s is not one setting", name)
		}
		must(page.Sysctls(&r))
	}
	none := sysctl.Tell(&snapshot.Sysctls{Netns: snapshot.Netns{Name: "red"}}, sysctl.Want{Changed: true})
	must(page.Sysctls(&none))
	golden(t, "sysctl-text", plainText.Bytes())
	golden(t, "sysctl-narrow", narrow.Bytes())
	golden(t, "sysctl-pages", pages.Bytes())
	golden(t, "sysctl-json", lines.Bytes())
}

func TestSysctlChange(t *testing.T) {
	var plainText, lines bytes.Buffer
	text, objects := NewText(&plainText, Options{Width: 80}), NewJSON(&lines)
	s := sysctlHost()
	for _, set := range []string{"net.netfilter.nf_conntrack_tcp_loose=0", "nf_conntrack_max=2000000", "net.ipv4.ip_forward=0", "ip_local_reserved_ports=8080"} {
		c, err := sysctl.Plan(s, set)
		if err != nil {
			t.Fatal(err)
		}
		c.DryRun = c.Wanted == "0"
		if !c.DryRun {
			c.New = c.Wanted + "0"
		}
		if err := text.SysctlChange(c); err != nil {
			t.Fatal(err)
		}
		if err := objects.SysctlChange(c); err != nil {
			t.Fatal(err)
		}
		s.Netns.First = snapshot.Known(false)
	}
	golden(t, "sysctl-change-text", plainText.Bytes())
	golden(t, "sysctl-change-json", lines.Bytes())
}
