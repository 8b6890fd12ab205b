package nftexpr

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Log sends the packet's first bytes to the listener of an NFLOG group.
type Log struct {
	Prefix  string // at most MaxPrefix bytes; quotes are left out, as nft has no way to write them
	Group   uint16
	Snaplen uint32 // bytes of each packet; 0 is what the listener asked for
}

// MaxPrefix is how many bytes a prefix of a log statement has at most
// (include/net/netfilter/nf_log.h: NF_LOG_PREFIXLEN, less the terminating zero).
const MaxPrefix = 127

// Stmt is the log statement.
func (l Log) Stmt() Stmt {
	text := fmt.Sprintf("log prefix %s group %d", quoted(l.Prefix), l.Group)
	prefix := quoted(l.Prefix)
	a := attrs(nil).be16(unix.NFTA_LOG_GROUP, l.Group).text(unix.NFTA_LOG_PREFIX, prefix[1:len(prefix)-1])
	if l.Snaplen > 0 {
		text += fmt.Sprintf(" snaplen %d", l.Snaplen)
		a = a.be32(unix.NFTA_LOG_SNAPLEN, l.Snaplen)
	}
	return Stmt{text, []Expr{{Name: "log", attrs: a}}}
}
