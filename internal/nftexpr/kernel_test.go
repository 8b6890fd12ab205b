package nftexpr_test

import (
	"errors"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	. "github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/ruleset"
)

// namespace is a fresh namespace and a netfilter socket in it.
func namespace(t *testing.T) (*netns.NS, *nfnetlink.Socket) {
	t.Helper()
	ns, err := netns.New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	var s *nfnetlink.Socket
	if err := ns.Do(func() error { s, err = nfnetlink.Open(0); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return ns, s
}

func nft(t *testing.T, ns *netns.NS, stdin string, args ...string) string {
	t.Helper()
	var out strings.Builder
	err := ns.Do(func() error {
		cmd := exec.Command("nft", args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
		return cmd.Run()
	})
	if err != nil {
		t.Fatalf("nft %s: %v\n%s\n%s", strings.Join(args, " "), err, out.String(), stdin)
	}
	return out.String()
}

// compare sends the batch, and its script through nft, into a namespace each;
// both must hold the same rules.
func compare(t *testing.T, b *Batch, debug bool) {
	t.Helper()
	ours, s := namespace(t)
	if err := b.Run(s); err != nil {
		t.Fatalf("%v\n%s", err, b.Text())
	}
	theirs, _ := namespace(t)
	script := strings.ReplaceAll(b.Text(), "\tflags owner\n", "")
	args := []string{"-n", "list", "ruleset"}
	if debug {
		args = append([]string{"--debug=netlink"}, args...)
	}
	nft(t, theirs, script, "-f", "-")
	got, want := normal(nft(t, ours, "", args...)), normal(nft(t, theirs, "", args...))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nft's own (-) and ours (+) differ:\n%s", diff)
	}
}

// normal drops what may differ: the owner of a table, and numbers that the kernel gives out.
func normal(listing string) []string {
	listing = regexp.MustCompile(`(?m)^\s*flags owner\n|# progname.*| # handle \d+|^(inet|ip|ip6|bridge|netdev) (\S+) (\S+) \d+ \d+`).ReplaceAllString(listing, "")
	var lines, elements []string
	for line := range strings.SplitSeq(listing, "\n") {
		line = strings.TrimRight(line, " ")
		if strings.HasPrefix(line, "\telement ") { // in the order of a hash
			elements = append(elements, line)
			continue
		}
		slices.Sort(elements)
		lines, elements = append(lines, elements...), nil
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func addr(s string) Value { return Addr(netip.MustParseAddr(s)) }

func tcp() Stmt { return Equal(L4Proto(), Word("tcp", 6), false) }

func v4() Stmt { return Equal(NFProto(), Word("ipv4", 2), false) }

func everything(t *testing.T) *Batch {
	t.Helper()
	b := NewBatch(ruleset.Inet, "pktrail-test")
	b.Table(Owner, []byte("pid 1"))
	b.Counter("hits")
	b.Limit("bound", 100, 5)
	b.LimitPer("slow", 500, time.Minute, 7)
	b.Set(Set{Name: "seen", Key: []Field{IPSaddr(), Dport()}, Size: 1000, Timeout: time.Minute, Dynamic: true})
	b.Set(Set{Name: "flows", Key: []Field{IP6Saddr(), IP6Daddr(), L4Proto(), Sport(), Dport()}, Size: 64, Timeout: 90 * time.Second, Dynamic: true})
	b.Set(Set{Name: "hosts", Key: []Field{IPSaddr()}})
	b.Elements("hosts", []Value{addr("10.0.0.1")}, []Value{addr("10.0.0.2")})
	b.Set(Set{Name: "pairs", Key: []Field{IPSaddr(), Dport()}})
	b.Elements("pairs", []Value{addr("10.0.0.1"), Port(80)})
	for _, c := range []Chain{
		{Name: "user"},
		{Name: "other"},
		{Name: "pre", Hook: ruleset.Prerouting, Priority: -500},
		{Name: "out", Hook: ruleset.Output, Priority: 7, Policy: ruleset.Drop},
	} {
		if err := b.Chain(c); err != nil {
			t.Fatal(err)
		}
	}
	for _, stmts := range rules() {
		b.Rule("pre", "", stmts...)
	}
	b.Rule("out", "a comment", Goto("other"))
	return b
}

func rules() [][]Stmt {
	ports := []Interval{One(Port(80)), {Port(1000), Port(2000)}, {Port(1500), Port(2500)}, {Port(65000), Port(65535)}}
	return [][]Stmt{
		{v4(), Equal(IPSaddr(), addr("10.1.2.3"), false), SetTrace(), Accept()},
		{v4(), Equal(IPDaddr(), addr("10.1.2.3"), true), Drop()},
		{v4(), Prefix(IPSaddr(), prefix("10.16.0.0/12"), false), Return()},
		{v4(), Prefix(IPSaddr(), prefix("10.16.0.0/13"), true), Continue()},
		{Equal(NFProto(), Word("ipv6", 10), false), Prefix(IP6Daddr(), prefix("2001:db8::/33"), false), Counter()},
		{v4(), OneOf(IPSaddr(), []Interval{PrefixInterval(prefix("10.0.0.0/8")), One(addr("192.0.2.1"))}, false)},
		{v4(), OneOf(IPSaddr(), []Interval{PrefixInterval(prefix("0.0.0.0/8")), PrefixInterval(prefix("224.0.0.0/3"))}, true)},
		{v4(), OneOf(IPDaddr(), []Interval{One(addr("192.0.2.1")), One(addr("192.0.2.7"))}, false)},
		{tcp(), HasTransport(), Equal(Dport(), Port(80), false)},
		{tcp(), Within(Sport(), Interval{Port(1000), Port(2000)}, false)},
		{tcp(), Within(Sport(), Interval{Port(1000), Port(2000)}, true)},
		{tcp(), OneOf(Dport(), ports, false)},
		{tcp(), OneOf(Dport(), ports, true)},
		{OneOf(L4Proto(), []Interval{One(Word("tcp", 6)), One(Word("udp", 17))}, false), Equal(Dport(), Port(53), false)},
		{tcp(), Masked(TCPFlags(), Word("(fin | syn | rst | ack)", 0x17), Word("syn", 2), false)},
		{tcp(), Masked(TCPFlags(), Word("(fin | syn | rst | ack)", 0x17), Word("syn", 2), true)},
		{Equal(L4Proto(), Word("icmp", 1), false), Equal(ICMPType(), Byte(3), false)},
		{Equal(L4Proto(), Word("icmpv6", 58), false), OneOf(ICMPv6Type(), []Interval{One(Byte(128)), One(Byte(129))}, true)},
		{Equal(L4Proto(), Word("icmp", 1), false), Equal(Raw(Transport, 0, 2), Hex([]byte{3, 4}), true)},
		{Equal(Raw(Transport, 20, 4), Hex([]byte{10, 0, 0, 1}), false), Equal(Raw(Transport, 16, 16), Hex(make([]byte, 16)), true)},
		{Masked(Raw(Transport, 20, 4), Hex([]byte{255, 240, 0, 0}), Hex([]byte{10, 16, 0, 0}), false)},
		{Equal(IIfname(), Ifname("eth0"), false), Equal(OIfname(), Ifname("eth1"), true)},
		{Equal(IIfname(), IfnamePrefix("eth"), false), Equal(OIfname(), IfnamePrefix("wl"), true)},
		{OneOf(IIfname(), []Interval{One(Ifname("eth0")), One(Ifname("wlan0"))}, false)},
		{Equal(IIf(), Host32("1", 1), false)},
		{Equal(MetaMark(), Mark(0x10), false)},
		{Masked(MetaMark(), Mark(0xff), Mark(1), true)},
		{Equal(Protocol(), EtherType("ip", 0x800), false)},
		{AnyBit(CTState(), Host32("established", 2))},
		{AnyBit(CTStatus(), Host32("dnat", 0x20))},
		{Equal(CTID(), Hex([]byte{0, 0, 0, 5}), false)},
		{Equal(CTProto(Original), Word("tcp", 6), false)},
		{Equal(CTL3Proto(Original), Word("ipv4", 2), false)},
		{Equal(CTSaddr(Original), addr("10.0.0.1"), false), Prefix(CTDaddr(Reply), prefix("10.16.0.0/12"), true)},
		{Equal(CTSaddr6(Original), addr("2001:db8::1"), false), Equal(CTDaddr6(Reply), addr("2001:db8::2"), false)},
		{tcp(), Equal(CTSport(Original), Port(1024), false), Equal(CTDport(Original), Port(80), true)},
		{Limit("bound"), Count("hits"), Jump("user")},
		{Limit("slow"), Log{Prefix: "pktrail: ", Group: 40000, Snaplen: 256}.Stmt()},
		{Log{Prefix: "1", Group: 7}.Stmt()},
		{v4(), InSet("hosts", false, IPSaddr()), InSet("hosts", true, IPDaddr())},
		{v4(), tcp(), InSet("pairs", false, IPSaddr(), Dport())},
		{v4(), tcp(), Add("seen", 30*time.Second, IPSaddr(), Dport())},
		{v4(), tcp(), Update("seen", 0, CTSaddr(Original), CTSport(Original))},
		{Equal(NFProto(), Word("ipv6", 10), false), tcp(), Update("flows", 1500*time.Millisecond, IP6Saddr(), IP6Daddr(), L4Proto(), Sport(), Dport())},
	}
}

func TestKernelHoldsWhatTheTextSays(t *testing.T) {
	compare(t, everything(t), false)
}

// nft loads neighbouring fields at once where we load each.
func TestNeighbouringFields(t *testing.T) {
	b := NewBatch(ruleset.IP6, "pktrail-test")
	b.Table(0, nil)
	if err := b.Chain(Chain{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	icmp := Equal(L4Proto(), Word("icmpv6", 58), false)
	b.Rule("c", "", icmp, Equal(ICMPv6Type(), Byte(1), false), Equal(ICMPv6Code(), Byte(4), false))
	compare(t, b, false)
}

func TestBytecodeIsNFTs(t *testing.T) {
	compare(t, everything(t), true)
}

func TestRefusalNamesTheObject(t *testing.T) {
	ns, s := namespace(t)
	b := NewBatch(ruleset.Inet, "pktrail-test")
	b.Table(Owner, nil)
	b.Rule("nowhere", "", tcp(), Accept())
	err := b.Run(s)
	var refused *Error
	var kernel *nfnetlink.Error
	if !errors.As(err, &refused) || !errors.As(err, &kernel) || kernel.Errno != unix.ENOENT {
		t.Fatalf("refusal is %v", err)
	}
	if want := `rule "meta l4proto tcp accept" of chain nowhere`; refused.Object != want || kernel.Offset == 0 {
		t.Errorf("refusal of %q at offset %d, want %q at an offset", refused.Object, kernel.Offset, want)
	}
	if left := nft(t, ns, "", "list", "tables"); left != "" {
		t.Errorf("a refused batch left %s", left)
	}
}

func TestTableIsExclusive(t *testing.T) {
	ns, s := namespace(t)
	b := NewBatch(ruleset.IP, "pktrail-test")
	b.Table(Owner, nil)
	if err := b.Run(s); err != nil {
		t.Fatal(err)
	}
	var other *nfnetlink.Socket
	if err := ns.Do(func() (err error) { other, err = nfnetlink.Open(0); return err }); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	var refused *Error
	if err := b.Run(other); !errors.As(err, &refused) || refused.Object != "table ip pktrail-test" {
		t.Errorf("second table of that name: %v", err)
	}
	gone := NewBatch(ruleset.IP, "pktrail-test")
	gone.DeleteTable()
	if err := gone.Run(s); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func TestCounters(t *testing.T) {
	_, s := namespace(t)
	b := NewBatch(ruleset.Inet, "pktrail-test")
	b.Table(0, nil)
	b.Counter("a")
	b.Counter("b")
	if err := b.Run(s); err != nil {
		t.Fatal(err)
	}
	got, err := Counters(s, ruleset.Inet, "pktrail-test")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Counted{"a": {}, "b": {}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHookThatTheFamilyHasNot(t *testing.T) {
	b := NewBatch(ruleset.IP, "t")
	if err := b.Chain(Chain{Name: "c", Hook: ruleset.Ingress}); err == nil {
		t.Error("an ip chain at ingress: no error")
	}
}
