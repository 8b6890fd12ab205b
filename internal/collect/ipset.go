package collect

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/ipset"
)

// IPSets reads all ipsets with their members. nfnetlink loads the module of a
// subsystem that it is asked for (net/netfilter/nfnetlink.c: nfnetlink_rcv_msg),
// so it is asked only where ipsets are there; where they are not, there are none.
// No number tells whether a set changed while it was read.
func (h *Host) IPSets() (sets []*ipset.Set, err error) {
	err = h.where("ip_set", "ip_set_test", func(s *nfnetlink.Socket) (err error) {
		sets, err = listSets(s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the ipsets of namespace %s: %w", h.NS.Name, err)
	}
	return sets, nil
}

// Commands and attributes by which the protocol is agreed on
// (include/uapi/linux/netfilter/ipset/ip_set.h).
const (
	ipsetCmdProtocol  = 1 // IPSET_CMD_PROTOCOL
	ipsetAttrProtocol = 1 // IPSET_ATTR_PROTOCOL
	ipsetOldest       = 6 // the version that every kernel since 2.6.39 speaks
	ipsetNewest       = 7 // that tells the sets' numbers, by which rules hold them
)

func listSets(s *nfnetlink.Socket) ([]*ipset.Set, error) {
	version, err := setProtocol(s)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil // a kernel without modules, and without ipsets
	}
	if err != nil {
		return nil, err
	}
	var l ipset.Listing
	err = askSets(s, "list ipsets", ipset.CmdList, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, version, func(m wire.Message) { l.Take(m) })
	return l.Sets, err
}

// setProtocol is the version of the protocol in which the kernel is asked.
func setProtocol(s *nfnetlink.Socket) (version uint8, err error) {
	version = ipsetOldest
	err = askSets(s, "ask for the protocol of ipsets", ipsetCmdProtocol, unix.NLM_F_REQUEST|unix.NLM_F_ACK, version, func(m wire.Message) {
		for a := range attrs(m.Attrs) {
			if speaks, ok := a.Uint8(); ok && a.Type == ipsetAttrProtocol {
				version = min(speaks, ipsetNewest)
			}
		}
	})
	return version, err
}

func askSets(s *nfnetlink.Socket, op string, cmd, flags uint16, version uint8, each func(wire.Message)) error {
	fill := func(seq uint32) []byte {
		protocol := wire.AppendAttr(nil, ipsetAttrProtocol, []byte{version})
		return wire.AppendMessage(nil, ipset.Subsystem<<8|cmd, flags, seq, unix.NFPROTO_IPV4, 0, protocol)
	}
	_, err := s.Dump(op, fill, func(m wire.Message) error {
		each(m)
		return nil
	})
	return err
}
