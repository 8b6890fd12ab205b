package stale

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Answer is what evidence says to a question.
type Answer uint8

// The answers. What is not known is neither of the others.
const (
	Unknown Answer = iota
	No
	Yes
)

// Truth is an answer and what says so.
type Truth struct {
	Is  Answer
	Why string
}

// Reachable judges whether packets to an address can arrive, by how the host
// stood. Behind a gateway no host can tell.
func Reachable(r *snapshot.Reach) Truth {
	route, known := r.Route.Get()
	switch {
	case !known:
		return Truth{Unknown, r.Route.Why}
	case route.Type == "local":
		return Truth{Yes, "it is an address of this namespace"}
	case route.Type != "unicast":
		return refusing(r, route)
	case len(r.Owners) > 0:
		return Truth{Yes, "namespace " + strings.Join(r.Owners, ", ") + " has it"}
	case deserted(r):
		return Truth{No, emptyWords(r, route)}
	}
	return nextHop(r, route)
}

// refusing judges a route on which nothing is sent; rules that look at more than
// the destination may know another.
func refusing(r *snapshot.Reach, route snapshot.Route) Truth {
	switch route.Type {
	case snapshot.NoRoute, "unreachable", "blackhole", "prohibit":
	default:
		return Truth{Unknown, "the route is of type " + route.Type}
	}
	words := "no route leads to it"
	if route.Type != snapshot.NoRoute {
		words = "the route to it is of type " + route.Type
	}
	if r.Choosy > 0 {
		return Truth{Unknown, fmt.Sprintf("%s, but %d rules of policy routing look at more than the destination", words, r.Choosy)}
	}
	return Truth{No, words}
}

// deserted: all that is behind the link was looked at, and none has the address.
func deserted(r *snapshot.Reach) bool { return r.Behind.Known && !r.Route.Is.Via.IsValid() }

func emptyWords(r *snapshot.Reach, route snapshot.Route) string {
	if len(r.Behind.Is) == 0 {
		return "nothing is behind " + route.Dev
	}
	return fmt.Sprintf("no namespace behind %s has it: there are %s", route.Dev, strings.Join(r.Behind.Is, ", "))
}

func nextHop(r *snapshot.Reach, route snapshot.Route) Truth {
	who := "it"
	if route.Via.IsValid() {
		who = "the gateway " + route.Via.String()
	}
	switch {
	case !r.Neighbour.Known:
		return Truth{Unknown, r.Neighbour.Why}
	case r.Neighbour.Is == "failed":
		return Truth{No, who + " does not answer on " + route.Dev + " (neighbour entry failed)"}
	case r.Neighbour.Is == "incomplete":
		return Truth{Unknown, who + " is being asked for on " + route.Dev + " and has not answered yet"}
	case route.Via.IsValid():
		return Truth{Unknown, "it is behind " + who + ", beyond what this host can tell"}
	case r.Neighbour.Is == "":
		return Truth{Unknown, "nobody was asked for it on " + route.Dev + " lately"}
	}
	return Truth{Yes, "it answered on " + route.Dev + " lately (neighbour entry " + r.Neighbour.Is + ")"}
}

// Silent joins two looks at an address: one that was being asked for at both, or
// had failed at one, does not answer.
func Silent(before, after *snapshot.Reach) Truth {
	t := Reachable(after)
	waiting := func(r *snapshot.Reach) bool {
		return r.Neighbour.Known && (r.Neighbour.Is == "failed" || r.Neighbour.Is == "incomplete")
	}
	if t.Is == Unknown && after.Route == before.Route && after.Neighbour.Is == "incomplete" && waiting(before) {
		return Truth{No, "it does not answer on " + after.Route.Is.Dev + " (neighbour entry " + before.Neighbour.Is + ", then incomplete)"}
	}
	return t
}
