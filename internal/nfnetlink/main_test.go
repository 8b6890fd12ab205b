package nfnetlink_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// place is a namespace in which every UDP packet to port 9 makes one trace event.
type place struct {
	ns     *netns.NS
	sender int // a UDP socket
}

const tracing = `table inet t {
	chain c {
		type filter hook output priority -500
		udp dport 9 meta nftrace set 1 accept
	}
}`

func traced(t testing.TB) *place {
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
		if err = upLoopback(p.sender); err != nil {
			return err
		}
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin, cmd.Stderr = strings.NewReader(tracing), os.Stderr
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

func upLoopback(fd int) error {
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// send sends packets whose data is their number, from first on.
func (p *place) send(t testing.TB, first, n int) {
	t.Helper()
	to := &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}
	var data [8]byte
	for i := range n {
		binary.BigEndian.PutUint64(data[:], uint64(first+i))
		if err := unix.Sendto(p.sender, data[:], 0, to); err != nil {
			t.Error(err)
			return
		}
	}
}

// socket opens a socket in the place; it hears trace events if asked.
func (p *place) socket(t testing.TB, buffer int, hear bool) *nfnetlink.Socket {
	t.Helper()
	var s *nfnetlink.Socket
	err := p.ns.Do(func() (err error) {
		s, err = nfnetlink.Open(buffer)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if hear {
		if err := s.Join(unix.NFNLGRP_NFTRACE); err != nil {
			t.Fatal(err)
		}
	}
	return s
}
