package arm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// FindLegacy looks for the tools that write legacy tables. One that is missing
// is told when a rule needs it.
func FindLegacy(side Side) *Legacy {
	l := &Legacy{Side: side, tools: map[ruleset.Family]string{}}
	for _, f := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		if path, ok := legacyTool(f); ok {
			l.tools[f] = path
		}
	}
	return l
}

func legacyToolName(f ruleset.Family) string {
	if f == ruleset.IP6 {
		return "ip6tables-legacy"
	}
	return "iptables-legacy"
}

// legacyTool finds the tool under its own name, or under the plain one where
// that is the legacy variant, as it was on all systems before iptables 1.8.
func legacyTool(f ruleset.Family) (path string, ok bool) {
	if path, ok = lookTool(legacyToolName(f)); ok {
		return path, true
	}
	if path, ok = lookTool(strings.TrimSuffix(legacyToolName(f), "-legacy")); !ok {
		return "", false
	}
	version, err := exec.Command(path, "-V").Output()
	return path, err == nil && !bytes.Contains(version, []byte("nf_tables"))
}

// lookTool looks where administrators' tools are, even when PATH does not.
func lookTool(name string) (path string, ok bool) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path = filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path, true
		}
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}

// toolTime is how long a tool may run; it waits lockSeconds of it at most.
const toolTime = 30 * time.Second

// toolError is a tool that failed, in its own words.
type toolError struct {
	code int
	said string
}

func (e *toolError) Error() string {
	if e.said == "" {
		return "exit code " + strconv.Itoa(e.code)
	}
	return e.said
}

// runTool runs a tool inside the namespace and returns what it printed. hold, if
// any, stays open in the tool as long as it runs.
func runTool(ns *netns.NS, hold *os.File, path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if lock, ok := os.LookupEnv("XTABLES_LOCKFILE"); ok {
		cmd.Env = append(cmd.Env, "XTABLES_LOCKFILE="+lock)
	}
	if hold != nil {
		cmd.ExtraFiles = []*os.File{hold}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ^C in the terminal is for us, not for a tool at work
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	err := ns.Do(cmd.Run)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return nil, &toolError{code: exit.ExitCode(), said: strings.Join(strings.Fields(complaint.String()), " ")}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return out.Bytes(), nil
}

// legacyTableThere looks whether the namespace has a legacy table. Asking
// iptables would make it.
func legacyTableThere(ns *netns.NS, f ruleset.Family, table string) (there bool, err error) {
	path := "/proc/thread-self/net/ip_tables_names"
	if f == ruleset.IP6 {
		path = "/proc/thread-self/net/ip6_tables_names"
	}
	err = ns.Do(func() error {
		names, err := os.ReadFile(path)
		for name := range strings.FieldsSeq(string(names)) {
			there = there || name == table
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return there, err
}

// legacyCounts adds what our rules in legacy tables counted: `-S -v` prints each
// with its packets and bytes behind -c.
func (s *armed) legacyCounts(counts []PointCount) error {
	seen := map[string]bool{}
	for _, r := range s.inserted {
		counts[r.point].Missing++
		chain := fmt.Sprint(r.Family, r.Table, r.Chain)
		if seen[chain] {
			continue
		}
		seen[chain] = true
		out, err := runTool(s.NS, nil, r.Tool, append(r.head(), "-v", "-S", r.Chain)...)
		var exit *toolError
		if errors.As(err, &exit) && exit.code == 1 { // no such chain any more
			continue
		}
		if err != nil {
			return &RuleError{Table: r.Table, Chain: r.Chain, Err: err}
		}
		for line := range bytes.Lines(out) {
			s.Plan.countLine(string(line), counts)
		}
	}
	for i := range counts {
		counts[i].RateLimited = max(0, counts[i].RateLimited) // whoever empties the chain takes a counter with it
	}
	return nil
}

// countLine takes one line of a chain: packets that matched less those that were
// logged were over the rate.
func (p *Plan) countLine(line string, counts []PointCount) {
	for i := range counts {
		_, behind, ours := strings.Cut(line, `--comment "`+p.prefix(i))
		_, number, counted := strings.Cut(behind, " -c ")
		if !ours || !counted {
			continue
		}
		number, _, _ = strings.Cut(number, " ")
		n, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err != nil:
		case strings.HasPrefix(behind, matchedMark+`"`):
			counts[i].Missing--
			counts[i].RateLimited += n
		case strings.HasPrefix(behind, `"`):
			counts[i].Missing--
			counts[i].Logged += n
			if strings.Contains(line, " -m limit ") {
				counts[i].RateLimited -= n
			}
		}
	}
}
