package correlate

import (
	"math"

	"github.com/pktrail/pktrail/ruleset"
)

// find finds the open packet that a message from a place stands for: one with the
// same bytes, which can come to that place next; else one that differs by
// translation only. Of several with the same bytes it is the one that was heard of
// last, since a CPU handles one packet at a time; all of them are then inferred.
// sure is false there, and where the bytes differ.
func (s *space) find(v *sight, hook ruleset.Hook, priority int32) (t *trip, sure bool) {
	sure = true
	looked := 0
	for o := s.byKey[v.packet.Key()]; o != nil; o = o.sameKey {
		if looked++; looked > maxAlike {
			sure = false // the oldest of so many are not asked
			break
		}
		if !o.canReach(v, hook, priority) {
			continue
		}
		if t != nil {
			t.inferred, o.inferred, sure = true, true, false
		}
		if t == nil || o.heard > t.heard {
			t = o
		}
	}
	if t != nil {
		return t, sure
	}
	return s.findTranslated(v, hook, priority)
}

// findTranslated finds the open packet that differs by translation. Where the kernel
// gives ids, two of them are none. A line of a log that begins no packet is one of
// theirs: of the one that was heard of last; where more than one fits, all of them
// are inferred, since what comes next of any may be another's.
func (s *space) findTranslated(v *sight, hook ruleset.Hook, priority int32) (t *trip, sure bool) {
	fits, looked := 0, 0
	for o := s.byTrail[v.packet.Trail()]; o != nil; o = o.sameTrail {
		if looked++; looked > maxAlike {
			if v.line != nil {
				fits++ // the oldest of so many are not asked
			}
			break
		}
		if !o.canReach(v, hook, priority) || o.tuple != v.packet.Tuple() && !o.translated(hook, priority) {
			continue
		}
		fits++
		if t != nil && v.line != nil {
			t.inferred, o.inferred = true, true
		}
		if t == nil || o.heard > t.heard {
			t = o
		}
	}
	switch {
	case v.line != nil && t == nil:
		return s.findRewritten(v, hook, priority)
	case v.line != nil:
		return t, fits == 1
	case fits > 1:
		return nil, false
	}
	return t, false
}

// findRewritten finds the open packet of the same ends that differs by what rules
// such as TCPMSS rewrite in its transport header.
func (s *space) findRewritten(v *sight, hook ruleset.Hook, priority int32) (t *trip, sure bool) {
	t = s.byTuple[v.packet.Tuple()]
	if t == nil || t.ended || t.now.LooseKey() != v.packet.LooseKey() || !t.canReach(v, hook, priority) {
		return nil, false
	}
	return t, true
}

// translated reports whether the kernel may have translated the packet since it
// was heard of, on its way to a hook and priority: some chain translates, and one
// of the places of translation lies between.
func (t *trip) translated(hook ruleset.Hook, priority int32) bool {
	switch {
	case !t.sp.nat:
		return false
	case hook == "":
		return true
	case hook == t.hook:
		return passesNAT(hook, t.priority, priority)
	}
	return passesNAT(t.hook, t.priority, math.MaxInt32) || passesNAT(hook, lowest, priority)
}

// passesNAT reports whether the nat hook is between two priorities of a hook;
// forward has none (include/uapi/linux/netfilter_ipv4.h: NF_IP_PRI_NAT_DST, _SRC).
func passesNAT(hook ruleset.Hook, from, to int32) bool {
	switch hook {
	case ruleset.Prerouting, ruleset.Output:
		return from <= -100 && to > -100
	case ruleset.Input, ruleset.Postrouting:
		return from <= 100 && to > 100
	}
	return false
}

// canReach reports whether a packet that came as far as t can be met next, as v
// shows it, at a hook and priority of the same namespace. It comes back from an
// outgoing hook to an incoming one over loopback only. One that was first met in a
// bridge or at a device goes through the hooks of more than one family, and
// through those of each in its own order.
func (t *trip) canReach(v *sight, hook ruleset.Hook, priority int32) bool {
	if hook == "" || t.nfproto == uint8(ruleset.Bridge) || t.nfproto == uint8(ruleset.Netdev) {
		return true
	}
	if v.line != nil && !t.takes(v, hook) {
		return false
	}
	if t.hook == hook {
		return priority >= t.priority
	}
	back := (hook == ruleset.Prerouting || hook == ruleset.Input) && t.sp.link(v.in) == "lo"
	switch t.hook {
	case ruleset.Prerouting:
		return hook == ruleset.Input || hook == ruleset.Forward || hook == ruleset.Postrouting
	case ruleset.Forward:
		return hook == ruleset.Postrouting
	case ruleset.Output:
		return hook == ruleset.Postrouting || back
	case ruleset.Postrouting:
		return back
	case ruleset.Ingress:
		return hook != ruleset.Output
	}
	return false
}
