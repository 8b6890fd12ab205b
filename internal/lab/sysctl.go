package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// quietSysctls makes a namespace behave alike whatever the machine's defaults
// are, and keeps it silent: no duplicate address detection (which also costs a
// second), no router solicitations, multicast reports over within milliseconds,
// no limit on ICMP answers.
func quietSysctls(forward, ipv6 bool) []Sysctl {
	on := "0"
	if forward {
		on = "1"
	}
	list := []Sysctl{
		{Key: "net.ipv4.ip_forward", Value: on},
		{Key: "net.ipv4.conf.all.rp_filter", Value: "0"},
		{Key: "net.ipv4.conf.default.rp_filter", Value: "0"},
		{Key: "net.ipv4.icmp_ratelimit", Value: "0"},
	}
	if !ipv6 {
		return list
	}
	for _, conf := range []string{"net.ipv6.conf.all.", "net.ipv6.conf.default."} {
		list = append(list,
			Sysctl{Key: conf + "disable_ipv6", Value: "0"},
			Sysctl{Key: conf + "accept_dad", Value: "0"},
			Sysctl{Key: conf + "accept_ra", Value: "0"},
			Sysctl{Key: conf + "router_solicitations", Value: "0"},
			Sysctl{Key: conf + "mldv1_unsolicited_report_interval", Value: "1"},
			Sysctl{Key: conf + "mldv2_unsolicited_report_interval", Value: "1"},
		)
	}
	return append(list,
		Sysctl{Key: "net.ipv6.conf.default.addr_gen_mode", Value: "0"},
		Sysctl{Key: "net.ipv6.conf.all.forwarding", Value: on},
		Sysctl{Key: "net.ipv6.icmp.ratelimit", Value: "0"},
	)
}

// Sysctl sets a value in a namespace of the lab; the key is as sysctl(8) takes
// it, below net.
func (l *Lab) Sysctl(ns, key, value string) error {
	return l.do(ns, func() error { return writeSysctl(key, value) })
}

func (l *Lab) setSysctls() error {
	for _, s := range l.Topology.Sysctls {
		if err := l.Sysctl(s.NS, s.Key, s.Value); err != nil {
			return fmt.Errorf("namespace %s: %w", s.NS, err)
		}
	}
	return nil
}

// writeSysctl writes to the namespace of the thread: /proc/sys/net shows that
// of whoever opens it.
func writeSysctl(key, value string) error {
	if !strings.ContainsRune(key, '/') {
		key = strings.ReplaceAll(key, ".", "/")
	}
	if key = filepath.Clean(key); !strings.HasPrefix(key, "net/") {
		return fmt.Errorf("sysctl %q is not below net", key)
	}
	f, err := os.OpenFile(filepath.Join("/proc/sys", key), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("sysctl: %w", err)
	}
	_, err = f.WriteString(value)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sysctl %s=%s: %w", key, value, err)
	}
	return nil
}
