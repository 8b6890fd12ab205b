package nfnetlink

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

// TestAddressed: only nfnetlink_hook leaves the socket's port out of its answers.
func TestAddressed(t *testing.T) {
	for _, c := range []struct {
		subsystem uint16
		port      uint32
		want      bool
	}{
		{unix.NFNL_SUBSYS_NFTABLES, 9, true}, {unix.NFNL_SUBSYS_NFTABLES, 0, false}, {unix.NFNL_SUBSYS_NFTABLES, 8, false},
		{unix.NFNL_SUBSYS_HOOK, 9, true}, {unix.NFNL_SUBSYS_HOOK, 0, true}, {unix.NFNL_SUBSYS_HOOK, 8, false},
	} {
		message := wire.AppendMessage(nil, c.subsystem<<8, 0, 1, unix.NFPROTO_IPV4, 0, nil)
		binary.NativeEndian.PutUint32(message[12:], c.port)
		if got := (&request{port: 9}).addressed(message); got != c.want {
			t.Errorf("subsystem %d, port %d: %t", c.subsystem, c.port, got)
		}
	}
}
