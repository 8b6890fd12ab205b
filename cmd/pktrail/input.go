package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/pktrail/pktrail/internal/envelope"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/internal/source/capture"
	"github.com/pktrail/pktrail/internal/source/kmsg"
	"github.com/pktrail/pktrail/internal/source/logfile"
)

// kmsgPath is the kernel's own log, which is read as records and not as lines.
const kmsgPath = "/dev/kmsg"

// input is what a verb reads from files.
type input struct {
	source.Source
	logs      *logfile.Source // nil unless it is kernel logs
	recording bool            // of pktrail trace -w
	close     func() error
}

// inputKind is what a file's first bytes say.
type inputKind uint8

const (
	kindLog inputKind = iota
	kindRecording
	kindCapture
	kindKmsg
)

func (k inputKind) String() string {
	return [...]string{"a kernel log", "a pktrail recording", "a packet capture", "the kernel's own log"}[k]
}

// openInput opens files of one kind. stdin stands for -.
func openInput(paths []string, stdin *os.File, opt logfile.Options) (*input, error) {
	in := peekable(stdin)
	kinds := make([]inputKind, len(paths))
	for i, path := range paths {
		var err error
		if kinds[i], err = kindOf(path, in); err != nil {
			return nil, err
		}
	}
	if len(kinds) > 1 {
		if i := slices.IndexFunc(kinds, func(k inputKind) bool { return k != kindLog }); i >= 0 {
			return nil, hint(fmt.Errorf("%s is %s, and of those one is read at a time, alone", paths[i], kinds[i]),
				"run pktrail read once for each; only kernel logs are read together")
		}
	}
	switch kinds[0] {
	case kindRecording:
		return openStory(paths[0], in)
	case kindCapture:
		return openCapture(paths[0], in)
	case kindKmsg:
		return openKmsg(opt)
	}
	opt.Stdin = in.Reader
	logs, err := logfile.Open(paths, opt)
	if err != nil {
		return nil, logHint(err)
	}
	return &input{Source: logs, logs: logs, close: func() error { return nil }}, nil
}

func logHint(err error) error {
	return hint(err, "name kernel logs, recordings or captures that are there, or - for standard input; journalctl -k -o json | pktrail read - reads the journal")
}

// peeking is an input whose beginning can be looked at before it is read.
type peeking struct {
	io.Reader
	head func() []byte
}

// peekable lets a file be read where it stands, by several at once; all else is
// buffered.
func peekable(f *os.File) peeking {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return peeking{f, func() []byte {
			head := make([]byte, sniffLen)
			at, _ := f.Seek(0, io.SeekCurrent)
			n, _ := f.ReadAt(head, at) // what is wrong with it the reader will say
			return head[:n]
		}}
	}
	in := bufio.NewReaderSize(f, 1<<16)
	return peeking{in, func() []byte {
		head, _ := in.Peek(sniffLen)
		return head
	}}
}

// kindOf looks at the first bytes of a file that can be read twice, or of standard
// input, which keeps them. What cannot be looked at so is taken for a log.
func kindOf(path string, stdin peeking) (inputKind, error) {
	var head []byte
	switch path {
	case kmsgPath:
		return kindKmsg, nil
	case "-":
		head = stdin.head()
	default:
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return kindLog, nil
		}
		if head, err = headOf(path); err != nil {
			return 0, logHint(err)
		}
	}
	switch {
	case envelope.Sniff(head) == envelope.FormJournalFile:
		return 0, hint(fmt.Errorf("%s: the journal's own file, which only journalctl reads", path), "journalctl --file %s -k -o json | pktrail read -", path)
	case source.IsStory(head):
		return kindRecording, nil
	case capture.Sniff(head):
		return kindCapture, nil
	}
	return kindLog, nil
}

// sniffLen is as many bytes as the magic of recordings and captures has.
const sniffLen = 16

func headOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, sniffLen)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return head[:n], nil
}

func open(path string, stdin io.Reader) (io.Reader, func() error, error) {
	if path == "-" {
		return stdin, func() error { return nil }, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

func openStory(path string, stdin io.Reader) (*input, error) {
	r, closeFile, err := open(path, stdin)
	if err != nil {
		return nil, err
	}
	s, err := source.OpenStory(r)
	if err != nil {
		return nil, hint(errors.Join(fmt.Errorf("%s: %w", path, err), closeFile()), "pktrail trace -w FILE makes a recording")
	}
	return &input{Source: s, recording: true, close: closeFile}, nil
}

func openCapture(path string, stdin io.Reader) (*input, error) {
	r, closeFile, err := open(path, stdin)
	if err != nil {
		return nil, err
	}
	s, err := capture.Open(r, path)
	if err != nil {
		return nil, hint(errors.Join(fmt.Errorf("%s: %w", path, err), closeFile()), "tcpdump -w FILE makes a capture, also of NFLOG groups: tcpdump -i nflog:5 -w FILE")
	}
	return &input{Source: s, close: closeFile}, nil
}

func openKmsg(opt logfile.Options) (*input, error) {
	from := kmsg.Oldest
	if opt.FromEnd {
		from = kmsg.Now
	}
	s, err := kmsg.Open(kmsg.Options{Follow: opt.Follow, From: from})
	if err != nil {
		return nil, err
	}
	return &input{Source: s, close: s.Close}, nil
}

// quietLog ends a packet of a log when its host's lines have gone on for so long
// without it: syslog's stamps have whole seconds.
const quietLog = 3 * time.Second
