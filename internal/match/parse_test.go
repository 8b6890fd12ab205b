package match

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pktrail/pktrail/packet"
)

var comparePrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestParse(t *testing.T) {
	tests := []struct{ args, text, rest string }{
		{"", "", ""},
		{"-p icmp -s 8.8.8.8/32", "-4 -p icmp -s 8.8.8.8", ""},
		{"-p tcp -d 10.96.0.10 --dport 80", "-4 -p tcp -d 10.96.0.10 --dport 80", ""},
		{"--both --count 5 -p tcp -d 10.96.0.10 -o json --dport 80", "-4 -p tcp -d 10.96.0.10 --dport 80 --both", "--count 5 -o json"},
		{"-i eth0 -o eth1", "-i eth0 --out-interface eth1", ""},
		{"-ojson -otext -oeth1", "--out-interface eth1", "-o json -o text"},
		{"-o=json --out-interface json", "--out-interface json", "-o json"},
		{"-i eth+,wlan* ! -o lo", "-i eth+,wlan+ ! --out-interface lo", ""},
		{"-i + --dry-run", "", "--dry-run"},
		{"! -s 10.0.0.0/8 -d ! 10.1.2.3/16", "-4 ! -s 10.0.0.0/8 ! -d 10.1.0.0/16", ""},
		{"-s 10.0.0.0/255.255.0.0 -d 2.2.2.2/0.0.0.0", "-4 -s 10.0.0.0/16 -d 0.0.0.0/0", ""},
		{"-s 2001:db8::1,2001:db8:1::/48", "-6 -s 2001:db8::1,2001:db8:1::/48", ""},
		{"-p udp -m udp --sport domain", "-p udp --sport 53", ""},
		{"-p tcp -m multiport --dports 80,443,1000:2000 --comment x -m comment", "-p tcp --dport 80,443,1000:2000", ""},
		{"-p tcp,udp ! --ports :1023", "-p tcp,udp ! --ports 0:1023", ""},
		{"-ptcp --dport=9000:", "-p tcp --dport 9000:65535", ""},
		{"-p 6 -m tcp --syn", "-p tcp --syn", ""},
		{"--tcp-flags ! syn,rst,ack,fin SYN", "-p tcp ! --syn", ""},
		{"-p tcp --tcp-flags ALL NONE", "-p tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", ""},
		{"--icmp-type ping,3/4,3,250", "-4 -p icmp --icmp-type echo-request,fragmentation-needed,destination-unreachable,250", ""},
		{"-p ipv6-icmp --icmpv6-type nd-neighbor-solicit", "-6 -p icmpv6 --icmpv6-type nd-neighbor-solicit", ""},
		{"! --mark 0x10/0xF0 -p all", "! --mark 0x10/0xf0", ""},
		{"-m mark --mark 1 -p icmp,icmpv6", "-p icmp,icmpv6 --mark 0x1", ""},
		{"-p tcp -dport 80", "-p tcp --dport 80", ""},
		{"--rate 5 -- -p tcp", "", "--rate 5 -- -p tcp"},
		{"-d 10.0.0.1 -w f -d5s", "", "error"},
	}
	for _, tt := range tests {
		m, rest, err := Parse(strings.Fields(tt.args))
		if tt.rest == "error" {
			if err == nil {
				t.Errorf("%s: no error", tt.args)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if got := m.String(); got != tt.text {
			t.Errorf("%s: is %q, want %q", tt.args, got, tt.text)
		}
		if got := strings.Join(rest, " "); got != tt.rest {
			t.Errorf("%s: rest %q, want %q", tt.args, got, tt.rest)
		}
		again, _, err := Parse(strings.Fields(m.String()))
		if err != nil {
			t.Errorf("%s: parse of %q: %v", tt.args, m, err)
		}
		if diff := cmp.Diff(m, again, comparePrefixes, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: round trip through %q:\n%s", tt.args, m, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ args, arg, problem, hint string }{
		{"-p udp --syn", "--syn", "does not go with -p udp", "-p tcp"},
		{"-s 10.0.0.1 -d 2001:db8::1", "-d 2001:db8::1", "IPv4 and IPv6", "one for each family"},
		{"-s 10.0.0.1,::1", "-s 10.0.0.1,::1", "IPv4 and IPv6", "one for each family"},
		{"-6 -s 10.0.0.1", "-s 10.0.0.1", "other family than -6", "leave -6 away"},
		{"-4 -6", "-6", "-4 was given too", "both"},
		{"--dport 80", "--dport 80", "need a protocol", "-p tcp,udp"},
		{"! -p tcp --dport 80", "--dport 80", "need a protocol", "-p tcp,udp"},
		{"-p icmp --dport 80", "--dport 80", "icmp has no ports", "tcp, udp"},
		{"-p tcp --sport 90:80", "--sport 90:80", "reversed", "write 80:90"},
		{"-p tcp --sport 80-90", "--sport 80-90", "not a port", "80:90"},
		{"-p tcp --dport 70000", "--dport 70000", "not a port", "65535"},
		{"-p tcp --dport nosuchthing", "--dport nosuchthing", "not known for tcp", "number"},
		{"-p icmp -6", "-p icmp", "IPv4's", "icmpv6"},
		{"-p icmp -s ::1", "-p icmp", "IPv4's", "icmpv6"},
		{"-4 --icmpv6-type ping", "-p icmpv6", "IPv6's", "-p icmp"},
		{"-p icmpv6 --icmp-type ping", "--icmp-type ping", "does not go", "--icmpv6-type"},
		{"-s 10.0.0.1:80", "-s 10.0.0.1:80", "address with a port", "10.0.0.1 --sport or --dport 80"},
		{"-d [2001:db8::1]:80", "-d [2001:db8::1]:80", "address with a port", "2001:db8::1 --sport or --dport 80"},
		{"-d [2001:db8::1]", "-d [2001:db8::1]", "brackets", "2001:db8::1"},
		{"-d example.com", "-d example.com", "not resolved", "getent ahosts example.com"},
		{"-d 10.0.0.0/33", "-d 10.0.0.0/33", "does not fit", "/32"},
		{"-d 10.0.0.0/255.0.255.0", "-d 10.0.0.0/255.0.255.0", "does not fit", "netmask"},
		{"-d 10.0.0.1-10.0.0.9", "-d 10.0.0.1-10.0.0.9", "range", "10.0.0.0/25"},
		{"-d fe80::1%eth0", "-d fe80::1%eth0", "zone", "-i"},
		{"-d 10.0.0.1,", "-d 10.0.0.1,", "empty value", "commas"},
		{"-d", "-d", "missing", "for example"},
		{"-s --dport 80", "-s", "missing", "for example"},
		{"-s 1.1.1.1 -s 2.2.2.2", "-s 2.2.2.2", "given twice", "-s A,B"},
		{"-j DROP", "-j", "what a rule does", "target away"},
		{"-t raw -A PREROUTING -p tcp", "-t", "table", "leave -t"},
		{"-A FORWARD -p tcp", "-A", "chain", "--from"},
		{"-p tcp -m conntrack --ctstate NEW", "-m conntrack", "not part of MATCH", "leave -m conntrack"},
		{"-m tcp --count 1", "-m tcp", "needs the protocol", "-p tcp"},
		{"! --both", "! --both", "cannot be negated", "!"},
		{"! --count 5", "! --count", "only an option of MATCH", "! -s"},
		{"!-s 1.1.1.1", "!-s", "no blank", "! -s"},
		{"!", "!", "nothing follows", "! -s"},
		{"! -s ! 1.1.1.1", "! -s !", "twice", "one !"},
		{"-o yaml", "-o yaml", "cannot be told", "--out-interface yaml"},
		{"! -o json", "! -o json", "cannot be told", "--out-interface json"},
		{"-i averyveryverylongname", "-i averyveryverylongname", "15 bytes", "ip link"},
		{"-i e+0", "-i e+0", "wildcard inside", "eth+"},
		{"! -i +", "! -i +", "no packet", "name an interface"},
		{"--mark 0x1/0x2", "--mark 0x1/0x2", "outside the mask", "mask"},
		{"--mark zz", "--mark zz", "not a mark", "32-bit"},
		{"--tcp-flags SYN ACK", "--tcp-flags SYN ACK", "not looked at", "first list"},
		{"--tcp-flags SYN", "--tcp-flags", "missing", "for example"},
		{"--tcp-flags SYN,FOO SYN", "--tcp-flags SYN,FOO SYN", "not a TCP flag", "FIN"},
		{"--syn --tcp-flags SYN SYN", "--tcp-flags SYN SYN", "exclude", "one --tcp-flags"},
		{"--icmp-type nothing", "--icmp-type nothing", "not a type of icmp", "3/1"},
		{"--icmp-type ping --icmpv6-type ping", "--icmpv6-type ping", "does not go with -p icmp", "icmp"},
		{"-p foo", "-p foo", "not a protocol", "tcp"},
		{"-p 300", "-p 300", "not a protocol", "255"},
		{"-6 -p 44", "-p 44", "extension header", "tcp"},
		{"--syn=1", "--syn=1", "takes no value", "--syn"},
		{"-f", "-f", "fragments", "IP id"},
	}
	for _, tt := range tests {
		_, _, err := Parse(strings.Fields(tt.args))
		var bad *Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: error %v, want an *Error", tt.args, err)
			continue
		}
		if bad.Arg != tt.arg || !strings.Contains(bad.Problem, tt.problem) || !strings.Contains(bad.Hint, tt.hint) || bad.Hint == "" {
			t.Errorf("%s: %q: %q (hint: %q), want %q: …%s… (hint: …%s…)", tt.args, bad.Arg, bad.Problem, bad.Hint, tt.arg, tt.problem, tt.hint)
		}
	}
}

func TestJudge(t *testing.T) {
	addr := netip.MustParseAddr
	syn := packet.Packet{Has: packet.HasIP | packet.HasPorts | packet.HasTCP, Family: packet.IPv4, Proto: 6,
		Src: addr("10.1.0.2"), Dst: addr("10.96.0.10"), SrcPort: 41234, DstPort: 80, TCP: packet.TCP{Flags: packet.SYN}}
	later := packet.Packet{Has: packet.HasIP, Family: packet.IPv4, Proto: 6, Src: syn.Src, Dst: syn.Dst, FragOffset: 1480}
	ping := packet.Packet{Has: packet.HasIP | packet.HasICMP, Family: packet.IPv6, Proto: 58,
		Src: addr("2001:db8::1"), Dst: addr("2001:db8::2"), ICMP: packet.ICMP{Type: 128}}
	arp := packet.Packet{Has: packet.HasARP, Family: packet.ARP}
	deep := packet.Packet{Has: packet.HasIP, Family: packet.IPv6, Proto: 43, Src: ping.Src, Dst: ping.Dst}
	tests := []struct {
		args string
		p    packet.Packet
		in   string
		want Answer
		why  string
	}{
		{"", syn, "", Yes, ""},
		{"-p tcp -d 10.96.0.10 --dport 80", syn, "", Yes, ""},
		{"-p tcp ! --dport 80", syn, "", No, ""},
		{"-p tcp --ports 41234", syn, "", Yes, ""},
		{"-p tcp ! --ports 1:100", syn, "", No, ""},
		{"--syn", syn, "", Yes, ""},
		{"! --syn", syn, "", No, ""},
		{"-p tcp --dport 80", later, "", Unknown, "later fragment"},
		{"-p tcp --dport 80 -s 1.1.1.1", later, "", No, ""},
		{"-i eth+", syn, "eth7", Yes, ""},
		{"! -i eth0", syn, "eth7", Yes, ""},
		{"-i eth0", syn, "", Unknown, "interface"},
		{"--mark 1", syn, "", Unknown, "mark"},
		{"-6", syn, "", No, ""},
		{"--icmpv6-type ping", ping, "", Yes, ""},
		{"--icmpv6-type 128/1,pong", ping, "", No, ""},
		{"! -s 2001:db8::/64", ping, "", No, ""},
		{"-p tcp", arp, "", No, ""},
		{"-p tcp", deep, "", Unknown, "behind headers"},
		{"! -p udp", packet.Packet{}, "", Unknown, "IP header"},
	}
	for _, tt := range tests {
		m, _, err := Parse(strings.Fields(tt.args))
		if err != nil {
			t.Fatal(err)
		}
		got := m.Judge(&tt.p, tt.in, "", nil)
		if got.Answer != tt.want || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s: %+v, want %d …%s…", tt.args, got, tt.want, tt.why)
		}
	}
}

func TestReverse(t *testing.T) {
	for from, want := range map[string]string{
		"-4 -p tcp -s 10.0.0.1 --sport 1 --dport 80 -i eth0 --syn --mark 1 --both": "-4 -p tcp -d 10.0.0.1 --sport 80 --dport 1 --out-interface eth0 --both",
		"--icmp-type ping":            "-4 -p icmp --icmp-type echo-reply",
		"! --icmpv6-type pong":        "-6 -p icmpv6 ! --icmpv6-type echo-request",
		"-p udp --ports 53 ! -s ::/1": "-6 -p udp ! -d ::/1 --ports 53",
	} {
		m, _, err := Parse(strings.Fields(from))
		if err != nil {
			t.Fatal(err)
		}
		before := m.String()
		r := m.Reverse()
		if got := r.String(); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
		if m.String() != before {
			t.Errorf("%s: changed by Reverse to %s", from, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, o := range options() {
		f.Add(o.example)
	}
	f.Add("! -s 10.0.0.0/8 -o json --tcp-flags ALL NONE -- -p tcp")
	f.Add("-p tcp -m multiport --dports 80,443,1000:2000 -j DROP")
	f.Fuzz(func(t *testing.T, line string) {
		m, _, err := Parse(strings.Fields(line))
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Arg == "" || bad.Problem == "" || bad.Hint == "" {
				t.Fatalf("%q: error without its parts: %#v", line, err)
			}
			return
		}
		again, rest, err := Parse(strings.Fields(m.String()))
		if err != nil || len(rest) != 0 {
			t.Fatalf("%q: parse of %q: %v, rest %q", line, m, err, rest)
		}
		if diff := cmp.Diff(m, again, comparePrefixes, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: round trip through %q:\n%s", line, m, diff)
		}
		m.Judge(&packet.Packet{}, "", "", nil)
	})
}
