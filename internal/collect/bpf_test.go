package collect

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// program loads `r0 = 0; exit` and returns its descriptor.
func program(t *testing.T, progType uint32) int {
	t.Helper()
	code := []uint64{0x00000000000000b7, 0x0000000000000095}
	license := []byte("GPL\x00")
	attr := struct {
		progType, insnCount uint32
		insns, license      uint64
		_                   [96]byte
	}{
		progType: progType, insnCount: uint32(len(code)),
		insns: uint64(uintptr(unsafe.Pointer(&code[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		lab.LacksRights(t, fmt.Sprintf("this kernel or user may not load BPF programs: %v", errno))
	}
	t.Cleanup(func() { _ = unix.Close(int(fd)) })
	return int(fd)
}

// attachTCX attaches a program to a link's egress without any qdisc.
func attachTCX(t *testing.T, ns *netns.NS, link string) {
	t.Helper()
	attr := struct {
		prog, target, attachType, flags uint32
		_                               [48]byte
	}{prog: uint32(program(t, unix.BPF_PROG_TYPE_SCHED_CLS)), attachType: 47} // BPF_TCX_EGRESS
	var fd uintptr
	err := ns.Do(func() error {
		l, err := netlink.LinkByName(link)
		if err != nil {
			return err
		}
		attr.target = uint32(l.Attrs().Index)
		var errno unix.Errno
		fd, _, errno = unix.Syscall(unix.SYS_BPF, unix.BPF_LINK_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(int(fd)) })
}

// attachXDP attaches a program to a link's driver.
func attachXDP(t *testing.T, ns *netns.NS, link string) {
	t.Helper()
	fd := program(t, unix.BPF_PROG_TYPE_XDP)
	err := ns.Do(func() error {
		l, err := netlink.LinkByName(link)
		if err != nil {
			return err
		}
		return netlink.LinkSetXdpFd(l, fd)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// attachTC puts a BPF program that passes every packet at a link's tc ingress.
func attachTC(t *testing.T, ns *netns.NS, link string) {
	t.Helper()
	fd := program(t, unix.BPF_PROG_TYPE_SCHED_CLS)
	err := ns.Do(func() error {
		l, err := netlink.LinkByName(link)
		if err != nil {
			return err
		}
		return netlink.FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: l.Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS,
				Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1,
			},
			Fd: fd, Name: "pass", DirectAction: true,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
