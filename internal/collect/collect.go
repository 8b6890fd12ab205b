// Package collect asks one network namespace how it stands: its links, its
// tables and chains, the texts of its rules, and what may keep a packet from
// meeting a rule. It changes nothing: it loads no module, creates no table and
// starts no connection tracking, but for what [Host.EbtablesLegacy] says. All comes from netlink, getsockopt and /proc;
// it runs no tool.
package collect

import (
	"sync"

	"github.com/pktrail/pktrail/internal/netns"
)

// Host asks one namespace. Its methods may be called from several goroutines;
// readings of rules wait for each other.
type Host struct {
	NS *netns.NS
	// EbtablesLegacy: Rules reads the legacy tables of ebtables too. One that the
	// namespace does not have then appears in it, without rules: there is no list of
	// them, and asking makes them (net/bridge/netfilter/ebtables.c: find_table_lock).
	EbtablesLegacy bool

	mu       sync.Mutex
	nfTables presence
	seen     *fingerprint // how the rules stood at the last reading
	noTrack  []string     // rules that exempt packets from conntrack, as the last Texts had them
}

// New returns a Host for an open namespace, which must stay open while it is used.
func New(ns *netns.NS) *Host {
	return &Host{NS: ns}
}
