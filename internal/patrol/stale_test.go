package patrol_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/internal/stale"
	"github.com/pktrail/pktrail/packet"
)

// TestHealthy: nothing of what works is called stale.
func TestHealthy(t *testing.T) {
	for _, world := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		t.Run(string(world), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, world)
			n.serveBackend()
			peer, err := n.UDPServer("peer", netip.MustParseAddrPort("192.168.50.9:7000"))
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				n.dial("pod1", "tcp", service+":80")
			}
			for _, to := range []string{service + ":53", peer.Addr.String()} {
				c := n.dial("pod1", "udp", to)
				n.exchange(c)
				n.send(c)
			}
			idle := n.dial("pod2", "udp", service+":53")
			n.exchange(idle)
			if _, err := n.Ping(t.Context(), "pod1", netip.MustParseAddr("192.168.50.9"), 1); err != nil {
				t.Fatal(err)
			}
			syslog := n.dial("pod1", "udp", "192.168.50.9:514")
			n.send(syslog)
			// The kernel's table may hold what the pod's neighbours tell of it no more.
			n.sh("host", "ip", "neigh", "flush", "dev", "cni0")
			s := n.search(patrol.StaleOptions{All: append(n.all(), n.backend)})
			if len(s.Report.Findings) > 0 {
				t.Errorf("found %+v", s.Report.Findings)
			}
			if s.Report.Followed < 60 || s.Report.OneWay != 1 {
				t.Errorf("followed %d, one way %d", s.Report.Followed, s.Report.OneWay)
			}
			if err := s.Delete(t.Context(), true); err != nil || *s.Report.Deleted != 0 || s.Left() {
				t.Errorf("deleted %d: %v", *s.Report.Deleted, err)
			}
		})
	}
}

// TestUnreachable: the pod is gone, and connections to it stand in the table for
// days.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.IptablesNFT)
	n.serveBackend()
	for range 3 {
		n.dial("pod1", "tcp", service+":80")
	}
	n.removeBackend()
	s := n.search(patrol.StaleOptions{})
	f := n.one(s, stale.DNATUnreachable, stale.Certain, 3)
	if !strings.Contains(f.Title, "10.96.0.10:80") || !strings.Contains(f.Evidence[0].Is, "no namespace behind cni0 has it: there are pod1, pod2") {
		t.Errorf("%s %v", f.Title, f.Evidence)
	}
	if f.Delete.Pktrail != "pktrail ct delete -p tcp -d 10.96.0.10 --dport 80 --reply-src 10.244.1.50 --reply-sport 8080" || len(f.Samples) != 3 {
		t.Errorf("%+v", f)
	}
	n.deletes(f.Samples[0].Delete.Conntrack, 1)
	n.deletes(f.Delete.Conntrack, 2)
}

// deletes runs a command of conntrack's, which must say that it deleted so many
// entries; who still sends has made another by now.
func (n *node) deletes(command string, want int) {
	n.t.Helper()
	if _, err := exec.LookPath("conntrack"); err != nil {
		lab.Lacks(n.t, err.Error())
	}
	out, err := n.Exec(n.t.Context(), "host", "sh", "-c", command+" 2>&1")
	if said := fmt.Sprintf(": %d flow entries have been deleted.", want); err != nil || !strings.Contains(out, said) {
		n.t.Errorf("%s, want %d deleted: %v\n%s", command, want, err, out)
	}
}

// TestBackendLeft: UDP goes on to a pod that the rules have left: one that is
// gone, one that is silent, one that may still answer.
func TestBackendLeft(t *testing.T) {
	for _, world := range []lab.World{lab.Legacy, lab.NFT} {
		t.Run(string(world), func(t *testing.T) {
			t.Run("gone", func(t *testing.T) {
				t.Parallel()
				n := newNode(t, world)
				n.serveBackend()
				c := n.dial("pod1", "udp", service+":53")
				n.exchange(c)
				n.load(dnat(world, "10.244.1.3"))
				n.removeBackend()
				n.send(c)
				s := n.search(patrol.StaleOptions{})
				f := n.one(s, stale.BackendLeft, stale.Certain, 1)
				if f.To == nil || f.To.Addr.String() != backendIP || *f.To.Port != 5353 {
					t.Errorf("%+v", f.To)
				}
				if err := s.Delete(t.Context(), false); err != nil || *s.Report.Deleted != 1 || s.Left() {
					t.Errorf("deleted %d: %v", *s.Report.Deleted, err)
				}
			})
			t.Run("silent", func(t *testing.T) {
				t.Parallel()
				n := newNode(t, world)
				n.sh("pod2", "true")
				n.in(n.backend, exec.Command("ip", "route", "del", "default").Run)
				c := n.dial("pod1", "udp", service+":53")
				n.send(c)
				n.load(dnat(world, "10.244.1.3"))
				n.one(n.search(patrol.StaleOptions{All: append(n.all(), n.backend)}), stale.BackendLeft, stale.Certain, 1)
			})
			t.Run("answered once", func(t *testing.T) {
				t.Parallel()
				n := newNode(t, world)
				n.serveBackend()
				c := n.dial("pod1", "udp", service+":53")
				n.exchange(c)
				n.send(c)
				n.load(dnat(world, "10.244.1.3"))
				s := n.search(patrol.StaleOptions{All: append(n.all(), n.backend)})
				n.one(s, stale.BackendLeft, stale.Suspect, 1)
				if len(s.Report.Notes) == 0 || !strings.Contains(s.Report.Notes[0], "nf_conntrack_acct=1") {
					t.Errorf("%q", s.Report.Notes)
				}
				if err := s.Delete(t.Context(), false); err != nil || *s.Report.Deleted != 0 || !s.Left() {
					t.Errorf("deleted %d of what is only suspected: %v", *s.Report.Deleted, err)
				}
				if err := s.Delete(t.Context(), true); err != nil || *s.Report.Deleted != 1 || s.Left() {
					t.Errorf("deleted %d: %v", *s.Report.Deleted, err)
				}
			})
			t.Run("answers still", func(t *testing.T) {
				t.Parallel()
				n := newNode(t, world)
				if err := n.Sysctl("host", "net.netfilter.nf_conntrack_acct", "1"); err != nil {
					t.Fatal(err)
				}
				n.serveBackend()
				c := n.dial("pod1", "udp", service+":53")
				n.exchange(c)
				n.send(c)
				n.load(dnat(world, "10.244.1.3"))
				if s := n.search(patrol.StaleOptions{All: append(n.all(), n.backend)}); len(s.Report.Findings) > 0 {
					t.Errorf("found %+v", s.Report.Findings)
				}
			})
		})
	}
}

// TestNeverReplied: packets go on, and nobody answers: perhaps by design, or
// because the entry is older than the rule that would translate it.
func TestNeverReplied(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.IptablesNFT)
	n.load("*filter\n-A FORWARD -o eth0 -p udp -j ACCEPT\nCOMMIT\n")
	n.sh("host", "ip", "route", "add", "10.96.0.0/24", "via", "192.168.50.9")
	n.sh("peer", "ip", "route", "add", "blackhole", "10.96.0.0/24")
	silent := n.dial("pod1", "udp", "10.96.0.77:9999")
	n.send(silent)
	early := n.dial("pod1", "udp", "10.96.0.20:53")
	n.send(early)
	n.load("*nat\n-A PREROUTING -d 10.96.0.20/32 -p udp --dport 53 -j DNAT --to-destination 10.244.1.3:5353\nCOMMIT\n")
	s := n.search(patrol.StaleOptions{})
	if len(s.Report.Findings) != 2 {
		t.Fatalf("%d findings", len(s.Report.Findings))
	}
	first, second := s.Report.Findings[0], s.Report.Findings[1]
	if first.Kind != stale.NATBypassed || first.Certainty != stale.Certain || first.Dst.String() != "10.96.0.20" {
		t.Errorf("%+v", first)
	}
	if second.Kind != stale.NeverReplied || second.Certainty != stale.Suspect || second.Dst.String() != "10.96.0.77" {
		t.Errorf("%+v", second)
	}
	n.sh("host", strings.Fields(first.Delete.Conntrack)...)
	if n.untranslated("10.96.0.20") > 0 {
		t.Error("the entry is there still, or came again without translation")
	}
}

// untranslated counts entries to an address that is not translated.
func (n *node) untranslated(dst string) int {
	n.t.Helper()
	d, err := n.table.Conn.Dump(n.t.Context(), conntrack.Tracked, conntrack.Filter{
		Orig: conntrack.Tuple{Dst: netip.MustParseAddr(dst)}, StatusMask: conntrack.DstNAT,
	}, func(*conntrack.Flow) error { return nil })
	if err != nil {
		n.t.Fatal(err)
	}
	return d.Meant
}

// TestHalfOpen: a flood of SYNs to a host that drops them.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.IptablesNFT)
	n.sh("peer", "iptables-nft", "-A", "INPUT", "-p", "tcp", "--dport", "81", "-j", "DROP")
	for port := range uint16(120) {
		b, err := packet.Build(&packet.Packet{
			Family: packet.IPv4, Proto: packet.ProtoTCP, Src: netip.MustParseAddr("10.244.1.2"), Dst: netip.MustParseAddr("192.168.50.9"),
			SrcPort: 20000 + port, DstPort: 81, Has: packet.HasIP | packet.HasProto | packet.HasPorts | packet.HasTCP,
			TCP: packet.TCP{Flags: packet.SYN, Seq: 1},
		}, nil)
		if err == nil {
			err = n.SendIP("pod1", b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := n.search(patrol.StaleOptions{})
	f := n.one(s, stale.HalfOpen, stale.Certain, 120)
	if f.State != "SYN_SENT" || f.Delete.Conntrack != "conntrack -D -p tcp -d 192.168.50.9 --dport 81 --state SYN_SENT" {
		t.Errorf("%+v", f)
	}
	n.deletes(f.Samples[0].Delete.Conntrack, 1)
	n.deletes(f.Delete.Conntrack, 119)
	if s, want := n.search(patrol.StaleOptions{}), int64(0); s.Report.Stale() != want {
		t.Errorf("%d stale", s.Report.Stale())
	}
}

// TestCut: a search ends with its context.
func TestCut(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.NFT)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := patrol.Stale(ctx, n.table, patrol.StaleOptions{Interval: time.Hour}); err == nil {
		t.Error("it ended without an error")
	}
}

// TestIPv6: an IPv6 service whose pod is gone is found, and not while it is there.
func TestIPv6(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.NFT)
	if !n.IPv6() {
		lab.Lacks(t, "no IPv6 here")
	}
	n.load("table ip6 nat {\n\tchain pre {\n\t\ttype nat hook prerouting priority -100;\n\t\tip6 daddr fd00:96::10 udp dport 53 dnat to [fd00:244:1::50]:5353\n\t}\n}\n")
	n.in(n.backend, exec.Command("ip", "addr", "add", "fd00:244:1::50/64", "dev", "eth0", "nodad").Run)
	n.send(n.dial("pod1", "udp", "[fd00:96::10]:53"))
	there := n.search(patrol.StaleOptions{All: append(n.all(), n.backend)})
	if f := there.Report.Findings; len(f) != 1 || f[0].Kind != stale.NeverReplied || f[0].Certainty != stale.Suspect {
		t.Errorf("nobody listens at a pod that is there: %+v", f)
	}
	n.removeBackend()
	f := n.one(n.search(patrol.StaleOptions{}), stale.DNATUnreachable, stale.Certain, 1)
	if f.Dst.String() != "fd00:96::10" || !strings.HasSuffix(f.Delete.Conntrack, "-r fd00:244:1::50 --reply-port-src 5353") {
		t.Errorf("%+v", f)
	}
}

// TestSourceGone: the address that the source became has left the host, and new
// flows get another; not while the address or the rule is there.
func TestSourceGone(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.NFT)
	if err := n.Sysctl("host", "net.netfilter.nf_conntrack_acct", "1"); err != nil {
		t.Fatal(err)
	}
	const gone = "192.168.50.77"
	n.sh("host", "ip", "addr", "add", gone+"/24", "dev", "eth0")
	snat := func(to string) {
		n.load("table ip outgoing\ndelete table ip outgoing\ntable ip outgoing {\n\tchain post {\n\t\ttype nat hook postrouting priority 100;\n\t\tip saddr 10.244.1.0/24 snat to " + to + "\n\t}\n}\n")
	}
	snat("ip saddr map { 10.244.1.2 : " + gone + " }")
	var echo net.PacketConn
	n.in(n.NS("peer"), func() (err error) {
		echo, err = net.ListenPacket("udp4", "192.168.50.9:7777")
		return err
	})
	t.Cleanup(func() { _ = echo.Close() })
	go func() {
		buf := make([]byte, 100)
		for {
			k, from, err := echo.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(buf[:k], from)
		}
	}()
	c := n.dial("pod1", "udp", "192.168.50.9:7777")
	n.exchange(c)
	n.send(c)
	n.sh("host", "ip", "addr", "del", gone+"/24", "dev", "eth0")
	if s := n.search(patrol.StaleOptions{}); len(s.Report.Findings) != 0 {
		t.Errorf("the rule gives the address still: %+v", s.Report.Findings)
	}
	n.sh("peer", "ip", "neigh", "flush", "all") // answers come as long as it knows whose the address was
	snat("192.168.50.1")
	s := n.search(patrol.StaleOptions{})
	f := n.one(s, stale.SourceGone, stale.Certain, 1)
	if f.Source.String() != gone || f.Delete.Conntrack != "conntrack -D --src-nat="+gone {
		t.Errorf("%+v", f)
	}
	n.deletes(f.Delete.Conntrack, 1)
}

// TestNamedMap: what nft rules look up in a named map is known.
func TestNamedMap(t *testing.T) {
	t.Parallel()
	n := newNode(t, lab.NFT)
	mapped := func(to string) {
		n.load("table ip nat\ndelete table ip nat\ntable ip nat {\n\tmap pods {\n\t\ttype ipv4_addr : ipv4_addr . inet_service\n\t\telements = { " + service + " : " + to + " . 5353 }\n\t}\n" +
			"\tchain pre {\n\t\ttype nat hook prerouting priority -100;\n\t\tmeta l4proto udp dnat to ip daddr map @pods\n\t}\n}\n")
	}
	mapped(backendIP)
	c := n.dial("pod1", "udp", service+":53")
	n.send(c)
	with := patrol.StaleOptions{All: append(n.all(), n.backend)}
	if f := n.one(n.search(with), stale.NeverReplied, stale.Suspect, 1); f.To == nil {
		t.Errorf("%+v", f)
	}
	mapped("10.244.1.3")
	n.in(n.backend, exec.Command("ip", "route", "del", "default").Run)
	n.one(n.search(with), stale.BackendLeft, stale.Certain, 1)
}
