package collect

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

func logging(t *testing.T, ns *netns.NS, root string) *snapshot.Logging {
	t.Helper()
	l, err := New(ns).Logging(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// sendUDP sends one datagram to the namespace's own loopback.
func sendUDP(t *testing.T, ns *netns.NS, address string) {
	t.Helper()
	err := ns.Do(func() error {
		c, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		_, err = c.Write([]byte("x"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoggingRules(t *testing.T) {
	ns := newNS(t)
	save := "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p icmp\n-A OUTPUT -p udp --dport 9 -m limit --limit 3/min -j LOG --log-prefix \"a \\\"b\\\" \" --log-level 7\n-A OUTPUT -p tcp -j TRACE\nCOMMIT\n"
	run(t, ns, save, "iptables-legacy-restore")
	run(t, ns, "*filter\n:F -\n:OUTPUT ACCEPT [0:0]\n-A F -p udp -j NFLOG --nflog-group 5\n-A OUTPUT -j F\n-A OUTPUT -p sctp -j TRACE\nCOMMIT\n", "iptables-nft-restore")
	run(t, ns, `table inet fw {
		chain out { type filter hook output priority 10
			ip protocol udp counter log prefix "nft " level info
			ip protocol udp accept comment "no log here"
			meta nftrace set 1
		}
		chain nat { type nat hook output priority -100; log group 3; }
	}`, "nft", "-f", "-")
	sendUDP(t, ns, "127.0.0.1:9")

	l := logging(t, ns, t.TempDir())
	var got []string
	for _, r := range l.Rules {
		line := string(r.Kind) + " " + r.Place()
		switch n, ok := r.Packets.Get(); {
		case ok && n == 1:
			line += " hit"
		case ok && n > 1:
			line += " hit more than once"
		case !ok:
			line += " uncounted"
		}
		if r.NAT {
			line += " nat"
		}
		if r.Limit != "" {
			line += " limit " + r.Limit
		}
		got = append(got, line+" "+snapshot.Levels()[r.Level]+" "+r.Prefix)
	}
	want := []string{
		`log legacy ip raw OUTPUT rule 2 hit limit 3/min debug a "b" `,
		`trace legacy ip raw OUTPUT rule 3 warning `,
		`trace iptables-nft ip filter OUTPUT rule 2 warning `,
		`nflog iptables-nft ip filter F rule 1 hit warning `,
		`log inet fw out rule 1 hit info nft `,
		`trace inet fw out rule 3 uncounted warning `,
		`nflog inet fw nat rule 1 uncounted nat warning `,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\nnot read: %v", diff, l.Unread)
	}
	if len(l.Unread) != 0 {
		t.Errorf("not read: %v", l.Unread)
	}
}

// TestLoggingReach: whether a rule can be met at all.
func TestLoggingReach(t *testing.T) {
	ns := newNS(t)
	run(t, ns, `*filter
:A -
:B -
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -j A
-A A -p udp -j DROP
-A A -j LOG --log-prefix "called "
-A A -j RETURN
-A A -j LOG --log-prefix "behind "
-A B -j LOG --log-prefix "uncalled "
COMMIT
`, "iptables-legacy-restore")
	run(t, ns, `table ip fw {
		chain a { log prefix "called "; counter drop; log prefix "behind "; }
		chain b { log prefix "uncalled "; }
		chain in { type filter hook input priority 0; tcp dport 22 accept; goto a; }
	}
	table ip vm {
		map m { type inet_service : verdict; elements = { 22 : jump c }; }
		chain c { log prefix "in a map "; }
		chain in { type filter hook input priority 0; tcp dport vmap @m; }
	}`, "nft", "-f", "-")
	var got []string
	for _, r := range logging(t, ns, t.TempDir()).Rules {
		called := "not known"
		if is, ok := r.Called.Get(); ok {
			called = fmt.Sprint(is)
		}
		got = append(got, fmt.Sprintf("%s %s%s %s", r.Table.Name, r.Prefix, called, r.Behind))
	}
	want := []string{
		"filter called true ", "filter behind true -A A -j RETURN", "filter uncalled false ",
		"fw called true ", "fw behind true counter drop", "fw uncalled false ",
		"vm in a map not known ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLoggingChangesNothing: no table appears because of a look.
func TestLoggingChangesNothing(t *testing.T) {
	ns := newNS(t)
	before := read(t, ns, "/proc/thread-self/net/ip_tables_names")
	l := logging(t, ns, t.TempDir())
	if len(l.Rules) != 0 || len(l.Unread) != 0 {
		t.Errorf("rules %v, not read %v", l.Rules, l.Unread)
	}
	if after := read(t, ns, "/proc/thread-self/net/ip_tables_names"); after != before {
		t.Errorf("tables were %q and are %q", before, after)
	}
	if got := run(t, ns, "", "nft", "list", "tables"); got != "" {
		t.Errorf("nf_tables: %q", got)
	}
}

func TestLoggingLoggers(t *testing.T) {
	ns := newNS(t)
	set := func(fam, logger string) {
		t.Helper()
		err := ns.Do(func() error { return os.WriteFile("/proc/sys/net/netfilter/nf_log/"+fam, []byte(logger), 0) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(read(t, ns, nfLogPath), "nf_log_ipv4") {
		lab.Lacks(t, "the syslog logger is not loaded here")
	}
	set("2", "NONE")
	l := logging(t, ns, t.TempDir())
	if first, ok := l.Netns.First.Get(); !ok || first || l.Netns.Inode != ns.Inode {
		t.Errorf("netns %+v", l.Netns)
	}
	fam := func(f ruleset.Family) snapshot.LogFamily {
		for _, lf := range l.Families {
			if lf.Family == f {
				return lf
			}
		}
		t.Fatalf("no family %v", f)
		return snapshot.LogFamily{}
	}
	if got := fam(ruleset.IP); got.Active.Is != snapshot.NoLogger || !strings.Contains(strings.Join(got.Registered.Is, " "), "nf_log_ipv4") {
		t.Errorf("ip: %+v", got)
	}
	if got := fam(ruleset.IP6).Active.Is; got != "nf_log_ipv6" {
		t.Errorf("ip6: %q", got)
	}
	port := listenGroup(t, ns, 6)
	set("2", "nfnetlink_log")
	l = logging(t, ns, t.TempDir())
	if got := fam(ruleset.IP).Active.Is; got != snapshot.NetlinkLogger {
		t.Errorf("ip: %q", got)
	}
	groups, ok := l.Groups.Get()
	if who := groups[6]; !ok || len(groups) != 1 || who.Port != port || !strings.Contains(who.Process, fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("groups %+v, want port %d of this test", l.Groups, port)
	}
}

// listenGroup makes a listener of an NFLOG group and returns its port id.
func listenGroup(t *testing.T, ns *netns.NS, group uint16) uint32 {
	t.Helper()
	var s *nfnetlink.Socket
	if err := ns.Do(func() (err error) { s, err = nfnetlink.Open(0); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	const config, command, bind = unix.NFNL_SUBSYS_ULOG<<8 | 1, 1, 1 // NFULNL_MSG_CONFIG, NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND
	err := s.Request("listen", 1, func(seq uint32) []byte {
		return wire.AppendMessage(nil, config, unix.NLM_F_REQUEST|unix.NLM_F_ACK, seq, unix.AF_UNSPEC, group, wire.AppendAttr(nil, command, []byte{bind}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Port()
}

// TestLoggingHost looks at what is the machine's own: it must be known, or say why.
func TestLoggingHost(t *testing.T) {
	ns, err := netns.Current()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	l := logging(t, ns, "/")
	k := l.Kernel
	for name, why := range map[string]string{
		"console": k.ConsoleLevel.Why, "restrict": k.DmesgRestrict.Why, "interval": k.RateInterval.Why, "burst": k.RateBurst.Why,
	} {
		if why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
	ring, ok := k.Ring.Get()
	if !ok && k.Ring.Why == "" || ok && ring.Records == 0 {
		t.Errorf("ring: %+v", k.Ring)
	}
	if !l.AllNetns.Known && l.AllNetns.Why == "" {
		t.Errorf("all_netns: %+v", l.AllNetns)
	}
	if len(l.Modules) == 0 || len(l.Families) != 5 {
		t.Errorf("modules %v, families %v", l.Modules, l.Families)
	}
}

func TestRingRecords(t *testing.T) {
	var look ringLook
	for _, rec := range []string{
		"6,90,1000000,-;booted\n", "4,91,3000000,-;raw pre: IN=eth0 OUT= MAC= SRC=192.0.2.1\n SUBSYSTEM=net\n",
		"broken", "4,x,1,-;y", "4,92,9000000,-;something else\n",
	} {
		look.record([]byte(rec))
	}
	want := snapshot.Ring{Overwritten: 90, Records: 3, Span: 8e9, PacketLines: 1, LastLine: 7e9}
	if diff := cmp.Diff(want, look.ring(10e9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func configTexts(v snapshot.Value[[]snapshot.ConfigLine]) []string {
	var all []string
	for _, l := range v.Is {
		all = append(all, strings.TrimPrefix(l.File, "/etc/")+": "+l.Text)
	}
	return all
}

func TestRsyslogIncludes(t *testing.T) {
	root := tree(t, map[string]string{
		"etc/rsyslog.conf":          "first\n$IncludeConfig /etc/rsyslog.d/*.conf\ninclude(file=\"/etc/none/*.conf\" mode=\"optional\")\nlast",
		"etc/rsyslog.d/20-b.conf":   "b\r\n$IncludeConfig /etc/more/\n",
		"etc/rsyslog.d/10-a.conf":   "a",
		"etc/rsyslog.d/x.disabled":  "no",
		"etc/rsyslog.d/.hide.conf":  "no",
		"etc/more/c":                "c",
		"etc/rsyslog.d/99.conf/dir": "a folder",
	})
	want := []string{"rsyslog.conf: first", "rsyslog.d/10-a.conf: a", "rsyslog.d/20-b.conf: b", "more/c: c", "rsyslog.conf: last"}
	if diff := cmp.Diff(want, configTexts(rsyslogConfig(root, "/etc/rsyslog.conf"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := rsyslogConfig(t.TempDir(), "/etc/rsyslog.conf"); v.Known || v.Why == "" {
		t.Errorf("a configuration that is not there: %+v", v)
	}
}

func TestRsyslogIncludesItself(t *testing.T) {
	root := tree(t, map[string]string{"etc/rsyslog.conf": "$IncludeConfig /etc/rsyslog.conf\nkern.* /k"})
	if v := rsyslogConfig(root, "/etc/rsyslog.conf"); !v.Known || len(v.Is) != maxIncludesDepth+2 {
		t.Errorf("%d lines, %s", len(v.Is), v.Why)
	}
}

func TestJournaldFiles(t *testing.T) {
	root := tree(t, map[string]string{
		"usr/lib/systemd/journald.conf":             "no",
		"etc/systemd/journald.conf":                 "main",
		"usr/lib/systemd/journald.conf.d/20-x.conf": "no",
		"etc/systemd/journald.conf.d/20-x.conf":     "twenty",
		"run/systemd/journald.conf.d/10-y.conf":     "ten",
	})
	var got []string
	for _, l := range journaldConfig(root).Is {
		got = append(got, l.Text)
	}
	if diff := cmp.Diff([]string{"main", "ten", "twenty"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := journaldConfig(t.TempDir()); !v.Known || len(v.Is) != 0 {
		t.Errorf("no file: %+v", v)
	}
}

func TestContainerMarks(t *testing.T) {
	if got := container(tree(t, map[string]string{"run/.containerenv": ""})); got != "/run/.containerenv" {
		t.Errorf("%q", got)
	}
}
