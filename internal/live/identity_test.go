package live

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// crossroads is rules at every hook of a world, so that an id which the kernel
// changes on the way is seen on both sides.
func crossroads(w lab.World) string {
	if w == lab.NFT {
		return `table {ip} seen {
	chain a { type filter hook prerouting priority -150; accept; }
	chain b { type filter hook input priority 0; accept; }
	chain c { type filter hook forward priority 0; accept; }
	chain d { type filter hook output priority 0; accept; }
	chain e { type filter hook postrouting priority 0; accept; }
}
`
	}
	return `*mangle
-A PREROUTING -p {icmp} -j MARK --set-xmark 0x1/0x1
-A POSTROUTING -p {icmp} -j MARK --set-xmark 0x2/0x2
COMMIT
*filter
-A INPUT -p {icmp} -j ACCEPT
-A FORWARD -p {icmp} -j ACCEPT
-A OUTPUT -p {icmp} -j ACCEPT
COMMIT
`
}

func everyWorld(t *testing.T, f func(t *testing.T, w lab.World, s side)) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		for _, s := range sides() {
			t.Run(string(w)+" "+s.name(), func(t *testing.T) {
				t.Parallel()
				lab.Need(t, w)
				f(t, w, s)
			})
		}
	}
}

func loadCrossroads(t *testing.T, l *lab.Lab, ns string, w lab.World, s side) {
	load(t, l, ns, w, s.loadedAs(w), s.fill(crossroads(w)))
}

func ping(t *testing.T, l *lab.Lab, from, to string) {
	t.Helper()
	got, err := l.Ping(t.Context(), from, netip.MustParseAddr(to), 1)
	if err != nil || got.Replies != 1 {
		t.Fatalf("ping %s from %s: %+v, %v", to, from, got, err)
	}
}

func TestLoopbackIsOneJourney(t *testing.T) {
	everyWorld(t, func(t *testing.T, w lab.World, s side) {
		l := lab.New(t, "router")
		loadCrossroads(t, l, "rt", w, s)
		running := watch(t, l, Options{Match: matching(t, "-d", s.host)}, "rt")
		ping(t, l, "rt", s.host)
		to := running.stop()
		sure(t, &to)
		if len(to.journeys) != 2 { // request and reply
			t.Fatalf("%d journeys\n%s", len(to.journeys), all(to.journeys))
		}
		for _, j := range to.journeys {
			device := rules(j, journey.KindDevice)
			if len(device) != 1 || device[0].Device.Why != "loopback" || len(j.TraceIDs) != 2 || j.Outcome.Result != journey.Delivered {
				t.Errorf("want one way over loopback\n%s", show(j))
			}
			hooks(t, j, ruleset.Output, ruleset.Postrouting, ruleset.Prerouting, ruleset.Input)
		}
	})
}

// hooks wants the steps of rules and policies to pass these hooks in this order.
func hooks(t *testing.T, j *journey.Journey, want ...ruleset.Hook) {
	t.Helper()
	var got []ruleset.Hook
	for _, st := range rules(j, journey.KindRule, journey.KindPolicy) {
		if len(got) == 0 || got[len(got)-1] != st.Hook {
			got = append(got, st.Hook)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("hooks %v, want %v\n%s", got, want, show(j))
	}
}

// nodeSide is the addresses of the topology node.
func nodeSide(s side) (pod, host, peer string) {
	if s.name() == "ip6" {
		return "fd00:244:1::2", "fd00:244:1::1", "fd00:50::9"
	}
	return "10.244.1.2", "10.244.1.1", "192.168.50.9"
}

func TestBridgeToHostAndUplink(t *testing.T) {
	lab.NeedBridgeNF(t)
	for _, filtered := range []string{"0", "1"} {
		for _, bridge := range []bool{false, true} {
			t.Run(fmt.Sprintf("bridge-nf %s, from bridge %v", filtered, bridge), func(t *testing.T) {
				everyWorld(t, func(t *testing.T, w lab.World, s side) { overBridge(t, w, s, filtered, bridge) })
			})
		}
	}
}

func overBridge(t *testing.T, w lab.World, s side, filtered string, bridge bool) {
	l := lab.New(t, "node")
	pod, host, peer := nodeSide(s)
	call := "net.bridge.bridge-nf-call-iptables"
	if s.name() == "ip6" {
		call = "net.bridge.bridge-nf-call-ip6tables"
	}
	if err := l.Sysctl("host", call, filtered); err != nil {
		t.Fatal(err)
	}
	loadCrossroads(t, l, "host", w, s)
	ping(t, l, "pod1", host) // neighbours are known from here on
	ping(t, l, "pod1", peer)
	running := watch(t, l, Options{Match: matching(t, append(echo(s), "-s", pod)...), Bridge: bridge}, "host")
	ping(t, l, "pod1", host)
	ping(t, l, "pod1", peer)
	to := running.stop()
	sure(t, &to)
	if len(to.journeys) != 2 {
		t.Fatalf("%d journeys\n%s", len(to.journeys), all(to.journeys))
	}
	up, out := to.journeys[0], to.journeys[1]
	if up.Outcome.Result != journey.Delivered || out.Outcome.Result != journey.Forwarded {
		t.Errorf("want delivered and forwarded\n%s", all(to.journeys))
	}
	for _, j := range to.journeys {
		again := bridge || filtered == "1" // the kernel gives another id after the bridge
		if (len(j.TraceIDs) == 2) != again {
			t.Errorf("ids %v\n%s", j.TraceIDs, show(j))
		}
		device := rules(j, journey.KindDevice)
		if moved := bridge && filtered == "0"; moved && (len(device) != 1 || device[0].Device.From != "vethpod1" || device[0].Device.To != "cni0") {
			t.Errorf("want the step from port to bridge\n%s", show(j))
		}
	}
	hooks(t, up, ruleset.Prerouting, ruleset.Input)
	hooks(t, out, ruleset.Prerouting, ruleset.Forward, ruleset.Postrouting)
	if last := out.Steps[len(out.Steps)-1]; last.Out != "eth0" {
		t.Errorf("left through %q\n%s", last.Out, show(out))
	}
}

// echo is the words for an echo request: the kernel checks IPv6 neighbours as it likes.
func echo(s side) []string {
	if s.name() == "ip6" {
		return []string{"-p", "icmpv6", "--icmpv6-type", "echo-request"}
	}
	return []string{"-p", "icmp", "--icmp-type", "echo-request"}
}

func protocol(s side) string {
	if s.name() == "ip6" {
		return "icmpv6"
	}
	return "icmp"
}
