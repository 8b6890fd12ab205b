package netfilter

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/wire"
)

// nfnetlink_log's configuration (include/uapi/linux/netfilter/nfnetlink_log.h).
const (
	msgConfig = unix.NFNL_SUBSYS_ULOG<<8 | 1

	cfgCommand    = 1
	cfgMode       = 2
	cfgBufferSize = 3
	cfgThreshold  = 5
	cfgFlags      = 6

	commandBind = 1
	copyPacket  = 2

	flagSeq       = 1
	flagConntrack = 4
)

const (
	// copyBytes of each packet are asked for: every header that tells packets
	// apart, with room for options and an ICMP error's quotation.
	copyBytes = 256
	// bufferSize is what the kernel allocates for a message at least; small,
	// because it is accounted against the receive buffer (TRACE is never batched).
	bufferSize = 512
)

// Busy is the error of listening to a group to which another process listens.
type Busy struct {
	Group  uint16
	Port   uint32 // netlink port id of the listener
	Holder string // its name and process id, or what is known of it
}

func (b *Busy) Error() string {
	return fmt.Sprintf("NFLOG group %d is taken by %s", b.Group, b.Holder)
}

// ListenLegacy makes the socket the listener of NFLOG group 0, to which legacy
// TRACE writes once the namespace's logger is nfnetlink_log. One listener a
// namespace: where there is one already the error is a *Busy.
func (s *Source) ListenLegacy(ns *netns.NS) error {
	if err := s.listen(ns, 0); err != nil {
		return err
	}
	if conntrackHere() {
		// Not built into every kernel (NETFILTER_NETLINK_GLUE_CT): lines then come without their entry.
		_ = s.configure("ask for conntrack in NFLOG group 0", 0, flags(flagSeq|flagConntrack))
	}
	return nil
}

// listen makes the socket the listener of a group.
func (s *Source) listen(ns *netns.NS, group uint16) error {
	err := s.configure(fmt.Sprintf("listen on NFLOG group %d", group), group, listening())
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EBUSY) {
		if busy := holder(ns, group, s.sock.Port()); busy != nil {
			return busy
		}
	}
	return err
}

// listening binds and sets all up in one message, so that nothing comes whole
// or without a number in between.
func listening() []byte {
	mode := binary.BigEndian.AppendUint32(nil, copyBytes)
	mode = append(mode, copyPacket, 0)
	attrs := wire.AppendAttr(nil, cfgCommand, []byte{commandBind})
	attrs = wire.AppendAttr(attrs, cfgMode, mode)
	attrs = wire.AppendAttr(attrs, cfgBufferSize, binary.BigEndian.AppendUint32(nil, bufferSize))
	attrs = wire.AppendAttr(attrs, cfgThreshold, binary.BigEndian.AppendUint32(nil, 1))
	return append(attrs, flags(flagSeq)...)
}

// conntrackHere reports whether the kernel can be asked for conntrack entries
// without loading a module for it (net/netfilter/nfnetlink_log.c:
// nfulnl_recv_config requests ip_conntrack_netlink). Where that is built into a
// kernel with modules the answer is no, and lines come without their entry.
func conntrackHere() bool {
	if _, err := os.Stat("/sys/module/nf_conntrack_netlink"); err == nil {
		return true
	}
	_, err := os.Stat("/proc/modules")
	return errors.Is(err, os.ErrNotExist)
}

func flags(f uint16) []byte {
	return wire.AppendAttr(nil, cfgFlags, binary.BigEndian.AppendUint16(nil, f))
}

func (s *Source) configure(op string, group uint16, attrs []byte) error {
	return s.sock.Request(op, 1, func(seq uint32) []byte {
		return wire.AppendMessage(nil, msgConfig, unix.NLM_F_REQUEST|unix.NLM_F_ACK, seq, unix.AF_UNSPEC, group, attrs)
	})
}

// groupsPath lists the groups that have a listener in the namespace of the thread.
const groupsPath = "/proc/thread-self/net/netfilter/nfnetlink_log"

// holder finds who listens on a group, nil when nobody but own does.
func holder(ns *netns.NS, group uint16, own uint32) *Busy {
	var busy *Busy
	_ = ns.Do(func() error {
		port, ok := groupPort(groupsPath, group)
		if !ok || port == own {
			return nil
		}
		busy = &Busy{Group: group, Port: port, Holder: fmt.Sprintf("netlink port %d, whose process cannot be seen from here", port)}
		if inode, ok := socketInode("/proc/thread-self/net/netlink", port); ok {
			if who, ok := processOf(inode); ok {
				busy.Holder = who
			}
		}
		return nil
	})
	return busy
}

// groupPort reads the port id of a group's listener (net/netfilter/nfnetlink_log.c: seq_show).
func groupPort(path string, group uint16) (port uint32, ok bool) {
	want := strconv.Itoa(int(group))
	for fields := range lines(path) {
		if len(fields) < 2 || fields[0] != want {
			continue
		}
		n, err := strconv.ParseUint(fields[1], 10, 32)
		return uint32(n), err == nil
	}
	return 0, false
}

// socketInode finds a netfilter netlink socket by its port id (net/netlink/af_netlink.c: netlink_native_seq_show).
func socketInode(path string, port uint32) (inode string, ok bool) {
	want := strconv.FormatUint(uint64(port), 10)
	for fields := range lines(path) {
		if len(fields) >= 10 && fields[1] == strconv.Itoa(unix.NETLINK_NETFILTER) && fields[2] == want {
			return fields[9], true
		}
	}
	return "", false
}

func processOf(inode string) (who string, ok bool) {
	want := "socket:[" + inode + "]"
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || target != want {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		comm, err := os.ReadFile("/proc/" + pid + "/comm")
		if err != nil {
			return "process " + pid, true
		}
		return fmt.Sprintf("%s (process %s)", bytes.TrimSpace(comm), pid), true
	}
	return "", false
}

func lines(path string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer func() { _ = f.Close() }()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			if !yield(strings.Fields(sc.Text())) {
				return
			}
		}
	}
}
