package arm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// Setting is one kernel setting that is changed while a trace runs: a file of
// /proc/sys, opened inside the namespace that it belongs to. The open file works
// from anywhere and does not keep the namespace alive.
type Setting struct {
	Path string `json:"path"`
	Old  string `json:"old"`
	Ours string `json:"ours"`

	file *os.File
}

// ourLogger is the log back end that sends legacy TRACE lines to NFLOG group 0.
const ourLogger = "nfnetlink_log"

func loggerPath(family ruleset.Family) string {
	return "/proc/sys/net/netfilter/nf_log/" + strconv.Itoa(int(family))
}

// openLogger opens the namespace's log back end of a family. nil when it is the
// one that legacy TRACE needs already.
func openLogger(ns *netns.NS, family ruleset.Family) (*Setting, error) {
	s := &Setting{Path: loggerPath(family), Ours: ourLogger}
	err := ns.Do(func() (err error) {
		s.file, err = os.OpenFile(s.Path, os.O_RDWR, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("log back end of %s: %w", ns.Name, err)
	}
	if s.Old, err = s.read(); err != nil {
		_ = s.file.Close()
		return nil, err
	}
	if s.Old == s.Ours {
		return nil, s.file.Close()
	}
	return s, nil
}

// set writes our value.
func (s *Setting) set() error { return s.write(s.Ours) }

// restore puts the old value back if the setting still holds ours. A namespace
// that is gone has nothing to restore.
func (s *Setting) restore() error {
	now, err := s.read()
	switch {
	case gone(err):
		return nil
	case err != nil:
		return err
	case now != s.Ours:
		return nil
	}
	if err := s.write(s.Old); err != nil && !gone(err) {
		return err
	}
	return nil
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }

func (s *Setting) read() (string, error) {
	var b [256]byte
	n, err := unix.Pread(int(s.file.Fd()), b[:], 0)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", s.Path, err)
	}
	return string(bytes.TrimSpace(b[:n])), nil
}

func (s *Setting) write(value string) error {
	if _, err := unix.Pwrite(int(s.file.Fd()), []byte(value), 0); err != nil {
		return fmt.Errorf("write %q to %s: %w", value, s.Path, err)
	}
	return nil
}
