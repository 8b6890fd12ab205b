package arm

import (
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/match"
)

func TestLegacySpecs(t *testing.T) {
	for args, want := range map[string]string{
		"":                                 "",
		"-p tcp":                           "-p 6",
		"! -p tcp":                         "! -p 6",
		"-p tcp,udp --dport 53":            "-p 6 -m multiport --dports 53|-p 17 -m multiport --dports 53",
		"-p udp ! --sport 1000:2000,53":    "-p 17 -m multiport ! --sports 1000:2000,53",
		"-s 10.0.0.0/8,10.1.0.0/16":        "-s 10.0.0.0/8",
		"-s 10.1.0.0/16,10.2.0.0/16 -i e+": "-s 10.1.0.0/16 -i e+|-s 10.2.0.0/16 -i e+",
		"-i eth+,eth0,lo":                  "-i eth+|-i lo",
		"--icmp-type 3,3/1,8":              "-p 1 -m icmp --icmp-type 3|-p 1 -m icmp --icmp-type 8",
		"--icmpv6-type 1/4":                "-p 58 -m icmp6 --icmpv6-type 1/4",
		"--syn":                            "-p 6 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
		"-p tcp ! --syn":                   "-p 6 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
		"! --mark 1/0xff":                  "-m mark ! --mark 0x1/0xff",
		"-d fd00::/8 --out-interface r1":   "-d fd00::/8 -o r1",
	} {
		m, _, err := match.Parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		specs, err := legacySpecs(&m)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		texts := make([]string, len(specs))
		for i, s := range specs {
			texts[i] = strings.Join(s, " ")
		}
		if got := strings.Join(texts, "|"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", args, got, want)
		}
	}
	for args, want := range map[string]string{
		"! -s 10.0.0.1,10.0.0.2":                                "cannot exclude a list",
		"-p tcp --dport 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16": "15 ports in one rule",
		"-s 1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7 -d 2.0.0.1,2.0.0.2,2.0.0.3,2.0.0.4,2.0.0.5": "is 35 rules of iptables",
		"-p tcp --tcp-flags SYN,ECE SYN": "ECE and CWR",
	} {
		m, _, err := match.Parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if specs, err := legacySpecs(&m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", args, specs, err, want)
		}
	}
}
