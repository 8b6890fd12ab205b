package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lookTool finds a program in the folders of system tools, which an ordinary
// user's PATH often lacks, then in PATH.
func lookTool(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed", name)
	}
	return path, nil
}

// saveTool finds the iptables-save (prefix iptables or ip6tables) of one
// variant, nft or legacy. Where there is only one under the plain name, its
// version tells which it is.
func (h *Host) saveTool(ctx context.Context, prefix, variant string) (string, error) {
	name := prefix + "-" + variant + "-save"
	if path, err := h.opt.Look(name); err == nil {
		return path, nil
	}
	missing := fmt.Errorf("%s is not installed: apt install iptables", name)
	path, err := h.opt.Look(prefix + "-save")
	if err != nil {
		return "", missing
	}
	var version strings.Builder
	err = h.run(ctx, []string{path, "-V"}, func(r io.Reader) error {
		_, err := io.Copy(&version, r)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%w (and %s does not say which variant it is: %w)", missing, path, err)
	}
	if isNFT := strings.Contains(version.String(), "nf_tables"); isNFT != (variant == "nft") {
		return "", missing
	}
	return path, nil
}

// niceness of the tools: they give way to everything else.
const niceness = 19

// maxComplaint is how much of a tool's standard error is kept.
const maxComplaint = 2 << 10

// run runs a tool in the namespace of the calling thread, which must stay
// locked to it, and hands its output to read. The tool is niced, bounded in
// memory, output and time, and dies with this process.
func (h *Host) run(ctx context.Context, args []string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, h.opt.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) } // with its children
	cmd.WaitDelay = time.Second
	complaint := &capped{max: maxComplaint}
	cmd.Stderr = complaint
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
	}
	stop := context.AfterFunc(ctx, func() { _ = stdout.Close() })
	defer stop()
	h.bound(cmd.Process.Pid)
	out := &bounded{r: stdout, left: h.opt.MaxOutput}
	readErr := read(out)
	if out.left >= 0 {
		_, _ = io.Copy(io.Discard, out) // a tool that cannot write does not end by itself
	}
	if out.left < 0 {
		cancel()
	}
	waitErr := cmd.Wait()
	return h.verdict(ctx, args, out, complaint, readErr, waitErr)
}

// bound limits a process that has just been started; a tool that is faster
// than this needs no limit.
func (h *Host) bound(pid int) {
	_ = unix.Setpriority(unix.PRIO_PROCESS, pid, niceness)
	limit := unix.Rlimit{Cur: h.opt.Memory, Max: h.opt.Memory}
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &limit, nil)
}

// verdict says in words why a run failed, the first cause first.
func (h *Host) verdict(ctx context.Context, args []string, out *bounded, complaint *capped, readErr, waitErr error) error {
	what := strings.Join(append([]string{filepath.Base(args[0])}, args[1:]...), " ")
	switch {
	case out.left < 0:
		return fmt.Errorf("%s printed more than %d bytes", what, h.opt.MaxOutput)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s took longer than %v", what, h.opt.Timeout)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case waitErr != nil:
		said := strings.Join(strings.Fields(complaint.String()), " ")
		return fmt.Errorf("%s: %w: %s", what, waitErr, said)
	case readErr != nil:
		return fmt.Errorf("%s: %w", what, readErr)
	}
	return nil
}

// bounded reads until a number of bytes is used up; left is negative when
// there was more.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, io.EOF
	}
	return n, err
}

// capped keeps the first bytes that are written to it.
type capped struct {
	bytes.Buffer
	max int
}

func (c *capped) Write(p []byte) (int, error) {
	if room := c.max - c.Len(); room > 0 {
		_, _ = c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
