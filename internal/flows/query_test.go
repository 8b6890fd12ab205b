package flows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// TestKernelPart: simple questions are the kernel's alone.
func TestKernelPart(t *testing.T) {
	for words, exact := range map[string]bool{
		"": true, "-4": true, "-p tcp -s 10.0.0.1": true, "-p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 5 --dport 80": true, "--mark 1/1": true,
		"-p icmp --icmp-type echo-request": true, "-s 10.0.0.0/8": false, "-p tcp,udp -4": false, "-s 10.0.0.1 --both": false, "! --mark 1": false,
	} {
		m, _, err := match.Parse(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		q := flows.Query{Match: m, Mark: m.Mark}
		q.Match.Mark = nil
		f := q.Filter(nil)
		if got := f.InKernel().Exact; got != exact {
			t.Errorf("%q: exact %v", words, got)
		}
	}
	m, _, err := match.Parse(strings.Fields("-p tcp -s 10.2.0.2 --sport 8080"))
	if err != nil {
		t.Fatal(err)
	}
	answers := (&flows.Query{Reply: m}).Filter(nil)
	if !answers.InKernel().Exact || answers.Reply.SrcPort != 8080 || !answers.Orig.IsZero() {
		t.Errorf("%+v", answers)
	}
	q := flows.Query{NAT: flows.DestinationNAT, State: flows.Words{Any: []string{"UNREPLIED"}}, Status: flows.Bits{Unset: conntrack.Assured}}
	f := q.Filter(nil)
	if f.Also != nil || f.Status != conntrack.DstNAT || f.StatusMask != conntrack.DstNAT|conntrack.SeenReply|conntrack.Assured {
		t.Errorf("%+v", f)
	}
}

// TestUnknown: what a message does not say is neither yes nor no.
func TestUnknown(t *testing.T) {
	f := entry(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1, 80)
	f.Has = 0
	soon := time.Second
	for name, q := range map[string]flows.Query{
		"status": {Status: flows.Bits{Set: conntrack.Assured}}, "state": {State: flows.Words{Any: []string{"ESTABLISHED"}}}, "unreplied": {State: flows.Words{Any: []string{"UNREPLIED"}, Not: true}},
		"age": {Older: time.Second}, "timeout": {ExpiresWithin: &soon},
	} {
		if v := q.Judge(f); v.Answer != match.Unknown || v.Why == "" {
			t.Errorf("%s: %+v", name, v)
		}
		q.Match.Family = packet.IPv6
		if v := q.Judge(f); v.Answer != match.No {
			t.Errorf("%s of IPv6: %+v", name, v)
		}
		q.Match.Family = packet.Unspec
		why := ""
		filter := q.Filter(func(w string) { why = w })
		if filter.Also != nil && (filter.Match(f) || why == "") {
			t.Errorf("%s: the filter takes it, or does not tell: %q", name, why)
		}
	}
	q := flows.Query{NAT: flows.SourceNAT}
	if v := q.Judge(f); v.Answer != match.No {
		t.Errorf("without a status the tuples tell NAT: %+v", v)
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"time-wait,NEW": "TIME_WAIT NEW false", "!established": "ESTABLISHED true", "!SYN_SENT,!new": "SYN_SENT NEW true",
	} {
		w, err := flows.ParseStates(text)
		if got := strings.Join(w.Any, " ") + " " + map[bool]string{true: "true", false: "false"}[w.Not]; err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "LISTENING", "new,!assured", "10", "ESTABLISHED,"} {
		if w, err := flows.ParseStates(text); err == nil {
			t.Errorf("%q: %+v", text, w)
		}
	}
	b, err := flows.ParseStatus("assured,!seen-reply,unreplied")
	if err != nil || b.Set != conntrack.Assured || b.Unset != conntrack.SeenReply {
		t.Errorf("%+v, %v", b, err)
	}
	for _, text := range []string{"", "ASSURED,!ASSURED", "0x10000", "ALIVE"} {
		if b, err := flows.ParseStatus(text); err == nil {
			t.Errorf("%q: %+v", text, b)
		}
	}
	var f conntrack.Flow
	if err := flows.SetState(&f, packet.ProtoTCP, "time_wait"); err != nil || f.TCP.State != conntrack.TCPTimeWait || f.Has != conntrack.HasTCPState {
		t.Errorf("%+v, %v", f, err)
	}
	for _, bad := range []struct {
		proto uint8
		word  string
	}{{packet.ProtoUDP, "ESTABLISHED"}, {packet.ProtoTCP, "COOKIE_WAIT"}, {packet.ProtoTCP, "10"}} {
		if err := flows.SetState(&f, bad.proto, bad.word); err == nil {
			t.Errorf("%+v", bad)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	m, _, err := match.Parse(strings.Fields("-p tcp,udp -d 10.0.0.0/8 --dport 80:90"))
	if err != nil {
		b.Fatal(err)
	}
	q := flows.Query{Match: m, State: flows.Words{Any: []string{"ESTABLISHED"}}}
	f := entry(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1, 80)
	b.ReportAllocs()
	for b.Loop() {
		if q.Judge(f).Answer != match.Yes {
			b.Fatal("no")
		}
	}
}
