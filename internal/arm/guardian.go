package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/ruleset"
)

// GuardianArg is the hidden first argument that makes the program a guardian:
// a child that undoes what the kernel does not undo by itself when the tracing
// process dies, SIGKILL included.
const GuardianArg = "guardian-of-a-trace"

// charge is what a guardian is told: which of its inherited descriptors (from 4
// on, in this order) are which settings, then sockets of namespaces with tables
// that have no owner, then namespaces with rules of ours in legacy tables.
type charge struct {
	Settings []*Setting     `json:"settings"`
	Tables   []orphanTables `json:"tables"`
	Rules    []guardedRules `json:"rules"`
	Record   string         `json:"record"`
}

// guardedRules is rules of ours in legacy tables of one namespace.
type guardedRules struct {
	Rules []LegacyRule `json:"rules"`

	ns *netns.NS
}

// orphanTables is tables of ours in one namespace that the kernel would leave behind.
type orphanTables struct {
	Name     string           `json:"name"`
	Families []ruleset.Family `json:"families"`

	sock *nfnetlink.Socket
}

// guardian is the parent's side.
type guardian struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// startGuardian starts the child before anything is changed. It lives outside
// our session and ignores signals that a terminal sends, and acts when the pipe
// to us closes. It holds open files and, where rules of ours are in legacy
// tables, their namespace; else no namespace but the program's own.
func startGuardian(c charge) (*guardian, error) {
	told, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	defer func() { _ = r.Close() }()
	cmd := exec.Command("/proc/self/exe", GuardianArg)
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{r}
	for _, s := range c.Settings {
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.file)
	}
	for _, t := range c.Tables {
		cmd.ExtraFiles = append(cmd.ExtraFiles, t.sock.File())
	}
	for _, r := range c.Rules {
		f, err := r.file()
		if err != nil {
			_ = w.Close()
			return nil, fmt.Errorf("start guardian: %w", err)
		}
		defer func() { _ = f.Close() }()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	if _, err := w.Write(append(told, '\n')); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("tell guardian: %w", err)
	}
	return &guardian{cmd: cmd, pipe: w}, nil
}

// file is the namespace as a file to hand on.
func (r *guardedRules) file() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(r.ns.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), r.ns.Name), nil
}

// undo removes the rules of a namespace that was handed on.
func (r *guardedRules) undo(fd uintptr) error {
	ns, err := netns.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	var errs []error
	for _, rule := range r.Rules {
		_, err := rule.remove(ns)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// dismiss lets the guardian go when all is undone already; it looks once more
// and finds nothing to do.
func (g *guardian) dismiss() error {
	_ = g.pipe.Close()
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("guardian: %w", err)
	}
	return nil
}

// RunGuardian is the child. It returns when everything is undone.
func RunGuardian() error {
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGTSTP)
	pipe := os.NewFile(3, "parent")
	if pipe == nil {
		return errors.New("guardian: started by hand: nothing to guard")
	}
	dec := json.NewDecoder(pipe)
	var c charge
	if err := dec.Decode(&c); err != nil {
		return fmt.Errorf("guardian: %w", err)
	}
	if _, err := io.Copy(io.Discard, pipe); err != nil {
		return fmt.Errorf("guardian: %w", err)
	}
	return c.undo()
}

// undo removes tables and rules first, then puts settings back in the reverse order.
func (c *charge) undo() error {
	var errs []error
	fd := uintptr(4)
	for _, s := range c.Settings {
		s.file = os.NewFile(fd, s.Path)
		fd++
	}
	for _, t := range c.Tables {
		sock, err := nfnetlink.FromFD(int(fd))
		fd++
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, f := range t.Families {
			errs = append(errs, deleteTable(sock, f, t.Name))
		}
	}
	for _, r := range c.Rules {
		errs = append(errs, r.undo(fd))
		fd++
	}
	for i := len(c.Settings) - 1; i >= 0; i-- {
		errs = append(errs, c.Settings[i].restore())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.Record == "" {
		return nil
	}
	return removeRecord(c.Record)
}
