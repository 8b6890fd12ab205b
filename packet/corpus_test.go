package packet_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/pktrail/pktrail/packet"
)

// kernelLog is a file of the corpus: netlink messages in hex, one datagram a line.
func kernelLog(t testing.TB, name string) [][]byte {
	t.Helper()
	root := os.Getenv("PKTRAIL_CORPUS")
	if root == "" {
		root = "../../shared/corpus"
	}
	text, err := os.ReadFile(filepath.Join(root, "logs", "kernel", name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus must be there in CI: %v", err)
		}
		t.Skipf("no corpus (set PKTRAIL_CORPUS): %v", err)
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

// TestKernelBytes decodes what a kernel handed out and finds the same packets
// in its trace and in its log.
func TestKernelBytes(t *testing.T) {
	traced := map[packet.Key]int{}
	var traces int
	for _, m := range kernelLog(t, "nft.trace.hex") {
		a := attributes(m)
		if a[traceNetwork] == nil {
			continue
		}
		traces++
		family := packet.Unspec
		if proto := binary.BigEndian.Uint32(a[traceNFProto]); proto == 2 || proto == 10 {
			family = packet.Family(proto)
		}
		p, err := packet.Decode(family, a[traceNetwork], a[traceTransport])
		if err != nil {
			t.Logf("trace % x | % x: %v", a[traceNetwork], a[traceTransport], err)
			continue
		}
		if err := packet.DecodeLink(a[traceLink], &p); err != nil {
			t.Errorf("link header % x: %v", a[traceLink], err)
		}
		traced[p.Key()]++
	}
	met := map[packet.Family]int{}
	var logs, unmet int
	for _, m := range kernelLog(t, "nft.nflog5.hex") {
		a := attributes(m)
		p, err := packet.DecodeIP(a[logPayload])
		if err != nil {
			t.Logf("log % x: %v", a[logPayload], err)
			continue
		}
		logs++
		if err := packet.DecodeLink(a[logHWHeader], &p); err != nil {
			t.Errorf("link header % x: %v", a[logHWHeader], err)
		}
		if traced[p.Key()] > 0 {
			met[p.Family]++
		} else {
			unmet++
			t.Logf("not in the trace: %+v", p)
		}
	}
	t.Logf("%d traces of %d keys, %d log messages: %v met, %d not", traces, len(traced), logs, met, unmet)
	if met[packet.IPv4] == 0 || met[packet.IPv6] == 0 {
		t.Errorf("of %d log messages the trace has %v", logs, met)
	}
}
