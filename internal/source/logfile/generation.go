package logfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// generation is one of the files that bear a followed name one after the other.
type generation struct {
	in     *input
	info   os.FileInfo
	stream stream
	print  []byte // the last bytes that were read: they tell whether it is the same content
}

// printLen is how many bytes are taken for a proof: lines of the same second differ
// within them.
const printLen = 512

// continued goes on behind what was read of an input.
func continued(in *input) *generation {
	g := &generation{in: in}
	g.info, _ = in.file.Stat()
	at := max(in.begin, in.next)
	g.stream = stream{off: at, lines: -1, long: in.longOpen}
	_, _ = in.file.Seek(at, io.SeekStart)
	g.remember()
	return g
}

func openGeneration(path string) (*generation, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	in := &input{name: path, path: path, file: f, grows: true}
	in.counter.at = f
	return &generation{in: in, info: info, stream: stream{lines: -1}}, nil
}

func (g *generation) close() { g.in.close() }

// remember keeps the last bytes that were read.
func (g *generation) remember() {
	n := min(g.stream.off, printLen)
	if cap(g.print) < printLen {
		g.print = make([]byte, printLen)
	}
	n2, _ := g.in.file.ReadAt(g.print[:n], g.stream.off-n)
	g.print = g.print[:n2]
}

// truncated reports whether the file is shorter than what was read of it, or
// has other content there.
func (g *generation) truncated() bool {
	info, err := g.in.file.Stat()
	if err != nil || info.Size() == g.stream.off {
		return false
	}
	return info.Size() < g.stream.off || !g.follows(g.in.file)
}

// follows reports whether what stands in f before the offset reached is what was read.
func (g *generation) follows(f io.ReaderAt) bool {
	b := make([]byte, len(g.print))
	n, _ := f.ReadAt(b, g.stream.off-int64(len(b)))
	return bytes.Equal(b[:n], g.print)
}

// copied opens the copy that was made before the file was truncated, behind what
// was read of it; nil where there is none to be found.
func (g *generation) copied() *os.File {
	if len(g.print) == 0 {
		return nil
	}
	folder := filepath.Dir(g.in.path)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	stem := filepath.Clean(g.in.path)
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if p := partOf(path); p.stem != stem || p.age == current || !entry.Type().IsRegular() {
			continue
		}
		if f := g.continuation(path); f != nil {
			return f
		}
	}
	return nil
}

// continuation opens a file that begins with all that was read.
func (g *generation) continuation(path string) *os.File {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(info, g.info) && info.Size() >= g.stream.off && g.follows(f) {
		if _, err = f.Seek(g.stream.off, io.SeekStart); err == nil {
			return f
		}
	}
	_ = f.Close()
	return nil
}

// restart forgets what was read.
func (g *generation) restart() {
	old := g.in
	g.in = &input{name: old.name, path: old.path, file: old.file, grows: true, said: old.said, lines: old.lines}
	g.in.counter.at = old.file
	g.stream = stream{lines: -1}
	g.print = g.print[:0]
	_, _ = old.file.Seek(0, io.SeekStart)
}
