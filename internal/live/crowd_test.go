package live

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// A packet's destination port says by which rules it must go: lane N of the port
// gets mark N in mangle, and the lane's own chain in filter, so that a step of
// another packet shows.
const lanes = 10

func laneRules(w lab.World) string {
	var mangle, jumps, chains, rules strings.Builder
	for n := range lanes {
		switch w {
		case lab.NFT:
			fmt.Fprintf(&mangle, "\tudp dport %d-%d meta mark set %d;\n", 5000+100*n, 5099+100*n, n+1)
			fmt.Fprintf(&jumps, "\tmeta mark %d jump lane%d;\n", n+1, n)
			fmt.Fprintf(&chains, "chain lane%d { udp dport %d-%d accept; }\n", n, 5000+100*n, 5099+100*n)
		default:
			fmt.Fprintf(&mangle, "-A PREROUTING -p udp -m udp --dport %d:%d -j MARK --set-mark %d\n", 5000+100*n, 5099+100*n, n+1)
			fmt.Fprintf(&jumps, "-A FORWARD -m mark --mark %d -j lane%d\n", n+1, n)
			fmt.Fprintf(&chains, ":lane%d - [0:0]\n", n)
			fmt.Fprintf(&rules, "-A lane%d -p udp -m udp --dport %d:%d -j ACCEPT\n", n, 5000+100*n, 5099+100*n)
		}
	}
	if w == lab.NFT {
		return "table {ip} lanes {\n" + chains.String() +
			"chain marks { type filter hook prerouting priority -150;\n" + mangle.String() + "}\n" +
			"chain filters { type filter hook forward priority 0;\n" + jumps.String() + "}\n}\n"
	}
	return "*mangle\n" + mangle.String() + "COMMIT\n*filter\n" + chains.String() + jumps.String() + rules.String() + "COMMIT\n"
}

// TestTenThousandNeverMix sends packets that differ in their bytes through the
// router on two CPUs at once.
func TestTenThousandNeverMix(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		for _, s := range sides() {
			t.Run(string(w)+" "+s.name(), func(t *testing.T) { neverMix(t, w, s) })
		}
	}
}

func neverMix(t *testing.T, w lab.World, s side) {
	const each = 5000
	l := lab.New(t, "router")
	load(t, l, "rt", w, s.loadedAs(w), s.fill(laneRules(w)))
	send(t, l, "client", datagram(t, s.client, s.server, 1, 1)) // neighbours are known from here on
	running := watch(t, l, Options{BufferBytes: roomForAll, Match: matching(t, "-p", "udp", "-s", s.client, "--dport", "5000:5999")}, "rt")
	running.texts(1)
	crowd(t, l, func(sender, i int) []byte {
		return datagram(t, s.client, s.server, uint16(10000+10000*sender+i), uint16(5000+(i*7+sender)%(100*lanes)))
	}, each)
	running.journeys(2 * each)
	to := running.stop()
	sure(t, &to)
	if len(to.journeys) != 2*each {
		t.Errorf("%d journeys of %d packets", len(to.journeys), 2*each)
	}
	bad := 0
	for _, j := range to.journeys {
		if wrong := outOfLane(j); wrong != "" {
			if bad++; bad < 5 {
				t.Errorf("%s\n%s", wrong, show(j))
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d journeys hold steps that are not their own, or lack one", bad)
	}
}

// roomForAll is room for the messages of a whole crowd, should the reader not come
// to read while it is sent.
const roomForAll = 256 << 20

// crowd sends n packets from each of two threads on a CPU of its own.
func crowd(t *testing.T, l *lab.Lab, packet func(sender, i int) []byte, n int) {
	t.Helper()
	var wg sync.WaitGroup
	start := make(chan struct{})
	for sender := range 2 {
		packets := make([][]byte, n)
		for i := range packets {
			packets[i] = packet(sender, i)
		}
		fd := rawSocket(t, l, "client", packets[0][0]>>4 == 6)
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends, pinned as it is
			var cpu unix.CPUSet
			cpu.Set(sender % runtime.NumCPU())
			_ = unix.SchedSetaffinity(0, &cpu)
			<-start
			for _, b := range packets {
				if err := unix.Sendto(fd, b, 0, destination(b)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	close(start)
	wg.Wait()
}

// rawSocket opens a socket that sends whole IP packets, once for all of them.
func rawSocket(t *testing.T, l *lab.Lab, ns string, v6 bool) (fd int) {
	t.Helper()
	family := unix.AF_INET
	if v6 {
		family = unix.AF_INET6
	}
	err := l.NS(ns).Do(func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func destination(b []byte) unix.Sockaddr {
	if b[0]>>4 == 6 {
		return &unix.SockaddrInet6{Addr: [16]byte(b[24:40])}
	}
	return &unix.SockaddrInet4{Addr: [4]byte(b[16:20])}
}

// outOfLane says what of a journey does not fit its packet's port.
func outOfLane(j *journey.Journey) string {
	lane := int(*j.Packet.DstPort-5000) / 100
	if j.Outcome.Result != journey.Forwarded {
		return "not forwarded"
	}
	marks := rules(j, journey.KindMark)
	if len(marks) != 1 || marks[0].Mark.To != uint32(lane+1) {
		return fmt.Sprintf("want mark %d once", lane+1)
	}
	seen := map[string]int{}
	for _, st := range rules(j, journey.KindRule) {
		r := st.Rule
		seen[r.Chain]++
		own := r.Chain == fmt.Sprintf("lane%d", lane) && r.Number == 1 && st.Verdict == ruleset.Accept
		numbered := r.Number == lane+1 && (st.Hook == ruleset.Prerouting || st.Hook == ruleset.Forward && r.Target == fmt.Sprintf("lane%d", lane))
		if !own && !numbered {
			return fmt.Sprintf("rule %d of chain %s is not of lane %d", r.Number, r.Chain, lane)
		}
	}
	if len(seen) != 3 {
		return fmt.Sprintf("want a hit in each of three chains, got %v", seen)
	}
	for chain, n := range seen {
		if n != 1 {
			return fmt.Sprintf("%d hits in chain %s", n, chain)
		}
	}
	return ""
}

// ident gives an IPv4 packet an identification, that the kernel would count up else.
func ident(b []byte, id uint16) []byte {
	if b[0]>>4 == 4 {
		binary.BigEndian.PutUint16(b[4:], id)
	}
	return b
}

// TestIdenticalPacketsSayInferred sends pairs of packets that are alike in every
// byte at once from two CPUs: where the legacy lines of one may be the other's, the
// journeys say so, and only there.
func TestIdenticalPacketsSayInferred(t *testing.T) {
	const each = 3000
	s := sides()[0]
	l := lab.New(t, "router")
	load(t, l, "rt", lab.Legacy, packet.IPv4, s.fill(laneRules(lab.Legacy)))
	send(t, l, "client", datagram(t, s.client, s.server, 1, 1))
	running := watch(t, l, Options{BufferBytes: roomForAll, Match: matching(t, "-p", "udp", "-s", s.client, "--dport", "5000:5999")}, "rt")
	running.texts(1)
	crowd(t, l, func(_, i int) []byte {
		return ident(datagram(t, s.client, s.server, uint16(10000+i), uint16(5000+i%(100*lanes))), uint16(i+1))
	}, each)
	running.journeys(2 * each)
	to := running.stop()
	if len(to.journeys) != 2*each {
		t.Errorf("%d journeys of %d packets", len(to.journeys), 2*each)
	}
	inferred, open := 0, 0
	for _, j := range to.journeys {
		if j.Identity == journey.Inferred {
			inferred++
			continue
		}
		if wrong := outOfLane(j); wrong != "" {
			open++
			t.Errorf("certain, but %s\n%s", wrong, show(j))
		}
	}
	t.Logf("%d of %d journeys inferred", inferred, len(to.journeys))
}
