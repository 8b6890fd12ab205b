package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

const (
	frameSize = 64 // bytes on the wire, without the checksum that Ethernet adds
	maxBatch  = 64
	ipOffset  = 14
	headers   = 28 // IPv4 and UDP
	firstPort = 20000
	ports     = 64 // flows
	destPort  = 5353

	serverAddr = "10.2.0.2"
)

// sender sends UDP packets of 64 bytes from the lab's client to its server. Each
// differs from the ones before it in the IP identification or in the source port.
type sender struct {
	whole  bool // frames are sent as they are, on a packet socket
	fd     int
	cpu    int
	frames [][]byte
	vec    []unix.Iovec
	msgs   []message
	serial uint32
}

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
	_      uint32
}

// newSender makes a sender that costs its core as little as can be.
func newSender(t testing.TB, l *lab.Lab, cpu int) *sender {
	t.Helper()
	s := &sender{fd: -1, cpu: cpu, whole: true}
	s.opened(t, l, s.openPacket)
	return s
}

// newSocketSender makes a sender whose packets have a flow hash, as those of
// programs and network cards do. Tracing asks for it in every nft chain, and a
// packet that has none pays for its making (net/netfilter/nf_tables_trace.c:
// nft_trace_init).
func newSocketSender(t testing.TB, l *lab.Lab, cpu int) *sender {
	t.Helper()
	s := &sender{fd: -1, cpu: cpu}
	s.opened(t, l, s.openUDP)
	return s
}

func (s *sender) opened(t testing.TB, l *lab.Lab, open func() error) {
	t.Helper()
	if err := l.NS("client").Do(open); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(s.fd) })
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
}

// openUDP runs in the client's namespace.
func (s *sender) openUDP() (err error) {
	s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	return unix.Connect(s.fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(serverAddr).As4(), Port: destPort})
}

// openPacket runs in the client's namespace.
func (s *sender) openPacket() error {
	dev, err := net.InterfaceByName("c0")
	if err != nil {
		return err
	}
	s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
		return fmt.Errorf("sender without a queue: %w", err)
	}
	return unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: dev.Index})
}

func (s *sender) prepare() error {
	p := packet.Packet{
		Family: packet.IPv4, Proto: packet.ProtoUDP, TTL: 64, DstPort: destPort,
		Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr(serverAddr),
	}
	ip, err := packet.Build(&p, make([]byte, frameSize-ipOffset-headers))
	if err != nil {
		return err
	}
	s.vec = make([]unix.Iovec, maxBatch)
	s.msgs = make([]message, maxBatch)
	for i := range maxBatch {
		f := append([]byte{2, 0, 0, 0, 1, 0xb, 2, 0, 0, 0, 1, 0xa, 8, 0}, ip...) // the lab's addresses of r0 and c0
		s.frames = append(s.frames, f)
		s.vec[i].Base = &f[0]
		s.vec[i].SetLen(len(f))
		if !s.whole {
			s.vec[i].SetLen(len(f) - ipOffset - headers) // which bytes does not matter
		}
		s.msgs[i].header.Iov = &s.vec[i]
		s.msgs[i].header.SetIovlen(1)
	}
	return nil
}

// next makes a frame the packet with the next serial number.
func (s *sender) next(f []byte) {
	ip, udp := f[ipOffset:ipOffset+20], f[ipOffset+20:]
	binary.BigEndian.PutUint16(ip[4:], uint16(s.serial))
	binary.BigEndian.PutUint16(udp, uint16(firstPort+s.serial>>16%ports))
	udp[6], udp[7] = 0, 0 // no checksum, which IPv4 allows
	ip[10], ip[11] = 0, 0
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(ip[i])<<8 | uint32(ip[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum))
	s.serial++
}

// push sends up to n packets at once and returns how many went out.
func (s *sender) push(n int) (int, error) {
	for i := 0; s.whole && i < n; i++ {
		s.next(s.frames[i])
	}
	for done := 0; done < n; {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.msgs[done])), uintptr(n-done), 0, 0, 0)
		switch errno {
		case 0:
			done += int(sent)
		case unix.EINTR, unix.EAGAIN, unix.ENOBUFS:
		default:
			return done, fmt.Errorf("send: %w", errno)
		}
	}
	return n, nil
}

// sent is what one run of a sender did.
type sent struct {
	packets int
	wall    time.Duration
}

func (r sent) rate() float64 { return float64(r.packets) / r.wall.Seconds() }

// steady sends at a rate for a while. A sender that was held up catches up; one
// that cannot keep the rate takes longer.
func (s *sender) steady(rate float64, d time.Duration) (r sent, err error) {
	n := int(rate * d.Seconds())
	batch := min(max(1, int(rate/4000)), maxBatch)
	err = s.onCore(func() error {
		begin := time.Now()
		for r.packets < n {
			due := begin.Add(time.Duration(float64(r.packets) / rate * 1e9))
			if wait := time.Until(due); wait > 0 {
				ts := unix.NsecToTimespec(int64(wait))
				_ = unix.Nanosleep(&ts, nil)
			}
			k, err := s.push(min(batch, n-r.packets))
			r.packets += k
			if err != nil {
				return err
			}
		}
		r.wall = time.Since(begin)
		return nil
	})
	return r, err
}

// flat sends as fast as it can until stop is set, and keeps the numbers in count
// and cpu (nanoseconds of the sending thread) up to date.
func (s *sender) flat(stop *atomic.Bool, count, cpu *atomic.Int64) error {
	return s.onCore(func() error {
		for !stop.Load() {
			n, err := s.push(maxBatch)
			if err != nil {
				return err
			}
			count.Add(int64(n))
			cpu.Store(threadTime())
		}
		return nil
	})
}

// onCore runs f on a thread that stays on the sender's core.
func (s *sender) onCore(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread keeps its core, so it is not given back.
		runtime.LockOSThread()
		if err := pin(s.cpu); err != nil {
			done <- fmt.Errorf("keep the sender on core %d: %w", s.cpu, err)
			return
		}
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
		done <- f()
	}()
	return <-done
}

// pin keeps the calling thread on one of the cores that it may use: the first for
// 0, and round again when there are fewer.
func pin(core int) error {
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return err
	}
	core %= may.Count()
	for cpu := 0; ; cpu++ {
		if !may.IsSet(cpu) {
			continue
		}
		if core == 0 {
			one.Set(cpu)
			return unix.SchedSetaffinity(0, &one)
		}
		core--
	}
}

// threadTime is the CPU time of the calling thread in nanoseconds.
func threadTime() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
