package logentry

import (
	"encoding/hex"

	"github.com/pktrail/pktrail/journey"
)

// ethernet reads a header of Ethernet from its text behind MAC=: destination,
// source, protocol. ok is false for headers of other lengths, and for all zeros,
// which is what packets of the loopback device have.
func ethernet(mac []byte, l *journey.LogLink) (ok bool) {
	const octets = 14
	if len(mac) != 3*octets-1 {
		return false
	}
	var b [octets]byte
	for i := range b {
		if _, err := hex.Decode(b[i:i+1], mac[3*i:3*i+2]); err != nil || i > 0 && mac[3*i-1] != ':' {
			return false
		}
	}
	if b == [octets]byte{} {
		return false
	}
	*l = journey.LogLink{Dst: journey.Ether(b[:6]), Src: journey.Ether(b[6:12]), Proto: journey.EtherType(b[12])<<8 | journey.EtherType(b[13])}
	return true
}
