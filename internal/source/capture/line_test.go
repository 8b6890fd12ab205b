package capture

import (
	"testing"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
)

// TestAsLines: what is captured can be told as the kernel's log would tell it, and
// no more of it than the capture tells.
func TestAsLines(t *testing.T) {
	v4, v6 := datagram(t, "10.0.0.1", "10.0.0.2", 1), datagram(t, "fd00::1", "fd00::2", 1)
	macs := ethernetHeader[:12]
	const addrs = event.HasAddrs | event.HasProto | event.HasPorts
	for _, c := range []struct {
		name   string
		file   []byte
		line   event.LineHas
		packet event.HeaderHas
	}{
		{"ethernet", single(linkEthernet, frame(v4)), event.HasMACs, addrs},
		{"ethernet, IPv6", single(linkEthernet, cat(macs, []byte{0x86, 0xdd}, v6)), event.HasMACs, addrs},
		{"raw", single(linkRaw, v6), 0, addrs},
		{"received", single(linkSLL2, cat([]byte{8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 6}, make([]byte, 8), v4)), event.HasIn, addrs},
		{"sent", single(linkSLL2, cat([]byte{8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6}, make([]byte, 8), v4)), event.HasOut, addrs},
		{"802.2", single(linkEthernet, cat(macs, []byte{0, 38, 0x42, 0x42, 3})), event.HasMACs, 0},
		{"lldp", single(linkEthernet, cat(macs, []byte{0x88, 0xcc, 2, 7})), event.HasMACs, 0},
		{"named", newNg(big).iface(linkRaw, 0, newNg(big).option(optionName, []byte("tun0"))).packet(0, 1, v4).b, event.HasIn, addrs},
		{"nflog", single(linkNFLOG, message(little, 1, v4)), event.HasIn | event.HasOut | event.HasMACs | event.HasMark, addrs},
	} {
		got := read(t, c.file)
		got.only(t, 1)
		var p logline.Parser
		var line event.LogLine
		name := func(index uint32) string { return got.links[index] }
		if err := p.Message(&got.logs[0], name, &line); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		const told = event.HasIn | event.HasOut | event.HasMAC | event.HasMACs | event.HasMark
		if line.Has&told != c.line || line.Headers.Has&addrs != c.packet || line.Cut != 0 {
			t.Errorf("%s: %s: has %b, %b; cut %b", c.name, logline.Append(nil, &line), line.Has, line.Headers.Has, line.Cut)
		}
	}
}
