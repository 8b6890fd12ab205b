package source

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestNumbers holds the numbers that are written down here to the system's headers.
func TestNumbers(t *testing.T) {
	if typeNoop != unix.NLMSG_NOOP || typeError != unix.NLMSG_ERROR || typeDone != unix.NLMSG_DONE {
		t.Error("netlink's own messages have other numbers")
	}
}
