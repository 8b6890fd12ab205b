package lab

import (
	"strings"
	"testing"
)

// TestSysctlOutsideNet: what leads out of net is refused before any file is
// looked for. None of these is there, so that a hole would change nothing.
func TestSysctlOutsideNet(t *testing.T) {
	for _, key := range []string{
		"", ".", "net", "net.", "kernel.no_such", "net/../no_such", "net/ipv4/../../no_such", "net/./../no_such",
		"../sys/net/no_such", "/net/no_such", "/proc/sys/net/no_such", "network.no_such",
	} {
		if err := writeSysctl(key, "1"); err == nil || !strings.Contains(err.Error(), "is not below net") {
			t.Errorf("%q: %v", key, err)
		}
	}
	if err := writeSysctl("net.ipv4.no_such", "1"); err == nil || strings.Contains(err.Error(), "is not below net") {
		t.Error(err)
	}
}
