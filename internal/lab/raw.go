package lab

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// SendIP sends a whole IP packet, as it is, out of a namespace: it passes the
// output hook and is routed by its destination. For IPv4 the kernel fills in a
// header checksum, and an identification or source that is zero.
func (l *Lab) SendIP(ns string, packet []byte) error {
	sa, family, err := destination(packet)
	if err != nil {
		return err
	}
	err = l.do(ns, func() error {
		fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return unix.Sendto(fd, packet, unix.MSG_DONTWAIT, sa)
	})
	if err != nil {
		return fmt.Errorf("send packet from %s: %w", ns, err)
	}
	return nil
}

// SendFrame sends a whole Ethernet frame out of an interface, past routing and
// all hooks of its own namespace.
func (l *Lab) SendFrame(ns, iface string, frame []byte) error {
	if len(frame) < 14 {
		return fmt.Errorf("send frame: %d bytes are no Ethernet frame", len(frame))
	}
	err := l.do(ns, func() error {
		dev, err := net.InterfaceByName(iface)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		sa := &unix.SockaddrLinklayer{Ifindex: dev.Index, Halen: 6}
		copy(sa.Addr[:], frame[:6])
		return unix.Sendto(fd, frame, unix.MSG_DONTWAIT, sa)
	})
	if err != nil {
		return fmt.Errorf("send frame out of %s/%s: %w", ns, iface, err)
	}
	return nil
}

func destination(packet []byte) (unix.Sockaddr, int, error) {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return &unix.SockaddrInet4{Addr: [4]byte(packet[16:20])}, unix.AF_INET, nil
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return &unix.SockaddrInet6{Addr: [16]byte(packet[24:40])}, unix.AF_INET6, nil
	}
	return nil, 0, fmt.Errorf("send packet: %d bytes are no IP packet", len(packet))
}
