package sysctl

import "testing"

func TestPatternCheck(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "rp_filter": true, "net.*.rp_filter": true, "[": false, "net.[a-": false, "[a-z]*": true} {
		if err := ParsePattern(text).Check(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPath(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":                "net/ipv4/ip_forward",
		"net/ipv4/ip_forward":                "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/10.rp_filter":    "net/ipv4/conf/eth0.10/rp_filter",
		"net/ipv4/conf/eth0.10/rp_filter":    "net/ipv4/conf/eth0.10/rp_filter",
		"net.bridge.bridge-nf-call-iptables": "net/bridge/bridge-nf-call-iptables",
		"net":                                "net",
		"":                                   "",
	} {
		if got := Path(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got := Name(want); name != "" && Path(got) != want {
			t.Errorf("%s: there and back is %s", want, Path(got))
		}
	}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		fits, is      bool
	}{
		{"", "net.ipv4.ip_forward", true, false},
		{"forward", "net.ipv4.ip_forward", true, false},
		{"ip_forward", "net.ipv4.ip_forward", true, true},
		{"net.ipv4.ip_forward", "net.ipv4.ip_forward", true, true},
		{"net/ipv4/ip_forward", "net.ipv4.ip_forward", true, true},
		{"/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward", true, true},
		{"ipv4/ip_f", "net.ipv4.ip_forward", true, false},
		{"ip_forward", "net.ipv4.ip_forward_use_pmtu", true, false},
		{"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.eth0/10.rp_filter", true, false},
		{"net/ipv4/conf/*/rp_filter", "net.ipv4.conf.all.rp_filter", true, false},
		{"nf_conntrack_tcp_*", "net.netfilter.nf_conntrack_tcp_loose", true, false},
		{"nf_conntrack_tcp_?", "net.netfilter.nf_conntrack_tcp_loose", false, false},
		{"conf/eth0.10/rp_filter", "net.ipv4.conf.eth0/10.rp_filter", true, true},
		{"eth0.10/rp_filter", "net.ipv4.conf.eth0/10.rp_filter", true, true},
		{"eth0.10", "net.ipv4.conf.eth0/10.rp_filter", true, false},
		{"[", "net.ipv4.ip_forward", false, false},
		{"xyz", "net.ipv4.ip_forward", false, false},
	} {
		p := ParsePattern(c.pattern)
		if p.Fits(c.name) != c.fits || p.Is(c.name) != c.is {
			t.Errorf("%q and %s: fits %v, is %v", c.pattern, c.name, p.Fits(c.name), p.Is(c.name))
		}
	}
}

func TestFind(t *testing.T) {
	table := NewTable()
	for name, want := range map[string]string{
		"net.netfilter.nf_conntrack_max":  "net.netfilter.nf_conntrack_max",
		"net.nf_conntrack_max":            "net.netfilter.nf_conntrack_max",
		"net.ipv4.conf.all.forwarding":    "net.ipv4.ip_forward",
		"net.ipv4.conf.eth0/10.rp_filter": "net.ipv4.conf.*.rp_filter",
		"net.ipv4.conf.rp_filter":         "",
		"net.ipv4.conf..rp_filter":        "",
		"net.ipv4.conf.a.b.rp_filter":     "",
		"net.ipv4.conf.*.rp_filter":       "",
		"kernel.panic":                    "",
	} {
		got := ""
		if s, ok := table.Find(name); ok {
			got = s.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
