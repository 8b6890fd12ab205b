package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"
)

// Pinged is what came back on echo requests.
type Pinged struct {
	Sent, Replies int
	Errors        []ICMPError // answers of hosts on the way
}

// ICMPError is an ICMP or ICMPv6 error about one of the requests.
type ICMPError struct {
	From       netip.Addr
	Type, Code uint8
}

// pingWait is how long a reply may take. In a lab microseconds are usual, and on a
// machine that is busy with something else longer than anybody would guess.
const pingWait = 5 * time.Second

// Ping sends n echo requests, each once the one before was answered or given
// up. No answer is no error: the counts tell.
func (l *Lab) Ping(ctx context.Context, from string, to netip.Addr, n int) (Pinged, error) {
	if n < 1 || n > 1<<16 {
		return Pinged{}, fmt.Errorf("ping %d times: between 1 and %d", n, 1<<16)
	}
	network, local := "ip4:icmp", "0.0.0.0"
	if to.Is6() {
		network, local = "ip6:ipv6-icmp", "::"
	}
	var c net.PacketConn
	err := l.do(from, func() error {
		var err error
		c, err = net.ListenPacket(network, local)
		return err
	})
	if err != nil {
		return Pinged{}, fmt.Errorf("ping %s: %w", to, err)
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	p := pinger{c: c, to: to, id: uint16(rand.Uint32())}
	for seq := range n {
		if err := p.once(ctx, uint16(seq+1)); err != nil {
			return p.got, fmt.Errorf("ping %s: %w", to, err)
		}
	}
	return p.got, nil
}

type pinger struct {
	c   net.PacketConn
	to  netip.Addr
	id  uint16
	got Pinged
}

func (p *pinger) once(ctx context.Context, seq uint16) error {
	if err := p.c.SetDeadline(time.Now().Add(pingWait)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := p.c.WriteTo(echoRequest(p.to.Is6(), p.id, seq), &net.IPAddr{IP: p.to.AsSlice()}); err != nil {
		return err
	}
	p.got.Sent++
	buf := make([]byte, 2048)
	for {
		n, from, err := p.c.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if p.take(buf[:n], from, seq) {
			return nil
		}
	}
}

// take reports whether the message answers the request.
func (p *pinger) take(b []byte, from net.Addr, seq uint16) bool {
	reply, header := uint8(0), 20
	if p.to.Is6() {
		reply, header = 129, 40
	}
	switch {
	case len(b) < 8:
		return false
	case b[0] == reply && p.mine(b, seq):
		p.got.Replies++
		return true
	case !isError(p.to.Is6(), b[0]) || len(b) < 8+header+8 || !p.mine(b[8+header:], seq):
		return false
	}
	e := ICMPError{Type: b[0], Code: b[1]}
	if ip, ok := from.(*net.IPAddr); ok {
		a, _ := netip.AddrFromSlice(ip.IP)
		e.From = a.Unmap()
	}
	p.got.Errors = append(p.got.Errors, e)
	return true
}

func isError(v6 bool, kind uint8) bool {
	if v6 {
		return kind < 128 // RFC 4443, 2.1
	}
	switch kind {
	case 3, 4, 5, 11, 12: // unreachable, quench, redirect, time exceeded, parameter problem
		return true
	}
	return false
}

func (p *pinger) mine(echo []byte, seq uint16) bool {
	return binary.BigEndian.Uint16(echo[4:]) == p.id && binary.BigEndian.Uint16(echo[6:]) == seq
}

// echoRequest leaves the checksum of ICMPv6 to the kernel, which knows the addresses.
func echoRequest(v6 bool, id, seq uint16) []byte {
	b := make([]byte, 8, 64)
	b[0] = 8
	if v6 {
		b[0] = 128
	}
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	b = append(b, "pktrail lab: echo request......."...)
	if !v6 {
		binary.BigEndian.PutUint16(b[2:], checksum(b))
	}
	return b
}

// checksum is the Internet checksum (RFC 1071) of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
