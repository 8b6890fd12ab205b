package tally_test

import (
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/tally"
)

// A scan from many source ports is one flow for each port that it asks for.
func ExampleTally() {
	var parser logline.Parser
	var lines tally.Tally
	for port := range 3 {
		text := fmt.Sprintf("[UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.7 DST=10.1.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=51 ID=7 "+
			"PROTO=TCP SPT=%d DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0 ", 40000+port)
		l := event.LogLine{Clock: event.ClockWall}
		if _, err := parser.Parse([]byte(text), &l); err != nil {
			fmt.Println(err)
		}
		lines.Add(time.Date(2026, 11, 22, 13, 48, port, 0, time.UTC), &l)
	}
	sum := lines.Report(tally.Options{})
	for _, f := range sum.Flows.Top {
		fmt.Println(f.Count, f.Proto, f.Src, f.Dst, *f.DstPort)
	}
	for _, p := range sum.Prefixes.Top {
		fmt.Println(p.Count, p.Prefix, p.Origin.Tool, p.Origin.Action)
	}
	// Output:
	// 3 tcp 198.51.100.7 10.1.0.2 22
	// 3 [UFW BLOCK] ufw BLOCK
}
