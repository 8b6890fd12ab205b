package ctcli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pktrail/pktrail/conntrack/ctnetlink"
)

const (
	programName = "conntrack"
	versionText = "1.4.7"
	banner      = programName + " v" + versionText + " (conntrack-tools): "
)

// Run does what conntrack does for these arguments, argv[0] being the program's
// name, in the network namespace of the calling thread. The end of ctx, or an
// interrupt, ends listening to events. It returns the exit status.
func Run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := bufio.NewWriterSize(stdout, 64<<10)
	s := &session{ctx: ctx, argv: argv, stdin: stdin, out: out, stderr: stderr, parser: parser{warn: stderr}}
	err := s.run()
	if s.conn != nil {
		err = errors.Join(err, s.conn.Close())
	}
	if werr := out.Flush(); werr != nil && err == nil {
		err = failed("write: %v", werr)
	}
	return report(err, stderr)
}

// report tells of what went wrong; nothing is told of an error without words.
func report(err error, stderr io.Writer) int {
	var f *failure
	switch {
	case err == nil:
		return exitDone
	case !errors.As(err, &f):
		f = &failure{exitFailed, err.Error()}
	}
	if f.text != "" {
		_, _ = fmt.Fprintf(stderr, "%s%s\n", banner, f.text)
	}
	if f.status == exitParameter {
		_, _ = fmt.Fprintf(stderr, "Try `%s -h' or '%s --help' for more information.\n", programName, programName)
	}
	return f.status
}

// session is one run of the program.
type session struct {
	ctx    context.Context
	argv   []string
	stdin  io.Reader
	out    *bufio.Writer
	stderr io.Writer
	parser parser
	conn   *ctnetlink.Conn

	counter int
	header  bool   // of XML was written
	line    []byte // that is written, kept for its memory
}

// run opens its sockets first: they belong to the namespace that it is called in.
func (s *session) run() (err error) {
	if s.conn, err = ctnetlink.Open(ctnetlink.Options{LoadModule: true}); err != nil {
		return failed("Can't open handler")
	}
	if len(s.argv) > 2 && (s.argv[1] == "-R" || s.argv[1] == "--load-file") {
		return s.runFile(s.argv[2])
	}
	r, err := s.parser.parse(s.argv)
	if err != nil {
		return err
	}
	if err := s.do(r); err != nil {
		return err
	}
	return s.summary(r.command)
}

// summaries are what is said behind a command.
var summaries = map[command]string{
	list: "flow entries have been shown.", create: "flow entries have been created.", update: "flow entries have been updated.",
	remove: "flow entries have been deleted.", get: "flow entries have been shown.", add: "flow entries have been added.",
	expectList: "expectations have been shown.", expectDelete: "expectations have been shown.",
}

// summary says how many there were; none is a failure, but of lists and additions.
func (s *session) summary(c command) error {
	words, ok := summaries[c]
	if !ok {
		return nil
	}
	if err := s.out.Flush(); err != nil {
		return failed("write: %v", err)
	}
	_, _ = fmt.Fprintf(s.stderr, "%s%d %s\n", banner, s.counter, words)
	if s.counter == 0 && c != list && c != expectList && c != add {
		return &failure{status: exitFailed}
	}
	return nil
}

func (s *session) do(r *request) error {
	switch r.command {
	case list:
		return s.list(r)
	case create, add:
		return s.create(r)
	case update:
		return s.update(r)
	case remove:
		return s.remove(r)
	case get:
		return s.get(r)
	case flush:
		return s.flush(r)
	case event:
		return s.events(r)
	case count, stats, expectStats:
		return s.counters(r.command)
	case version:
		return s.print(programName + " v" + versionText + " (conntrack-tools)\n")
	case help, noCommand:
		return s.help(r)
	}
	return s.expectations(r)
}

func (s *session) print(text string) error {
	if _, err := s.out.WriteString(text); err != nil {
		return failed("write: %v", err)
	}
	return nil
}

// format is how entries are written; with commands that show what they change
// there is less to choose from.
func (s *session) format(kernelTime, labels bool) *Format {
	o := s.parser.output
	f := &Format{
		XML: o&outXML != 0, Save: o&outSave != 0, Layer3: o&outExtended != 0, ID: o&outID != 0,
		KernelTime: kernelTime && o&outKernelTime != 0, Now: time.Now,
	}
	if labels {
		f.Labels = s.parser.labels
	}
	return f
}

// opening writes the beginning of a document of XML, once.
func (s *session) opening(f *Format, root string) error {
	if !f.XML || f.Save || s.header {
		return nil
	}
	s.header = true
	return s.print("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<" + root + ">\n")
}

func (s *session) closing(root string) error {
	if !s.header {
		return nil
	}
	return s.print("</" + root + ">\n")
}

// writeLine writes what was made in s.line.
func (s *session) writeLine() error {
	s.line = append(s.line, '\n')
	if _, err := s.out.Write(s.line); err != nil {
		return failed("write: %v", err)
	}
	return nil
}

func openLines(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, misuse("Failed to open file %s for reading", name)
	}
	return file, nil
}
