package ctnetlink_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
)

const benchEntries = 200_000

// BenchmarkDump lists a table of 200,000 entries: the whole of it, decoded, and by
// a receive loop that looks at nothing, which is what the kernel itself takes.
func BenchmarkDump(b *testing.B) {
	p := newPlace(b)
	p.fill(b, benchEntries)
	b.Run("decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d, err := p.Dump(b.Context(), conntrack.Tracked, conntrack.Filter{}, func(*conntrack.Flow) error { return nil })
			if err != nil || d.Meant != benchEntries {
				b.Fatalf("%+v, %v", d, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
	})
	b.Run("bare", func(b *testing.B) {
		fd := p.socket(b)
		for b.Loop() {
			bareDump(b, fd)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
	})
	one := conntrack.Filter{Orig: conntrack.Tuple{Src: addr("10.0.0.9")}}
	b.Run("one address", func(b *testing.B) {
		for b.Loop() {
			d, err := p.Dump(b.Context(), conntrack.Tracked, one, func(*conntrack.Flow) error { return nil })
			if err != nil || d.Meant != 1 {
				b.Fatalf("%+v, %v", d, err)
			}
		}
	})
}

// BenchmarkCreate makes and deletes entries.
func BenchmarkCreate(b *testing.B) {
	p := newPlace(b)
	for b.Loop() {
		p.fill(b, 20_000)
		if n, err := p.DeleteMatching(b.Context(), conntrack.Filter{}, nil); err != nil || n != 20_000 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/entry")
}

func (p *place) socket(b *testing.B) (fd int) {
	b.Helper()
	if err := p.ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func bareDump(b *testing.B, fd int) {
	if err := unix.Sendto(fd, conntrack.AppendDump(nil, 1, conntrack.Tracked, &conntrack.Filter{}), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			b.Fatal(err)
		}
		// The end stands alone, or last: its 4 bytes of result and 16 of header.
		if n >= 20 && buf[n-20+4] == unix.NLMSG_DONE && buf[n-20+5] == 0 && buf[n-20] == 20 {
			return
		}
	}
}
