// Package conntrack is the kernel's connection tracking as values: entries
// (Flow), expectations (Expect), counters (CPUStats), what to look for (Filter),
// and the netlink messages that carry them. It reads no socket and runs
// anywhere; package conntrack/ctnetlink is the client that talks to a kernel.
//
// What a message did not have is absent, not zero: the Has field of each type
// says what was there. What this package does not know, a newer kernel's
// attribute or one of another length than it had so far, is kept in Unknown and
// never an error.
//
// Numbers are in host byte order. The model is that of ctnetlink
// (net/netfilter/nf_conntrack_netlink.c and
// include/uapi/linux/netfilter/nfnetlink_conntrack.h).
package conntrack
