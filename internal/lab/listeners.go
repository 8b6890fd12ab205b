package lab

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
)

// Listening is the netlink sockets of netfilter in a namespace, together.
type Listening struct {
	Sockets int
	Waiting int // bytes that wait to be read
	Dropped int // messages for which there was no room
}

// Listeners looks at those sockets that are in one of the groups, each of which is
// a bit (unix.NFNLGRP_NFTRACE is 1<<(unix.NFNLGRP_NFTRACE-1)); 0 is all sockets.
// net/netlink/af_netlink.c: netlink_native_seq_show prints them.
func Listeners(ns *netns.NS, groups uint64) (all Listening, err error) {
	var text []byte
	err = ns.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/netlink")
		return err
	})
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 10 || f[1] != strconv.Itoa(unix.NETLINK_NETFILTER) {
			continue
		}
		if member, _ := strconv.ParseUint(f[3], 16, 64); groups != 0 && member&groups == 0 {
			continue
		}
		waiting, _ := strconv.Atoi(f[4])
		dropped, _ := strconv.Atoi(f[8])
		all.Sockets++
		all.Waiting += waiting
		all.Dropped += dropped
	}
	return all, err
}
