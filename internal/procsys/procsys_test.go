package procsys

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// oddPorts is a list longer than a small buffer, and shorter than the page that
// the kernel takes in one write.
func oddPorts() string {
	var ports []string
	for p := 20001; p < 21200; p += 2 {
		ports = append(ports, strconv.Itoa(p))
	}
	return strings.Join(ports, ",")
}

func TestSet(t *testing.T) {
	ns, err := netns.New("set")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	for _, c := range []struct {
		path, value, now string
		err              error
	}{
		{"net/ipv4/ip_forward", "1", "1", nil},
		{"net/ipv4/ip_local_port_range", "2000 3000", "2000 3000", nil},
		{"net/ipv4/ip_local_reserved_ports", "2001,2100-2200", "2001,2100-2200", nil},
		{"net/ipv4/ip_local_reserved_ports", oddPorts(), oddPorts(), nil},
		{"net/ipv4/ip_local_reserved_ports", "", "", nil},
		{"net/ipv4/conf/all/rp_filter", "x", "", unix.EINVAL},
		{"net/netfilter/nf_conntrack_max", "1000", "", os.ErrPermission}, // one for the host
		{"net/ipv4/no_such", "1", "", os.ErrNotExist},
	} {
		now, err := Set(ns, c.path, c.value)
		if now != c.now || !errors.Is(err, c.err) {
			t.Errorf("%s=%q: %q, %v; want %q, %v", c.path, c.value, now, err, c.now, c.err)
		}
	}
	for _, path := range []string{"kernel/no_such", "net/../net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_forward", "net//ipv4/ip_forward", "net", ""} {
		if _, err := Set(ns, path, "0"); err == nil {
			t.Errorf("%s was written", path)
		}
	}
}
