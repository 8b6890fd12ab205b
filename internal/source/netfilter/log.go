package netfilter

import (
	"errors"
	"math/rand/v2"

	"github.com/pktrail/pktrail/internal/netns"
)

// firstFree is the lowest group that FreeGroup gives out: people number theirs
// from 0 on.
const firstFree = 1024

// tries is how many groups are looked at; that so many of 64,512 are taken does not happen.
const tries = 100

// FreeGroup picks an NFLOG group at random that has no listener in the namespace.
// It changes nothing, so that somebody else may take it before it is opened.
func FreeGroup(ns *netns.NS) (group uint16, err error) {
	err = ns.Do(func() error {
		for range tries {
			group = uint16(firstFree + rand.IntN(1<<16-firstFree))
			if _, taken := groupPort(groupsPath, group); !taken {
				return nil
			}
		}
		return errors.New("no free NFLOG group found: look at /proc/net/netfilter/nfnetlink_log")
	})
	return group, err
}

// OpenGroup opens a socket in the namespace that is the listener of an NFLOG
// group, until Close or the end of the process. Rules that log to the group are
// made afterwards. Where another process listens the error is a *Busy.
func OpenGroup(ns *netns.NS, group uint16, opt Options) (*Source, error) {
	s, err := open(ns, opt)
	if err != nil {
		return nil, err
	}
	s.what = "logged packets"
	if err := s.listen(ns, group); err != nil {
		_ = s.sock.Close()
		return nil, err
	}
	return s, nil
}
