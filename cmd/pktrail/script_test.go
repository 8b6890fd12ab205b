package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/lab"
)

// TestMain is also the program: scripts run this binary under the name pktrail,
// and a trace starts its own binary again as the guardian.
func TestMain(m *testing.M) {
	if slices.Contains([]string{"pktrail", "conntrack"}, filepath.Base(os.Args[0])) || len(os.Args) == 2 && os.Args[1] == arm.GuardianArg {
		main()
		return
	}
	os.Exit(lab.Main(scripted{m}))
}

// scripted puts the program on the PATH, once the tests have their own namespaces.
type scripted struct{ m *testing.M }

func (s scripted) Run() int {
	testscript.Main(s.m, map[string]func(){"pktrail": main})
	return 0
}

func TestScripts(t *testing.T) {
	testscript.RunT(serial{t}, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"refuses": refuses,
			"exits":   exits,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// serial runs one script after the other: they share /run/netns.
type serial struct{ *testing.T }

func (serial) Parallel()       {}
func (s serial) Verbose() bool { return testing.Verbose() }
func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

// refuses runs pktrail, which must exit with 2, print nothing on standard output,
// and on standard error what is wrong and a hint: `refuses trace --rate fast`.
func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("refuses cannot be negated: use exec")
	}
	exits(ts, false, append([]string{"2", "pktrail"}, args...))
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("it printed %q before it refused", out)
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stderr")), "\n")
	last := lines[len(lines)-1]
	if len(lines) < 2 || !strings.HasPrefix(lines[len(lines)-2], "pktrail: ") || !strings.HasPrefix(last, "hint: ") {
		ts.Fatalf("want a line that begins with pktrail: and under it one with hint:, got %q", lines)
	}
}

// exits runs a command that must end with the code: `exits 130 pktrail trace`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%v: exit code %d, want %d\n%s", args[1:], got, want, ts.ReadFile("stderr"))
	}
}
