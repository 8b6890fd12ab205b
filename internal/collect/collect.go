// Package collect asks one network namespace how it stands: its links, its
// tables and chains, the texts of its rules, and what may keep a packet from
// meeting a rule. It changes nothing: it loads no module, creates no table and
// starts no connection tracking. Rule texts come from the host's own tools,
// run in the namespace; everything else from netlink, getsockopt and /proc.
package collect

import (
	"sync"
	"time"

	"github.com/pktrail/pktrail/internal/netns"
)

// Options bounds what the host's tools may use. The zero value is useful.
type Options struct {
	Timeout   time.Duration // of one run of one tool; 10 s when 0
	Memory    uint64        // address space of one tool in bytes; 1 GiB when 0
	MaxOutput int64         // bytes of one tool's output; 256 MiB when 0
	// Look finds a tool's path by its name; the usual system folders and PATH when nil.
	Look func(name string) (string, error)
}

// Host asks one namespace. Its methods may be called from several goroutines;
// readings of rules wait for each other.
type Host struct {
	NS  *netns.NS
	opt Options

	mu       sync.Mutex
	nfTables presence
	seen     *fingerprint // how the rules stood at the last reading
	noTrack  []string     // rules that exempt packets from conntrack, as the last Texts had them
}

// New returns a Host for an open namespace, which must stay open while it is used.
func New(ns *netns.NS, opt Options) *Host {
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.Memory == 0 {
		opt.Memory = 1 << 30
	}
	if opt.MaxOutput == 0 {
		opt.MaxOutput = 256 << 20
	}
	if opt.Look == nil {
		opt.Look = lookTool
	}
	return &Host{NS: ns, opt: opt}
}
