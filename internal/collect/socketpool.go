package collect

import (
	"runtime"
	"sync"

	"github.com/pktrail/pktrail/internal/nfnetlink"
)

// socketPool is sockets of one namespace over which many small questions are
// asked at a time: the kernel makes each answer on the processor of whoever asks,
// and one socket has one dump at a time.
type socketPool struct{ all []*nfnetlink.Socket }

const maxSockets = 8

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

// work calls first with the first socket, and meanwhile answer with the others
// for each question that is added to q, by first or by answer itself; the first
// socket joins them when first is done. The first error ends it.
func (p *socketPool) work(q *questions, first func(*nfnetlink.Socket) error, answer func(*nfnetlink.Socket, question) error) error {
	q.begin()
	var wg sync.WaitGroup
	for i, s := range p.all {
		wg.Go(func() {
			if i == 0 {
				q.end(first(s))
			}
			for one, ok := q.next(); ok; one, ok = q.next() {
				q.end(answer(s, one))
			}
		})
	}
	wg.Wait()
	return q.failed
}
