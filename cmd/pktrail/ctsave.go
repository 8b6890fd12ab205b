package main

import (
	"bufio"
	"errors"
	"io"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/ctcli"
	"github.com/pktrail/pktrail/internal/render"
)

// saver writes entries as conntrack -o save does: the options that make each
// again, for conntrack -R.
type saver struct {
	format ctcli.Format
	line   []byte
}

func (s *saver) write(out *bufio.Writer, f *conntrack.Flow) error {
	s.line = append(s.format.AppendFlow(s.line[:0], conntrack.ListedFlow, f), '\n')
	_, err := out.Write(s.line)
	return err
}

// saveLister lists entries to be saved, and says how many on standard error.
func (f *ctListFlags) saveLister(stdout, stderr io.Writer) (*lister, error) {
	if f.many() {
		return nil, hint(errors.New("-o save: entries of several namespaces would be saved as of one"), "save each namespace's on its own")
	}
	return &lister{
		printer: render.NewText(stderr, render.Options{ASCII: !utf8Locale()}), out: bufio.NewWriterSize(stdout, 1<<16),
		save: &saver{format: ctcli.Format{Save: true}},
	}, nil
}
