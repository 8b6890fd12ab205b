package ctcli

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
)

var tables = map[table]conntrack.Table{tableFlows: conntrack.Tracked, tableDying: conntrack.DyingList, tableUnconfirmed: conntrack.UnconfirmedList}

func (s *session) list(r *request) error {
	which := tables[r.table]
	if r.table == tableFlows && r.options&optZero != 0 {
		if r.options&compared != 0 {
			return misuse("Can't use -z with filtering parameters")
		}
		which = conntrack.ZeroCounters
	}
	filter, err := r.filter(r.table == tableFlows)
	if err != nil {
		return s.refused(list, err)
	}
	f := s.format(true, true)
	if _, err := s.conn.Dump(s.ctx, which, filter, s.show(f)); err != nil {
		return s.refused(list, err)
	}
	return s.closing("conntrack")
}

// refused leaves failures of our own as they are.
func (s *session) refused(c command, err error) error {
	var f *failure
	if errors.As(err, &f) {
		return err
	}
	return refused(c, err)
}

// show writes and counts entries.
func (s *session) show(f *Format) func(*conntrack.Flow) error {
	return func(flow *conntrack.Flow) error {
		if err := s.opening(f, "conntrack"); err != nil {
			return err
		}
		s.counter++
		s.line = f.AppendFlow(s.line[:0], conntrack.ListedFlow, flow)
		return s.writeLine()
	}
}

func (s *session) get(r *request) error {
	if !r.handles() {
		return refused(get, unix.EINVAL)
	}
	flow, err := s.conn.Get(r.sent())
	if err != nil {
		return refused(get, err)
	}
	filter, err := r.filter(false)
	if err != nil {
		return err
	}
	if !filter.Match(flow) {
		return nil
	}
	return s.show(s.format(true, true))(flow)
}

func (s *session) create(r *request) error {
	r.complete()
	if !r.handles() {
		return refused(r.command, unix.EINVAL)
	}
	f := r.sent()
	if r.options&optMark != 0 {
		f.Mark, f.Has = r.mark.value, f.Has|conntrack.HasMark
	}
	if r.setLabels != nil {
		f.Labels, f.Has = r.setLabels.bits, f.Has|conntrack.HasLabels
	}
	err := s.conn.Create(f)
	switch {
	case err == nil:
		s.counter++
	case r.command == add && errors.Is(err, fs.ErrExist):
	default:
		return refused(r.command, err)
	}
	return nil
}

// complete makes the direction that was not said of the one that was.
func (r *request) complete() {
	f := &r.flow
	switch orig, reply := r.options&optOrig != 0, r.options&optReply != 0; {
	case orig && !reply:
		f.Reply = answerOf(f.Orig, f.Reply)
		r.replyFamily = r.origFamily
	case reply && !orig:
		f.Orig = answerOf(f.Reply, f.Orig)
		r.origFamily = r.replyFamily
	}
}

// answerOf is the tuple of packets that answer those of t. What ICMP has instead
// of ports, and the zone, are own's already.
func answerOf(t, own conntrack.Tuple) conntrack.Tuple {
	a := own
	a.Src, a.Dst, a.SrcPort, a.DstPort, a.Proto = t.Dst, t.Src, t.DstPort, t.SrcPort, t.Proto
	a.Has = own.Has&conntrack.HasTupleZone | conntrack.HasProto
	return a
}

func (s *session) remove(r *request) error {
	filter, err := r.filter(false)
	if err != nil {
		return err
	}
	f := s.format(false, false)
	_, err = s.conn.DeleteMatching(s.ctx, filter, func(flow *conntrack.Flow) error {
		s.counter++
		s.line = f.AppendFlow(s.line[:0], deletedKind(f), flow)
		return s.writeLine()
	})
	return s.refused(remove, err)
}

// deletedKind: a line has no word for it that an entry was deleted.
func deletedKind(f *Format) conntrack.Kind {
	if f.Save {
		return conntrack.DestroyedFlow
	}
	return conntrack.ListedFlow
}

func (s *session) flush(r *request) error {
	_, _, err := s.conn.Flush(s.ctx, conntrack.Filter{})
	_, _ = fmt.Fprint(s.stderr, banner+"connection tracking table has been emptied.\n")
	return refused(r.command, err)
}

func (s *session) update(r *request) error {
	if err := r.checkMasks(); err != nil {
		return err
	}
	f := s.format(false, true)
	_, err := s.conn.Dump(s.ctx, conntrack.Tracked, conntrack.Filter{Family: r.family}, func(flow *conntrack.Flow) error {
		if !r.matchesUpdate(flow) {
			return nil
		}
		change, changes := r.change(flow)
		if !changes {
			return nil
		}
		return s.changeFlow(change, zoned(flow), f)
	})
	return s.refused(update, err)
}

// changeFlow changes an entry and shows what became of it. The kernel is told the
// entry's own family, and an entry that went meanwhile is passed over, both as
// from 1.4.8 on; of one in a zone, which is never found, 1.4.7's words are said.
func (s *session) changeFlow(change *conntrack.Flow, zoned bool, f *Format) error {
	err := s.conn.Update(change)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !zoned:
		return nil
	case err != nil:
		_ = s.out.Flush()
		_, _ = fmt.Fprintf(s.stderr, "Operation failed: %s\n", reason(update, err))
	}
	flow, err := s.conn.Get(change)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return refused(update, err)
	}
	s.counter++
	s.line = f.AppendFlow(s.line[:0], conntrack.ListedFlow, flow)
	return s.writeLine()
}

// change is what is to be said to the kernel of an entry that fits, and whether
// that changes anything. The entry's zone is not said: conntrack cannot change
// entries of zones.
func (r *request) change(flow *conntrack.Flow) (c *conntrack.Flow, changes bool) {
	c = r.sent()
	c.Family, c.Reply = flow.Family, conntrack.Tuple{}
	c.Orig = flow.Orig
	c.Orig.Has &^= conntrack.HasTupleZone
	c.Has &^= conntrack.HasZone
	if r.options&optMark != 0 {
		c.Mark, c.Has = flow.Mark&^r.mark.mask^r.mark.value, c.Has|conntrack.HasMark
	}
	if r.options&optStatus != 0 {
		c.Status |= flow.Status
	}
	r.changeLabels(c, flow)
	r.keepProtoInfo(c)
	return c, !r.same(c, flow)
}

func zoned(f *conntrack.Flow) bool {
	return f.Zone != 0 || (f.Orig.Has|f.Reply.Has)&conntrack.HasTupleZone != 0
}

// same reports whether an entry is already what it is to become. A set of labels
// with a mask is never the same.
func (r *request) same(c, flow *conntrack.Flow) bool {
	switch {
	case c.Has&conntrack.HasTimeout != 0 && c.Timeout != flow.Timeout,
		c.Has&conntrack.HasMark != 0 && c.Mark != flow.Mark,
		r.options&optStatus != 0 && r.flow.Status&^flow.Status != 0,
		c.Has&conntrack.HasLabelsMask != 0,
		c.Has&conntrack.HasLabels != 0 && (c.Labels != flow.Labels || flow.Has&conntrack.HasLabels == 0):
		return false
	}
	return sameStates(&r.flow, flow)
}

// changeLabels: the kernel keeps the labels that are zero in both the set and its
// mask, and takes those of the set otherwise.
func (r *request) changeLabels(c, flow *conntrack.Flow) {
	has := flow.Has&conntrack.HasLabels != 0
	switch {
	case r.options&optAddLabel != 0:
		c.Labels, c.Has = r.setLabels.bits, c.Has|conntrack.HasLabels
		if has {
			c.LabelsMask, c.Has = r.setLabels.bits, c.Has|conntrack.HasLabelsMask
		}
	case r.options&optDelLabel != 0 && has && r.setLabels == nil:
		c.Labels, c.Has = conntrack.Labels{}, c.Has|conntrack.HasLabels
	case r.options&optDelLabel != 0 && has:
		c.Labels, c.LabelsMask = conntrack.Labels{}, r.setLabels.bits
		c.Has |= conntrack.HasLabels | conntrack.HasLabelsMask
	}
}
