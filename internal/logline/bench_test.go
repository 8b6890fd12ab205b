package logline

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

const (
	logText   = "inbound drop: IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:cc:dd:02:08:00 SRC=192.0.2.77 DST=198.51.100.21 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=41873 DF PROTO=TCP SPT=51742 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 "
	traceText = "TRACE: nat:KUBE-SERVICES:rule:212 IN=cni0 OUT= PHYSIN=veth5f21 MAC=52:54:00:aa:bb:01:52:54:00:cc:dd:02:08:00 SRC=10.244.1.9 DST=10.96.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=3391 DF PROTO=TCP SPT=40404 DPT=53 SEQ=3914002211 ACK=0 WINDOW=64860 RES=0x00 SYN URGP=0 OPT (020405820402080A0C3B5F1E0000000001030307) MARK=0x4000 "
	ipv6Text  = "v6 in: IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:cc:dd:02:86:dd SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=513872 PROTO=ICMPv6 TYPE=128 CODE=0 ID=77 SEQ=1 "
)

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{"LOG": logText, "TRACE": traceText, "IPv6": ipv6Text} {
		b.Run(name, func(b *testing.B) {
			line := []byte(text)
			var p Parser
			var l event.LogLine
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Parse(line, &l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	var p Parser
	var l event.LogLine
	if _, err := p.Parse([]byte(traceText), &l); err != nil {
		b.Fatal(err)
	}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = Append(text[:0], &l)
	}
}

func BenchmarkPacket(b *testing.B) {
	var p Parser
	var l event.LogLine
	if _, err := p.Parse([]byte(traceText), &l); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = Packet(&l)
	}
}

// ordinaryLog is what fills most logs: no packet line, some words with equal signs.
func ordinaryLog() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 8<<20; i++ {
		fmt.Fprintf(&b, "Nov 22 18:%02d:%02d node7 systemd[1]: Started session-%d.scope - Session %d of User root.\n", i/60%60, i%60, i, i)
		fmt.Fprintf(&b, "Nov 22 18:%02d:%02d node7 kubelet[812]: I1122 18:42:48.%06d     812 reconciler.go:224] operationExecutor.MountVolume started for volume\n", i/60%60, i%60, i%1000000)
		fmt.Fprintf(&b, "Nov 22 18:%02d:%02d node7 sshd[%d]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)\n", i/60%60, i%60, i)
		fmt.Fprintf(&b, "Nov 22 18:%02d:%02d node7 kernel: usb 1-%d: New USB device found, idVendor=1d6b, idProduct=0002, bcdDevice= 6.18\n", i/60%60, i%60, i%8)
		fmt.Fprintf(&b, "Nov 22 18:%02d:%02d node7 dhclient[901]: DHCPREQUEST for 192.0.2.%d on eth0 to 192.0.2.1 port 67\n", i/60%60, i%60, i%256)
	}
	return b.Bytes()
}

func BenchmarkFind(b *testing.B) {
	log := ordinaryLog()
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		if at := Find(log); at >= 0 {
			b.Fatalf("a packet line at %q", log[at:at+80])
		}
	}
}
