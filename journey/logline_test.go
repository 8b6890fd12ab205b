package journey_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// blocked is a line that has what most lines have.
func blocked() *journey.LogLine {
	return &journey.LogLine{
		Time: noon, Clock: journey.ClockAssumed, Uptime: new(journey.Uptime(1953615447 * time.Microsecond)), Host: "gw",
		File: "/var/log/kern.log", Line: new(int64(12)), Offset: new(int64(4711)),
		Prefix: new("[UFW BLOCK] "), Origin: &journey.Origin{Tool: "ufw", Action: "block"}, In: new("eth0"), Out: new(""),
		MAC:  journey.Bytes("02:00:00:00:00:02:02:00:00:00:00:01:08:00"),
		Link: &journey.LogLink{Src: journey.Ether{2, 0, 0, 0, 0, 1}, Dst: journey.Ether{2, 0, 0, 0, 0, 2}, Proto: 0x0800},
		Packet: journey.LogPacket{
			Family: "ipv4", Proto: "tcp", Src: netip.MustParseAddr("198.51.100.7"), Dst: netip.MustParseAddr("10.1.0.2"),
			SrcPort: new(uint16(41234)), DstPort: new(uint16(22)), Length: new(uint32(60)), TTL: new(uint8(51)), TOS: new(uint8(0)),
			IPID: new(uint32(0)), DF: true, TCP: &journey.LogTCP{
				Flags: new("S"), Window: new(uint16(64240)), Reserved: new(uint8(0)), Urgent: new(uint16(0)),
			},
		},
	}
}

// everything is a line that fills every field.
func everything() *journey.LogLine {
	l := blocked()
	l.Trace = &journey.TraceLine{Table: "raw", Chain: "PREROUTING", Type: "policy", Number: 3}
	l.Origin.Chain = "input"
	l.Netns, l.Hook = &journey.Netns{Name: "rt", Inode: 7, Cookie: "4097"}, ruleset.Prerouting
	l.PhysIn, l.PhysOut = new("veth1"), new("veth2")
	l.VLAN = &journey.VLANTag{Proto: 0x8100, ID: 7}
	l.Tunnel = &journey.Tunnel{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2")}
	l.UID, l.GID, l.Mark = new(uint32(0)), new(uint32(100)), new(uint32(0x4000))
	l.Cut, l.Rest = []string{"head", "tail"}, journey.Bytes("DP <x>")
	p := &l.Packet
	p.FlowLabel, p.CE, p.Fragment, p.IPOptions = new(uint32(0)), true, &journey.Fragment{Offset: 1480, More: true}, journey.Bytes("94040000")
	p.TCP.Seq, p.TCP.Ack, p.TCP.Options = new(uint32(1)), new(uint32(0)), journey.Bytes("020405B4")
	p.UDP = &journey.LogUDP{Length: new(uint16(40))}
	p.ICMP = &journey.LogICMP{
		Type: 5, Code: new(uint8(1)), Name: "redirect", ID: new(uint16(7)), Seq: new(uint16(1)), Parameter: new(uint32(20)),
		Gateway: netip.MustParseAddr("10.1.0.254"), MTU: new(uint32(1400)),
	}
	p.ARP = &journey.LogARP{
		Hardware: new(uint16(1)), Protocol: new(uint16(0x800)), Op: new(uint16(1)), Name: "request",
		SrcEther: &journey.Ether{2, 0, 0, 0, 0, 1}, DstEther: new(journey.Ether),
	}
	p.SPI, p.Incomplete, p.Truncated = new(uint32(0x2ab3b3bc)), new(uint32(2)), true
	p.Inner = &journey.LogPacket{Family: "ipv4", Proto: "udp", Src: p.Dst, Dst: p.Src}
	return l
}

func TestLogLineGolden(t *testing.T) {
	golden(t, "logline.json", blocked())
	golden(t, "logline-all.json", everything())
	golden(t, "logline-empty.json", &journey.LogLine{})
}

func TestBadLogTexts(t *testing.T) {
	for _, text := range []string{`{"uptime":"1"}`, `{"uptime":1e99}`, `{"link":{"src":"02:00"}}`, `{"link":{"src":"02:00:00:00:0:001"}}`, `{"link":{"proto":"ip"}}`, `{"link":{"src":"zz:00:00:00:00:01"}}`} {
		if err := json.Unmarshal([]byte(text), new(journey.LogLine)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

// genericLine is what encoding/json makes of the field tags alone.
func genericLine(t testing.TB, l *journey.LogLine) string {
	t.Helper()
	type fields journey.LogLine
	out := fields(*l)
	out.Schema = journey.LogLineSchema
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func compareLine(t *testing.T, l *journey.LogLine) {
	t.Helper()
	if want, got := genericLine(t, l), string(l.AppendJSON(nil)); got != want {
		t.Errorf("AppendJSON differs from encoding/json (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func filledLine(seed uint64, word string, every bool) *journey.LogLine {
	f := &filler{rand: rand.New(rand.NewPCG(seed, 1)), word: word, every: every}
	l := new(journey.LogLine)
	f.fill(reflect.ValueOf(l).Elem(), 4)
	return l
}

// TestLogLineAppendJSON: every field filled, so that none is forgotten; then some.
func TestLogLineAppendJSON(t *testing.T) {
	for _, l := range []*journey.LogLine{{}, blocked(), everything()} {
		compareLine(t, l)
	}
	for seed := range uint64(20) {
		compareLine(t, filledLine(seed, "fw: ", true))
	}
	for seed := range uint64(1000) {
		compareLine(t, filledLine(seed, "a<b>&\"\\\n\x00\u2028é\xff", false))
	}
}

func FuzzLogLineAppendJSON(f *testing.F) {
	f.Add(uint64(1), "[UFW BLOCK] ")
	f.Fuzz(func(t *testing.T, seed uint64, word string) { compareLine(t, filledLine(seed, word, false)) })
}

func TestLogLineAppendJSONAllocatesNothing(t *testing.T) {
	l, b := blocked(), make([]byte, 0, 4<<10)
	if n := testing.AllocsPerRun(100, func() { b = l.AppendJSON(b[:0]) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times", n)
	}
}

func TestUptime(t *testing.T) {
	for u, want := range map[time.Duration]string{
		0: "0.000000", 1953615447 * time.Microsecond: "1953.615447", -1500 * time.Millisecond: "-1.500000", 999: "0.000000",
	} {
		got, err := json.Marshal(journey.Uptime(u))
		if err != nil || string(got) != want {
			t.Errorf("%v: %s, %v; want %s", u, got, err, want)
		}
	}
}

func BenchmarkLogLineJSON(b *testing.B) {
	l, line := blocked(), make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		line = l.AppendJSON(line[:0])
	}
}
