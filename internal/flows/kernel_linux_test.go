package flows_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/packet"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// place is a namespace with a client in it.
type place struct {
	*ctnetlink.Conn
	ns *netns.NS
}

func newPlace(t testing.TB) *place {
	t.Helper()
	ns, err := netns.New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	p := &place{ns: ns}
	if err := ns.Do(func() (err error) {
		if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_timestamp", []byte("1"), 0); err != nil {
			return err
		}
		p.Conn, err = ctnetlink.Open(ctnetlink.Options{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Close()
		_ = ns.Close()
	})
	return p
}

// fill makes a table with something for every question.
func (p *place) fill(t testing.TB) {
	t.Helper()
	protos := []uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoGRE, packet.ProtoICMP, packet.ProtoICMPv6, packet.ProtoESP}
	r := rand.New(rand.NewPCG(1, 2))
	made := 0
	for i := range 400 {
		proto := protos[r.IntN(len(protos))]
		ends := [][2]string{{"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.1"}, {"10.1.0.9", "192.0.2.7"}, {"2001:db8::1", "2001:db8::2"}}[r.IntN(4)]
		if v4 := addr(ends[0]).Is4(); proto == packet.ProtoICMP && !v4 || proto == packet.ProtoICMPv6 && v4 {
			continue
		}
		f := entry(proto, ends[0], ends[1], uint16(1000+i), []uint16{53, 80, 443, 8080}[r.IntN(4)])
		f.Has |= conntrack.HasMark | conntrack.HasZone | conntrack.HasStatus
		f.Mark, f.Zone = uint32(r.IntN(4)), uint16(r.IntN(3))
		f.Status = []conntrack.Status{0, conntrack.SeenReply, conntrack.SeenReply | conntrack.Assured}[r.IntN(3)]
		f.Timeout = []uint32{1000, 2000}[r.IntN(2)]
		f.TCP.State = []conntrack.TCPState{conntrack.TCPSynSent, conntrack.TCPEstablished, conntrack.TCPTimeWait}[r.IntN(3)]
		if proto == packet.ProtoTCP && addr(ends[0]).Is4() && r.IntN(2) == 0 {
			f.Has |= conntrack.HasDstNAT
			f.DstNAT = conntrack.NATRange{Min: addr("10.9.9.9"), Max: addr("10.9.9.9")}
		}
		if err := p.Create(f); err == nil {
			made++
		}
	}
	if made < 100 {
		t.Fatalf("made %d entries only", made)
	}
}

var questions = []string{
	"", "-4", "-6", "-p tcp", "! -p tcp", "-p tcp,udp", "-s 10.0.0.1", "-s 10.0.0.1 --both", "-d 10.0.0.0/8", "! -s 10.0.0.0/8",
	"-s 2001:db8::1", "-p tcp --dport 80", "-p udp --dport 53:100", "-p tcp,udp --dport 53,443 --both", "-p tcp --ports 443",
	"-p sctp --dport 80", "-p icmp", "-p icmpv6", "-p icmp --icmp-type echo-request", "--icmp-type echo-reply --both", "-p icmp --icmp-type 8/0", "-p gre", "-p esp",
	"--mark 1", "! --mark 1", "--mark 2/2", "--mark 0", "-p tcp -s 10.1.0.9 -d 192.0.2.7 --dport 443 --mark 1/1",
}

func (p *place) list(t *testing.T, filter conntrack.Filter) (listed []*conntrack.Flow) {
	t.Helper()
	if _, err := p.Dump(t.Context(), conntrack.Tracked, filter, func(f *conntrack.Flow) error {
		listed = append(listed, f.Clone())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return listed
}

func ids(list []*conntrack.Flow, meant func(*conntrack.Flow) bool) (ids []uint32) {
	for _, f := range list {
		if meant(f) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// replyQueries are questions about the reply direction.
func replyQueries(t *testing.T) map[string]flows.Query {
	queries := map[string]flows.Query{"icmp id": {ICMPID: new(uint16(1003))}}
	for _, words := range []string{
		"-s 10.9.9.9", "! -s 10.9.9.9", "-s 10.9.0.0/16", "-p tcp -s 10.9.9.9 --sport 80", "-p tcp,udp --sport 80,443", "-p udp --dport 1000:1100",
		"-d 10.0.0.1", "-s 2001:db8::2", "-p tcp -s 2001:db8::2 --sport 53", "-p sctp --sport 80",
	} {
		m, _, err := match.Parse(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		queries["reply "+words] = flows.Query{Reply: m}
	}
	return queries
}

// entryQueries are questions about the entry itself.
func entryQueries() map[string]flows.Query {
	now := time.Now()
	soon, zone := 1500*time.Second, uint16(1)
	return map[string]flows.Query{
		"": {Now: now}, "time-wait": {State: flows.Words{Any: []string{"TIME_WAIT"}}}, "not time-wait": {State: flows.Words{Any: []string{"TIME_WAIT", "SYN_SENT"}, Not: true}},
		"new": {State: flows.Words{Any: []string{"NEW"}}}, "not new": {State: flows.Words{Any: []string{"UNREPLIED"}, Not: true}}, "assured": {State: flows.Words{Any: []string{"ASSURED"}}},
		"established": {State: flows.Words{Any: []string{"ESTABLISHED"}}}, "some": {State: flows.Words{Any: []string{"ESTABLISHED", "NEW"}}},
		"status": {Status: flows.Bits{Set: conntrack.SeenReply, Unset: conntrack.Assured}}, "impossible": {Status: flows.Bits{Set: conntrack.Offload}},
		"dnat": {NAT: flows.DestinationNAT}, "snat": {NAT: flows.SourceNAT}, "nat": {NAT: flows.AnyNAT}, "no nat": {NAT: flows.NoNAT},
		"zone": {Zone: &zone}, "label": {Labels: []int{3}}, "soon": {ExpiresWithin: &soon}, "old": {Older: time.Hour, Now: now}, "oldish": {Older: time.Nanosecond, Now: now.Add(time.Second)},
		"dnat, unreplied": {NAT: flows.DestinationNAT, State: flows.Words{Any: []string{"UNREPLIED"}}},
	}
}

// TestFilterIsJudge: what the kernel filters, and what is filtered here, is what
// looking at every entry finds.
func TestFilterIsJudge(t *testing.T) {
	p := newPlace(t)
	p.fill(t)
	all := p.list(t, conntrack.Filter{})
	meant, turn := 0, 0
	queries := entryQueries()
	maps.Copy(queries, replyQueries(t))
	for name, q := range queries {
		for _, words := range questions {
			if turn++; name != "" && words != "" && turn%7 != 0 {
				continue // a listing takes the kernel some milliseconds
			}
			m, rest, err := match.Parse(strings.Fields(words))
			if err != nil || len(rest) > 0 {
				t.Fatal(words, rest, err)
			}
			q := q
			q.Match, q.Mark = m, m.Mark
			q.Match.Mark = nil
			got := ids(p.list(t, q.Filter(nil)), func(*conntrack.Flow) bool { return true })
			want := ids(all, func(f *conntrack.Flow) bool { return q.Judge(f).Answer == match.Yes })
			if len(got) == 0 && words == "" && strings.HasPrefix(name, "reply") {
				t.Errorf("%s: no entry", name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %q: filtered %d entries, judged %d", name, words, len(got), len(want))
			}
			meant += len(got)
		}
	}
	if meant == 0 {
		t.Error("no question meant an entry")
	}
}

// TestEveryCounterHasWords: the counters of the kernel here.
func TestEveryCounterHasWords(t *testing.T) {
	p := newPlace(t)
	now, err := p.CPUStats()
	if err != nil || len(now) == 0 {
		t.Fatal(now, err)
	}
	list := flows.Counters(now, nil, 0)
	if len(list) < 10 {
		t.Errorf("%d counters", len(list))
	}
	for _, c := range list {
		if c.Meaning == "" {
			t.Errorf("%s: no words", c.Name)
		}
	}
}
