package match

// Place is where a Match is judged.
type Place string

// The places.
const (
	Prerouting Place = "prerouting" // before any rule and any route
	Output     Place = "output"     // packets of the host itself, before any rule
	Ingress    Place = "ingress"    // at the device, before the bridge
	File       Place = "file"       // logs, recordings, captures
	Conntrack  Place = "conntrack"  // the entries of the connection table
)

// Places is all places, in the order of docs/match.md.
func Places() []Place { return []Place{Prerouting, Output, Ingress, File, Conntrack} }

// Reason is one part of a Match that a place cannot judge.
type Reason struct {
	Arg  string // the option
	Why  string
	Hint string
}

// CannotJudge names the parts of the Match that the place cannot judge. In a
// file every part can be, as far as the file holds it: Judge tells for each packet.
func (m *Match) CannotJudge(at Place) []Reason {
	var reasons []Reason
	no := func(given bool, arg, why, hint string) {
		if given {
			reasons = append(reasons, Reason{arg, why, hint})
		}
	}
	in, out, mark := m.In.Given(), m.Out.Given(), m.Mark != nil
	switch at {
	case Prerouting, Ingress:
		no(out, "--out-interface", "the packet has not been routed yet at "+string(at), "use -d, or --from output for packets of this host")
		no(mark, "--mark", "rules set marks later than "+string(at), "match what the marking rule matches")
	case Output:
		no(in, "-i", "packets of this host came in by no interface", "leave -i away, or use --from prerouting")
	case Conntrack:
		const hint = "leave it away, or use trace"
		no(in, "-i", "entries of the connection table have no interface", hint)
		no(out, "--out-interface", "entries of the connection table have no interface", hint)
		no(mark, "--mark", "an entry has the connection's mark, not the packet's", hint)
		no(m.TCPFlags != nil, m.TCPFlags.word(), "an entry has the connection's state, not one packet's flags", hint)
	}
	return reasons
}
