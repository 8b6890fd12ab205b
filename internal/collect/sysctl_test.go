package collect

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/procsys"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/sysctl"
)

func sysctls(t *testing.T, ns *netns.NS, root string) *snapshot.Sysctls {
	t.Helper()
	s, err := New(ns).Sysctls(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSysctlTable holds the table of settings to this kernel: all of connection
// tracking is described, defaults are those of a fresh namespace, and what is the
// host's is read-only in it, or not there.
func TestSysctlTable(t *testing.T) {
	s := sysctls(t, newNS(t), t.TempDir())
	if len(s.Keys) < 50 {
		t.Errorf("only %d settings were found", len(s.Keys))
	}
	taken := inherited(t)
	r := sysctl.Tell(s, sysctl.Want{Pattern: sysctl.ParsePattern("net.")})
	for i := range r.Entries {
		e := &r.Entries[i]
		readOnly := e.Scope == sysctl.ScopeHost || e.Takes == nil
		switch {
		case e.Group == "":
			t.Errorf("%s is not described", e.Name)
		case e.Writable == readOnly:
			t.Errorf("%s: scope %s, writable %v", e.Name, e.Scope, e.Writable)
		case e.Scope != sysctl.ScopeNetns || e.Default == nil:
		case e.Changed == nil || *e.Changed && taken[e.Name] != *e.Value:
			t.Errorf("%s: %s, the table says %s", e.Name, *e.Value, *e.Default)
		}
	}
	for _, set := range sysctl.Settings() {
		if set.Hidden && slices.ContainsFunc(s.Keys, func(k snapshot.Sysctl) bool { return sysctl.Name(k.Path) == set.Name }) {
			t.Errorf("%s is shown in a namespace that is not the first", set.Name)
		}
	}
}

// inherited is the values of the namespace that the tests started in, which a new
// one may begin with (net.core.devconf_inherit_init_net).
func inherited(t *testing.T) map[string]string {
	t.Helper()
	own, err := netns.Current()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	all := map[string]string{}
	for _, k := range sysctls(t, own, t.TempDir()).Keys {
		all[sysctl.Name(k.Path)] = k.Value.Is
	}
	return all
}

// TestSysctlRanges: the kernel takes the least and the greatest value that we let
// through, and for times and choices of its own refuses what is beyond them. What
// cannot be undone is left alone.
func TestSysctlRanges(t *testing.T) {
	ns, table := newNS(t), sysctl.NewTable()
	for _, k := range sysctls(t, ns, t.TempDir()).Keys {
		s, ok := table.Find(sysctl.Name(k.Path))
		if !ok || !k.Writable || s.Shared || s.OneWay || strings.Contains(k.Path, "frag6") || s.PerInterface() && s.Instance(sysctl.Name(k.Path)) != "lo" {
			continue
		}
		for _, value := range edges(s) {
			if wrong := s.Takes.Check(value); wrong != "" {
				t.Errorf("%s: its own edge %s: %s", s.Name, value, wrong)
			}
			now, err := procsys.Set(ns, k.Path, value)
			if err != nil {
				t.Error(err)
			} else if s.Unit != "milliseconds" && !s.Takes.Same(now, value) { // those are rounded to ticks
				t.Errorf("%s: %s became %s", s.Name, value, now)
			}
		}
		if _, err := procsys.Set(ns, k.Path, k.Value.Is); err != nil {
			t.Error(err)
		}
	}
}

// edges are the values at the ends of what a setting takes. Of times it is not
// the greatest, which goes by how often the kernel's clock ticks.
func edges(s *sysctl.Setting) []string {
	var all []string
	for _, c := range s.Takes.Choices {
		all = append(all, fmt.Sprint(c.Value))
	}
	switch n := s.Takes.Numbers; {
	case n == nil:
	case s.Unit == "seconds":
		all = append(all, fmt.Sprint(n.Min), "2147483")
	default:
		all = append(all, fmt.Sprint(n.Min), fmt.Sprint(n.Max))
	}
	return all
}

// confs are files of a host by path, and what a value must be said to come from.
func writeConfs(t *testing.T, root string, confs map[string]string) {
	t.Helper()
	for path, text := range confs {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(text, "-> ")
		var err error
		if link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sysctlConfs is a host on which every rule of sysctl.d(5) decides something.
func sysctlConfs() map[string]string {
	const ct = "net.netfilter.nf_conntrack_"
	return map[string]string{
		"/etc/sysctl.d/20-same.conf":           "# the first folder's file of a name\n" + ct + "udp_timeout = 21\n",
		"/run/sysctl.d/20-same.conf":           ct + "udp_timeout = 22\n" + ct + "gre_timeout = 22\n",
		"/usr/lib/sysctl.d/20-same.conf":       ct + "gre_timeout = 23\n",
		"/usr/lib/sysctl.d/30-masked.conf":     ct + "icmp_timeout = 31\n",
		"/etc/sysctl.d/30-masked.conf":         "-> /dev/null",
		"/usr/lib/sysctl.d/31-emptied.conf":    ct + "icmpv6_timeout = 31\n",
		"/etc/sysctl.d/31-emptied.conf":        "",
		"/usr/lib/sysctl.d/90-late.conf":       ct + "generic_timeout = 90\n",
		"/etc/sysctl.d/40-early.conf":          ct + "generic_timeout = 40\nnet/netfilter/nf_conntrack_tcp_loose=0\n",
		"/usr/local/lib/sysctl.d/50-own.conf":  " - " + ct + "tcp_max_retrans =  5 \n-net.none.at_all = 1\n;" + ct + "acct = 1\nno assignment\n",
		"/etc/sysctl.d/60-glob.conf":           "net.ipv4.conf.*.rp_filter = 2\nnet.ipv4.conf.lo.rp_filter = 1\nnet.ipv4.conf.*.arp_ignore = 1\n-net.ipv4.conf.lo.arp_ignore\n",
		"/etc/sysctl.d/70-glob-again.conf":     "net.ipv4.*.all.rp_filter = 0\n",
		"/etc/sysctl.d/80-not.txt":             ct + "timestamp = 1\n",
		"/etc/sysctl.d/.81-hidden.conf":        ct + "timestamp = 1\n",
		"/etc/sysctl.conf":                     "# two lines\nnet.ipv4.ip_forward=1\n",
		"/etc/sysctl.d/99-sysctl.conf":         "-> ../sysctl.conf",
		"/usr/lib/sysctl.d/99-zz-nowhere.conf": "-> no-such-file",
	}
}

func wantedSources() map[string]string {
	const ct = "net.netfilter.nf_conntrack_"
	return map[string]string{
		ct + "udp_timeout":                 "21 /etc/sysctl.d/20-same.conf:2",
		ct + "gre_timeout":                 "30 default",
		ct + "icmp_timeout":                "30 default",
		ct + "icmpv6_timeout":              "30 default",
		ct + "generic_timeout":             "90 /usr/lib/sysctl.d/90-late.conf:1",
		ct + "tcp_loose":                   "0 /etc/sysctl.d/40-early.conf:2",
		ct + "tcp_max_retrans":             "5 /usr/local/lib/sysctl.d/50-own.conf:1",
		ct + "acct":                        "0 default",
		ct + "timestamp":                   "0 default",
		"net.ipv4.conf.all.rp_filter":      "0 /etc/sysctl.d/70-glob-again.conf:1",
		"net.ipv4.conf.default.rp_filter":  "2 /etc/sysctl.d/60-glob.conf:1",
		"net.ipv4.conf.lo.rp_filter":       "1 /etc/sysctl.d/60-glob.conf:2",
		"net.ipv4.conf.default.arp_ignore": "1 /etc/sysctl.d/60-glob.conf:3",
		"net.ipv4.conf.lo.arp_ignore":      "0 default",
		"net.ipv4.ip_forward":              "1 /etc/sysctl.conf:2",
	}
}

// TestSysctlFiles lets systemd-sysctl itself read the files in a namespace, and
// holds what we say of them to the values that it left in the kernel.
func TestSysctlFiles(t *testing.T) {
	ns := newNS(t)
	root := t.TempDir()
	writeConfs(t, root, sysctlConfs())
	applyFiles(t, ns, root)
	s := sysctls(t, ns, root)
	s.Netns.First = snapshot.Known(true) // as on a host, where these files count
	r := sysctl.Tell(s, sysctl.Want{Pattern: sysctl.ParsePattern("net.")})
	want := wantedSources()
	for i := range r.Entries {
		e := &r.Entries[i]
		source := string(e.Source.Kind)
		if e.Source.Kind == sysctl.KindFile {
			source = fmt.Sprintf("%s:%d", e.Source.File, e.Source.Line)
		}
		if got := *e.Value + " " + source; want[e.Name] != "" && got != want[e.Name] {
			t.Errorf("%s: %s, want %s", e.Name, got, want[e.Name])
		}
		if e.Source.Kind == sysctl.KindDiffers {
			t.Errorf("%s is %s, and we say %s:%d says %s", e.Name, *e.Value, e.Source.File, e.Source.Line, e.Source.Value)
		}
		delete(want, e.Name)
	}
	if len(want) > 0 {
		t.Errorf("nothing was said of %v", slices.Sorted(maps.Keys(want)))
	}
	if len(s.Unlinked) > 0 || len(s.Unread) > 0 {
		t.Errorf("unlinked %v, unread %v", s.Unlinked, s.Unread)
	}
}

// applyFiles runs systemd-sysctl in the namespace, with the files below root in
// place of the host's.
func applyFiles(t *testing.T, ns *netns.NS, root string) {
	t.Helper()
	program := "/usr/lib/systemd/systemd-sysctl"
	if _, err := os.Stat(program); err != nil {
		lab.Lacks(t, fmt.Sprintf("no systemd here to compare with: %v", err))
	}
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, dir := range append(sysctlFolders(), filepath.Dir(sysctlConf)) {
		if dir == "/lib/sysctl.d" {
			continue // a link to /usr/lib's, or not there
		}
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(&script, "mount -t tmpfs t /usr/local/lib\nmkdir /usr/local/lib/sysctl.d\nmkdir -p /run/sysctl.d\n")
	for _, dir := range []string{"/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/run/sysctl.d", "/etc"} {
		fmt.Fprintf(&script, "mount --bind %s %s\n", filepath.Join(root, dir), dir)
	}
	script.WriteString(program + " || true\n") // it fails for the setting that does not exist
	err := ns.Do(func() error {
		out, err := exec.Command("unshare", "-m", "sh", "-c", script.String()).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		t.Logf("%s", out)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSysctlConfUnlinked: without a link, systemd-sysctl does not read it.
func TestSysctlConfUnlinked(t *testing.T) {
	ns := newNS(t)
	root := t.TempDir()
	writeConfs(t, root, map[string]string{"/etc/sysctl.conf": "net.ipv4.ip_forward=1\n", "/etc/sysctl.d/10-dir.conf/file": "net.ipv4.ip_forward=0\n"})
	s := sysctls(t, ns, root)
	s.Netns.First = snapshot.Known(true)
	e := sysctl.Tell(s, sysctl.Want{Pattern: sysctl.ParsePattern("ip_forward")}).Entries[0]
	if len(s.Config) != 0 || e.Source.Said == nil || !e.Source.Procps || e.Source.File != "/etc/sysctl.conf" {
		t.Errorf("config %v, source %+v", s.Config, e.Source)
	}
}

// TestSysctlUnread: what cannot be read is told, and nothing waits for a pipe.
func TestSysctlUnread(t *testing.T) {
	root := t.TempDir()
	writeConfs(t, root, map[string]string{
		"/etc/sysctl.d/10-long.conf": strings.Repeat("# line\n", maxConfigBytes/7+1),
		"/etc/sysctl.d/20-zero.conf": "-> /dev/zero", "/etc/sysctl.d/40-loop.conf": "-> 40-loop.conf",
	})
	if err := unix.Mkfifo(filepath.Join(root, "/etc/sysctl.d/30-pipe.conf"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := sysctls(t, newNS(t), root)
	for i, want := range []string{"10-long.conf", "20-zero.conf: not a regular file", "30-pipe.conf: not a regular file", "40-loop.conf"} {
		if len(s.Unread) != 4 || !strings.Contains(s.Unread[i], want) {
			t.Fatalf("%q, want %s", s.Unread, want)
		}
	}
}

func TestSysctlFacts(t *testing.T) {
	f := sysctlFacts()
	if n, ok := f.MemoryBytes.Get(); !ok || n < 1<<20 || n%1024 != 0 {
		t.Errorf("memory: %+v", f.MemoryBytes)
	}
	if slab, ok := f.Entries.Get(); ok && (slab.ObjectBytes < 128 || slab.ObjectBytes > 1024) {
		t.Errorf("entries: %+v", slab)
	}
	if f.Release == "" || f.WordBits == 0 {
		t.Errorf("%+v", f)
	}
}
