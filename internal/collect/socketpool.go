package collect

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pktrail/pktrail/internal/nfnetlink"
)

// socketPool is sockets of one namespace over which many small questions are
// asked at a time. Answers about sets cost the kernel a walk over all sets of
// the table each, on the processor of whoever asks.
type socketPool struct{ all []*nfnetlink.Socket }

const maxSockets = 8

func newPool(s *nfnetlink.Socket) *socketPool { return &socketPool{all: []*nfnetlink.Socket{s}} }

// dialPool opens a socket a processor in the namespace of the calling thread.
func dialPool() (*socketPool, error) {
	p := &socketPool{}
	for range min(runtime.GOMAXPROCS(0), maxSockets) {
		s, err := dial()
		if err != nil {
			p.close()
			return nil, err
		}
		p.all = append(p.all, s)
	}
	return p, nil
}

func (p *socketPool) close() {
	for _, s := range p.all {
		_ = s.Close()
	}
}

// each calls f for 0 to n-1, on several goroutines with a socket each. The
// first error ends it.
func (p *socketPool) each(n int, f func(s *nfnetlink.Socket, i int) error) error {
	var next atomic.Int64
	var failed atomic.Bool
	var once sync.Once
	var first error
	var wg sync.WaitGroup
	for _, s := range p.all {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && !failed.Load(); i = next.Add(1) - 1 {
				if err := f(s, int(i)); err != nil {
					failed.Store(true)
					once.Do(func() { first = err })
				}
			}
		})
	}
	wg.Wait()
	return first
}
