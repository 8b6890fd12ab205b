package bench

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/netns"
)

// spent is what a run took.
type spent struct {
	wall, cpu time.Duration
	peak      int // kB of resident memory at its highest
}

// spendings are those of several runs.
type spendings struct {
	wall, cpu series // s
	peak      int    // kB
}

func (c *spendings) add(one spent) {
	c.wall, c.cpu = append(c.wall, one.wall.Seconds()), append(c.cpu, one.cpu.Seconds())
	c.peak = max(c.peak, one.peak)
}

func (c *spendings) String() string {
	return fmt.Sprintf("%.2f s (least %.2f, of cores %.2f)", c.wall.median(), c.wall.quantile(0), c.cpu.median())
}

// runIn runs a program to its end, its output thrown away, and returns what it
// says beside that.
func runIn(ns *netns.NS, argv ...string) (c spent, said string, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	begin := time.Now()
	if err := ns.Do(cmd.Start); err != nil {
		return c, "", err
	}
	done := make(chan struct{})
	top := make(chan int)
	go func() { top <- watchPeak(cmd.Process.Pid, done) }()
	err = cmd.Wait()
	c.wall = time.Since(begin)
	close(done)
	c.peak, c.cpu = <-top, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	if err != nil {
		return c, "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, errs.String())
	}
	return c, errs.String(), nil
}

// watchPeak looks at a process until it is done: the rusage of a child that was
// started without a copy of its parent's memory has the parent's peak
// (fs/exec.c: exec_mmap).
func watchPeak(pid int, done <-chan struct{}) (top int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return top
		case <-tick.C:
			top = max(top, peak(pid))
		}
	}
}

// bareDump receives a listing of the table and looks at none of it: what the
// kernel itself takes.
func bareDump(ns *netns.NS, filter conntrack.Filter) (c spent, err error) {
	err = ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		before, begin := threadTime(), time.Now()
		err = receiveAll(fd, conntrack.AppendDump(nil, 1, conntrack.Tracked, &filter))
		c.wall, c.cpu = time.Since(begin), time.Duration(threadTime()-before)
		return err
	})
	return c, err
}

func receiveAll(fd int, request []byte) error {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	const done = unix.NLMSG_HDRLEN + 4 // the last message, alone or behind others: no result but 0
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return err
		}
		if last := buf[max(n-done, 0):n]; len(last) == done && last[0] == done && last[4] == unix.NLMSG_DONE && last[5] == 0 {
			return nil
		}
	}
}
