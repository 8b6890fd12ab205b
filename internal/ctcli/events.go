package ctcli

import (
	"errors"
	"fmt"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/packet"
)

// eventRoom is the room for events on their way to us, unless another is asked
// for. It is taken only while they wait.
const eventRoom = 64 << 20

const overrunWarning = `WARNING: We have hit ENOBUFS! We are losing events.
This message means that the current netlink socket buffer size is too small.
Please, check --buffer-size in conntrack(8) manpage.
`

func (s *session) events(r *request) error {
	w, err := s.openEvents(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	filter, err := r.filter(false)
	if err != nil {
		return err
	}
	programs := programNames{}
	return s.listen(w, event, "conntrack", "flow events have been shown.", func(e *ctnetlink.Event) error {
		if r.family != packet.Unspec && e.Flow.Family != r.family || !filter.Match(e.Flow) {
			return nil
		}
		return s.writeEvent(e, programs)
	})
}

func (s *session) openEvents(r *request) (*ctnetlink.Watcher, error) {
	groups := ctnetlink.AllFlows
	if r.options&optEventMask != 0 {
		groups = 0
		for _, g := range [...]struct {
			mask  eventMask
			group ctnetlink.Groups
		}{{eventNew, ctnetlink.NewFlows}, {eventUpdate, ctnetlink.UpdatedFlows}, {eventDestroy, ctnetlink.DestroyedFlows}} {
			if r.events&g.mask != 0 {
				groups |= g.group
			}
		}
	}
	opts := ctnetlink.Options{LoadModule: true, BufferBytes: eventRoom}
	if r.options&optBufferSize != 0 {
		opts.BufferBytes = max(r.buffer, 1)
	}
	w, err := ctnetlink.Listen(groups, opts)
	if err != nil {
		var errno unix.Errno
		if errors.As(err, &errno) {
			_, _ = fmt.Fprintf(s.stderr, "mnl_socket_bind: %s\n", libcText(errno))
		}
		return nil, failed("Can't open netlink socket")
	}
	if r.options&optBufferSize != 0 {
		n, _ := w.BufferBytes()
		_, _ = fmt.Fprintf(s.stderr, "NOTICE: Netlink socket buffer size has been set to %d bytes.\n", n)
	}
	return w, nil
}

// listen hands events to each until it is interrupted, and then says how many
// were shown.
func (s *session) listen(w *ctnetlink.Watcher, c command, root, shown string, each func(*ctnetlink.Event) error) error {
	ctx, stop := signal.NotifyContext(s.ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	err := w.Run(ctx, func(e *ctnetlink.Event) error {
		if e.Lost.Any() {
			_, err := fmt.Fprint(s.stderr, overrunWarning)
			return err
		}
		if err := each(e); err != nil {
			return err
		}
		return s.out.Flush()
	})
	if err != nil && ctx.Err() == nil {
		return s.refused(c, err)
	}
	return s.stopped(root, shown)
}

func (s *session) stopped(root, shown string) error {
	if err := s.closing(root); err != nil {
		return err
	}
	if err := s.out.Flush(); err != nil {
		return failed("write: %v", err)
	}
	_, _ = fmt.Fprintf(s.stderr, "%s%d %s\n", banner, s.counter, shown)
	return nil
}

func (s *session) writeEvent(e *ctnetlink.Event, programs programNames) error {
	f := s.format(true, true)
	if err := s.opening(f, "conntrack"); err != nil {
		return err
	}
	s.line = s.line[:0]
	if s.parser.output&outTimestamp != 0 {
		if f.When = f.XML; !f.XML {
			now := time.Now()
			s.line = fmt.Appendf(s.line, "[%-8d.%06d]\t", now.Unix(), now.Nanosecond()/1000)
		}
	}
	s.counter++
	s.line = f.AppendFlow(s.line, e.Kind, e.Flow)
	if e.Port != 0 {
		s.line = fmt.Appendf(s.line, " [USERSPACE] portid=%d", e.Port)
		if name := programs.of(e.Port, time.Now()); name != "" {
			s.line = append(append(s.line, " progname="...), name...)
		}
	}
	return s.writeLine()
}
