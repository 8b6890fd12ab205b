package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/render"
)

// output is the flags of every verb that prints.
type output struct {
	format  string
	noColor bool
	times   *time.Location // the zone of those in text; nil is the machine's
}

func (o *output) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text, or json for JSON lines")
	cmd.Flags().BoolVar(&o.noColor, "no-color", false, "no colour on a terminal either (also: NO_COLOR)")
}

// story makes the printer of journeys for where the output goes.
func (o *output) story(w io.Writer, namespaces, hosts bool) (*story, error) {
	out := bufio.NewWriterSize(w, 1<<16)
	switch o.format {
	case "json":
		return &story{printer: render.NewJSON(out), out: out}, nil
	case "text":
		look := o.look(w)
		look.Netns, look.Host = namespaces, hosts
		return &story{out: out, printer: render.NewText(out, look)}, nil
	}
	return nil, o.unknown()
}

// withLines makes a story's printer and that of log lines beside it. Among values
// separated by commas there is no place for notes and the summary: they go to stderr.
func (o *output) withLines(w, stderr io.Writer, namespaces, hosts bool) (*story, render.LogPrinter, error) {
	csv, text := o.format == "csv", *o
	if csv {
		text.format = "text"
	}
	s, err := text.story(w, namespaces, hosts)
	switch {
	case err != nil:
		return nil, nil, hint(o.unknown(), "-o text, -o json or -o csv")
	case csv:
		return s, render.NewCSV(s.out, render.NewText(stderr, render.Options{ASCII: !utf8Locale(), Zone: o.times})), nil
	}
	return s, s.printer, nil
}

// look is how text looks where it goes.
func (o *output) look(w io.Writer) render.Options {
	width, terminal := terminalWidth(w)
	return render.Options{
		Color: terminal && !o.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		Width: width,
		ASCII: !utf8Locale(),
		Zone:  o.times,
	}
}

func (o *output) unknown() error {
	return hint(fmt.Errorf("-o %s: no such output", o.format), "-o text or -o json")
}

// terminalWidth is 0 where w is no terminal.
func terminalWidth(w io.Writer) (columns int, terminal bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Col), true
}

// utf8Locale looks at the variables in the order of setlocale(3). A machine that
// sets none of them, such as a container, is taken for a modern one.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToUpper(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "UTF8")
		}
	}
	return true
}

// gone reports whether the reader of our output went away, as `head` does.
func gone(err error) bool { return errors.Is(err, unix.EPIPE) }
