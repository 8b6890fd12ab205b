package collect

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
)

// nftPlace is a hook at which rules are judged, and what comes there.
type nftPlace struct {
	hook string
	kind string // of the chain: filter or nat
	sent bool   // by a socket of the host itself; else they come in by the link
}

func (at *nftPlace) String() string {
	if at.sent {
		return at.kind + " " + at.hook + " sent"
	}
	return at.kind + " " + at.hook
}

func nftPlaces() []nftPlace {
	return []nftPlace{
		{"input", "filter", false}, {"forward", "filter", false}, {"postrouting", "filter", false}, {"output", "filter", true},
		{"postrouting", "filter", true}, {"prerouting", "nat", false}, {"input", "nat", false}, {"output", "nat", true},
		{"postrouting", "nat", false}, {"postrouting", "nat", true},
	}
}

// TestJudgeNFTHooks is [TestJudgeNFT] for the hooks behind the first, and for
// chains of NAT, which are asked for the first packets of flows alone.
func TestJudgeNFTHooks(t *testing.T) {
	rounds, packets := 1, 20
	if corpus.Whole() {
		rounds, packets = 6, 80
	}
	total, families := &tally{}, []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.Inet}
	for seed := range rounds {
		for n, at := range nftPlaces() {
			fam := families[(n+seed)%len(families)]
			t.Run(fmt.Sprintf("%v %v %d", &at, fam, seed), func(t *testing.T) {
				ns := newNS(t)
				run(t, ns, "", "sh", "-ec", routerOfJudge)
				j := newNFTRound(t, ns, fam, rand.New(rand.NewPCG(uint64(seed), uint64(n))), at.kind == "nat" || n%2 == seed%2)
				j.at, j.rules.at = &at, &at
				if at.hook == "input" { // of IPv4 they are put together before
					j.frames.fragments = false
				}
				j.round(packets)
				total.add(&j.tally)
				if j.skipped*5 > packets*4 || at.kind == "filter" && j.skipped > 0 {
					t.Errorf("of %d packets %d did not come to the chain", packets, j.skipped)
				}
			})
		}
	}
	t.Logf("%d yes, %d no, %d maybe", total.yes, total.no, total.maybe)
	if all := total.yes + total.no + total.maybe; total.maybe*10 > all || total.yes*10 < all {
		t.Errorf("too little is told: %d yes, %d no, %d maybe", total.yes, total.no, total.maybe)
	}
}

// TestJudgeNFTBridge is [TestJudgeNFTHooks] for frames that a bridge forwards.
func TestJudgeNFTBridge(t *testing.T) {
	rounds, packets := 1, 20
	if corpus.Whole() {
		rounds, packets = 6, 80
	}
	for seed := range rounds {
		for n, at := range []nftPlace{{"forward", "filter", false}, {"postrouting", "filter", false}} {
			t.Run(fmt.Sprintf("%v %d", &at, seed), func(t *testing.T) {
				j := newNFTRound(t, newBridge(t), ruleset.Bridge, rand.New(rand.NewPCG(uint64(seed), uint64(n))), false)
				j.at, j.rules.at = &at, &at
				j.frames.to = [6]byte{2, 0xbb, 0, 0, 0, 1}
				j.round(packets)
				t.Logf("%d yes, %d no, %d maybe", j.yes, j.no, j.maybe)
			})
		}
	}
}

// routerOfJudge makes a host that has 10.0.1.0/24 and fd00::1:0/112 itself, and
// sends what is for their neighbours on by w0.
const routerOfJudge = `
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for c in all default; do sysctl -qw net.ipv4.conf.$c.rp_filter=0 net.ipv4.conf.$c.accept_local=1; done
	for l in v w; do
		ip link add ${l}0 type veth peer name ${l}1
		ip link set ${l}0 addrgenmode none; sysctl -qw net.ipv6.conf.${l}1.disable_ipv6=1
		ip link set ${l}0 up; ip link set ${l}1 up
	done
	ip addr add 192.0.2.1/24 dev w0; ip addr add 2001:db8::1/64 dev w0 nodad
	ip neigh add 192.0.2.2 lladdr 02:bb:00:00:00:01 dev w0; ip neigh add 2001:db8::2 lladdr 02:bb:00:00:00:01 dev w0
	ip route add 10.0.0.0/16 via 192.0.2.2; ip -6 route add fd00::/64 via 2001:db8::2
	ip route add local 10.0.1.0/24 dev lo; ip -6 route add local fd00::1:0/112 dev lo`

// scriptAt is script for the chain of a place. That a packet came to it the chain
// came counts, and that it came to the hook at all, the last one.
func (m *ruleMaker) scriptAt(table string) []string {
	ours := []string{"ip saddr 10.0.0.0/16", "ip6 saddr fd00::/96"}
	switch m.fam {
	case ruleset.Bridge:
		ours = []string{"ether saddr & ff:ff:ff:ff:ff:00 == 02:00:00:00:00:00"}
	case ruleset.IP:
		ours = ours[:1]
	case ruleset.IP6:
		ours = ours[1:]
	}
	base := fmt.Sprintf(" { type %s hook %s priority 50; }", m.at.kind, m.at.hook)
	last := fmt.Sprintf(" { type filter hook %s priority 400; }", m.at.hook)
	rules := m.rules(table)
	script := []string{"flush ruleset", "add table " + table, "add chain " + table + " tested", "add chain " + table + " came",
		"add chain " + table + " ending", "add chain " + table + " base" + base, "add chain " + table + " last" + last,
		"add rule " + table + " ending counter drop", "add rule " + table + " came counter"}
	for _, o := range ours {
		script = append(script, "add rule "+table+" base "+o+" jump came", "add rule "+table+" base "+o+" jump tested",
			"add rule "+table+" last "+o+" jump ending")
	}
	script = append(script, m.sets...)
	script = append(script, m.added...)
	return append(script, rules...)
}

// placed are matches that only make sense behind the first hook.
func (m *ruleMaker) placed() []string {
	if m.fam == ruleset.Bridge {
		return []string{"oif " + pick(m.r, "p0", "q0"), "oif != q0", "oifname { p0, q0 }", "iifname . oifname { p0 . q0, p0 . zz }"}
	}
	all := []string{
		"oif " + pick(m.r, "w0", "lo"), "oif != w0", "fib daddr type " + pick(m.r, "local", "unicast"), "fib daddr type != local",
		"fib saddr type " + pick(m.r, "local", "unicast"), "fib daddr type { local, broadcast }",
	}
	if m.at.sent {
		all = append(all, "meta skuid 0", "meta skuid != 0", "meta skuid 1-9", "meta skgid { 0, 7 }", "meta skuid >= 5")
	}
	return all
}

// place adds what is known of a packet at the hook; false where it does not come there.
func (at *nftPlace) place(j *nftRound, f *frame, v6 bool) bool {
	if j.fam == ruleset.Bridge {
		at.bridged(j, f)
		return true
	}
	source, dest, ttl := ruleset.IPSource, ruleset.IPDest, ruleset.TTL
	if v6 {
		source, dest, ttl = ruleset.IP6Source, ruleset.IP6Dest, ruleset.HopLimit
	}
	local := func(field ruleset.Field) bool {
		low := f.facts[field][0].From.Low
		if v6 {
			return low>>16&0xff == 1
		}
		return low>>8&0xff == 1
	}
	kind := func(field ruleset.Field) uint64 {
		switch {
		case !local(field):
			return 1 // RTN_UNICAST
		case v6 && f.facts[field][0].From.Low == 0x10000:
			return 4 // RTN_ANYCAST, of the routers of a subnet
		}
		return 2 // RTN_LOCAL
	}
	j.frames.know(f, ruleset.SourceType, kind(source))
	j.frames.know(f, ruleset.DestType, kind(dest))
	in, out := "v0", ""
	if at.hook != "prerouting" && at.hook != "input" {
		out = "w0"
		if local(dest) {
			out = "lo"
		}
	}
	if at.sent {
		in = ""
		at.send(j, f)
	}
	forwarded := !at.sent && out != ""
	hops := f.facts[ttl][0].From.Low
	switch {
	case at.kind == "nat" && !begins(f) && j.frames.r.IntN(8) > 0:
		return false
	case forwarded && (local(dest) || hops <= 1), at.hook == "input" && !local(dest):
		return false
	case forwarded:
		j.frames.know(f, ttl, hops-1)
	}
	j.link2(f, ruleset.InName, ruleset.InIndex, in)
	j.link2(f, ruleset.OutName, ruleset.OutIndex, out)
	return true
}

// bridged tells of a frame that goes from one port to the other; in the last hook
// nothing says where it came in.
func (at *nftPlace) bridged(j *nftRound, f *frame) {
	j.frames.know(f, ruleset.PktType, 3) // PACKET_OTHERHOST
	in := "p0"
	if at.hook == "postrouting" {
		in = ""
	}
	j.link2(f, ruleset.InName, ruleset.InIndex, in)
	j.link2(f, ruleset.OutName, ruleset.OutIndex, "q0")
}

// begins reports whether a packet may be the first of a flow.
func begins(f *frame) bool {
	for field, first := range map[ruleset.Field]uint64{ruleset.TCPFlags: 2, ruleset.ICMPType: 8, ruleset.ICMP6Type: 128} {
		if known := f.facts[field]; known != nil && known[0].From.Low != first {
			return false
		}
	}
	return true
}

// send tells of what a raw socket has sent: the kernel numbers it where it has no
// number, and it has a sender but no frame.
func (at *nftPlace) send(j *nftRound, f *frame) {
	for _, field := range []ruleset.Field{ruleset.EtherSource, ruleset.EtherDest, ruleset.EtherType, "meta iiftype"} {
		delete(f.facts, field)
	}
	if id := f.facts["ip id"]; id != nil && id[0].From.Low == 0 {
		delete(f.facts, "ip id")
	}
	j.frames.know(f, ruleset.SocketUID, 0)
	j.frames.know(f, ruleset.SocketGID, 0)
}

func (j *nftRound) link2(f *frame, name, index ruleset.Field, link string) {
	f.facts[name] = []ruleset.Range{ruleset.Only(ruleset.Name(link))}
	n := 0
	if err := j.ns.Do(func() error {
		if link == "" {
			return nil
		}
		l, err := net.InterfaceByName(link)
		if err == nil {
			n = l.Index
		}
		return err
	}); err != nil {
		j.t.Fatal(err)
	}
	j.frames.know(f, index, uint64(n))
}

// rawSender sends packets by sockets of the host, headers and all.
func (j *nftRound) rawSender() func(*frame) {
	j.t.Helper()
	four, six := -1, -1
	err := j.ns.Do(func() (err error) {
		if four, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err == nil {
			six, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		}
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(func() { unix.Close(four); unix.Close(six) })
	return func(f *frame) {
		fd, to := four, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte(f.bytes[14+16:])})
		if f.bytes[14]>>4 == 6 {
			fd, to = six, &unix.SockaddrInet6{Addr: [16]byte(f.bytes[14+24:])}
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(f.mark)); err != nil {
			j.t.Fatal(err)
		}
		// A packet that a chain drops is refused to its sender.
		if err := unix.Sendto(fd, f.bytes[14:], 0, to); err != nil && !errors.Is(err, unix.EPERM) {
			j.t.Fatal(err)
		}
	}
}
