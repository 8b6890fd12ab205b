package ctcli

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxLine and maxWord are as much as conntrack takes of a file of commands.
const (
	maxLine  = 10239
	maxWord  = 1024
	maxWords = 254
)

// fileNames are what messages call the commands that a file cannot have.
var fileNames = map[command]string{
	list: "-L", get: "-G", event: "-E", version: "-V", help: "-h", expectList: "-L expect", expectCreate: "-C expect",
	expectDelete: "-D expect", expectGet: "-G expect", expectFlush: "-F expect", expectEvent: "-E expect",
	count: "-C", expectCount: "-C expect", stats: "-S", expectStats: "-S expect", noCommand: "unknown",
}

// runFile does the commands of a file, one a line. All are understood before the
// first is done; only the lines are kept meanwhile, which take less room than
// what they mean.
func (s *session) runFile(name string) error {
	lines, err := s.readCommands(name)
	if err != nil {
		return err
	}
	s.parser = parser{warn: io.Discard} // as before the first line, but that warnings were given
	for _, text := range lines {
		r, err := s.parseLine(text)
		if err != nil {
			return err
		}
		if err := s.do(r); err != nil {
			return err
		}
	}
	return nil
}

// readCommands reads the lines that hold a command. A command that a file cannot
// have is told of when all lines are understood.
func (s *session) readCommands(name string) (lines []string, err error) {
	file, err := openLines(name, s.stdin)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	r := bufio.NewReaderSize(file, maxLine)
	var forbidden error
	for {
		part, err := r.ReadSlice('\n')
		if text := strings.TrimLeft(string(part), " \t"); text != "" && text[0] != '\n' && text[0] != '#' {
			request, err := s.parseLine(text)
			if err != nil {
				return nil, err
			}
			lines = append(lines, text)
			if forbidden == nil {
				forbidden = allowedInFile(request.command)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return lines, forbidden
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, failed("read %s: %v", name, err)
		}
	}
}

func (s *session) parseLine(text string) (*request, error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	return s.parser.parse(append([]string{s.argv[0]}, words...))
}

func allowedInFile(c command) error {
	switch c {
	case create, add, update, remove, flush:
		return nil
	}
	return misuse("Cannot use command `%s' with --load-file", fileNames[c])
}

// splitWords takes a line apart at blanks. Blanks within double quotes stay, and
// a backslash there keeps what follows it.
func splitWords(line string) (words []string, err error) {
	var word []byte
	quoted, escaped, closed := false, false, false
	for i := 0; i < len(line) && err == nil; i++ {
		c := line[i]
		switch {
		case quoted && escaped:
			word, err = addByte(word, c)
			escaped = false
			continue
		case quoted && c == '\\':
			escaped = true
			continue
		case quoted && c != '"':
			word, err = addByte(word, c)
			continue
		case c == '"' && !quoted:
			quoted = true
			continue
		}
		closed, quoted = c == '"', false
		if !closed && c != ' ' && c != '\t' && c != '\n' {
			word, err = addByte(word, c)
			continue
		}
		if len(word) == 0 && !closed {
			continue
		}
		words, word = append(words, string(word)), word[:0]
		if len(words) > maxWords {
			return nil, misuse("too many arguments")
		}
	}
	if len(word) > 0 {
		words = append(words, string(word))
	}
	return words, err
}

func addByte(word []byte, c byte) ([]byte, error) {
	if len(word)+1 >= maxWord {
		return nil, misuse("Parameter too long!")
	}
	return append(word, c), nil
}
