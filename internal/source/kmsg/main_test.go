package kmsg

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
)

// hostNetnsEnv holds a descriptor of the network namespace in which the tests
// were started: lab.Main runs them in another one.
const hostNetnsEnv = "PKTRAIL_TEST_HOST_NETNS"

func TestMain(m *testing.M) {
	if _, set := os.LookupEnv(hostNetnsEnv); !set {
		if fd, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY, 0); err == nil {
			_ = os.Setenv(hostNetnsEnv, strconv.Itoa(fd))
		}
	}
	os.Exit(lab.Main(m))
}
