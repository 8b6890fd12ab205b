package lab

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// trafficTime bounds every connection and every wait of the lab's traffic, however
// busy the machine is.
const trafficTime = 30 * time.Second

// Dial opens a connection ("tcp", "udp") whose socket belongs to a namespace of
// the lab. It is given up when ctx ends, and a connection that was made has a
// deadline, so that no test hangs on a dropped packet.
func (l *Lab) Dial(ctx context.Context, from, network string, to netip.AddrPort) (net.Conn, error) {
	var c net.Conn
	err := l.do(from, func() error {
		d := net.Dialer{Timeout: trafficTime}
		d.SetMultipathTCP(false)
		var err error
		c, err = d.DialContext(ctx, network, to.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(trafficTime))
}

// Server echoes what it gets and remembers from whom.
type Server struct {
	Addr netip.AddrPort

	mu     sync.Mutex
	heard  []netip.AddrPort
	open   map[net.Conn]bool
	closed bool

	sock interface{ Close() error }
	wg   sync.WaitGroup
}

// Heard is the far end of every TCP connection or UDP datagram so far.
func (s *Server) Heard() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]netip.AddrPort(nil), s.heard...)
}

// Close ends the server with its connections. The lab's Down does it too.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	_ = s.sock.Close()
	s.wg.Wait()
}

// TCPServer echoes on connections to addr, whose port may be 0.
func (l *Lab) TCPServer(ns string, addr netip.AddrPort) (*Server, error) {
	var ln net.Listener
	err := l.do(ns, func() error {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false)
		var err error
		ln, err = lc.Listen(context.Background(), "tcp", addr.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	s := &Server{sock: ln, open: map[net.Conn]bool{}, Addr: addrPort(ln.Addr())}
	s.wg.Go(func() { s.accept(ln) })
	l.closers = append(l.closers, s.Close)
	return s, nil
}

func (s *Server) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		if s.note(c) {
			s.wg.Go(func() { s.echo(c) })
		}
	}
}

// note remembers a new connection; one that came while the server closes is shut.
func (s *Server) note(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	s.heard = append(s.heard, addrPort(c.RemoteAddr()))
	s.open[c] = true
	return true
}

func (s *Server) echo(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// UDPServer echoes datagrams to addr, whose port may be 0.
func (l *Lab) UDPServer(ns string, addr netip.AddrPort) (*Server, error) {
	var c *net.UDPConn
	err := l.do(ns, func() error {
		var err error
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		return err
	})
	if err != nil {
		return nil, err
	}
	s := &Server{sock: c, Addr: addrPort(c.LocalAddr())}
	s.wg.Go(func() { s.echoUDP(c) })
	l.closers = append(l.closers, s.Close)
	return s, nil
}

func (s *Server) echoUDP(c *net.UDPConn) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			if s.isClosed() {
				return
			}
			continue // an ICMP answer to an earlier echo
		}
		s.mu.Lock()
		s.heard = append(s.heard, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		s.mu.Unlock()
		_, _ = c.WriteToUDPAddrPort(buf[:n], from)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
