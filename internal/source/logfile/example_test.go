package logfile_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/source/logfile"
)

func ExampleOpen() {
	log := strings.NewReader(`2026-11-22T10:00:00+00:00 fw kernel: [    5.000000] in: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 LEN=84 PROTO=ICMP TYPE=8 CODE=0
2026-11-22T10:00:01+00:00 fw sshd[7]: Server listening on 0.0.0.0 port 22.
`)
	s, err := logfile.Open([]string{logfile.Stdin}, logfile.Options{Stdin: log})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Run(context.Background(), func(events []event.Event) {
		for _, e := range events {
			if e.Kind == event.KindLine {
				fmt.Println(e.Time, e.Line.Host, e.Line.Prefix, e.Line.Headers.Src)
			}
		}
	})
	fmt.Println(err, s.Counts().Lines)
	// Output:
	// 2026-11-22 10:00:00 +0000 UTC fw in:  10.1.0.2
	// <nil> 1
}
