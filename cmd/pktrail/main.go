// Command pktrail says where a packet went on Linux, and why.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nfnetlink"
)

// Exit codes.
const (
	exitDone        = 0
	exitTrouble     = 1
	exitFailed      = 2
	exitInterrupted = 130
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == arm.GuardianArg {
		if err := arm.RunGuardian(); err != nil {
			os.Exit(exitFailed)
		}
		return
	}
	if argv, ok := asConntrack(os.Args); ok {
		os.Exit(beConntrack(argv))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without the process: arguments in, exit code out.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	complain := complainer{stderr: stderr, stdout: stdout, json: wantsJSON(args)}.complain
	m, rest, err := splitMatch(args)
	if err != nil {
		return complain(err)
	}
	root := rootCommand(m)
	root.SetArgs(rest)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err = root.ExecuteContext(ctx)
	switch {
	case ctx.Err() != nil:
		if err != nil && !errors.Is(err, context.Canceled) {
			complain(err)
		}
		return exitInterrupted
	case errors.Is(err, errTrouble):
		return exitTrouble
	case err != nil:
		return complain(err)
	}
	return exitDone
}

// splitMatch takes MATCH out of the arguments of the verbs that have one: `! -s
// ADDRESS` and its like are no flags as the flag library knows them.
func splitMatch(args []string) (match.Match, []string, error) {
	if len(args) > 1 && args[0] == "ct" && !strings.HasPrefix(args[1], "-") {
		return splitCT(args)
	}
	if len(args) > 1 && args[0] == "rules" && args[1] == "find" {
		m, rest, err := splitFind(args[2:])
		return m, append([]string{"rules", "find"}, rest...), err
	}
	if len(args) == 0 || args[0] != "trace" && args[0] != "log" && args[0] != "read" {
		return match.Match{}, args, nil
	}
	words := args[1:]
	if args[0] == "read" {
		words = followShort(words)
	}
	m, rest, err := match.Parse(words)
	return m, append([]string{args[0]}, rest...), err
}

// followShort spells out -f, which is --follow to read and a fragment to iptables.
func followShort(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		switch {
		case a == "--":
			return args
		case a == "-f" && (i == 0 || args[i-1] != "!"):
			args[i] = "--follow"
		}
	}
	return args
}

// complainer prints errors: for people, and as an object for a reader of JSON lines.
type complainer struct {
	stderr, stdout io.Writer
	json           bool
}

// complaint is the pktrail/error/v1 object.
type complaint struct {
	Schema string `json:"schema"`
	Error  string `json:"error"`
	Hint   string `json:"hint,omitzero"`
}

// complain prints an error and what to try.
func (c complainer) complain(err error) int {
	hint := hintFor(err)
	fmt.Fprintf(c.stderr, "pktrail: %v\n", err)
	if hint != "" {
		fmt.Fprintf(c.stderr, "hint: %s\n", hint)
	}
	if c.json {
		line, _ := json.Marshal(complaint{"pktrail/error/v1", err.Error(), hint})
		fmt.Fprintf(c.stdout, "%s\n", line)
	}
	return exitFailed
}

// wantsJSON looks for -o json before the arguments are parsed, since they may be what is wrong.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch a {
		case "-ojson", "-o=json", "--output=json":
			return true
		case "-o", "--output":
			return i+1 < len(args) && args[i+1] == "json"
		}
	}
	return false
}

// hinted is an error with what to try.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

func hintFor(err error) string {
	var h hinted
	var m *match.Error
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &m):
		return m.Hint
	case errors.Is(err, nfnetlink.ErrPermission), errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "run it as root: sudo pktrail …, or give it CAP_NET_ADMIN and CAP_SYS_ADMIN (for --netns)"
	}
	return ""
}

func rootCommand(m match.Match) *cobra.Command {
	root := &cobra.Command{
		Use:   "pktrail",
		Short: "where did my packet go on Linux, and why?",
		Long: `pktrail follows real packets through netfilter - legacy iptables, iptables-nft
and native nftables, IPv4 and IPv6 - and says where each one went, which rule
decided it, and why.`,
		Example: `  pktrail demo
  sudo pktrail trace -p icmp -s 8.8.8.8/32 --count 3
  sudo pktrail trace -p tcp -d 10.96.0.10 --dport 80 --both --count 5`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(err, "%s --help lists the flags", cmd.CommandPath())
	})
	root.AddCommand(demoCommand(), traceCommand(m), readCommand(m), logCommand(m), ctCommand(m), labCommand(), repairCommand(), rulesCommand(m), sysctlCommand(), versionCommand())
	root.InitDefaultCompletionCmd()
	hintArguments(root)
	return root
}
