package sysctl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// host is a snapshot of a first namespace with these values, and a configuration
// whose lines are all of one file.
func host(values map[string]string, config ...string) *snapshot.Sysctls {
	s := &snapshot.Sysctls{Netns: snapshot.Netns{Name: "host", Inode: 7, First: snapshot.Known(true)}}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s.Keys = append(s.Keys, snapshot.Sysctl{Path: Path(name), Value: snapshot.Known(values[name]), Writable: true})
	}
	for i, text := range config {
		s.Config = append(s.Config, snapshot.ConfigLine{File: "/etc/sysctl.d/50-a.conf", Line: i + 1, Text: text})
	}
	s.Facts = snapshot.SysctlFacts{Release: "6.18.44", MemoryBytes: snapshot.Known(uint64(8 << 30)), WordBits: 64}
	return s
}

// lines tells entries in one line each.
func lines(r Report) string {
	var b strings.Builder
	for i := range r.Entries {
		e := &r.Entries[i]
		fmt.Fprintf(&b, "%s=%s %s", e.Name, *e.Value, e.Source.Kind)
		if e.Source.Said != nil {
			fmt.Fprintf(&b, " :%d", e.Source.Line)
		}
		if e.Lost && e.AtRestart != nil {
			fmt.Fprintf(&b, " then %s", *e.AtRestart)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		config []string
		want   string
	}{
		{"default", map[string]string{"net.ipv4.ip_forward": "0"}, []string{"# net.ipv4.ip_forward = 1", "; x", "not an assignment"}, "net.ipv4.ip_forward=0 default\n"},
		{"runtime", map[string]string{"net.ipv4.ip_forward": "1"}, nil, "net.ipv4.ip_forward=1 runtime then 0\n"},
		{"file", map[string]string{"net.ipv4.ip_forward": "1"}, []string{"net/ipv4/ip_forward=0", " -net.ipv4.ip_forward = 1 "}, "net.ipv4.ip_forward=1 file :2\n"},
		{"the last line counts", map[string]string{"net.ipv4.ip_forward": "1"}, []string{"net.ipv4.ip_forward=1", "net.ipv4.ip_forward=0"}, "net.ipv4.ip_forward=1 differs :2 then 0\n"},
		{"default, and a file says otherwise", map[string]string{"net.ipv4.ip_forward": "0"}, []string{"net.ipv4.ip_forward=1"}, "net.ipv4.ip_forward=0 differs :1 then 1\n"},
		{"another name of it", map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.forwarding": "1"}, []string{"net.ipv4.ip_forward=0", "net.ipv4.conf.all.forwarding=1"}, "net.ipv4.ip_forward=1 file :2\n"},
		{"names beat globs, wherever they stand", map[string]string{"net.ipv4.conf.all.rp_filter": "2"}, []string{"net.ipv4.conf.all.rp_filter=2", "net.ipv4.conf.*.rp_filter=1"}, "net.ipv4.conf.all.rp_filter=2 file :1\n"},
		{"globs", map[string]string{"net.ipv4.conf.all.rp_filter": "1"}, []string{"net.ipv4.conf.*.rp_filter=2", "net.ipv4.*.a??.rp_filter=1"}, "net.ipv4.conf.all.rp_filter=1 file :2\n"},
		{"spared from globs", map[string]string{"net.ipv4.conf.all.rp_filter": "0"}, []string{"net.ipv4.conf.*.rp_filter=2", "-net.ipv4.conf.all.rp_filter"}, "net.ipv4.conf.all.rp_filter=0 default\n"},
		{"an interface begins as default", map[string]string{"net.ipv4.conf.default.rp_filter": "2", "net.ipv4.conf.eth0.rp_filter": "2", "net.ipv4.conf.eth1.rp_filter": "1"},
			[]string{"net.ipv4.conf.default.rp_filter=2"},
			"net.ipv4.conf.default.rp_filter=2 file :1\nnet.ipv4.conf.eth0.rp_filter=2 inherited :1\nnet.ipv4.conf.eth1.rp_filter=1 runtime then 0\n"},
		{"forwarding writes that of interfaces", map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.forwarding": "1"}, []string{"net.ipv4.ip_forward=1"},
			"net.ipv4.ip_forward=1 file :1\nnet.ipv4.conf.eth0.forwarding=1 file :1\n"},
		{"an interface with a dot", map[string]string{"net.ipv4.conf.eth0/10.rp_filter": "1"}, []string{"net.ipv4.conf.eth0/10.rp_filter = 1"}, "net.ipv4.conf.eth0/10.rp_filter=1 file :1\n"},
		{"a count", map[string]string{"net.netfilter.nf_conntrack_count": "9"}, nil, "net.netfilter.nf_conntrack_count=9 reading\n"},
		{"what follows a number does not count", map[string]string{"net.ipv4.tcp_keepalive_time": "7200", "net.ipv4.ip_local_port_range": "1024 65535"}, []string{"net.ipv4.tcp_keepalive_time = 7200 # two hours", "net.ipv4.ip_local_port_range = 1024 65535 # all"},
			"net.ipv4.ip_local_port_range=1024 65535 file :2\nnet.ipv4.tcp_keepalive_time=7200 file :1\n"},
		{"then another value", map[string]string{"net.ipv4.tcp_keepalive_time": "600"}, []string{"net.ipv4.tcp_keepalive_time = 0x12c # less"}, "net.ipv4.tcp_keepalive_time=600 differs :1 then 0x12c\n"},
		{"what the kernel refuses does not count", map[string]string{"net.ipv4.ip_forward": "0"}, []string{"net.ipv4.ip_forward = \"1\""}, "net.ipv4.ip_forward=0 default\n"},
		{"nor does what stood before it", map[string]string{"net.ipv4.ip_forward": "1"}, []string{"net.ipv4.ip_forward=1", "net.ipv4.ip_forward=yes"}, "net.ipv4.ip_forward=1 runtime then 0\n"},
		{"newer than the table", map[string]string{"net.netfilter.nf_conntrack_new": "1"}, nil, "net.netfilter.nf_conntrack_new=1 unknown\n"},
		{"newer, in a file", map[string]string{"net.netfilter.nf_conntrack_new": "1"}, []string{"net.netfilter.nf_conntrack_new=1"}, "net.netfilter.nf_conntrack_new=1 file :1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := lines(Tell(host(c.values, c.config...), Want{Pattern: ParsePattern("net.")}))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOtherNamespace: files are for the first namespace, except where there is one
// setting for all.
func TestOtherNamespace(t *testing.T) {
	s := host(map[string]string{"net.ipv4.ip_forward": "1", "net.netfilter.nf_conntrack_max": "1000", "net.ipv4.icmp_ratelimit": "1000"},
		"net.ipv4.ip_forward=1", "net.nf_conntrack_max=1000", "net.ipv4.icmp_ratelimit=0")
	s.Netns.First = snapshot.Known(false)
	got := lines(Tell(s, Want{}))
	want := "net.netfilter.nf_conntrack_max=1000 file :2\nnet.ipv4.ip_forward=1 netns\nnet.ipv4.icmp_ratelimit=1000 default\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestWant(t *testing.T) {
	s := host(map[string]string{
		"net.netfilter.nf_conntrack_udp_timeout": "10", "net.netfilter.nf_conntrack_udp_timeout_stream": "120", "net.netfilter.nf_conntrack_max": "262144", "net.nf_conntrack_max": "262144",
		"net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "2", "net.ipv4.conf.eth0.rp_filter": "2", "net.ipv4.conf.lo.rp_filter": "0",
	})
	for _, c := range []struct {
		want Want
		full bool
		got  []string
	}{
		{Want{}, false, []string{"nf_conntrack_max", "nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream", "all.rp_filter", "default.rp_filter", "lo.rp_filter"}},
		{Want{Pattern: ParsePattern("udp")}, false, []string{"nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"}},
		{Want{Pattern: ParsePattern("nf_conntrack_udp_timeout")}, true, []string{"nf_conntrack_udp_timeout"}},
		{Want{Pattern: ParsePattern("net/nf_conntrack_max")}, true, []string{"nf_conntrack_max"}},
		{Want{Pattern: ParsePattern("rp_filter")}, false, []string{"all.rp_filter", "default.rp_filter", "eth0.rp_filter", "lo.rp_filter"}},
		{Want{Changed: true}, false, []string{"nf_conntrack_udp_timeout", "default.rp_filter"}},
		{Want{Changed: true, Pattern: ParsePattern("eth0")}, true, []string{"eth0.rp_filter"}},
		{Want{Pattern: ParsePattern("nothing")}, false, nil},
	} {
		r := Tell(s, c.want)
		var got []string
		for i := range r.Entries {
			got = append(got, strings.TrimPrefix(strings.TrimPrefix(r.Entries[i].Name, "net.netfilter."), "net.ipv4.conf."))
		}
		if diff := cmp.Diff(c.got, got); diff != "" || r.Full != c.full {
			t.Errorf("%+v: full %v (-want +got):\n%s", c.want, r.Full, diff)
		}
	}
}

// TestCounts: of some settings the larger of the interface's and all's holds.
func TestCounts(t *testing.T) {
	s := host(map[string]string{
		"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.eth0.rp_filter": "0", "net.ipv4.conf.eth1.rp_filter": "2", "net.ipv4.conf.default.rp_filter": "0",
		"net.ipv6.conf.all.accept_ra": "2", "net.ipv6.conf.eth0.accept_ra": "0", "net.ipv4.conf.eth0.proxy_arp": "1",
	})
	want := map[string]string{"net.ipv4.conf.eth0.rp_filter": "1", "net.ipv4.conf.eth1.rp_filter": "2"}
	for _, e := range Tell(s, Want{Pattern: ParsePattern("net")}).Entries {
		got := ""
		if e.Counts != nil {
			got = *e.Counts
		}
		if got != want[e.Name] {
			t.Errorf("%s: %q counts, want %q", e.Name, got, want[e.Name])
		}
	}
}

func TestOlderDefaults(t *testing.T) {
	for _, c := range []struct {
		release, name, value string
		changed              bool
	}{
		{"5.10.0", "net.netfilter.nf_conntrack_events", "1", false},
		{"6.18.0", "net.netfilter.nf_conntrack_events", "1", true},
		{"6.1.176", "net.netfilter.nf_conntrack_sctp_timeout_established", "210", false},
		{"6.1.176", "net.netfilter.nf_conntrack_sctp_timeout_established", "432000", false},
		{"5.10.0", "net.netfilter.nf_conntrack_max", "262144", false},
		{"5.10.0", "net.netfilter.nf_conntrack_buckets", "65536", false},
		{"6.18.0", "net.netfilter.nf_conntrack_buckets", "65536", true},
		{"6.18.0", "net.netfilter.nf_conntrack_expect_max", "4096", false},
	} {
		s := host(map[string]string{c.name: c.value})
		s.Facts.Release = c.release
		e := Tell(s, Want{}).Entries[0]
		if e.Changed == nil || *e.Changed != c.changed {
			t.Errorf("%s: %s=%s: default %s", c.release, c.name, c.value, *e.Default)
		}
	}
}

// TestUnknown: what is not known is absent, and nothing is claimed of it.
func TestUnknown(t *testing.T) {
	s := host(map[string]string{"net.netfilter.nf_conntrack_max": "5", "net.ipv4.ip_forward": "1"})
	s.Facts.MemoryBytes = snapshot.Unknown[uint64]("no /proc/meminfo")
	for i, k := range s.Keys {
		if k.Path == "net/ipv4/ip_forward" {
			s.Keys[i].Value = snapshot.Unknown[string]("permission denied")
		}
	}
	r := Tell(s, Want{})
	if e := r.Entries[0]; e.Default != nil || e.Changed != nil || e.Lost || e.Source.Kind != KindUnknown {
		t.Errorf("a setting without a known default: %+v", e)
	}
	if e := r.Entries[1]; e.Value != nil || e.Unknown != "permission denied" || e.Changed != nil || e.Source.Kind != KindUnknown {
		t.Errorf("a setting without a known value: %+v", e)
	}
}

func TestMemory(t *testing.T) {
	s := host(map[string]string{"net.netfilter.nf_conntrack_max": "1000000", "net.netfilter.nf_conntrack_count": "10", "net.netfilter.nf_conntrack_buckets": "262144"})
	s.Facts.Entries = snapshot.Known(snapshot.Slab{Objects: 80, ObjectBytes: 320})
	r := Tell(s, Want{})
	limit, now, hash, objects := uint64(448000000), uint64(4480), uint64(2<<20), uint64(80)
	for i, want := range []Memory{
		{EntryBytes: 320, Measured: true, ExtensionBytes: 128, LimitBytes: &limit, HashBytes: &hash, Objects: &objects},
		{EntryBytes: 320, Measured: true, ExtensionBytes: 128, NowBytes: &now, Objects: &objects},
		{EntryBytes: 320, Measured: true, ExtensionBytes: 128, HashBytes: &hash, Objects: &objects},
	} {
		if diff := cmp.Diff(&want, r.Entries[i].Memory); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Entries[i].Name, diff)
		}
	}
	s.Facts.Entries = snapshot.Unknown[snapshot.Slab]("permission denied")
	if m := Tell(s, Want{}).Entries[0].Memory; m.Measured || m.EntryBytes != 256 || m.Objects != nil {
		t.Errorf("without /proc/slabinfo: %+v", m)
	}
}

func TestAbsent(t *testing.T) {
	s := host(map[string]string{"net.ipv4.ip_forward": "1"})
	s.Netns.First = snapshot.Known(false)
	s.Facts.Tracking = snapshot.ModuleAbsent
	for pattern, want := range map[string]string{
		"nf_log_all_netns": "only the first network namespace shows it", "gc_thresh3": "only the first network namespace shows it",
		"bridge-nf-call-iptables": "br_netfilter is not loaded", "nf_flowtable": "without flowtables", "nf_conntrack_helper": "older kernels",
		"nf_conntrack_acct": "nf_conntrack is not loaded", "disable_ipv6": "no IPv6", "force_forwarding": "does not have it",
	} {
		absent := Tell(s, Want{Pattern: ParsePattern(pattern)}).Absent
		if len(absent) == 0 || !strings.Contains(absent[0].Why, want) {
			t.Errorf("%s: %v, want %q", pattern, absent, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("net.ipv4.ip_forward = 1\n-net/ipv4/conf/*/rp_filter\n-a=b\n[=\n=", "net/ipv4/conf/eth0/rp_filter")
	f.Add("-=\n/ = \n../../x=1\nnet.[a-=1", "")
	f.Fuzz(func(t *testing.T, text, path string) {
		var all []snapshot.ConfigLine
		for line := range strings.Lines(text) {
			all = append(all, snapshot.ConfigLine{File: "f", Line: len(all) + 1, Text: line})
		}
		c := ParseConfig(all, all)
		if a, ok := c.Last([]string{path, path}, nil); ok && a.Spares {
			t.Errorf("a line without a value decides: %+v", a)
		}
	})
}
