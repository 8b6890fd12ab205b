package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

// LoggingSchema names the JSON form of a LoggingReport.
const LoggingSchema = "pktrail/logging/v1"

// LoggingReport says where the lines of a namespace's rules go, and what is in their way.
type LoggingReport struct {
	Schema   string    `json:"schema"`
	Netns    Netns     `json:"netns"`
	Rules    int       `json:"rules"` // that tell of packets
	Ways     []Way     `json:"ways"`
	LastLine *float64  `json:"last_line_seconds,omitzero"` // age of the newest packet line in the kernel's log; absent: none, or not known
	Trouble  bool      `json:"trouble"`
	Findings []Finding `json:"-"` // objects of their own
}

// Netns names a network namespace.
type Netns struct {
	Name  string `json:"name"`
	Inode uint64 `json:"inode"`
}

// Way is where the lines of one kind of rules go.
type Way struct {
	Family  string   `json:"family"` // of the table: ip, ip6, inet, arp, bridge, netdev
	What    string   `json:"what"`   // LOG, TRACE, NFLOG group 5 …
	Rules   int      `json:"rules"`
	Packets *uint64  `json:"packets,omitzero"` // that their counters saw; absent when a rule has none
	To      []string `json:"to"`
	Nowhere string   `json:"nowhere,omitzero"` // why they go nowhere, when To is empty
}

// ReportLogging tells the ways and runs all checks.
func ReportLogging(l *snapshot.Logging) LoggingReport {
	r := LoggingReport{
		Schema: LoggingSchema, Netns: Netns{Name: l.Netns.Name, Inode: l.Netns.Inode},
		Rules: len(l.Rules), Ways: ways(l), Findings: Logging(l),
	}
	if ring, ok := l.Kernel.Ring.Get(); ok && ring.PacketLines > 0 {
		age := ring.LastLine.Round(time.Millisecond).Seconds()
		r.LastLine = &age
	}
	r.Trouble = Trouble(r.Findings)
	return r
}

// ways joins rules whose lines go the same way, in the order of the families.
func ways(l *snapshot.Logging) []Way {
	all := []Way{}
	c := carriersOf(l)
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.Inet, ruleset.ARP, ruleset.Bridge, ruleset.Netdev} {
		for i := range l.Rules {
			if r := &l.Rules[i]; r.Table.Family == fam {
				all = join(all, way(l, c, r))
			}
		}
	}
	return all
}

func join(all []Way, w Way) []Way {
	for i := range all {
		a := &all[i]
		if a.Family != w.Family || a.What != w.What || a.Nowhere != w.Nowhere || !slices.Equal(a.To, w.To) {
			continue
		}
		a.Rules++
		if a.Packets != nil && w.Packets != nil {
			sum := *a.Packets + *w.Packets
			a.Packets = &sum
		} else {
			a.Packets = nil
		}
		return all
	}
	return append(all, w)
}

func way(l *snapshot.Logging, c carriers, r *snapshot.LogRule) Way {
	w := Way{Family: r.Table.Family.String(), Rules: 1}
	if n, ok := r.Packets.Get(); ok {
		w.Packets = &n
	}
	switch r.Kind {
	case snapshot.LogToGroup:
		w.What = fmt.Sprintf("NFLOG group %d", r.Group)
		w.toListener(l, r.Group)
	case snapshot.LogToAudit:
		w.What, w.To = "log level audit", []string{"the audit system"}
	case snapshot.LogTrace:
		w.What = "TRACE"
		w.trace(l, c, r)
	default:
		level, _ := told(r)
		w.What = "LOG " + snapshot.Levels()[level&7]
		w.toKernelLog(l, c, r)
	}
	w.To = filled(w.To)
	return w
}

func (w *Way) toListener(l *snapshot.Logging, group uint16) {
	switch who, known := listenerWords(l, group); {
	case who == "nobody":
		w.Nowhere = fmt.Sprintf("nobody listens to group %d", group)
	case !known:
		w.Nowhere = "who listens is " + who
	default:
		w.To = []string{who}
	}
}

func (w *Way) trace(l *snapshot.Logging, c carriers, r *snapshot.LogRule) {
	if !r.LegacyTrace() {
		w.What += " (nf_tables)"
		w.To = []string{"nft monitor trace, xtables-monitor --trace, where one runs"}
		return
	}
	fam := r.Table.Family
	i := slices.IndexFunc(l.Families, func(f snapshot.LogFamily) bool { return f.Family == fam })
	if i < 0 || !l.Families[i].Active.Known {
		w.Nowhere = "its logger is not known"
		return
	}
	switch active := l.Families[i].Active.Is; active {
	case snapshot.NoLogger:
		w.Nowhere = backendKey(fam) + " is NONE"
	case snapshot.NetlinkLogger:
		w.What += " (NFLOG group 0)"
		w.toListener(l, 0)
	default:
		w.toKernelLog(l, c, r)
	}
}

func (w *Way) toKernelLog(l *snapshot.Logging, c carriers, r *snapshot.LogRule) {
	switch gateOf(l) {
	case gateClosed:
		w.Nowhere = "net.netfilter.nf_log_all_netns is 0, and this is not the first network namespace"
	case gateUnknown:
		w.Nowhere = "whether this namespace may log is not known"
	default:
		w.To = slices.Concat([]string{"the kernel's log (dmesg)"}, c.files(r), c.perhaps(r))
	}
}

// Destinations are all places that lines go to, each once.
func (r LoggingReport) Destinations() string {
	var all []string
	for _, w := range r.Ways {
		for _, to := range w.To {
			if !slices.Contains(all, to) {
				all = append(all, to)
			}
		}
	}
	return strings.Join(all, ", ")
}
