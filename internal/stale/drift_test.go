package stale

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// world is rules of iptables-save, with what packets they match.
func world(t testing.TB, text string) *NAT {
	t.Helper()
	tables, err := xt.ParseTables(strings.NewReader(text), "rules")
	if err != nil {
		t.Fatal(err)
	}
	var model []*ruleset.Table
	for _, table := range tables {
		model = append(model, table.Model(true, nil))
	}
	return ReadNAT(model, nil)
}

// native is rules of nft's text.
func native(t testing.TB, text string) *NAT {
	t.Helper()
	all, err := nft.ParseRuleset(strings.NewReader(text), "rules")
	if err != nil {
		t.Fatal(err)
	}
	var model []*ruleset.Table
	listings := map[ruleset.TableKey]string{}
	for _, table := range all.Tables {
		m := table.Model(&nft.Style{Stateless: true}, true)
		model = append(model, m)
		listings[m.TableKey] = string(table.AppendList(nil, &nft.Style{}))
	}
	return ReadNAT(model, func(k ruleset.TableKey) string { return listings[k] })
}

const host = "192.168.50.1"

func ask(n *NAT) *Ask {
	return &Ask{
		NAT:   n,
		Local: func(a netip.Addr) bool { return a.String() == host || a.IsLoopback() },
		Way: func(a netip.Addr) Way {
			switch {
			case a.String() == host:
				return Way{Type: "local", Dev: "lo", Sure: true}
			case netip.MustParsePrefix("10.244.0.0/16").Contains(a):
				return Way{Type: "unicast", Dev: "cni0", Index: 5, Sure: true}
			}
			return Way{Type: "unicast", Dev: "eth0", Index: 2, Sure: true}
		},
	}
}

// from is a flow whose addresses NAT made: of the source another one, or none.
func from(src, dst, backend, snat string) *conntrack.Flow {
	f := flow(1, udp, dst, backend, 30, 0)
	a := netip.MustParseAddrPort(src)
	f.Orig.Src, f.Orig.SrcPort = a.Addr(), a.Port()
	f.Reply.Dst, f.Reply.DstPort = a.Addr(), a.Port()
	if snat != "" {
		f.Reply.Dst = netip.MustParseAddr(snat)
		f.Status |= conntrack.SrcNAT
	}
	return f
}

const (
	pod     = "10.244.1.2:1000"
	outside = "192.168.50.9:1000"
	vip     = "10.96.0.10:53"
	backA   = "10.244.1.7:5353"
	backB   = "10.244.1.8:5353"
	former  = "10.244.1.9:5353"
)

// services is two backends by chance, and masquerading of pods, in each dialect.
const (
	savedServices = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:SVCS - [0:0]
:SVC - [0:0]
:SEPA - [0:0]
:SEPB - [0:0]
-A PREROUTING -j SVCS
-A OUTPUT -j SVCS
-A SVCS -d 10.96.0.10/32 -p udp -m udp --dport 53 -j SVC
-A SVC -m statistic --mode random --probability 0.50000000000 -j SEPA
-A SVC -j SEPB
-A SEPA -p udp -m udp -j DNAT --to-destination 10.244.1.7:5353
-A SEPB -p udp -m udp -j DNAT --to-destination 10.244.1.8:5353
-A PREROUTING -i eth0 -p udp -m addrtype --dst-type LOCAL -m udp --dport 53 -j DNAT --to-destination 10.244.1.8:5353
-A POSTROUTING -s 10.244.0.0/16 -o eth0 -j MASQUERADE
COMMIT
`
	nativeServices = `table ip nat {
	map svcs {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.10 . udp . 53 : goto svc }
	}
	chain sepa { udp dport 53 dnat to 10.244.1.7:5353 }
	chain sepb { meta l4proto udp dnat to 10.244.1.8:5353 }
	chain svc { numgen random mod 2 vmap { 0 : goto sepa, 1 : goto sepb } }
	chain all { ip daddr . meta l4proto . th dport vmap @svcs }
	chain pre { type nat hook prerouting priority dstnat; policy accept;
		jump all
		iifname "eth0" fib daddr type local udp dport 53 dnat to 10.244.1.8:5353
	}
	chain out { type nat hook output priority dstnat; policy accept; jump all; }
	chain post { type nat hook postrouting priority srcnat; policy accept; ip saddr 10.244.0.0/16 oifname "eth0" masquerade; }
}
`
)

func TestDrift(t *testing.T) {
	for name, n := range map[string]*NAT{"saved": world(t, savedServices), "native": native(t, nativeServices)} {
		t.Run(name, func(t *testing.T) {
			a := ask(n)
			for _, c := range []struct {
				what                    string
				src, dst, backend, snat string
				want                    string
			}{
				{"as the rules have it", pod, vip, backA, "", ""},
				{"the other backend", pod, vip, backB, "", ""},
				{"no translation", pod, vip, vip, "", "surely destination"},
				{"from the host itself", host + ":1000", vip, vip, "", "surely destination"},
				{"a former backend", pod, vip, former, "", "surely other destination"},
				{"a service that is no more", pod, "10.96.0.11:53", former, "", "surely other destination"},
				{"another port", pod, "10.96.0.10:54", "10.96.0.10:54", host, ""},
				{"masqueraded", pod, outside, outside, host, ""},
				{"not masqueraded", pod, outside, outside, "", "surely source"},
				{"pod to pod", pod, former, former, "", ""},
				{"host to outside", host + ":1000", outside, outside, "", ""},
				{"from outside to the host's port", outside, host + ":53", backB, "", ""},
				{"the same without translation", outside, host + ":53", host + ":53", "", "likely destination"},
				{"a pod to the host's port", pod, host + ":53", host + ":53", "", ""},
				{"the host to itself", host + ":1000", host + ":53", host + ":53", "", ""},
			} {
				if got := inWords(a.of(from(c.src, c.dst, c.backend, c.snat))); got != c.want {
					t.Errorf("%s: %q, want %q", c.what, got, c.want)
				}
			}
		})
	}
}

func inWords(d *drift) string {
	if d == nil {
		return ""
	}
	s := [...]string{"perhaps", "likely", "surely"}[d.sure]
	if d.other {
		s += " other"
	}
	if d.source {
		return s + " source"
	}
	return s + " destination"
}

// TestBypassed: an entry without translation, under rules that translate.
func TestBypassed(t *testing.T) {
	n := world(t, savedServices)
	entry := func(timeout uint32, status conntrack.Status, sent, answered uint64) *conntrack.Flow {
		f := from(pod, vip, vip, "")
		f.Timeout, f.Status = timeout, status
		return counted(f, sent, answered)
	}
	const seen = conntrack.SeenReply
	for name, c := range map[string]struct {
		first, then *conntrack.Flow
		want        Certainty
	}{
		"never answered":     {entry(29, 0, 3, 0), entry(29, 0, 9, 0), Certain},
		"answered no more":   {entry(29, seen, 3, 3), entry(29, seen, 9, 3), Certain},
		"answered still":     {entry(29, seen, 3, 3), entry(29, seen, 9, 9), Suspect},
		"not used":           {entry(29, seen, 3, 3), entry(24, seen, 3, 3), ""},
		"of a helper":        {entry(29, conntrack.Expected, 3, 0), entry(29, conntrack.Expected, 9, 0), NeverReplies},
		"in another zone":    {zoned(entry(29, 0, 3, 0)), zoned(entry(29, 0, 9, 0)), NeverReplies},
		"replaced meanwhile": {entry(29, 0, 3, 0), from(pod, vip, backA, ""), ""},
	} {
		a := ask(n)
		s := New(Options{Local: a.Local, Way: a.Way})
		s.Rules(n)
		s.First(c.first, start)
		s.Second(c.then, start.Add(5*time.Second))
		r := s.Judge(facts())
		if c.want == "" || c.want == NeverReplies {
			if len(r.Findings) > 0 && (c.want == "" || r.Findings[0].Kind != NeverReplied) {
				t.Errorf("%s: %+v", name, r.Findings)
			}
			continue
		}
		if len(r.Findings) != 1 || r.Findings[0].Kind != NATBypassed || r.Findings[0].Certainty != c.want || r.Stale() != 1 {
			t.Errorf("%s: %+v", name, r.Findings)
			continue
		}
		if s.Stale(c.then, false) != (c.want == Certain) || !s.Stale(c.then, true) || s.Stale(from(pod, vip, backA, ""), true) {
			t.Errorf("%s: what is deleted is not what was found", name)
		}
		want := "pktrail ct delete -p udp -d 10.96.0.10 --dport 53 --reply-src 10.96.0.10 --reply-sport 53"
		if got := r.Findings[0].Delete.Pktrail; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestMixed: of entries that pass one rule by, those that nothing answers are
// certain, whatever becomes of the others.
func TestMixed(t *testing.T) {
	n := world(t, savedServices)
	a := ask(n)
	s := New(Options{Local: a.Local, Way: a.Way})
	s.Rules(n)
	silent, answers := from(pod, vip, vip, ""), from("10.244.1.3:1000", vip, vip, "")
	answers.ID, answers.Status = 2, conntrack.SeenReply
	for _, f := range []*conntrack.Flow{counted(silent, 3, 0), counted(answers, 3, 3)} {
		s.First(f, start)
	}
	for _, f := range []*conntrack.Flow{counted(silent, 9, 0), counted(answers, 9, 9)} {
		s.Second(f, start.Add(5*time.Second))
	}
	r := s.Judge(facts())
	if len(r.Findings) != 1 || r.Findings[0].Certainty != Certain || r.Stale() != 1 || !strings.Contains(r.Findings[0].Delete.Pktrail, "-s 10.244.1.2 ") {
		t.Errorf("%+v", r.Findings)
	}
	if s.Stale(answers, true) || !s.Stale(silent, false) {
		t.Error("what is answered would be deleted, or what is not would stay")
	}
}

// NeverReplies wants what is told of any entry that is not answered.
const NeverReplies Certainty = "never-replied"

func zoned(f *conntrack.Flow) *conntrack.Flow {
	f.Has |= conntrack.HasZone
	f.Zone = 7
	return f
}

// TestSecondRules: entries are held against the rules of the second look, and what
// began after the first is not judged.
func TestSecondRules(t *testing.T) {
	old, renewed := from(pod, vip, vip, ""), from(pod, vip, vip, "")
	a := ask(world(t, savedServices))
	s := New(Options{Local: a.Local, Way: a.Way})
	s.Rules(a.NAT)
	s.First(old, start)
	s.Rules(world(t, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.9.9.9/32 -j DNAT --to-destination 10.8.8.8\nCOMMIT\n"))
	s.Second(renewed, start.Add(5*time.Second))
	if r := s.Judge(facts()); len(r.Findings) != 1 || r.Findings[0].Kind != NeverReplied {
		t.Errorf("%+v", r.Findings)
	}
}

// TestManyServices: a rule for each of 10,000 services is found at once, in either dialect.
func TestManyServices(t *testing.T) {
	for name, n := range map[string]*NAT{"saved": world(t, manySaved(10000)), "native": native(t, manyNative(10000))} {
		a := ask(n)
		const asked = 20000
		began := time.Now()
		for i := range asked {
			dst := netip.AddrPortFrom(serviceAddr(i%10000), 80).String()
			f := from(pod, dst, backA, "")
			f.Orig.Proto, f.Reply.Proto = tcp, tcp
			if d := a.of(f); d != nil {
				t.Fatalf("%s: %s: %s", name, dst, inWords(d))
			}
		}
		t.Logf("%s: %s an entry", name, time.Since(began)/asked)
	}
}

func serviceAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 96, byte(i >> 8), byte(i)}) }

func manySaved(count int) string {
	var b, rules strings.Builder
	b.WriteString("*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:SVCS - [0:0]\n")
	rules.WriteString("-A PREROUTING -j SVCS\n")
	for i := range count {
		fmt.Fprintf(&b, ":SVC%d - [0:0]\n", i)
		fmt.Fprintf(&rules, "-A SVCS -d %s/32 -p tcp -m tcp --dport 80 -j SVC%d\n-A SVC%d -p tcp -j DNAT --to-destination 10.244.1.7:5353\n", serviceAddr(i), i, i)
	}
	return b.String() + rules.String() + "COMMIT\n"
}

func manyNative(count int) string {
	var b, chains strings.Builder
	b.WriteString("table ip nat {\n\tmap svcs {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t\telements = { ")
	for i := range count {
		fmt.Fprintf(&b, "%s . tcp . 80 : goto svc%d, ", serviceAddr(i), i)
		fmt.Fprintf(&chains, "\tchain svc%d { meta l4proto tcp dnat to 10.244.1.7:5353; }\n", i)
	}
	b.WriteString("}\n\t}\n")
	return b.String() + chains.String() + "\tchain pre { type nat hook prerouting priority dstnat; ip daddr . meta l4proto . th dport vmap @svcs; }\n}\n"
}
