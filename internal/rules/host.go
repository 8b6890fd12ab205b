// Package rules is the rules of one network namespace, or of files, as they were
// read: of every back end, with the sets they look up. It tells the order in
// which packets meet them, which of them could match a packet, and which are
// hit. It asks no kernel.
package rules

import (
	"time"

	"github.com/pktrail/pktrail/ruleset/ipset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Host is the rules of one namespace, or of files.
type Host struct {
	Name   string      // of the namespace, or of the files
	Legacy []*xt.Table // of IPv4, then of IPv6, then of ARP; of files as they came
	NFT    *nft.Native // nil where nf_tables was not read
	IPSets []*ipset.Set
	// Calls are what the kernel calls at its hooks, by family and hook in the order of
	// their calls; none where it did not say.
	Calls  []Call
	ReadAt time.Time
	// Doubts say, a sentence each, what may be missing or of another time.
	Doubts []string

	// What numbers are called there, in iptables' words and in nft's.
	XTNames  *xt.Names // nil for none
	NFTNames nft.Names
}
