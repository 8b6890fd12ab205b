package sysctl

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/snapshot"
)

func TestPlan(t *testing.T) {
	s := host(map[string]string{"net.netfilter.nf_conntrack_tcp_loose": "1", "net.ipv4.ip_forward": "0", "net.netfilter.nf_conntrack_max": "262144", "net.ipv4.conf.eth0.rp_filter": "1", "net.ipv4.ip_local_port_range": "32768 60999"},
		"net.nf_conntrack_max = 100", "net.ipv4.conf.*.rp_filter = 1")
	s.Facts.Tracking = snapshot.ModuleLoaded
	for _, c := range []struct {
		set  string
		want Change
	}{
		{"nf_conntrack_tcp_loose=0", Change{Name: "net.netfilter.nf_conntrack_tcp_loose", Path: "net/netfilter/nf_conntrack_tcp_loose", Old: "1", Wanted: "0", Last: Last{
			File: "/etc/sysctl.d/90-net.conf", Text: "net.netfilter.nf_conntrack_tcp_loose = 0",
			Mind: "nf_conntrack is a module: name it in /etc/modules-load.d, or the file is read before the setting is there"}}},
		{"net/ipv4/ip_forward = 1", Change{Name: "net.ipv4.ip_forward", Path: "net/ipv4/ip_forward", Old: "0", Wanted: "1", Last: Last{
			File: "/etc/sysctl.d/90-net.conf", Text: "net.ipv4.ip_forward = 1"}}},
		{"net.netfilter.nf_conntrack_max=500000", Change{Name: "net.netfilter.nf_conntrack_max", Path: "net/netfilter/nf_conntrack_max", Old: "262144", Wanted: "500000", Last: Last{
			File: "/etc/sysctl.d/50-a.conf", Line: 1, Text: "net.nf_conntrack_max = 500000",
			Mind: "nf_conntrack is a module: name it in /etc/modules-load.d, or the file is read before the setting is there"}}},
		{"net.ipv4.conf.eth0.rp_filter=2", Change{Name: "net.ipv4.conf.eth0.rp_filter", Path: "net/ipv4/conf/eth0/rp_filter", Old: "1", Wanted: "2", Last: Last{
			File: "/etc/sysctl.d/90-net.conf", Text: "net.ipv4.conf.eth0.rp_filter = 2"}}},
		{"ip_local_port_range=1024\t65535", Change{Name: "net.ipv4.ip_local_port_range", Path: "net/ipv4/ip_local_port_range", Old: "32768 60999", Wanted: "1024 65535", Last: Last{
			File: "/etc/sysctl.d/90-net.conf", Text: "net.ipv4.ip_local_port_range = 1024 65535"}}},
		{"net.ipv4.conf.eth0.rp_filter=1", Change{Name: "net.ipv4.conf.eth0.rp_filter", Path: "net/ipv4/conf/eth0/rp_filter", Old: "1", Wanted: "1", Last: Last{
			File: "/etc/sysctl.d/50-a.conf", Line: 2, Text: "net.ipv4.conf.*.rp_filter = 1", Already: true}}},
	} {
		got, err := Plan(s, c.set)
		if err != nil {
			t.Errorf("%s: %v", c.set, err)
			continue
		}
		c.want.Schema, c.want.Netns = ChangeSchema, Netns{"host", 7}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.set, diff)
		}
	}
}

// TestLastingFile: a new file is read after all that say otherwise.
func TestLastingFile(t *testing.T) {
	s := host(map[string]string{"net.ipv4.ip_forward": "1"})
	for i, file := range []string{"/usr/lib/sysctl.d/99-z.conf", "/run/sysctl.d/zz.conf"} {
		s.Config = append(s.Config, snapshot.ConfigLine{File: file, Line: i + 1, Text: "net.ipv4.ip_forward=1"})
	}
	c, err := Plan(s, "net.ipv4.ip_forward=0")
	if err != nil || c.Last.File <= "/etc/sysctl.d/zz.conf" || c.Last.Line != 0 {
		t.Errorf("%v, %+v", err, c)
	}
	s.Unlinked = []snapshot.ConfigLine{{File: "/etc/sysctl.conf", Line: 3, Text: "net.ipv4.ip_forward=1"}}
	if c, err = Plan(s, "net.ipv4.ip_forward=0"); err != nil || !strings.Contains(c.Last.Mind, "/etc/sysctl.conf:3") {
		t.Errorf("%v, %+v", err, c)
	}
	s.Netns.First = snapshot.Known(false)
	if c, err = Plan(s, "net.ipv4.ip_forward=0"); err != nil || c.Last.File != "" || !strings.Contains(c.Last.Not, "first network namespace") {
		t.Errorf("%v, %+v", err, c)
	}
}

// TestWarn: a limit that is written all the same.
func TestWarn(t *testing.T) {
	s := host(map[string]string{"net.netfilter.nf_conntrack_max": "262144", "net.netfilter.nf_conntrack_count": "500", "net.netfilter.nf_conntrack_buckets": "1024"})
	for set, want := range map[string]int{"nf_conntrack_max=500": 1, "nf_conntrack_max=4096": 0, "nf_conntrack_max=5120": 1, "nf_conntrack_max=2000000000": 2, "nf_conntrack_max=0": 0} {
		if c, err := Plan(s, set); err != nil || len(c.Warn) != want {
			t.Errorf("%s: %v, %v", set, err, c)
		}
	}
	var r *Refusal
	if _, err := Plan(s, "nf_conntrack_buckets=2147483647"); !errors.As(err, &r) || !strings.Contains(r.Reason, "a quarter of this host's memory") {
		t.Errorf("%v", err)
	}
	if _, err := Plan(s, "nf_conntrack_buckets=1048576"); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	s := host(map[string]string{
		"net.netfilter.nf_conntrack_count": "3", "net.netfilter.nf_conntrack_max": "262144", "net.netfilter.nf_conntrack_new": "1", "net.netfilter.nf_hooks_lwtunnel": "1",
		"net.netfilter.nf_conntrack_udp_timeout": "30", "net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.lo.rp_filter": "1", "net.ipv4.ip_forward": "1",
		"net.netfilter.nf_conntrack_frag6_high_thresh": "4000", "net.netfilter.nf_conntrack_frag6_low_thresh": "3000",
	})
	for i := range s.Keys {
		switch s.Keys[i].Path {
		case "net/netfilter/nf_conntrack_max":
			s.Keys[i].Writable = false
		case "net/ipv4/ip_forward":
			s.Keys[i].Value = snapshot.Unknown[string]("permission denied")
		}
	}
	for set, want := range map[string]string{
		"":                                    "want KEY=VALUE",
		"net.ipv4.ip_forward":                 "want KEY=VALUE",
		"=1":                                  "want KEY=VALUE",
		"kernel.panic=1":                      "no such key",
		"net.ipv4.conf.*.rp_filter=1":         "a pattern",
		"rp_filter=1":                         "2 settings end so",
		"nf_conntrack_count=0":                "a reading",
		"nf_conntrack_max=5":                  "read-only in network namespace host",
		"net.netfilter.nf_conntrack_new=5":    "does not know",
		"nf_conntrack_udp_timeout=-1":         "not between",
		"nf_conntrack_udp_timeout=x":          "no whole number",
		"net.ipv4.conf.lo.rp_filter=3":        "none of: 0 off, 1 strict, 2 loose",
		"nf_hooks_lwtunnel=0":                 "cannot be switched off",
		"ip_forward=1":                        "could not be read",
		"bridge-nf-call-iptables=1":           "br_netfilter is not loaded",
		"net.ipv4.conf.eth9.rp_filter=1":      "no interface eth9",
		"nf_conntrack_frag6_high_thresh=2999": "below",
		"nf_conntrack_frag6_low_thresh=4001":  "above",
	} {
		c, err := Plan(s, set)
		var r *Refusal
		if !errors.As(err, &r) || !strings.Contains(r.Reason, want) || r.Hint == "" {
			t.Errorf("%s: %v, %v; want %q", set, c, err, want)
		}
	}
}
