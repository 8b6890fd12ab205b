package collect

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/ipset"
)

// sets is one of each type that has something of its own.
var sets = []string{
	"create a hash:ip family inet timeout 600 counters comment skbinfo\n" +
		"add a 192.0.2.4 timeout 599 packets 3 bytes 400 comment \"web, one\" skbmark 0x1/0xff skbprio 1:2 skbqueue 3\nadd a 192.0.2.5 timeout 0\n",
	"create b hash:ip family inet netmask 24 maxelem 300 forceadd\nadd b 10.0.7.9\n",
	"create c bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24 counters\nadd c 10.0.3.0 packets 5 bytes 70\n",
	"create d bitmap:ip,mac range 10.0.0.0-10.0.0.255\nadd d 10.0.0.5,02:00:00:00:00:ab\nadd d 10.0.0.6\n",
	"create e bitmap:port range 0-1024 comment\nadd e 80 comment \"http\"\nadd e 443\n",
	"create f hash:ip,port\nadd f 10.0.0.1,tcp:80-82\nadd f 10.0.0.1,icmp:200/3\nadd f 10.0.0.1,gre:0\nadd f 10.0.0.1,udplite:5\nadd f 10.0.0.1,99:0\n",
	"create g hash:ip,port,ip\nadd g 10.0.0.1,sctp:80,10.0.0.2\n",
	"create h hash:ip,port,net\nadd h 10.0.0.1,udp:53,10.1.0.0/16\nadd h 10.0.0.1,udp:53,10.1.2.0/24 nomatch\n",
	"create i hash:net family inet6 counters\nadd i 2001:db8::/32\nadd i 2001:db8:1::/48 nomatch\n",
	"create j hash:net,port\nadd j 10.0.0.0/8,tcp:443\nadd j 192.0.2.1,esp:0\n",
	"create k hash:net,iface skbinfo\nadd k 10.0.0.0/8,eth0 skbmark 0x7\nadd k 10.0.0.0/9,eth wildcard\nadd k 10.1.0.0/16,physdev:eth1\nadd k 0.0.0.0/0,lo nomatch\n",
	"create l hash:ip family inet6 bitmask ffff::\nadd l 2001:db8::1\n",
	"create m hash:ip,port family inet6 netmask 64\nadd m 2001:db8::1,icmpv6:200/1\nadd m 2001:db8::1,tcp:0\n",
	"create n hash:ip,port bitmask 255.0.255.0\nadd n 10.1.2.3,udp:9\n",
	"create empty hash:net\n",
	"create o list:set size 8 timeout 300 comment\nadd o a timeout 200 comment \"first\"\nadd o b timeout 0\n",
	"create p hash:ip,mark markmask 0xff\nadd p 10.0.0.1,0x5\n",
	"create q hash:ip,mac\nadd q 10.0.0.1,02:00:00:00:00:01\n",
	"create r hash:mac\nadd r 02:00:00:00:00:01\n",
	"create s hash:net,net\nadd s 10.0.0.0/8,192.0.2.0/24\nadd s 10.1.0.0/16,192.0.2.0/24 nomatch\n",
	"create t hash:net,port,net\nadd t 10.0.0.0/8,tcp:1,192.0.2.0/24\n",
	"create many hash:ip maxelem 70000\nadd many 10.1.0.0/16\n",
}

// loadSets makes those sets that the kernel has the type of.
func loadSets(t *testing.T, ns *netns.NS) (loaded int) {
	t.Helper()
	if _, stderr, err := tryRun(ns, "", "ipset", "create", "first", "hash:ip"); err != nil {
		lab.Lacks(t, fmt.Sprintf("needs ipset and a kernel with ip_set: %v: %s", err, stderr))
	}
	for _, s := range sets {
		if _, stderr, err := tryRun(ns, s, "ipset", "restore"); err != nil {
			t.Logf("%.20s…: %s", s, strings.TrimSpace(stderr))
			continue
		}
		loaded++
	}
	return loaded
}

// moving is what goes on while sets are listed.
var moving = regexp.MustCompile(` timeout [1-9]\d*`)

// savedForm takes away what ipset 7.17 does not print.
func savedForm(s string) string {
	return moving.ReplaceAllString(strings.ReplaceAll(s, " forceadd", ""), " timeout T")
}

// TestIPSets compares with what `ipset save` prints.
func TestIPSets(t *testing.T) {
	ns := newNS(t)
	if n := loadSets(t, ns); n < 16 {
		t.Errorf("only %d sets could be made", n)
	}
	host, err := New(ns).Rules(context.Background())
	if err != nil || len(host.Doubts) != 0 {
		t.Fatalf("%v, %q", err, host.Doubts)
	}
	want, _, err := tryRun(ns, "", "ipset", "save")
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, s := range host.IPSets {
		got = s.AppendSave(got)
	}
	if g, w := savedForm(string(got)), savedForm(want); g != w {
		t.Error(corpus.FirstDifference(g, w))
	}
	recordSets(t, ns)
}

// recordSets writes the messages that ruleset/ipset replays, with PKTRAIL_RECORD=1.
func recordSets(t *testing.T, ns *netns.NS) {
	if os.Getenv("PKTRAIL_RECORD") == "" {
		return
	}
	run(t, ns, "", "ipset", "destroy", "many")
	var all []byte
	if err := ns.Do(func() error {
		s, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		return askSets(s, "record", ipset.CmdList, 0x301, ipsetNewest, func(m wire.Message) {
			all = append(all, m.Raw...)
			all = append(all, make([]byte, wire.Align(len(m.Raw))-len(m.Raw))...)
		})
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../ruleset/ipset/testdata/sets.messages", all, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestIPSetsOfNothing: a namespace of its own has no sets.
func TestIPSetsOfNothing(t *testing.T) {
	if sets, err := New(newNS(t)).IPSets(); err != nil || len(sets) != 0 {
		t.Errorf("%d sets, %v", len(sets), err)
	}
}
