package ctcli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Exit statuses.
const (
	exitDone      = 0
	exitFailed    = 1
	exitParameter = 2
)

// failure ends the program with a message.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

// misuse is a mistake in the arguments.
func misuse(format string, args ...any) error {
	return &failure{exitParameter, fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) error {
	return &failure{exitFailed, fmt.Sprintf(format, args...)}
}

// refused is the kernel's refusal of a command, in conntrack's words.
func refused(c command, err error) error {
	if err == nil {
		return nil
	}
	return failed("Operation failed: %s", reason(c, err))
}

// reasons are the errors that have words of their own for some commands.
var reasons = []struct {
	commands []command
	errno    unix.Errno
	words    string
}{
	{[]command{list, create, update, remove, get, flush, event, version, help, expectList, expectCreate, expectDelete,
		expectGet, expectFlush, expectEvent, count}, unix.EINVAL, "invalid parameters"},
	{[]command{create}, unix.EEXIST, "Such conntrack exists, try -U to update"},
	{[]command{create, get, remove, add}, unix.ENOENT, "such conntrack doesn't exist"},
	{[]command{create, get, add}, unix.ENOMEM, "not enough memory"},
	{[]command{get}, unix.EAFNOSUPPORT, "protocol not supported"},
	{[]command{create, add}, unix.ETIME, "conntrack has expired"},
	{[]command{expectCreate}, unix.ENOENT, "master conntrack not found"},
}

func reason(c command, err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	for _, r := range reasons {
		if r.errno == errno && slices.Contains(r.commands, c) {
			return r.words
		}
	}
	if errno == unix.EPERM {
		return "sorry, you must be root or get CAP_NET_ADMIN capability to do this"
	}
	return libcText(errno)
}

// libcText is strerror(3)'s text, which begins with a capital letter.
func libcText(errno unix.Errno) string {
	s := errno.Error()
	if s == "" {
		return fmt.Sprintf("Unknown error %d", int(errno))
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
