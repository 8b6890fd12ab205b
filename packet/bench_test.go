package packet_test

import (
	"testing"

	"github.com/pktrail/pktrail/packet"
)

// hot are the calls that are made for every event of the kernel.
func hot(b testing.TB) map[string]func() {
	network, transport := unhex(b, synV4), unhex(b, synTCP)
	payload := unhex(b, mldV6+hopOpts+mld)
	link := unhex(b, "027701000001 027701000002 0800")
	p, err := packet.DecodeIP(unhex(b, synV4+synTCP))
	if err != nil {
		b.Fatal(err)
	}
	seen := map[packet.Key]int{p.Key(): 1}
	return map[string]func(){
		"Decode":     func() { _, _ = packet.Decode(packet.IPv4, network, transport) },
		"DecodeIP":   func() { _, _ = packet.DecodeIP(payload) },
		"DecodeLink": func() { _ = packet.DecodeLink(link, &p) },
		"Key":        func() { _ = seen[p.Key()] },
		"LooseKey":   func() { _ = seen[p.LooseKey()] },
		"Trail":      func() { _ = seen[p.Trail()] },
		"Tuple":      func() { _ = p.Tuple().Reverse() },
		"ProtoName":  func() { _ = packet.ProtoName(packet.ProtoTCP) },
	}
}

func TestNoAllocation(t *testing.T) {
	for name, call := range hot(t) {
		if n := testing.AllocsPerRun(100, call); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func Benchmark(b *testing.B) {
	for name, call := range hot(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}
