package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pktrail/pktrail/internal/envelope"
)

// input is one file or stream.
type input struct {
	name   string // as the user gave it
	path   string
	file   *os.File // nil: not opened before it is read, or no file at all
	reader io.Reader
	size   int64     // of a regular file when it was opened
	begin  int64     // where reading begins
	mtime  time.Time // zero: now
	kind   kind
	packed string // name of the container
	grows  bool   // it is followed: its last line may not be whole yet
	form   form

	counter lineCounter

	// What the emitter knows of it.
	next      int64 // behind the lines that were read
	said      said
	lines     int64
	binary    int64
	longOpen  bool // a line that is too long has begun
	longSince int64
	longLine  int64
	longText  []byte
}

// said is what has been said of an input.
type said struct {
	year, zone, shorter bool
}

// kind is how an input is read.
type kind int

const (
	regular    kind = iota // in chunks, by any worker
	sequential             // a regular file that is decompressed
	piped                  // as it comes
	fifo                   // as it comes, opened when it is read
)

// form is how lines are written.
type form int

const (
	textForm     form = iota
	relativeForm      // text whose stamps count from those of lines before: all lines must be read
)

// shrunk reports whether the file is smaller than it was when it was opened. Files
// of sysfs are a page by their size, whatever they hold.
func (in *input) shrunk() bool {
	info, err := in.file.Stat()
	return err != nil || info.Size() < in.size
}

// inOrder reports whether what a line means depends on the lines before it.
func (f form) inOrder() bool { return f == relativeForm }

// open opens all files of all sets, so that rotation after this hides none of them.
func (s *Source) open(sets [][]part) error {
	for _, set := range sets {
		for i, p := range set {
			if twin := uncompressedTwin(set, i); twin != "" {
				s.notes = append(s.notes, fmt.Sprintf("%s: left out: %s is the same part of the set", p.path, twin))
				continue
			}
			if err := s.openPart(p.path, i == len(set)-1); err != nil {
				return err
			}
		}
	}
	return s.checkFollow()
}

// uncompressedTwin is the part of a set that has the same place as part i and is
// not compressed yet: while logrotate compresses, both are there.
func uncompressedTwin(set []part, i int) string {
	p := set[i]
	if p.age == current || uncompressed(p.path) == p.path {
		return ""
	}
	for _, other := range set {
		if other.path != p.path && filepath.Clean(other.path) == filepath.Clean(uncompressed(p.path)) {
			return other.path
		}
	}
	return ""
}

func (s *Source) openPart(path string, last bool) error {
	follow := s.options.Follow && last && path != Stdin
	in, err := s.openInput(path)
	switch {
	case follow && errors.Is(err, fs.ErrNotExist):
		s.followers = append(s.followers, &follower{path: path})
		return nil
	case err != nil:
		in.close()
		return err
	case in.file != nil && s.has(in.file):
		in.close()
		return nil
	}
	s.inputs = append(s.inputs, in)
	if !follow || in.kind == fifo || in.kind == piped {
		return nil
	}
	return s.followInput(in)
}

// followInput makes a follower that takes over when the input has been read.
func (s *Source) followInput(in *input) error {
	switch {
	case in.kind == sequential && in.packed == "":
		return fmt.Errorf("%s: a journal cannot be followed as a file: journalctl --follow -o json prints it as a stream", in.name)
	case in.kind == sequential:
		return fmt.Errorf("%s: a file packed by %s cannot be followed: name the one that is being written too", in.name, in.packed)
	}
	in.grows = true
	if s.options.FromEnd {
		in.begin = lastLine(in.file, in.size)
	}
	s.followers = append(s.followers, &follower{path: in.path, first: in})
	return nil
}

// checkFollow refuses what would never come to an end before what is behind it.
func (s *Source) checkFollow() error {
	absent := slices.ContainsFunc(s.followers, func(f *follower) bool { return f.first == nil })
	if s.options.Follow && (absent || len(s.inputs) > 1) {
		for _, in := range s.inputs {
			if in.kind == piped || in.kind == fifo {
				return fmt.Errorf("%s: a stream cannot be followed beside others: read it alone", in.name)
			}
		}
	}
	if s.options.Follow && s.options.FromEnd {
		s.inputs = slices.DeleteFunc(s.inputs, func(in *input) bool {
			if in.kind == sequential || in.kind == regular && !in.grows {
				in.close()
				return true
			}
			return false
		})
	}
	return nil
}

// has reports whether a file is among the inputs already, under whatever name.
func (s *Source) has(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && slices.ContainsFunc(s.inputs, func(in *input) bool {
		if in.file == nil {
			return false
		}
		other, err := in.file.Stat()
		return err == nil && os.SameFile(info, other)
	})
}

func (s *Source) openInput(path string) (*input, error) {
	if path == Stdin {
		return s.openStdin()
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	in := &input{name: path, path: path}
	switch mode := info.Mode(); {
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a folder: name the files in it", path)
	case mode&fs.ModeNamedPipe != 0:
		in.kind = fifo
		return in, nil
	case !mode.IsRegular() && mode&fs.ModeCharDevice == 0:
		return nil, fmt.Errorf("%s: is neither a file nor a stream", path)
	}
	if in.file, err = os.Open(path); err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	return in, in.identify()
}

// openStdin takes a file that is standard input for what it is.
func (s *Source) openStdin() (*input, error) {
	in := &input{name: "standard input", kind: piped, reader: s.options.Stdin}
	f, ok := s.options.Stdin.(*os.File)
	if !ok {
		return in, nil
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if info.IsDir() {
		return nil, errors.New("standard input: is a folder: name the files in it")
	}
	in.file = f
	if info.Mode().IsRegular() {
		if in.begin, err = f.Seek(0, io.SeekCurrent); err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
	}
	return in, in.identify()
}

// identify says how an open file is to be read.
func (in *input) identify() error {
	info, err := in.file.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", in.name, reason(err))
	}
	in.kind, in.reader = piped, in.file
	if !info.Mode().IsRegular() {
		return nil
	}
	in.kind, in.size, in.mtime = regular, info.Size(), info.ModTime()
	in.counter.at = in.file
	head := make([]byte, 4096)
	n, err := in.file.ReadAt(head, in.begin)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", in.name, reason(err))
	}
	if in.size == 0 && n > 0 { // of /proc and /sys, whose files do not tell their size
		in.kind = piped
		return nil
	}
	if in.packed = packedBy(head[:n]); in.packed != "" {
		in.kind = sequential
		return nil
	}
	if envelope.Sniff(head[:n]) != envelope.FormLines {
		in.kind = sequential
		return nil
	}
	in.form = formOf(head[:n])
	return nil
}

func (in *input) close() {
	if in != nil && in.file != nil && in.path != "" {
		_ = in.file.Close()
	}
}

// reference is the newest time that lines can be of which are there already.
func (in *input) reference() time.Time {
	if in.mtime.IsZero() {
		return time.Now()
	}
	return in.mtime
}

// lastLine is where the last line begins that ends at size or has no end yet.
func lastLine(at io.ReaderAt, size int64) int64 {
	buf := make([]byte, min(size, maxLine))
	from := size - int64(len(buf))
	n, _ := at.ReadAt(buf, from)
	if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
		return from + int64(i) + 1
	}
	return from
}

// formOf tells the form of a log by its beginning.
func formOf(head []byte) form {
	for line := range bytes.Lines(head) {
		if isRelative(bytes.TrimLeft(line, " \t")) {
			return relativeForm
		}
	}
	return textForm
}

// isRelative knows the stamps of dmesg --reltime and --show-delta: `[  +0.5]`,
// `[<    0.5>]`, `[Feb15 06:36]`.
func isRelative(line []byte) bool {
	if len(line) < 8 || line[0] != '[' {
		return false
	}
	switch in := bytes.TrimLeft(line[1:], " "); {
	case len(in) < 6:
		return false
	case in[0] == '+' || in[0] == '<':
		return true
	default:
		return in[0] >= 'A' && in[0] <= 'Z' && in[3] >= '0' && in[3] <= '9' && in[5] == ' '
	}
}

// reason is an error without the operation and path that stand around it already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
