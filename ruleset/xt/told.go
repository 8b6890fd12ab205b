package xt

import "github.com/pktrail/pktrail/ruleset"

// told are conditions and the words they stand for, each part of them with a
// blank before it.
type told struct {
	conditions []ruleset.Condition
	words      []byte
	ends       []int // by condition: where its words end

	// Of rules that are told one after the other.
	spare  []ruleset.Condition // room for those to come
	chunk  int                 // how many of them room is made for
	recent []oneRange          // of rules before; none to share nothing
}

// oneRange is the fields and rows of a condition that has one of each.
type oneRange struct {
	fields []ruleset.Field
	rows   []ruleset.Row
}

func tellingMany() *told { return &told{chunk: 256, recent: make([]oneRange, 512)} }

func (t *told) begin() {
	t.conditions, t.words, t.ends = t.conditions[:0], t.words[:0], t.ends[:0]
}

func (t *told) add(words []byte, conditions []ruleset.Condition) {
	if len(conditions) == 0 {
		return
	}
	t.words = words
	t.conditions = append(t.conditions, conditions...)
	for range conditions {
		t.ends = append(t.ends, len(words))
	}
}

// finish gives each condition its words, all of them parts of one string.
func (t *told) finish() []ruleset.Condition {
	if len(t.conditions) == 0 {
		return nil
	}
	words, from := string(t.words), 0
	for i, end := range t.ends {
		if i > 0 && t.ends[i-1] != end {
			from = t.ends[i-1]
		}
		t.conditions[i].Text = words[from+1 : end]
		t.share(&t.conditions[i])
	}
	return t.keep()
}

// keep copies the conditions to where they stay.
func (t *told) keep() []ruleset.Condition {
	n := len(t.conditions)
	if n > len(t.spare) {
		t.spare = make([]ruleset.Condition, max(n, t.chunk))
	}
	kept := t.spare[:n:n]
	t.spare = t.spare[n:]
	copy(kept, t.conditions)
	return kept
}

// share gives a condition the field and the range of one before that has the
// same: most rules of a host ask for few protocols, ports and addresses, one rule
// after the other.
func (t *told) share(c *ruleset.Condition) {
	if len(t.recent) == 0 || len(c.Fields) != 1 || len(c.Rows) != 1 {
		return
	}
	r := c.Rows[0].Ranges[0]
	place := (r.From.High ^ r.From.Low ^ r.To.Low<<1 ^ uint64(len(c.Fields[0]))) * 0x9e3779b97f4a7c15 >> 32
	s := &t.recent[place%uint64(len(t.recent))]
	if s.rows != nil && s.fields[0] == c.Fields[0] && s.rows[0].Ranges[0] == r {
		c.Fields, c.Rows = s.fields, s.rows
		return
	}
	*s = oneRange{c.Fields, c.Rows}
}
