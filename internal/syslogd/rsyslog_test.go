package syslogd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/snapshot"
)

func lines(text string) []snapshot.ConfigLine {
	var all []snapshot.ConfigLine
	for i, l := range strings.Split(text, "\n") {
		all = append(all, snapshot.ConfigLine{File: "rsyslog.conf", Line: i + 1, Text: l})
	}
	return all
}

// told is a Route in words: "> file", "? file" for perhaps, "stop:3", "maystop:4".
func told(r Route) string {
	var all []string
	for _, to := range r.To {
		all = append(all, "> "+to)
	}
	for _, to := range r.Perhaps {
		all = append(all, "? "+to)
	}
	for _, p := range r.MayStop {
		all = append(all, "maystop:"+string(rune('0'+p.Line)))
	}
	if r.Stop != nil {
		all = append(all, "stop:"+string(rune('0'+r.Stop.Line)))
	}
	return strings.Join(all, ", ")
}

func TestRoute(t *testing.T) {
	msg := Message{Level: 4, Prefix: "raw pre: "}
	debug := Message{Level: 7, Prefix: "raw pre: "}
	for _, c := range []struct {
		name, conf string
		msg        Message
		want       string
	}{
		{"debian", "*.*;auth,authpriv.none\t\t-/var/log/syslog\nauth,authpriv.*  /var/log/auth.log\nkern.*  -/var/log/kern.log\n*.emerg :omusrmsg:*", msg,
			"> /var/log/syslog, > /var/log/kern.log"},
		{"redhat", "*.info;mail.none;authpriv.none;cron.none   /var/log/messages", msg, "> /var/log/messages"},
		{"redhat, debug", "*.info;mail.none;authpriv.none;cron.none   /var/log/messages", debug, ""},
		{"kern.none", "*.*;kern.none /var/log/messages", msg, ""},
		{"only crit", "kern.crit /var/log/kern.log", msg, ""},
		{"exactly", "kern.=warning /a\nkern.=info /b", msg, "> /a"},
		{"not", "kern.*;kern.!warning /a", msg, ""},
		{"not, lower", "kern.*;kern.!warning /a", debug, "> /a"},
		{"not exactly", "kern.*;kern.!=debug /a", debug, ""},
		{"by prefix, then stop", ":msg, contains, \"raw pre\" /var/log/fw.log\n& stop\nkern.* /var/log/kern.log", msg, "> /var/log/fw.log, stop:2"},
		{"by prefix, old stop", ":msg,contains,\"raw pre\" ~\nkern.* /k", msg, "stop:1"},
		{"another prefix", ":msg,contains,\"[UFW \" /var/log/ufw.log\n& ~\nkern.* /k", msg, "> /k"},
		{"a port", ":msg, contains, \"DPT=22 \" stop\nkern.* /k", msg, "? /k, maystop:1"},
		{"every packet line", ":msg, contains, \"IN=\" -/var/log/iptables.log\n& stop", msg, "> /var/log/iptables.log, stop:2"},
		{"negated", ":msg, !contains, \"raw pre\" /other\n:msg, !contains, \"zzz yyy\" /k", msg, "> /k"},
		{"regex", ":msg, regex, \"raw.*\" stop\nkern.* @@host:514", msg, "? @@host:514, maystop:1"},
		{"program", ":programname, isequal, \"kernel\" /k", msg, "> /k"},
		{"host", ":fromhost-ip, isequal, \"10.0.0.1\" /r\n& stop\n*.* /all", msg, "? /r, ? /all, maystop:2"},
		{"script", "if $msg contains 'raw pre' then {\n action(type=\"omfile\"\n   file=\"/var/log/fw.log\")\n stop\n}\n*.* /all", msg, "> /var/log/fw.log, stop:4"},
		{"script, and", "if $syslogfacility-text == 'kern' and $syslogseverity <= 4 then /k\nelse /other", msg, "> /k"},
		{"script, and, debug", "if $syslogfacility-text == 'kern' and $syslogseverity <= 4 then /k\nelse /other", debug, "> /other"},
		{"script, or and not", "if ($programname == 'sshd' or not ($syslogfacility == 0)) then stop\n*.* /all", msg, "> /all"},
		{"script, not without parentheses", "if not $syslogseverity == 4 then stop\n*.* /all", msg, "? /all, maystop:1"},
		{"exactly any", "kern.=* /a\nkern.!=*;kern.=warning /b", msg, "> /b"},
		{"script, unknown", "if re_match($msg, 'x') then stop\n*.* /all", msg, "? /all, maystop:1"},
		{"script, no such operator", "if $msg !contains 'raw pre' then stop\n*.* /all", msg, "? /all, maystop:1"},
		{"selector with block", "kern.* {\n action(type=\"omfwd\" target=\"loghost\" port=\"514\")\n stop\n}\n*.* /all", msg, "> loghost, stop:3"},
		{"call", "call other\n*.* /all", msg, "? /all, maystop:1"},
		{"a ruleset of its own", "ruleset(name=\"remote\") {\n *.* /remote\n}\n*.* /all", msg, "> /all"},
		{"discard everything", "kern.* stop\n*.* /all", msg, "stop:1"},
		{"continuation", "*.=debug;*.=info;\\\n  auth.none /dbg\nkern.* /k", msg, "> /k"},
		{"comments", "# x\n/* kern.* stop\n */\nkern.* /k", msg, "> /k"},
		{"nothing", "", msg, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ParseRsyslog(lines(c.conf))
			if len(r.Unread) > 0 {
				t.Errorf("not read: %v", r.Unread)
			}
			if got := told(r.Route(c.msg)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestModules(t *testing.T) {
	r := ParseRsyslog(lines("$ModLoad imuxsock # comment\nmodule(load=\"imklog\" RateLimitInterval=\"5\"\n  ratelimitburst='100')\n$ModLoad /usr/lib/rsyslog/imjournal.so"))
	var names []string
	for _, m := range r.Modules {
		names = append(names, m.Name)
	}
	if diff := cmp.Diff([]string{"imuxsock", "imklog", "imjournal"}, names); diff != "" {
		t.Error(diff)
	}
	if m := r.Module("imklog"); m == nil || m.Params["ratelimitinterval"] != "5" || m.Params["ratelimitburst"] != "100" || m.At.Line != 2 {
		t.Errorf("imklog: %+v", m)
	}
}

// What was not understood may take the message: behind it nothing is certain.
func TestUnreadMakesUncertain(t *testing.T) {
	for _, text := range []string{"!prog\nkern.* /k", "$RuleSet x\nkern.* /k", "include(file=\"/gone\")\nkern.* /k", ":msg\nkern.* /k"} {
		r := ParseRsyslog(lines(text))
		if got := told(r.Route(Message{Level: 4})); got != "? /k, maystop:1" || len(r.Unread) != 1 {
			t.Errorf("%q: %s, not read: %v", text, got, r.Unread)
		}
	}
}

func TestUnread(t *testing.T) {
	r := ParseRsyslog(lines("!myprog\n*.* /x\n$RuleSet remote\nwhat is this\nkern.\nkern.* /k # no comment here"))
	var at []int
	for _, p := range r.Unread {
		at = append(at, p.Line)
	}
	if diff := cmp.Diff([]int{1, 3, 4, 5, 6}, at); diff != "" {
		t.Error(diff)
	}
}

func TestRsyslogInclude(t *testing.T) {
	for line, want := range map[string]string{
		"$IncludeConfig /etc/rsyslog.d/*.conf":                        "/etc/rsyslog.d/*.conf",
		` include(file="/etc/rsyslog.d/*.conf" mode="optional")  # x`: "/etc/rsyslog.d/*.conf",
		`include(mode="optional" file='/opt/a.conf')`:                 "/opt/a.conf",
		"# $IncludeConfig /x":                                         "",
		"$IncludeConfig":                                              "",
		"kern.* /var/log/kern.log":                                    "",
		`include(text="x")`:                                           "",
	} {
		if got, _ := RsyslogInclude(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestJournald(t *testing.T) {
	j := ParseJournald(lines("[Journal]\n#Storage=none\nStorage=volatile\nMaxLevelStore=info\nReadKMsg=maybe\n[Other]\nStorage=none\n[Journal]\nReadKMsg=no\nMaxLevelStore=notice\nMaxLevelStore=loud"))
	if j.Storage.Is != "volatile" || j.Storage.At.Line != 3 || j.ReadKMsg.Is || j.MaxLevel.Is != 5 || j.MaxLevel.At.Line != 10 {
		t.Errorf("%+v", j)
	}
	j = ParseJournald(lines("[Journal]\nStorage=none\nStorage=\n MaxLevelStore = 3"))
	if j.Storage.Is != "auto" || !j.ReadKMsg.Is || j.MaxLevel.Is != 3 {
		t.Errorf("%+v", j)
	}
}

func FuzzRsyslog(f *testing.F) {
	for _, s := range []string{"kern.* /k", "if ($msg contains 'x') then { stop } else /y", ":msg, contains, \"a\\", "action(", "& ~", "if then", "${", "kern.* {{", "/*", "ruleset(x){"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ParseRsyslog(lines(text)).Route(Message{Level: 4, Prefix: "x"})
		ParseJournald(lines(text))
		RsyslogInclude(text)
	})
}

func TestDeepNestingEnds(t *testing.T) {
	for _, text := range []string{strings.Repeat("if 1 == 1 then ", 1e5), strings.Repeat("kern.* {", 1e5), "if " + strings.Repeat("(", 1e5) + "then stop"} {
		ParseRsyslog(lines(text)).Route(Message{})
	}
}
