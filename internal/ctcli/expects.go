package ctcli

import (
	"errors"
	"fmt"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
)

func (s *session) expectations(r *request) error {
	switch r.command {
	case expectList:
		return s.listExpects(r)
	case expectCreate:
		return refused(r.command, s.conn.CreateExpect(&conntrack.Expect{
			Has: conntrack.HasExpectTimeout, Family: r.family, Timeout: r.flow.Timeout,
			Tuple: whole(r.expect, r.expectFamily), Mask: whole(r.mask, r.maskFamily), Master: whole(r.flow.Orig, r.origFamily),
		}))
	case expectDelete:
		return refused(r.command, s.conn.DeleteExpect(r.expectation()))
	case expectGet:
		e, err := s.conn.GetExpect(r.expectation())
		if err != nil {
			return refused(r.command, err)
		}
		return s.showExpect(e)
	case expectFlush:
		err := s.conn.FlushExpects("")
		_, _ = fmt.Fprint(s.stderr, banner+"expectation table has been emptied.\n")
		return refused(r.command, err)
	case expectCount:
		n, err := s.conn.DumpExpects(s.ctx, r.family, func(*conntrack.Expect) error { return nil })
		return errors.Join(s.print(fmt.Sprintf("%d\n", n)), refused(r.command, err))
	}
	return s.expectEvents()
}

func (r *request) expectation() *conntrack.Expect {
	return &conntrack.Expect{Family: r.family, Tuple: whole(r.flow.Orig, r.origFamily)}
}

func (s *session) listExpects(r *request) error {
	if _, err := s.conn.DumpExpects(s.ctx, r.family, s.showExpect); err != nil {
		return s.refused(expectList, err)
	}
	return s.closing("expect")
}

func (s *session) showExpect(e *conntrack.Expect) error {
	return s.writeExpect(conntrack.ListedExpect, e)
}

func (s *session) writeExpect(k conntrack.Kind, e *conntrack.Expect) error {
	f := s.format(false, false)
	f.Save = false
	if err := s.opening(f, "expect"); err != nil {
		return err
	}
	s.line = s.line[:0]
	if s.parser.output&outTimestamp != 0 {
		if f.When = f.XML; !f.XML {
			now := time.Now()
			s.line = fmt.Appendf(s.line, "[%-8d.%-6d]\t", now.Unix(), now.Nanosecond()/1000)
		}
	}
	s.counter++
	s.line = f.AppendExpect(s.line, k, e)
	return s.writeLine()
}

func (s *session) expectEvents() error {
	w, err := ctnetlink.Listen(ctnetlink.AllExpects, ctnetlink.Options{LoadModule: true})
	if err != nil {
		return failed("Can't open handler")
	}
	defer func() { _ = w.Close() }()
	return s.listen(w, expectEvent, "expect", "expectation events have been shown.", func(e *ctnetlink.Event) error {
		return s.writeExpect(e.Kind, e.Expect)
	})
}
