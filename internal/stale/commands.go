package stale

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// Inside is how commands are run in the table's namespace: what comes before
// those of other programs, and pktrail's own flags. The zero value is for the
// namespace that the user is in.
type Inside struct {
	Enter string // such as "ip netns exec n1 "
	Netns string // such as " --netns n1"
}

// words is a command under way.
type words []string

func (w *words) add(flag, value string) { *w = append(*w, flag, value) }

func (w *words) port(flag string, port uint16) {
	if port != 0 {
		w.add(flag, strconv.Itoa(int(port)))
	}
}

func (w words) String() string { return strings.Join(w, " ") }

// begin begins the words that both programs have in common.
func begin(t *target) (w words) {
	w.add("-p", packet.ProtoName(t.proto))
	return w
}

func (w *words) end(t *target) {
	if t.zone != 0 {
		w.add("--zone", strconv.Itoa(int(t.zone)))
	}
}

func (in Inside) commands(common, pktrail, conntrack words) Commands {
	return Commands{
		Pktrail:   "pktrail ct delete" + in.Netns + " " + append(common[:len(common):len(common)], pktrail...).String(),
		Conntrack: in.Enter + "conntrack -D " + append(common[:len(common):len(common)], conntrack...).String(),
	}
}

// ofEntry deletes one entry.
func (in Inside) ofEntry(f *conntrack.Flow) Commands {
	t := targetOf(f)
	w := begin(&t)
	w.add("-s", f.Orig.Src.String())
	w.add("-d", f.Orig.Dst.String())
	if f.Orig.Has&conntrack.HasPorts == conntrack.HasPorts {
		w.port("--sport", f.Orig.SrcPort)
		w.port("--dport", f.Orig.DstPort)
	}
	w.end(&t)
	if f.Orig.Has&conntrack.HasICMP == 0 {
		return in.commands(w, nil, nil)
	}
	flag := "--icmp"
	if t.proto == packet.ProtoICMPv6 {
		flag = "--icmpv6"
	}
	typ, code, id := strconv.Itoa(int(f.Orig.ICMPType)), strconv.Itoa(int(f.Orig.ICMPCode)), strconv.Itoa(int(f.Orig.ICMPID))
	return in.commands(w, words{flag + "-type", typ + "/" + code, "--icmp-id", id}, words{flag + "-type", typ, flag + "-code", code, flag + "-id", id})
}

// ofGroup deletes the entries of a target with one backend, unless that would
// delete others too.
func (in Inside) ofGroup(key *group, exact bool) Commands {
	if !exact {
		return Commands{}
	}
	w := begin(&key.target)
	w.add("-d", key.dst.Addr().String())
	w.port("--dport", key.dst.Port())
	w.end(&key.target)
	var pktrail, other words
	pktrail.add("--reply-src", key.backend.Addr().String())
	pktrail.port("--reply-sport", key.backend.Port())
	other.add("-r", key.backend.Addr().String())
	other.port("--reply-port-src", key.backend.Port())
	return in.commands(w, pktrail, other)
}

// ofPile deletes what is half-open in the same state.
func (in Inside) ofPile(key *pile) Commands {
	w := begin(&key.target)
	w.add("-d", key.dst.Addr().String())
	w.port("--dport", key.dst.Port())
	w.end(&key.target)
	w.add("--state", key.state.String())
	return in.commands(w, nil, nil)
}
