package packet_test

import (
	"testing"

	"github.com/pktrail/pktrail/packet"
)

func FuzzDecode(f *testing.F) {
	f.Add(uint8(2), unhex(f, synV4), unhex(f, synTCP))
	f.Add(uint8(10), unhex(f, mldV6), unhex(f, mld[:49]))
	f.Add(uint8(10), []byte{}, unhex(f, "60000000000c2c40fd7700010000000000000000"))
	f.Add(uint8(3), unhex(f, "00010800060400020277020000020a4d02030277020000010a4d0201"), []byte{})
	f.Fuzz(func(t *testing.T, family uint8, network, transport []byte) {
		p, err := packet.Decode(packet.Family(family), network, transport)
		inspect(t, &p, err)
	})
}

func FuzzDecodeIP(f *testing.F) {
	f.Add(unhex(f, synV4+synTCP))
	f.Add(unhex(f, mldV6+hopOpts+mld))
	f.Add(unhex(f, "4500 0038 0000 0000 4001 0000 0a010002 0a60000a 0303 0000 0000 0000 4500 0404 0000 0000 4011 0000 0a010002 0a60000a 1111 0035 03f0 abcd"))
	f.Add(unhex(f, "6000 0000 0010 2c 40 fe80000000000000007701fffe000001 ff020000000000000000000000000016 1100 0029 00001234 0102030405060708"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := packet.DecodeIP(data)
		inspect(t, &p, err)
		if p.Inner != nil && p.Inner.Inner != nil {
			t.Error("a quotation inside a quotation")
		}
	})
}

func FuzzDecodeLink(f *testing.F) {
	f.Add(uint8(2), unhex(f, "027701000001 027701000002 88a8 e064 8100 0007 0800"))
	f.Add(uint8(10), unhex(f, "027701000001 027701000002 86dd"))
	f.Fuzz(func(t *testing.T, family uint8, header []byte) {
		p := packet.Packet{Family: packet.Family(family)}
		if err := packet.DecodeLink(header, &p); err != nil && p.Has != 0 {
			t.Errorf("%v, but %+v", err, p)
		}
	})
}

// inspect holds what is true of every packet, however odd its bytes are.
func inspect(t *testing.T, p *packet.Packet, err error) {
	t.Helper()
	if int(p.L4Len) > len(p.L4) {
		t.Errorf("%d bytes of L4", p.L4Len)
	}
	if p.Has&packet.HasIP != 0 && (!p.Src.IsValid() || !p.Dst.IsValid()) {
		t.Error("HasIP without addresses")
	}
	if p.Has&packet.HasTCP != 0 && p.Has&packet.HasPorts == 0 {
		t.Error("HasTCP without HasPorts")
	}
	if err == nil && p.Has&(packet.HasIP|packet.HasARP) == 0 {
		t.Error("neither IP nor ARP, and no error")
	}
	twin := *p
	if p.Key() != twin.Key() || p.LooseKey() != twin.LooseKey() || p.Trail() != twin.Trail() {
		t.Error("a packet's keys differ from its copy's")
	}
	if tuple := p.Tuple(); tuple.Reverse().Reverse() != tuple {
		t.Errorf("twice reversed, %+v is another", tuple)
	}
}
