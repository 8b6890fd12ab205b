package packet_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/packet"
)

// kernelLog is a file of the corpus: netlink messages in hex, one datagram a line.
func kernelLog(t testing.TB, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(corpus.Path(t, "logs", "kernel", name))
	if err != nil {
		t.Fatal(err)
	}
	var messages [][]byte
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		datagram, err := hex.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		for len(datagram) >= 20 {
			size := int(binary.NativeEndian.Uint32(datagram))
			messages = append(messages, datagram[:size])
			datagram = datagram[min(len(datagram), (size+3)&^3):]
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return messages
}

// attributes of a netfilter netlink message, by type.
func attributes(message []byte) map[uint16][]byte {
	found := map[uint16][]byte{}
	for b := message[20:]; len(b) >= 4; {
		size := int(binary.NativeEndian.Uint16(b))
		found[binary.NativeEndian.Uint16(b[2:])&0x3fff] = b[4:size]
		b = b[min(len(b), (size+3)&^3):]
	}
	return found
}

const (
	traceLink, traceNetwork, traceTransport, traceNFProto = 7, 8, 9, 15
	logPayload, logHWHeader                               = 9, 16
)

// TestKernelBytes decodes what a kernel handed out, and finds the packets of
// its log in its trace.
func TestKernelBytes(t *testing.T) {
	traced := map[packet.Key]bool{}
	for _, m := range kernelLog(t, "nft.trace.hex") {
		a := attributes(m)
		if a[traceNetwork] == nil && a[traceTransport] == nil {
			continue
		}
		p, err := packet.Decode(tracedFamily(a), a[traceNetwork], a[traceTransport])
		if err != nil && len(a[traceTransport]) >= 20 && p.Has&packet.HasProto != 0 {
			t.Errorf("trace % x | % x: %v", a[traceNetwork], a[traceTransport], err)
		}
		if err := packet.DecodeLink(a[traceLink], &p); err != nil {
			t.Errorf("link header % x: %v", a[traceLink], err)
		}
		traced[p.Key()] = true
	}
	met := map[packet.Family]int{}
	var unmet []packet.Packet
	for _, m := range kernelLog(t, "nft.nflog5.hex") {
		a := attributes(m)
		if len(a[logPayload]) == 0 { // a rule that asks for no bytes of the packet
			continue
		}
		p, _ := packet.DecodeIP(a[logPayload])
		if err := packet.DecodeLink(a[logHWHeader], &p); err != nil {
			t.Errorf("link header % x: %v", a[logHWHeader], err)
		}
		if traced[p.Key()] {
			met[p.Family]++
		} else {
			unmet = append(unmet, p)
		}
	}
	t.Logf("%d packets in the trace; of the log's %v are among them and %d are not", len(traced), met, len(unmet))
	if met[packet.IPv4] < 100 || met[packet.IPv6] < 80 || len(unmet) > 3 {
		t.Errorf("not in the trace: %+v", unmet)
	}
}

// tracedFamily is the packet's family; bridge and netdev tables have both.
func tracedFamily(a map[uint16][]byte) packet.Family {
	switch family := packet.Family(binary.BigEndian.Uint32(a[traceNFProto])); family {
	case packet.IPv4, packet.IPv6, packet.ARP:
		return family
	}
	if link := a[traceLink]; len(link) >= 14 {
		return packet.FamilyOf(binary.BigEndian.Uint16(link[12:]))
	}
	return packet.Unspec
}
