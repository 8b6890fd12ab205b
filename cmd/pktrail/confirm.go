package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// errNotAgreed is that of a change of many entries to which nobody agreed.
var errNotAgreed = errors.New("nobody agreed to it, so nothing was changed")

// confirm asks on the terminal before more than one entry, or what else is named, is
// changed.
func confirm(cmd *cobra.Command, verb string, n int64, what string, yes bool) error {
	if n <= 1 || yes {
		return nil
	}
	in := cmd.InOrStdin()
	if !isTerminal(in) {
		return hint(fmt.Errorf("%d %s would be changed, and there is no terminal to ask on", n, what), "--dry-run shows what would be done, --yes does it")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s %d %s? [y/N] ", verb, n, what)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- line
	}()
	select {
	case <-cmd.Context().Done():
		fmt.Fprintln(cmd.ErrOrStderr())
		return cmd.Context().Err()
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") {
			fmt.Fprintln(cmd.ErrOrStderr())
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return hint(errNotAgreed, "answer y, or give --yes")
	}
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
