package stale

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// flow is an entry that is translated to a backend, or to nothing else where that
// is its destination.
func flow(id uint32, proto uint8, dst, backend string, timeout uint32, status conntrack.Status) *conntrack.Flow {
	to, via := netip.MustParseAddrPort(dst), netip.MustParseAddrPort(backend)
	f := &conntrack.Flow{Has: conntrack.HasID | conntrack.HasStatus | conntrack.HasTimeout, ID: id, Status: status, Timeout: timeout}
	const has = conntrack.HasProto | conntrack.HasPorts
	f.Orig = conntrack.Tuple{Src: netip.MustParseAddr("10.244.1.2"), SrcPort: uint16(1000 + id), Dst: to.Addr(), DstPort: to.Port(), Proto: proto, Has: has}
	f.Reply = conntrack.Tuple{Src: via.Addr(), SrcPort: via.Port(), Dst: f.Orig.Src, DstPort: f.Orig.SrcPort, Proto: proto, Has: has}
	if to != via {
		f.Status |= conntrack.DstNAT
	}
	if proto == packet.ProtoTCP {
		f.Has |= conntrack.HasTCPState
		f.TCP.State = conntrack.TCPEstablished
	}
	return f
}

const (
	dns   = "10.96.0.10:53"
	gone  = "10.244.1.7:53"
	alsoA = "10.244.1.8:53"
	udp   = packet.ProtoUDP
	tcp   = packet.ProtoTCP
)

func nothingKnown(netip.Addr) Truth { return Truth{Unknown, "nobody asked"} }

func facts() Facts {
	return Facts{
		Reach: nothingKnown, Local: func(netip.Addr) bool { return false },
		Targets: ReadTargets(nil, nil, "a map"),
	}
}

func known(t *testing.T) Facts {
	f := facts()
	f.Targets = ReadTargets(saved(t, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.8:53\nCOMMIT\n"), nil)
	f.Reach = func(a netip.Addr) Truth {
		if a == netip.MustParseAddr("10.244.1.7") {
			return Truth{No, "no route leads to it"}
		}
		return Truth{Yes, "it answered on eth0"}
	}
	return f
}

// look surveys entries that stand at first and then, five seconds later.
func look(opt Options, first, then []*conntrack.Flow) *Survey {
	s := New(opt)
	for _, f := range first {
		s.First(f, start)
	}
	for _, f := range then {
		s.Second(f, start.Add(5*time.Second))
	}
	return s
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestReport(t *testing.T) {
	var first, then []*conntrack.Flow
	add := func(id uint32, proto uint8, dst, backend string, before, after uint32, status conntrack.Status) {
		first = append(first, flow(id, proto, dst, backend, before, status))
		then = append(then, flow(id, proto, dst, backend, after, status))
	}
	add(1, udp, dns, gone, 29, 29, 0)
	add(2, udp, dns, gone, 100, 95, conntrack.SeenReply)
	add(3, udp, dns, alsoA, 29, 24, 0) // healthy as far as can be told
	add(4, udp, "198.51.100.1:9999", "198.51.100.1:9999", 20, 29, 0)
	add(5, udp, "224.0.0.251:5353", "224.0.0.251:5353", 20, 29, 0)
	add(6, tcp, "10.96.0.20:80", "10.244.1.7:8080", 400000, 399995, conntrack.SeenReply|conntrack.Assured)
	for id := range uint32(3) {
		for _, list := range []*[]*conntrack.Flow{&first, &then} {
			f := flow(100+id, tcp, "192.0.2.9:443", "192.0.2.9:443", 110, 0)
			f.TCP.State = conntrack.TCPSynSent
			*list = append(*list, f)
		}
	}
	f := known(t)
	f.Inside = Inside{Enter: "ip netns exec n1 ", Netns: " --netns n1"}
	r := look(Options{Pile: 3}, first, then).Judge(f)
	r.Netns = &journey.Netns{Name: "n1", Inode: 7}
	golden(t, "stale", r)
}

// TestNoteInside: what a note says to run is for the namespace that was looked at.
func TestNoteInside(t *testing.T) {
	once := func() *conntrack.Flow { return flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply) }
	f := known(t)
	f.Inside = Inside{Enter: "ip netns exec n1 ", Netns: " --netns n1"}
	notes := look(Options{}, []*conntrack.Flow{once()}, []*conntrack.Flow{once()}).Judge(f).Notes
	if len(notes) != 1 || !strings.Contains(notes[0], ": ip netns exec n1 sysctl -w net.netfilter.nf_conntrack_acct=1 ") {
		t.Errorf("%q", notes)
	}
}

func TestJudge(t *testing.T) {
	counted := func(f *conntrack.Flow, orig, reply uint64) *conntrack.Flow {
		f.Has |= conntrack.HasCountersOrig | conntrack.HasCountersReply
		f.CountersOrig.Packets, f.CountersReply.Packets = orig, reply
		return f
	}
	unknown := facts()
	for name, c := range map[string]struct {
		first, then *conntrack.Flow
		facts       Facts
		want        string
	}{
		"unreachable":                 {flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.SeenReply), flow(1, tcp, "10.96.0.20:80", gone, 495, conntrack.SeenReply), known(t), "certain dnat-unreachable"},
		"unreachable is not known":    {flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.SeenReply), flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.SeenReply), unknown, ""},
		"unreachable, but it answers": {counted(flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.SeenReply), 5, 5), counted(flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.SeenReply), 6, 6), known(t), ""},
		"not renewed":                 {flow(1, udp, dns, "10.244.1.9:53", 29, 0), flow(1, udp, dns, "10.244.1.9:53", 24, 0), known(t), ""},
		"left and mute":               {flow(1, udp, dns, "10.244.1.9:53", 29, 0), flow(1, udp, dns, "10.244.1.9:53", 29, 0), known(t), "certain backend-left"},
		"left, answered once":         {flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), known(t), "suspect backend-left"},
		"left, unheeded":              {counted(flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), 5, 5), counted(flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), 9, 5), known(t), "certain backend-left"},
		"left, and answers":           {counted(flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), 5, 5), counted(flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), 9, 6), known(t), ""},
		"left, rules not known":       {flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), flow(1, udp, dns, "10.244.1.9:53", 29, conntrack.SeenReply), unknown, ""},
		"mute, rules not known":       {flow(1, udp, dns, "10.244.1.9:53", 29, 0), flow(1, udp, dns, "10.244.1.9:53", 29, 0), unknown, "suspect never-replied"},
		"answered meanwhile":          {flow(1, udp, dns, dns, 29, 0), flow(1, udp, dns, dns, 29, conntrack.SeenReply), known(t), ""},
		"offloaded":                   {flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.Offload), flow(1, tcp, "10.96.0.20:80", gone, 500, conntrack.Offload), known(t), ""},
		"fixed timeout":               {flow(1, udp, dns, dns, 29, conntrack.FixedTimeout), flow(1, udp, dns, dns, 29, conntrack.FixedTimeout), known(t), ""},
		"another entry of that tuple": {flow(1, udp, dns, dns, 29, 0), flow(2, udp, dns, dns, 29, 0), known(t), ""},
		"gone":                        {flow(1, udp, dns, dns, 29, 0), nil, known(t), ""},
		"a tunnel":                    {flow(1, udp, "192.0.2.1:8472", "192.0.2.1:8472", 29, 0), flow(1, udp, "192.0.2.1:8472", "192.0.2.1:8472", 29, 0), known(t), ""},
	} {
		var then []*conntrack.Flow
		if c.then != nil {
			then = append(then, c.then)
		}
		s := look(Options{}, []*conntrack.Flow{c.first}, then)
		r := s.Judge(c.facts)
		got := ""
		for _, f := range r.Findings {
			got = string(f.Certainty) + " " + string(f.Kind)
		}
		if got != c.want || len(r.Findings) > 1 {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if c.then != nil && (s.Stale(c.then, true) != (c.want != "") || s.Stale(c.then, false) != strings.HasPrefix(c.want, "certain")) {
			t.Errorf("%s: stale %v, certainly %v", name, s.Stale(c.then, true), s.Stale(c.then, false))
		}
	}
}

// TestStaleAsFound: what changed since is not deleted.
func TestStaleAsFound(t *testing.T) {
	f := flow(1, udp, dns, dns, 29, 0)
	s := look(Options{}, []*conntrack.Flow{f}, []*conntrack.Flow{f})
	s.Judge(known(t))
	answered, other := flow(1, udp, dns, dns, 29, conntrack.SeenReply), flow(1, udp, "10.96.0.10:54", dns, 29, 0)
	if !s.Stale(f, true) || s.Stale(answered, true) || s.Stale(other, true) {
		t.Errorf("%v %v %v", s.Stale(f, true), s.Stale(answered, true), s.Stale(other, true))
	}
}

// TestBounded: what there is no room for is counted.
func TestBounded(t *testing.T) {
	var all []*conntrack.Flow
	for id := range uint32(100) {
		all = append(all, flow(id, udp, dns, dns, 29, 0))
	}
	r := look(Options{Entries: 10}, all, all).Judge(known(t))
	if r.Stale() != 10 || len(r.NotJudged) != 1 || r.NotJudged[0].Entries != 90 || r.Followed != 10 {
		t.Errorf("%+v", r)
	}
	if r.Findings[0].Delete != (Commands{}) {
		t.Errorf("%+v would delete what was not judged", r.Findings[0].Delete)
	}
}

// TestCommands: what would delete others too is not said.
func TestCommands(t *testing.T) {
	old, fresh := flow(1, udp, dns, gone, 29, 0), flow(2, udp, dns, gone, 29, 0)
	other := flow(3, udp, dns, alsoA, 29, conntrack.SeenReply)
	r := look(Options{}, []*conntrack.Flow{old, other}, []*conntrack.Flow{old, other}).Judge(known(t))
	if d := r.Findings[0].Delete; d.Pktrail != "pktrail ct delete -p udp -d 10.96.0.10 --dport 53 --reply-src 10.244.1.7 --reply-sport 53" || d.Conntrack != "conntrack -D -p udp -d 10.96.0.10 --dport 53 -r 10.244.1.7 --reply-port-src 53" {
		t.Errorf("%+v", d)
	}
	r = look(Options{}, []*conntrack.Flow{old}, []*conntrack.Flow{old, fresh}).Judge(known(t))
	if d := r.Findings[0].Delete; d != (Commands{}) {
		t.Errorf("%+v", d)
	}
	if d := r.Findings[0].Samples[0].Delete; d.Pktrail != "pktrail ct delete -p udp -s 10.244.1.2 -d 10.96.0.10 --sport 1001 --dport 53" ||
		d.Conntrack != "conntrack -D -p udp -s 10.244.1.2 -d 10.96.0.10 --sport 1001 --dport 53" {
		t.Errorf("%+v", d)
	}
}

func TestICMPCommands(t *testing.T) {
	f := &conntrack.Flow{Has: conntrack.HasZone, Zone: 5}
	f.Orig = conntrack.Tuple{
		Src: netip.MustParseAddr("fd00::1"), Dst: netip.MustParseAddr("fd00::2"), Proto: packet.ProtoICMPv6,
		Has: conntrack.HasProto | conntrack.HasICMP, ICMPType: 128, ICMPID: 7,
	}
	want := Commands{
		Pktrail:   "pktrail ct delete -p icmpv6 -s fd00::1 -d fd00::2 --zone 5 --icmpv6-type 128/0 --icmp-id 7",
		Conntrack: "conntrack -D -p icmpv6 -s fd00::1 -d fd00::2 --zone 5 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7",
	}
	if got := (Inside{}).ofEntry(f); got != want {
		t.Errorf("%+v", got)
	}
}
