package doctor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

func config(text string) snapshot.Value[[]snapshot.ConfigLine] {
	var all []snapshot.ConfigLine
	for i, l := range strings.Split(text, "\n") {
		all = append(all, snapshot.ConfigLine{File: "/etc/x.conf", Line: i + 1, Text: l})
	}
	return snapshot.Known(all)
}

func rule(backend ruleset.Backend, d ruleset.Dialect, table, text string, packets uint64) snapshot.LogRule {
	r, ok := snapshot.ParseLogRule(text, d)
	if !ok {
		panic("no rule that tells of packets: " + text)
	}
	r.Table = ruleset.TableKey{Backend: backend, Family: ruleset.IP, Name: table}
	r.Chain, r.Number, r.NAT, r.Packets = "OUTPUT", 1, table == "nat", snapshot.Known(packets)
	return r
}

// healthy is a host whose LOG rule is hit, and whose lines are in files.
func healthy() *snapshot.Logging {
	l := &snapshot.Logging{
		Netns:    snapshot.Netns{Name: "host", Inode: 1, First: snapshot.Known(true)},
		AllNetns: snapshot.Known(false),
		Groups:   snapshot.Known(snapshot.Groups{}),
		Rules:    []snapshot.LogRule{rule(ruleset.Legacy, ruleset.Iptables, "raw", `-A OUTPUT -p icmp -j LOG --log-prefix "raw pre: "`, 7)},
		Kernel: snapshot.KernelLog{
			ConsoleLevel: snapshot.Known(4), DmesgRestrict: snapshot.Known(false),
			RateInterval: snapshot.Known(5), RateBurst: snapshot.Known(10), RingBytes: snapshot.Known(1 << 18),
			Ring: snapshot.Known(snapshot.Ring{Records: 900, Span: time.Hour, PacketLines: 7, LastLine: 3 * time.Second}),
		},
		Rsyslog:  snapshot.Daemon{Running: snapshot.Known(true), PID: 300, Threads: []string{"rsyslogd", "in:imklog"}, Config: config("module(load=\"imklog\")\nkern.* -/var/log/kern.log")},
		SyslogNG: snapshot.Daemon{Running: snapshot.Known(false)},
		Journald: snapshot.Daemon{Running: snapshot.Known(true), PID: 200, Config: config("[Journal]")},
	}
	for fam, logger := range map[ruleset.Family]string{ruleset.IP: "nf_log_ipv4", ruleset.IP6: "nf_log_ipv6"} {
		l.Families = append(l.Families, snapshot.LogFamily{Family: fam, Active: snapshot.Known(logger), Registered: snapshot.Known([]string{logger, "nfnetlink_log"})})
	}
	slices.SortFunc(l.Families, func(a, b snapshot.LogFamily) int { return int(a.Family) - int(b.Family) })
	return l
}

// With one thing changed, healthy has the findings wanted: severity, certainty, id.
func TestChecks(t *testing.T) {
	legacy := func(table, text string, n uint64) snapshot.LogRule {
		return rule(ruleset.Legacy, ruleset.Iptables, table, text, n)
	}
	set := func(l *snapshot.Logging, logger string) { l.Families[0].Active = snapshot.Known(logger) }
	const console = "info certain log-console-level"
	fired := map[string]bool{}
	for _, c := range []struct {
		name   string
		change func(*snapshot.Logging)
		want   []string
	}{
		{"nothing", func(*snapshot.Logging) {}, []string{console}},
		{"console shows all", func(l *snapshot.Logging) { l.Kernel.ConsoleLevel = snapshot.Known(8) }, nil},
		{"no rule", func(l *snapshot.Logging) { l.Rules = nil }, []string{"high certain log-no-rule"}},
		{"no rule that could be read", func(l *snapshot.Logging) { l.Rules, l.Unread = nil, []string{"table ip x: timeout"} },
			[]string{"high suspect log-no-rule", "low suspect log-rules-unread"}},
		{"another namespace", func(l *snapshot.Logging) { l.Netns.First = snapshot.Known(false) },
			[]string{"high certain log-netns-gate", console}},
		{"another namespace, that may", func(l *snapshot.Logging) {
			l.Netns.First, l.AllNetns = snapshot.Known(false), snapshot.Known(true)
		}, []string{console}},
		{"another namespace, setting not seen", func(l *snapshot.Logging) {
			l.Netns.First, l.AllNetns = snapshot.Known(false), snapshot.Unknown[bool]("no right")
		}, []string{"medium suspect log-netns-gate", console}},
		{"another namespace, listener of NFLOG", func(l *snapshot.Logging) {
			l.Netns.First = snapshot.Known(false)
			l.Rules = []snapshot.LogRule{legacy("raw", "-A OUTPUT -j NFLOG --nflog-group 2", 4)}
			l.Groups = snapshot.Known(snapshot.Groups{2: {Port: 9, Process: "ulogd (process 9)"}})
		}, []string{"info certain log-netns-gate", "info certain log-group-no-listener"}},
		{"NONE does not matter for LOG", func(l *snapshot.Logging) { set(l, snapshot.NoLogger) }, []string{console}},
		{"NONE and TRACE", func(l *snapshot.Logging) {
			set(l, snapshot.NoLogger)
			l.Rules = []snapshot.LogRule{legacy("raw", "-A OUTPUT -j TRACE", 4)}
		}, []string{"high certain log-backend-none", console}},
		{"NONE and log_invalid", func(l *snapshot.Logging) {
			set(l, snapshot.NoLogger)
			l.Kernel.LogInvalid = snapshot.Known("255")
		}, []string{"high certain log-backend-none", console}},
		{"nfnetlink_log does not matter for LOG", func(l *snapshot.Logging) { set(l, snapshot.NetlinkLogger) }, []string{console}},
		{"nfnetlink_log and TRACE", func(l *snapshot.Logging) {
			set(l, snapshot.NetlinkLogger)
			l.Rules = []snapshot.LogRule{legacy("raw", "-A OUTPUT -j TRACE", 4)}
		}, []string{"high certain log-backend-nfnetlink", console}},
		{"no logger at all", func(l *snapshot.Logging) { l.Families[0].Registered = snapshot.Known([]string{"nfnetlink_log"}) },
			[]string{"high certain log-module-missing", console}},
		{"TRACE of iptables-nft", func(l *snapshot.Logging) {
			l.Rules = append(l.Rules, rule(ruleset.NFT, ruleset.Iptables, "raw", "-A OUTPUT -j TRACE", 4))
		}, []string{"high certain log-trace-nft", console}},
		{"nftrace", func(l *snapshot.Logging) {
			l.Rules = append(l.Rules, rule(ruleset.NFT, ruleset.Nftables, "raw", "meta nftrace set 1", 4))
		}, []string{"medium certain log-trace-nft", console}},
		{"never hit", func(l *snapshot.Logging) { l.Rules[0].Packets = snapshot.Known(uint64(0)) },
			[]string{"high certain log-rule-not-hit", console}},
		{"one of two never hit", func(l *snapshot.Logging) {
			l.Rules = append(l.Rules, legacy("raw", "-A OUTPUT -p tcp -j LOG", 0))
		}, []string{"medium certain log-rule-not-hit", console}},
		{"in a chain that nobody calls", func(l *snapshot.Logging) {
			l.Rules[0].Packets, l.Rules[0].Called = snapshot.Known(uint64(0)), snapshot.Known(false)
		}, []string{"high certain log-rule-not-called", console}},
		{"behind a rule that takes all", func(l *snapshot.Logging) {
			l.Rules[0].Packets, l.Rules[0].Behind = snapshot.Known(uint64(0)), "-A OUTPUT -j ACCEPT"
		}, []string{"high certain log-rule-shadowed", console}},
		{"rsyslog.conf not readable", func(l *snapshot.Logging) {
			l.Rsyslog.Config = snapshot.Unknown[[]snapshot.ConfigLine]("permission denied")
		}, []string{"low suspect log-syslog-unread", console}},
		{"limited", func(l *snapshot.Logging) {
			l.Rules = []snapshot.LogRule{legacy("raw", "-A OUTPUT -m limit --limit 3/min -j LOG", 5)}
		}, []string{"low certain log-rule-limited", console}},
		{"in nat", func(l *snapshot.Logging) { l.Rules = []snapshot.LogRule{legacy("nat", "-A OUTPUT -j LOG", 5)} },
			[]string{"info certain log-rule-in-nat", console}},
		{"nobody listens", func(l *snapshot.Logging) {
			l.Rules = append(l.Rules, legacy("raw", "-A OUTPUT -j NFLOG --nflog-group 2", 4))
		}, []string{"high certain log-group-no-listener", console}},
		{"listeners not known", func(l *snapshot.Logging) {
			l.Rules = append(l.Rules, legacy("raw", "-A OUTPUT -j NFLOG --nflog-group 2", 4))
			l.Groups = snapshot.Unknown[snapshot.Groups]("permission denied")
		}, []string{"medium suspect log-group-no-listener", console}},
		{"a listener that loses", func(l *snapshot.Logging) {
			l.Groups = snapshot.Known(snapshot.Groups{2: {Port: 9, Drops: 12}})
		}, []string{"medium certain log-group-drops", console}},
		{"audit", func(l *snapshot.Logging) {
			l.Rules = append(l.Rules, rule(ruleset.NFT, ruleset.Nftables, "fw", "log level audit", 4))
		}, []string{"info certain log-to-audit", console}},
		{"ring too small, files have it", func(l *snapshot.Logging) {
			l.Kernel.Ring = snapshot.Known(snapshot.Ring{Overwritten: 9000, Records: 800, Span: 20 * time.Second, PacketLines: 700})
		}, []string{"info certain log-ring-short", console}},
		{"ring too small, and no file", func(l *snapshot.Logging) {
			l.Rsyslog.Running, l.Journald.Running = snapshot.Unknown[bool]("container"), snapshot.Unknown[bool]("container")
			l.Kernel.Ring = snapshot.Known(snapshot.Ring{Overwritten: 9000, Records: 800, Span: 20 * time.Second, PacketLines: 700})
		}, []string{"medium certain log-ring-short", console}},
		{"hit and not shown", func(l *snapshot.Logging) {
			l.Kernel.Ring = snapshot.Known(snapshot.Ring{Records: 800, Span: time.Hour})
		}, []string{"medium suspect log-hit-not-shown", console}},
		{"restricted", func(l *snapshot.Logging) { l.Kernel.DmesgRestrict = snapshot.Known(true) },
			[]string{"info certain log-dmesg-restrict", console}},
		{"restricted, and not root", func(l *snapshot.Logging) {
			l.Kernel.DmesgRestrict, l.Kernel.Ring = snapshot.Known(true), snapshot.Unknown[snapshot.Ring]("operation not permitted")
		}, []string{"low certain log-dmesg-restrict", console}},
		{"container", func(l *snapshot.Logging) {
			l.Container, l.Kernel.Ring = "/.dockerenv", snapshot.Unknown[snapshot.Ring]("no such file")
		}, []string{"medium certain log-container", console}},
		{"tuned printk", func(l *snapshot.Logging) { l.Kernel.RateBurst = snapshot.Known(1) },
			[]string{console, "info certain log-printk-ratelimit"}},
		{"nobody reads", func(l *snapshot.Logging) {
			l.Rsyslog.Running, l.Journald.Running = snapshot.Known(false), snapshot.Known(false)
		}, []string{"medium certain log-no-reader", console}},
		{"who reads is not known", func(l *snapshot.Logging) {
			l.Rsyslog.Running, l.Journald.Running = snapshot.Unknown[bool]("container"), snapshot.Unknown[bool]("container")
		}, []string{console}},
		{"rsyslog without imklog", func(l *snapshot.Logging) {
			l.Rsyslog.Threads, l.Rsyslog.Config = []string{"rsyslogd", "in:imuxsock"}, config("module(load=\"imuxsock\")\nkern.* /k")
		}, []string{"medium certain log-syslog-no-kernel-input", console}},
		{"rsyslog without imklog, no journal", func(l *snapshot.Logging) {
			l.Journald.Running = snapshot.Known(false)
			l.Rsyslog.Threads, l.Rsyslog.Config = nil, config("kern.* /k")
		}, []string{"high certain log-syslog-no-kernel-input", console}},
		{"imjournal", func(l *snapshot.Logging) {
			l.Rsyslog.Threads, l.Rsyslog.Config = []string{"in:imjournal"}, config("module(load=\"imjournal\")\n*.info /var/log/messages")
		}, []string{"low certain log-syslog-ratelimit", console}},
		{"imklog limited", func(l *snapshot.Logging) {
			l.Rsyslog.Config = config("module(load=\"imklog\" RateLimitInterval=\"5\" RateLimitBurst=\"100\")\nkern.* /k")
		}, []string{"low certain log-syslog-ratelimit", console}},
		{"selector drops", func(l *snapshot.Logging) {
			l.Rsyslog.Config = config("module(load=\"imklog\")\n*.*;kern.none /var/log/messages")
		}, []string{"high certain log-syslog-drops", console}},
		{"stop", func(l *snapshot.Logging) {
			l.Rsyslog.Config = config("module(load=\"imklog\")\n:msg, contains, \"raw pre\" stop\nkern.* /k")
		}, []string{"high certain log-syslog-drops", console}},
		{"perhaps stop", func(l *snapshot.Logging) {
			l.Rsyslog.Config = config("module(load=\"imklog\")\n:msg, contains, \"DPT=22\" stop\nkern.* /k")
		}, []string{"medium suspect log-syslog-drops", console}},
		{"drops, with what is not understood", func(l *snapshot.Logging) {
			l.Rsyslog.Config = config("module(load=\"imklog\")\n!prog\nkern.none /k")
		}, []string{"high suspect log-syslog-drops", console}},
		{"debug is dropped by the journal only", func(l *snapshot.Logging) {
			l.Rules = []snapshot.LogRule{legacy("raw", "-A OUTPUT -j LOG --log-level debug", 5)}
			l.Journald.Config = config("[Journal]\nMaxLevelStore=info")
		}, []string{"medium certain log-journald-level", console}},
		{"debug is dropped by all", func(l *snapshot.Logging) {
			l.Rules = []snapshot.LogRule{legacy("raw", "-A OUTPUT -j LOG --log-level debug", 5)}
			l.Journald.Config = config("[Journal]\nMaxLevelStore=info")
			l.Rsyslog = snapshot.Daemon{Running: snapshot.Known(false)}
		}, []string{"high certain log-journald-level", console}},
		{"journal keeps nothing", func(l *snapshot.Logging) { l.Journald.Config = config("[Journal]\nStorage=none") },
			[]string{"medium certain log-journald-off", console}},
		{"journal does not read", func(l *snapshot.Logging) { l.Journald.Config = config("[Journal]\nReadKMsg=no") },
			[]string{"medium certain log-journald-off", console}},
		{"syslog-ng", func(l *snapshot.Logging) { l.SyslogNG = snapshot.Daemon{Running: snapshot.Known(true), PID: 7} },
			[]string{console, "info suspect log-syslog-ng"}},
		{"nothing is known", func(l *snapshot.Logging) { *l = snapshot.Logging{Rules: l.Rules} },
			[]string{"medium suspect log-netns-gate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := healthy()
			c.change(l)
			var got []string
			for _, f := range Logging(l) {
				fired[f.ID] = true
				got = append(got, strings.Join([]string{string(f.Severity), string(f.Certainty), f.ID}, " "))
				if f.Title == "" || len(f.Evidence) == 0 || f.Severity != Info && len(f.Fix) == 0 {
					t.Errorf("finding without title, evidence or fix: %+v", f)
				}
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(c.want))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, c := range LoggingChecks() {
		if !fired[c.ID] {
			t.Errorf("no case makes %s speak", c.ID)
		}
	}
}

// TestChecksAreOrdered: the worst stands first, and no check is there twice.
func TestChecksAreOrdered(t *testing.T) {
	l := healthy()
	l.Netns.First = snapshot.Known(false)
	l.Kernel.DmesgRestrict = snapshot.Known(true)
	l.Unread = []string{"x"}
	all := Logging(l)
	if !slices.IsSortedFunc(all, func(a, b Finding) int { return a.Severity.rank() - b.Severity.rank() }) || !Trouble(all) {
		t.Errorf("%+v", all)
	}
	if Trouble(Logging(healthy())) {
		t.Error("a healthy host is in trouble")
	}
	ids := map[string]bool{}
	for _, c := range LoggingChecks() {
		if ids[c.ID] || c.Title == "" || c.Run == nil {
			t.Errorf("check %q", c.ID)
		}
		ids[c.ID] = true
	}
}

func TestWays(t *testing.T) {
	l := healthy()
	legacy := func(text string, n uint64) snapshot.LogRule {
		return rule(ruleset.Legacy, ruleset.Iptables, "raw", text, n)
	}
	inet := rule(ruleset.NFT, ruleset.Nftables, "fw", "log prefix \"x \"", 1)
	inet.Table.Family, inet.Packets = ruleset.Inet, snapshot.Value[uint64]{}
	l.Rules = append(l.Rules, legacy("-A OUTPUT -j LOG", 3), legacy("-A OUTPUT -j LOG --log-level debug", 0),
		legacy("-A OUTPUT -j TRACE", 2), legacy("-A OUTPUT -j NFLOG --nflog-group 4", 9), inet,
		rule(ruleset.NFT, ruleset.Iptables, "raw", "-A OUTPUT -j TRACE", 4))
	l.Rsyslog.Config = config("*.info /var/log/messages")
	ten := func(n uint64) *uint64 { return &n }
	both := []string{"the kernel's log (dmesg)", "/var/log/messages", "the journal (journalctl -k)"}
	want := []Way{
		{Family: "ip", What: "LOG warning", Rules: 2, Packets: ten(10), To: both},
		{Family: "ip", What: "LOG debug", Rules: 1, Packets: ten(0), To: []string{both[0], both[2]}},
		{Family: "ip", What: "TRACE", Rules: 1, Packets: ten(2), To: both},
		{Family: "ip", What: "NFLOG group 4", Rules: 1, Packets: ten(9), To: []string{}, Nowhere: "nobody listens to group 4"},
		{Family: "ip", What: "TRACE (nf_tables)", Rules: 1, Packets: ten(4), To: []string{"nft monitor trace, xtables-monitor --trace, where one runs"}},
		{Family: "inet", What: "LOG warning", Rules: 1, To: both},
	}
	r := ReportLogging(l)
	if diff := cmp.Diff(want, r.Ways); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.LastLine == nil || *r.LastLine != 3 || r.Rules != 7 || !r.Trouble {
		t.Errorf("%+v", r)
	}
	l.Netns.First = snapshot.Known(false)
	l.Families[0].Active = snapshot.Known(snapshot.NetlinkLogger)
	for _, w := range ways(l) {
		if strings.HasPrefix(w.What, "LOG") && !strings.Contains(w.Nowhere, "nf_log_all_netns is 0") || strings.HasPrefix(w.What, "TRACE (NFLOG") && w.Nowhere != "nobody listens to group 0" {
			t.Errorf("%+v", w)
		}
	}
}

func TestInside(t *testing.T) {
	for name, want := range map[string]string{
		"host": "x", "self": "x", "pid 12": "nsenter -t 12 -n x", "blue": "ip netns exec blue x", "/run/n": "nsenter --net=/run/n x",
	} {
		if got := inside(snapshot.Netns{Name: name}, "x"); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFindingJSON(t *testing.T) {
	b, err := json.Marshal(Finish([]Finding{{ID: "x", Severity: Low, Certainty: Suspect, Title: "t"}})[0])
	want := `{"schema":"pktrail/finding/v1","id":"x","severity":"low","certainty":"suspect","title":"t","evidence":[],"explains":[],"fix":[],"source":[]}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
}
