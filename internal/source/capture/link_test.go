package capture

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
)

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestLinkTypes(t *testing.T) {
	v4, v6 := datagram(t, "10.0.0.1", "10.0.0.2", 1), datagram(t, "fd00::1", "fd00::2", 1)
	macs := ethernetHeader[:12]
	arp := []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2}
	ip := func(header, payload []byte) event.Log {
		return event.Log{Family: 2, EtherType: 0x800, LinkHeader: header, Payload: payload}
	}
	ip6 := func(header, payload []byte) event.Log {
		return event.Log{Family: 10, EtherType: 0x86dd, LinkHeader: header, Payload: payload}
	}
	in7 := func(l event.Log) event.Log { l.In = 7; return l }
	out7 := func(l event.Log) event.Log { l.Out = 7; return l }
	sll := func(typ, proto byte) []byte {
		return []byte{0, typ, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, proto, 0}
	}
	sll2 := func(typ byte, proto ...byte) []byte {
		return cat(proto, []byte{0, 0, 0, 0, 0, 7, 0, 1, typ, 6, 2, 0, 0, 0, 0, 2, 0, 0})
	}
	vlan := cat(macs, []byte{0x81, 0, 0, 5, 8, 0})
	qinq := cat(macs, []byte{0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x86, 0xdd})
	stp := cat(macs, []byte{0, 38})
	for _, c := range []struct {
		name string
		link uint32
		data []byte
		want event.Log
	}{
		{"ethernet", linkEthernet, frame(v4), ip(ethernetHeader, v4)},
		{"vlan", linkEthernet, cat(vlan, v4), ip(vlan, v4)},
		{"two vlans", linkEthernet, cat(qinq, v6), ip6(qinq, v6)},
		{"arp", linkEthernet, cat(macs, []byte{8, 6}, arp), event.Log{Family: 3, EtherType: 0x806, LinkHeader: cat(macs, []byte{8, 6}), Payload: arp}},
		{"802.2", linkEthernet, cat(stp, []byte{0x42, 0x42, 3}), event.Log{Family: 5, EtherType: 4, LinkHeader: stp, Payload: []byte{0x42, 0x42, 3}}},
		{"802.3", linkEthernet, cat(stp, []byte{0xff, 0xff, 3}), event.Log{Family: 5, EtherType: 1, LinkHeader: stp, Payload: []byte{0xff, 0xff, 3}}},
		{"lldp", linkEthernet, cat(macs, []byte{0x88, 0xcc, 1}), event.Log{Family: 5, EtherType: 0x88cc, LinkHeader: cat(macs, []byte{0x88, 0xcc}), Payload: []byte{1}}},
		{"raw 4", linkRaw, v4, ip(nil, v4)},
		{"raw 6", linkRaw, v6, ip6(nil, v6)},
		{"raw, the other number", linkRawLinux, v6, ip6(nil, v6)},
		{"ipv4", linkIPv4, v4, ip(nil, v4)},
		{"ipv6", linkIPv6, v6, ip6(nil, v6)},
		{"null, little-endian", linkNull, cat([]byte{2, 0, 0, 0}, v4), ip(nil, v4)},
		{"null, big-endian", linkNull, cat([]byte{0, 0, 0, 30}, v6), ip6(nil, v6)},
		{"loop", linkLoop, cat([]byte{0, 0, 0, 24}, v6), ip6(nil, v6)},
		{"cooked, received", linkSLL, cat(sll(0, 8), v4), ip(nil, v4)},
		{"cooked, sent", linkSLL, cat(sll(4, 8), v4), ip(nil, v4)},
		{"cooked 2, received", linkSLL2, cat(sll2(0, 8, 0), v4), in7(ip(nil, v4))},
		{"cooked 2, to another host", linkSLL2, cat(sll2(3, 8, 0), v4), in7(ip(nil, v4))},
		{"cooked 2, sent", linkSLL2, cat(sll2(4, 0x86, 0xdd), v6), out7(ip6(nil, v6))},
		{"cooked 2, vlan", linkSLL2, cat(sll2(4, 0x81, 0), []byte{0, 9, 8, 0}, v4), out7(ip(nil, v4))},
	} {
		got := read(t, single(c.link, c.data))
		got.only(t, 1)
		c.want.Hook, c.want.Timestamp = event.NoHook, got.times[0]
		if c.link == linkEthernet || c.link == linkSLL || c.link == linkSLL2 {
			c.want.LinkType, c.want.HasLinkType = deviceEthernet, true
		}
		if d := cmp.Diff(c.want, got.logs[0]); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		want := map[uint32]string{7: "if7"}
		if c.link != linkSLL2 {
			want = map[uint32]string{}
		}
		if d := cmp.Diff(want, got.links); d != "" {
			t.Errorf("%s: interfaces: %s", c.name, d)
		}
	}
}

func TestUndecoded(t *testing.T) {
	v4 := datagram(t, "10.0.0.1", "10.0.0.2", 1)
	for _, c := range []struct {
		link uint32
		data []byte
		want string
	}{
		{105, v4, "packets of link type 105 are not decoded here"},
		{linkEthernet, ethernetHeader[:13], "ethernet header: 13 bytes, want 14"},
		{linkEthernet, cat(ethernetHeader[:12], []byte{0x81, 0, 0}), "vlan header: 1 bytes, want 4"},
		{linkRaw, nil, "ip header: 0 bytes, want 1"},
		{linkRaw, []byte{0x55}, "ip header: version 5, want 4 or 6"},
		{linkNull, []byte{2, 0, 0}, "loopback header: 3 bytes, want 4"},
		{linkLoop, cat([]byte{0, 0, 0, 7}, v4), "loopback header: address family 7 is neither IPv4 nor IPv6"},
		{linkSLL, make([]byte, 15), "cooked header: 15 bytes, want 16"},
		{linkSLL2, make([]byte, 19), "cooked header: 19 bytes, want 20"},
		{linkSLL, cat([]byte{0, 0, 3, 56}, make([]byte, 12), v4), "cooked header: a device of type 824, whose packets are not decoded here"},
		{linkSLL2, cat(make([]byte, 8), []byte{3, 35}, make([]byte, 10)), "a device of type 803"},
		{linkNFLOG, []byte{2, 0, 0}, "NFLOG header: 3 bytes, want 4"},
		{linkNFLOG, []byte{2, 0, 0, 5, 8}, "NFLOG message: no attribute at offset 4 of 5"},
	} {
		got := read(t, single(c.link, c.data))
		if len(got.logs) != 0 || len(got.undecoded) != 1 {
			t.Errorf("%s: %+v", c.want, got)
			continue
		}
		u := got.undecoded[0]
		if !strings.HasPrefix(u.Reason, "f: packet at offset 24: ") || !strings.Contains(u.Reason, c.want) || string(u.Raw) != string(c.data) {
			t.Errorf("%q %x, want %q %x", u.Reason, u.Raw, c.want, c.data)
		}
	}
}
