package live

import (
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
)

// Beyond reports whether a journey is surely not one that the Match means. wider
// is what the rules that traced it could not judge: with none of it, nothing is
// beyond. A packet's interfaces and marks are those of its whole way.
func Beyond(j *journey.Journey, m *match.Match, wider []match.Reason) bool {
	if len(wider) == 0 || m == nil {
		return false
	}
	p := j.Headers
	in, out, marks := ways(j)
	if len(marks) == 0 {
		marks = []uint32{0}
	}
	for _, mark := range marks {
		if m.Judge(&p, in, out, &mark).Answer != match.No {
			return false
		}
	}
	return true
}

// ways is by which interface the packet came, by which it left, and every mark it had.
func ways(j *journey.Journey) (in, out string, marks []uint32) {
	for i := range j.Steps {
		st := &j.Steps[i]
		if in == "" {
			in = st.In
		}
		if st.Out != "" {
			out = st.Out
		}
		if st.Mark != nil {
			marks = append(marks, st.Mark.To)
		}
	}
	if j.Packet.Mark != nil {
		marks = append(marks, *j.Packet.Mark)
	}
	return in, out, marks
}
