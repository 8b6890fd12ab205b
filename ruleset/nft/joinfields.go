package nft

import (
	"cmp"
	"maps"
	"slices"
)

// joinFields brings fields that lie side by side into their order in the packet,
// as they are in one load (src/rule.c: stmt_reduce, src/payload.c: payload_do_merge).
// Other matches between them do not matter, other statements do.
func joinFields(stmts []stmt) []stmt {
	j := joiner{group: map[stmt][]stmt{}, follows: map[stmt]bool{}}
	var run []stmt
	for _, s := range stmts {
		if _, match := s.(*exprStmt); !match {
			j.join(run)
			run = run[:0]
		} else if joinable(s) != nil {
			run = append(run, s)
		}
	}
	j.join(run)
	if len(j.group) == 0 {
		return stmts
	}
	return j.arranged(stmts)
}

// joinable is the field of a match that may be joined with others.
func joinable(s stmt) *payloadLeaf {
	e, ok := s.(*exprStmt)
	if !ok || e.e.kind != kindRelation || e.e.op != opEq || e.e.right.kind != kindValue {
		return nil
	}
	l := e.e.left.payload()
	if l == nil || !l.known() || l.bits%8 != 0 || l.offset%8 != 0 {
		return nil
	}
	return l
}

// joiner has, for the first field of each group in the packet, the group.
type joiner struct {
	group   map[stmt][]stmt
	follows map[stmt]bool
}

func (j *joiner) join(run []stmt) {
	if len(run) < 2 {
		return
	}
	sorted := slices.Clone(run)
	slices.SortStableFunc(sorted, func(a, b stmt) int {
		l, r := joinable(a), joinable(b)
		return cmp.Or(cmp.Compare(l.base, r.base), cmp.Compare(l.offset, r.offset))
	})
	for i := 0; i < len(sorted); {
		n, bits := i+1, joinable(sorted[i]).bits
		for n < len(sorted) && neighbours(joinable(sorted[n-1]), joinable(sorted[n]), bits) {
			bits += joinable(sorted[n]).bits
			j.follows[sorted[n]] = true
			n++
		}
		if n > i+1 {
			j.group[sorted[i]] = sorted[i:n]
		}
		i = n
	}
}

// arranged puts each group where its first field stood; those of the link layer
// where the first of their matches did, since a VLAN's fields come behind.
func (j *joiner) arranged(stmts []stmt) (out []stmt) {
	for first, all := range maps.Clone(j.group) {
		if joinable(first).base == baseLink {
			j.moveUp(stmts, first, all)
		}
	}
	for _, s := range stmts {
		switch all := j.group[s]; {
		case all != nil:
			out = append(out, all...)
		case !j.follows[s]:
			out = append(out, s)
		}
	}
	return out
}

// moveUp lets the match of a group that comes first in the rule stand for it.
func (j *joiner) moveUp(stmts []stmt, first stmt, all []stmt) {
	at := slices.IndexFunc(stmts, func(s stmt) bool { return slices.Contains(all, s) })
	if at < 0 || stmts[at] == first {
		return
	}
	delete(j.group, first)
	j.follows[first] = true
	delete(j.follows, stmts[at])
	j.group[stmts[at]] = all
}

// neighbours: the fields fill at most one register of 128 bits, and are not each
// as wide as a small register, of which the kernel compares several faster.
func neighbours(a, b *payloadLeaf, bits int) bool {
	return a.base == b.base && a.head == b.head && a.offset+a.bits == b.offset && bits+b.bits <= 128 &&
		(bits%32 != 0 || b.bits%32 != 0)
}
