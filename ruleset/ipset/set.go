// Package ipset is the sets of ipset(8) as values: read from the messages in
// which the kernel lists them, and turned into what they ask of a packet. It
// asks no kernel.
package ipset

// Set is one ipset with its members.
type Set struct {
	Name   string
	Type   string // as "hash:ip,port"
	Family uint8  // NFPROTO_*; 0 for sets without addresses
}
