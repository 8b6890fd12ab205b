package logline_test

import (
	"fmt"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
)

func ExampleParser_Parse() {
	text := []byte("TRACE: raw:PREROUTING:rule:3 IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=ICMP TYPE=8 CODE=0 ID=21 SEQ=1 ")
	var p logline.Parser
	var l event.LogLine
	if _, err := p.Parse(text, &l); err != nil {
		fmt.Println(err)
	}
	fmt.Println(l.Trace.Table, l.Trace.Chain, l.Trace.Number, l.In, l.Headers.Src, l.Headers.ICMPID)
	// Output: raw PREROUTING 3 eth0 192.0.2.7 21
}

func ExampleOriginOf() {
	o, _ := logline.OriginOf("Shorewall:net-fw:DROP:")
	fmt.Println(o.Tool, o.Chain, o.Action)
	// Output: shorewall net-fw DROP
}
