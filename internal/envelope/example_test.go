package envelope_test

import (
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/envelope"
)

func ExampleReader_Read() {
	r := envelope.Reader{Reference: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	line := []byte("Mar 11 20:35:11 gw kernel: [463490.251824] DROP IN=eth1 OUT=")
	var h envelope.Head
	r.Read(line, &h)
	fmt.Println(time.Unix(0, h.Unix).UTC(), h.Has&envelope.HasYear != 0)
	fmt.Println(time.Duration(h.Uptime))
	fmt.Printf("%s | %s\n", h.Host, line[h.Len:])
	// Output:
	// 2026-03-11 20:35:11 +0000 UTC false
	// 128h44m50.251824s
	// gw | DROP IN=eth1 OUT=
}
