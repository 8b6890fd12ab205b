package nfnetlink_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/internal/wire/nftrace"
)

const nftables = unix.NFNL_SUBSYS_NFTABLES << 8

func getTable(name string) func(uint32) []byte {
	return func(seq uint32) []byte {
		attrs := wire.AppendAttr(nil, unix.NFTA_TABLE_NAME, append([]byte(name), 0))
		return wire.AppendMessage(nil, nftables|unix.NFT_MSG_GETTABLE, unix.NLM_F_REQUEST|unix.NLM_F_ACK, seq, unix.NFPROTO_INET, 0, attrs)
	}
}

func dump(command uint16) func(uint32) []byte {
	return func(seq uint32) []byte {
		return wire.AppendMessage(nil, nftables|command, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, unix.NFPROTO_UNSPEC, 0, nil)
	}
}

// number is the packet that a trace datagram is about, -1 for others.
func number(t testing.TB, d []byte) int {
	t.Helper()
	m, next, ok, err := wire.Next(d, 0)
	if err != nil || !ok || next != len(d) {
		t.Fatalf("datagram %x: %v", d, err)
	}
	if m.Type != nftrace.MessageType {
		return -1
	}
	var e event.Trace
	if err := nftrace.Decode(m, nftrace.Names{}, &e); err != nil || len(e.Transport) != 16 {
		t.Fatalf("%x: %v", d, err)
	}
	return int(e.Transport[13])<<16 | int(e.Transport[14])<<8 | int(e.Transport[15])
}

// rest reads until nothing comes any more.
func rest(t testing.TB, s *nfnetlink.Socket) (numbers []int, overrun bool) {
	t.Helper()
	for {
		b, err := s.ReadWithin(100 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Datagrams) == 0 && !b.Overrun {
			return numbers, overrun
		}
		overrun = overrun || b.Overrun
		for _, d := range b.Datagrams {
			numbers = append(numbers, number(t, d))
		}
	}
}

func count(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func TestRefusal(t *testing.T) {
	s := traced(t).socket(t, 0, false)
	for _, c := range []struct {
		name, message string
		errno         unix.Errno
	}{
		{"absent", "", unix.ENOENT},
		{strings.Repeat("x", 300), "Attribute failed policy validation", unix.ERANGE},
	} {
		err := s.Request("look", 1, getTable(c.name))
		var e *nfnetlink.Error
		if !errors.As(err, &e) {
			t.Fatalf("%.10s: %v", c.name, err)
		}
		if e.Errno != c.errno && c.errno != unix.ERANGE || e.Message != c.message || e.Offset != 20 || e.Op != "look" {
			t.Errorf("%.10s: %+v", c.name, *e)
		}
		if !strings.HasPrefix(err.Error(), "look: ") || !strings.HasSuffix(err.Error(), " at offset 20") {
			t.Errorf("%v", err)
		}
		if errors.Is(err, nfnetlink.ErrPermission) || !errors.Is(err, e.Errno) {
			t.Errorf("%v is %v", err, e.Unwrap())
		}
	}
	if err := s.Request("look", 1, getTable("t")); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}

func TestPermission(t *testing.T) {
	p := traced(t)
	owner := p.socket(t, 0, false)
	group := func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_ULOG<<8|1, unix.NLM_F_REQUEST|unix.NLM_F_ACK, seq, 0, 0, wire.AppendAttr(nil, 1, []byte{1}))
	}
	if err := owner.Request("bind", 1, group); err != nil {
		t.Fatal(err)
	}
	err := p.socket(t, 0, false).Request("bind", 1, group)
	if !errors.Is(err, nfnetlink.ErrPermission) || !errors.Is(err, unix.EPERM) {
		t.Errorf("a second listener: %v", err)
	}
}

func TestDump(t *testing.T) {
	s := traced(t).socket(t, 0, false)
	chains := 0
	interrupted, err := s.Dump("list chains", dump(unix.NFT_MSG_GETCHAIN), func(m wire.Message) error {
		if m.Type != nftables|unix.NFT_MSG_NEWCHAIN {
			t.Errorf("type %#x", m.Type)
		}
		chains++
		return nil
	})
	if err != nil || interrupted || chains != 1 {
		t.Errorf("%d chains, %v %v", chains, interrupted, err)
	}
	enough := errors.New("enough")
	if _, err = s.Dump("list", dump(unix.NFT_MSG_GETTABLE), func(wire.Message) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	// What the dump still had to say is no answer to the next request.
	if err := s.Request("look", 1, getTable("t")); err != nil {
		t.Error(err)
	}
}

// TestRequestKeeps: events that come while requests wait, and are refused, stay
// in their order, none lost and none twice.
func TestRequestKeeps(t *testing.T) {
	const n = 3000
	p := traced(t)
	s := p.socket(t, 8<<20, true)
	var sender sync.WaitGroup
	sender.Go(func() { p.send(t, 0, n) })
	for i := range 100 {
		name := []string{"t", "absent"}[i%2]
		if err := s.Request("look", 1, getTable(name)); (err == nil) != (name == "t") {
			t.Error(err)
		}
		if _, err := s.Dump("list", dump(unix.NFT_MSG_GETCHAIN), func(wire.Message) error { return nil }); err != nil {
			t.Error(err)
		}
	}
	sender.Wait()
	got, overrun := rest(t, s)
	if overrun || !slices.Equal(got, count(0, n)) {
		t.Errorf("%d of %d events in order, overrun %v", len(got), n, overrun)
	}
}

// TestOverrun: what arrives and what the kernel counts as dropped are together
// exactly what was sent, and Overrun and Drained tell where.
func TestOverrun(t *testing.T) {
	const n = 5000
	p := traced(t)
	s := p.socket(t, 16<<10, true)
	if size, err := s.BufferBytes(); err != nil || size < 16<<10 || size > 64<<10 {
		t.Fatalf("buffer of %d bytes, %v", size, err)
	}
	for round := range 3 {
		p.send(t, round*n, n)
		b, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		if !b.Overrun || !b.Drained || len(b.Datagrams) == 0 {
			t.Fatalf("overrun %v, drained %v, %d datagrams", b.Overrun, b.Drained, len(b.Datagrams))
		}
		for i, d := range b.Datagrams {
			if got := number(t, d); got != round*n+i {
				t.Fatalf("datagram %d is packet %d: the gap is not at the end", i, got)
			}
		}
		dropped, known := s.Dropped()
		if !known || int(dropped)+len(b.Datagrams) != n {
			t.Errorf("%d came, %d dropped (known %v), %d were sent", len(b.Datagrams), dropped, known, n)
		}
	}
	p.send(t, 0, 1)
	if got, overrun := rest(t, s); overrun || !slices.Equal(got, []int{0}) {
		t.Errorf("after the losses: %v, overrun %v", got, overrun)
	}
	if dropped, _ := s.Dropped(); dropped != 0 {
		t.Errorf("%d dropped of none", dropped)
	}
}

// TestOverrunWhileReading is the same with two senders and a reader at once.
func TestOverrunWhileReading(t *testing.T) {
	const n = 20000
	p := traced(t)
	s := p.socket(t, 32<<10, true)
	var senders sync.WaitGroup
	senders.Go(func() { p.send(t, 0, n) })
	senders.Go(func() { p.send(t, n, n) })
	go func() {
		senders.Wait()
		_ = s.SetReadDeadline(time.Now())
	}()
	got, dropped, overruns := 0, 0, 0
	for {
		b, err := s.Read()
		got += len(b.Datagrams)
		if b.Overrun {
			overruns++
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	more, _ := rest(t, s)
	got += len(more)
	d, known := s.Dropped()
	if dropped += int(d); !known || got+dropped != 2*n || overruns == 0 || dropped == 0 {
		t.Errorf("%d came, %d dropped in %d overruns, %d were sent", got, dropped, overruns, 2*n)
	}
}

// TestRequestOverrun: a loss during a request is told at the next read, and an
// answer for which there was no room is an error at once.
func TestRequestOverrun(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 16<<10, true)
	err := s.Request("look", 1, func(seq uint32) []byte {
		p.send(t, 0, 1000)
		return getTable("t")(seq)
	})
	if err == nil || !strings.Contains(err.Error(), "look: no room in the receive buffer") {
		t.Error(err)
	}
	b, err := s.Read()
	if err != nil || !b.Overrun || len(b.Datagrams) == 0 {
		t.Fatalf("overrun %v, %d datagrams, %v", b.Overrun, len(b.Datagrams), err)
	}
	for i, d := range b.Datagrams {
		if number(t, d) != i {
			t.Fatalf("datagram %d is packet %d", i, number(t, d))
		}
	}
	if err := s.Request("look", 1, getTable("t")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestDrained: a full buffer says nothing about the queue.
func TestDrained(t *testing.T) {
	const n = 12000 // more than one buffer holds
	p := traced(t)
	s := p.socket(t, 32<<20, true)
	if size, err := s.BufferBytes(); err != nil || size < 32<<20 {
		lab.LacksRights(t, fmt.Sprintf("only root over the machine gets more than %d bytes of receive buffer (%v)", size, err))
	}
	p.send(t, 0, n)
	b, err := s.Read()
	if err != nil || b.Drained || b.Overrun {
		t.Fatalf("%d datagrams, drained %v, overrun %v, %v", len(b.Datagrams), b.Drained, b.Overrun, err)
	}
	got := []int{}
	for _, d := range b.Datagrams {
		got = append(got, number(t, d))
	}
	more, _ := rest(t, s)
	if !slices.Equal(append(got, more...), count(0, n)) {
		t.Errorf("%d and %d of %d in order", len(got), len(more), n)
	}
}

func TestDeadlineAndClose(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 0, true)
	if err := s.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b, err := s.Read(); !errors.Is(err, os.ErrDeadlineExceeded) || b == nil || len(b.Datagrams) != 0 {
		t.Errorf("deadline: %v", err)
	}
	if err := s.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := s.Read()
		failed <- err
	}()
	time.Sleep(20 * time.Millisecond)
	_ = s.Close()
	select {
	case err := <-failed:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	case <-time.After(lab.Patience):
		t.Fatal("Read does not end with Close")
	}
	if _, err := s.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if err := s.Request("look", 1, getTable("t")); err == nil {
		t.Error("a request on a closed socket")
	}
}

// TestReadWithin: what waits is read although the deadline has passed, and nothing
// is no error.
func TestReadWithin(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 1<<20, true)
	for n := range 3 {
		p.send(t, n, n)
		var got []int
		b, err := s.ReadWithin(-time.Hour)
		for _, d := range b.Datagrams {
			got = append(got, number(t, d))
		}
		if err != nil || !b.Drained || !slices.Equal(got, count(n, 2*n)) {
			t.Errorf("%v of %d, drained %v, %v", got, n, b.Drained, err)
		}
	}
	_ = s.Close()
	if _, err := s.ReadWithin(0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestNoGoroutineLeft(t *testing.T) {
	p := traced(t)
	before := runtime.NumGoroutine()
	for range 50 {
		s := p.socket(t, 0, true)
		p.send(t, 0, 1)
		if _, err := s.Read(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	lab.Await(t, func() string {
		if now := runtime.NumGoroutine(); now > before {
			return fmt.Sprintf("%d goroutines, %d before", now, before)
		}
		return ""
	})
}

// TestFromFD: a socket that was handed on reads what waits at it.
func TestFromFD(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 0, true)
	p.send(t, 7, 1)
	fd, err := unix.FcntlInt(s.File().Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := nfnetlink.FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if other.Port() != s.Port() || other.Port() == 0 {
		t.Errorf("port %d of %d", other.Port(), s.Port())
	}
	if got, _ := rest(t, other); !slices.Equal(got, []int{7}) {
		t.Errorf("read %v", got)
	}
}

// TestReadAllocates: reading costs no memory once it runs.
func TestReadAllocates(t *testing.T) {
	p := traced(t)
	s := p.socket(t, 1<<20, true)
	send := p.connected(t)
	if n := testing.AllocsPerRun(200, func() {
		send()
		if b, err := s.Read(); err != nil || len(b.Datagrams) != 1 {
			t.Fatal(len(b.Datagrams), err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// connected gives a function that sends one packet without allocating.
func (p *place) connected(t testing.TB) func() {
	t.Helper()
	var out, in int
	err := p.ns.Do(func() (err error) {
		if in, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		at := &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}
		if err = unix.Bind(in, at); err != nil {
			return err
		}
		if out, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Connect(out, at)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(in), unix.Close(out) })
	data := make([]byte, 8)
	return func() {
		if _, err := unix.Write(out, data); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkRead reads batches of trace events, the sending of which is not counted.
func BenchmarkRead(b *testing.B) {
	const batch = 2000
	p := traced(b)
	s := p.socket(b, 16<<20, true)
	b.ReportAllocs()
	messages := 0
	for i := 0; i < b.N; i++ {
		b.StopTimer()
		p.send(b, 0, batch)
		b.StartTimer()
		for got := 0; got < batch; {
			read, err := s.Read()
			if err != nil || read.Overrun {
				b.Fatal(read.Overrun, err)
			}
			got += len(read.Datagrams)
			messages += len(read.Datagrams)
		}
	}
	b.ReportMetric(float64(messages)/b.Elapsed().Seconds(), "messages/s")
}

// TestOpenElsewhere: the socket belongs to the namespace that it was opened in.
func TestOpenElsewhere(t *testing.T) {
	p := traced(t)
	other, err := netns.New("other")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	stranger := (&place{ns: other}).socket(t, 0, true)
	s := p.socket(t, 0, true)
	p.send(t, 3, 1)
	if got, _ := rest(t, s); !slices.Equal(got, []int{3}) {
		t.Errorf("own: %v", got)
	}
	if got, _ := rest(t, stranger); len(got) != 0 {
		t.Errorf("other: %v", got)
	}
	if err := stranger.Request("look", 1, getTable("t")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
}

// TestBatchNumbers: each message of a request has its own number, and a refusal names it.
func TestBatchNumbers(t *testing.T) {
	s := traced(t).socket(t, 0, false)
	var first uint32
	err := s.Request("look", 4, func(seq uint32) []byte {
		first = seq
		var out []byte
		for i := range uint32(3) {
			out = append(out, getTable("t")(seq+i)...)
		}
		return append(out, getTable("absent")(seq+3)...)
	})
	var e *nfnetlink.Error
	if !errors.As(err, &e) || e.Seq != first+3 {
		t.Errorf("%v", err)
	}
}
