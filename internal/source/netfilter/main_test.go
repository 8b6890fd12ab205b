package netfilter

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// holdEnv makes the test binary a process that only holds NFLOG group 0 of the
// namespace it was started in, until its input ends.
const holdEnv = "PKTRAIL_TEST_HOLD_GROUP"

func TestMain(m *testing.M) {
	if os.Getenv(holdEnv) != "" {
		os.Exit(hold())
	}
	os.Exit(lab.Main(m))
}

func hold() int {
	ns, err := netns.Current()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := Open(ns, Options{})
	if err == nil {
		err = s.ListenLegacy(ns)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// place is a namespace with rules, and a UDP socket in it.
type place struct {
	ns     *netns.NS
	sender int
}

// Each UDP packet to port 9 makes a trace event, to port 10 a trace event and a line.
const rules = `table inet t {
	chain c {
		type filter hook output priority -500
		udp dport 9 meta nftrace set 1 accept
		udp dport 10 meta nftrace set 1 log prefix "TRACE: raw:OUTPUT:rule:3 " group 0 accept
	}
}`

func newPlace(t testing.TB) *place {
	t.Helper()
	lab.Need(t, lab.NFT)
	ns, err := netns.New(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	p := &place{ns: ns}
	err = ns.Do(func() (err error) {
		if p.sender, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		lo, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		lo.SetUint16(unix.IFF_UP)
		if err := unix.IoctlIfreq(p.sender, unix.SIOCSIFFLAGS, lo); err != nil {
			return err
		}
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin, cmd.Stderr = strings.NewReader(rules), os.Stderr
		return cmd.Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(p.sender)
		_ = ns.Close()
	})
	return p
}

func (p *place) send(t testing.TB, port, n int) {
	t.Helper()
	to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	for range n {
		if err := unix.Sendto(p.sender, []byte("12345678"), 0, to); err != nil {
			t.Error(err)
			return
		}
	}
}

func (p *place) open(t testing.TB, opt Options) *Source {
	t.Helper()
	s, err := Open(p.ns, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
