package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
)

// terminal is a pseudo terminal of 100 columns and 12 lines: what a program sees,
// and what a person sees of it.
func terminal(t *testing.T) (inside, outside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		lab.Lacks(t, err.Error())
	}
	t.Cleanup(func() { _ = outside.Close() })
	fd := int(outside.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 12, Col: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
	inside, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		lab.Lacks(t, err.Error())
	}
	t.Cleanup(func() { _ = inside.Close() })
	return inside, outside
}

// program is this test's binary under the program's name.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pktrail")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// watchScreen tells when a view was drawn for the second time, and in the end all
// that was written.
func watchScreen(outside io.Reader, drawn chan<- bool, seen chan<- string) {
	var all strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := outside.Read(buf)
		all.Write(buf[:n])
		if strings.Count(all.String(), screenHome) == 2 {
			select {
			case drawn <- true:
			default:
			}
		}
		if err != nil {
			seen <- all.String()
			return
		}
	}
}

// TestTopOnTerminal: the view is drawn in place, fits, and ^C puts the terminal
// back with the last view on it.
func TestTopOnTerminal(t *testing.T) {
	p := newCTPlace(t, "cttop")
	for port := 1; port <= 30; port++ {
		p.must(t, "create", "-p", "udp", "-s", "10.1.0."+strconv.Itoa(port), "-d", "10.96.0.10", "--sport", "5", "--dport", "53", "--timeout", "300s")
	}
	inside, outside := terminal(t)
	cmd := program(t, "ct", "top", "--netns", "cttop", "--interval", "100ms", "--no-color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inside, inside, inside
	cmd.Env = append(os.Environ(), "TERM=xterm")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = inside.Close()
	drawn, seen := make(chan bool, 1), make(chan string, 1)
	go watchScreen(outside, drawn, seen)
	select {
	case <-drawn:
	case <-time.After(lab.Patience):
		t.Error("the view was not drawn twice")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("%v", err)
	}
	text := <-seen
	body, last, closed := strings.Cut(text, screenClose)
	if !strings.HasPrefix(text, screenOpen) || !closed || strings.Count(body, screenHome) < 2 {
		t.Fatalf("%q", text)
	}
	frame := strings.Split(strings.Split(body, screenHome)[1], "\r\n")
	if len(frame) > 12 || !strings.HasPrefix(frame[0], "30 entries") || strings.Contains(body, "\x1b[2J") {
		t.Errorf("%d lines: %q", len(frame), frame)
	}
	if !strings.HasPrefix(last, "30 entries of at most ") || !strings.Contains(last, " others\r\n") {
		t.Errorf("left behind: %q", last)
	}
}
