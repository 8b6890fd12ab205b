package xt

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// TestCorpusTextModelText: what iptables-save printed is read and printed again
// byte for byte.
func TestCorpusTextModelText(t *testing.T) {
	rules, same, verbatim := 0, 0, map[string]int{}
	e := env(ruleset.IP)
	for _, path := range saves(t) {
		if e.Family = familyOf(path); slices.ContainsFunc(strings.Split(string(contents(t, path)), "\n"), ofIPv6) {
			e.Family = ruleset.IP6
		}
		for line := range strings.Lines(string(contents(t, path))) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.HasPrefix(line, "-A ") {
				continue
			}
			rules++
			chain, r, err := ParseRule(line, e)
			if r == nil {
				t.Errorf("%s: %v\n  %s", path, err, line)
				continue
			}
			count(r, verbatim)
			if got := string(r.AppendSave(nil, chain)); got == line {
				same++
			} else {
				t.Errorf("%s\n  want %s\n  got  %s (%v)", path, line, got, err)
			}
		}
	}
	t.Logf("%d of %d rules are the same; kept as text: %v", same, rules, verbatim)
}

// ofIPv6 tells a rule of ip6tables by an address with a length above 32.
func ofIPv6(line string) bool {
	words := strings.Fields(line)
	for i, w := range words[:max(len(words)-1, 0)] {
		if w != "-s" && w != "-d" {
			continue
		}
		if p, err := netip.ParsePrefix(words[i+1]); err == nil && p.Addr().Is6() {
			return true
		}
	}
	return strings.Contains(line, "icmp6")
}

func count(r *Rule, verbatim map[string]int) {
	for _, m := range r.Matches {
		if v, ok := m.(Verbatim); ok {
			verbatim[v.Name()]++
		}
	}
	if v, ok := r.Target.(Verbatim); ok {
		verbatim[v.Name()]++
	}
}

func TestParseRule(t *testing.T) {
	addr := netip.MustParseAddr
	for _, c := range []struct {
		line, save string // "" where the same
		want       Rule
	}{
		{"-A INPUT -s 10.1.2.3/8 ! -i eth+ -p tcp --dport 22:23 -m tcp ! --syn -j ACCEPT", "-A INPUT -s 10.0.0.0/8 ! -i eth+ -p tcp -m tcp --dport 22:23 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", Rule{
			Source:   Network{addr("10.0.0.0"), addr("255.0.0.0"), false},
			In:       Interface{"eth+", true},
			Protocol: Protocol{6, "tcp", false},
			Matches: []Match{
				MatchTCP{Source: Ports{0, 65535}, Destination: Ports{22, 23}},
				MatchTCP{Source: Ports{0, 65535}, Destination: Ports{0, 65535}, Mask: 0x17, Flags: 2, NotFlags: true},
			},
			Target: Verdict("ACCEPT"),
		}},
		{"[3:180] -A F ! -f -m comment --comment -x -g G", "-A F ! -f -m comment --comment -x -g G", Rule{
			Packets: 3, Bytes: 180, Fragment: true, NotFragment: true,
			Matches: []Match{MatchComment{"-x"}}, Target: Jump{"G", true},
		}},
		{`-A F -m geoip ! --source-country "A B",C -j MARK --set-mark 0x1/0x2`, `-A F -m geoip ! --source-country "A B,C" -j MARK --set-xmark 0x1/0x3`, Rule{
			Matches: []Match{Verbatim{"geoip", ` ! --source-country "A B,C"`}}, Target: TargetMark{1, 3},
		}},
		{"-A F -p 88 -j DNAT --to-destination 10.0.0.1-10.0.0.2:80-81/70 --random", "-A F -p eigrp -j DNAT --to-destination 10.0.0.1-10.0.0.2:80-81/70 --random", Rule{
			Protocol: Protocol{88, "eigrp", false},
			Target:   TargetNAT{"DNAT", natAddrs | natPorts | natOffset | natRandom, addr("10.0.0.1"), addr("10.0.0.2"), Ports{80, 81}, 70},
		}},
		{"-A F -m policy --dir in --pol ipsec --proto esp -j DROP", "", Rule{
			Matches: []Match{Verbatim{"policy", " --dir in --pol ipsec --proto esp"}}, Target: Verdict("DROP"),
		}},
		{"-A F -m tcp --dport x", "", Rule{Matches: []Match{Verbatim{"tcp", " --dport x"}}}},
	} {
		chain, r, _ := ParseRule(c.line, env(ruleset.IP))
		if r == nil || !reflect.DeepEqual(*r, c.want) {
			t.Errorf("%s\n  got %+v", c.line, r)
			continue
		}
		want := c.save
		if want == "" {
			want = c.line
		}
		if got := string(r.AppendSave(nil, chain)); got != want {
			t.Errorf("%s\n  want %s\n  got  %s", c.line, want, got)
		}
	}
}

func TestParseRuleRefused(t *testing.T) {
	for _, line := range []string{"", "COMMIT", ":INPUT ACCEPT [0:0]", "-A", "[1:x] -A F"} {
		if _, r, err := ParseRule(line, env(ruleset.IP)); r != nil || err == nil {
			t.Errorf("%q: %+v", line, r)
		}
	}
}

// TestParseRuleUnread: what cannot be read is kept as it stands, and told.
func TestParseRuleUnread(t *testing.T) {
	for _, line := range []string{
		`-A F -m comment --comment "x`, "-A F -s 1.2.3", "-A F -s ::1/8", "-A F -s 1.2.3.4/33",
		"-A F -j", "-A F x", "-A F --dport 5", "-A F -p nonsense", "-A F -p", "-A F -s 1.2.3.4 --never 1  -j DROP",
	} {
		chain, r, err := ParseRule("[3:4] "+line, env(ruleset.IP))
		if err == nil || r == nil || chain != "F" || r.Packets != 3 || string(r.AppendSave(nil, chain)) != line {
			t.Errorf("%q: %+v, %v", line, r, err)
		}
	}
}

// FuzzParseRule: what was read is printed in a form that reads back as the same.
func FuzzParseRule(f *testing.F) {
	f.Add(`-A F ! -s 1.2.3.4/24 -p tcp -m tcp --dport 1:2 -m comment --comment "a \"b\"" -j DNAT --to-destination 1.2.3.4:5`)
	f.Add("-A F -m set ! --match-set s src,dst -m limit --limit 3/min -j SET --add-set s src --exist")
	f.Add("-A F -m conntrack ! --ctstate NEW,DNAT --ctorigsrcport 5: -g G")
	f.Fuzz(func(t *testing.T, line string) {
		chain, r, err := ParseRule(line, env(ruleset.IP))
		if r == nil || err != nil || strings.ContainsAny(line, "\r\n\x00\"") || chain == "" {
			return
		}
		text := string(r.AppendSave(nil, chain))
		_, again, err := ParseRule(text, env(ruleset.IP))
		if again == nil {
			t.Fatalf("%q was printed as %q: %v", line, text, err)
		}
	})
}
