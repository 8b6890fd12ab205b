package collect

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/syslogd"
)

// logDaemons looks for the programs that read the kernel's log, and their configurations.
func logDaemons(l *snapshot.Logging, root string) {
	found := runningDaemons()
	none := snapshot.Known(false)
	if l.Container != "" {
		none = snapshot.Unknown[bool]("this is a container, which does not see the host's programs")
	}
	for name, d := range map[string]*snapshot.Daemon{"rsyslogd": &l.Rsyslog, "syslog-ng": &l.SyslogNG, "systemd-journal": &l.Journald} {
		if *d = found[name]; d.PID == 0 {
			d.Running = none
		}
	}
	l.Rsyslog.Config = rsyslogConfig(root, configArgument(l.Rsyslog.PID))
	l.Journald.Config = journaldConfig(root)
}

// runningDaemons finds them by the names of processes in our process namespace: those
// in containers of this machine read another configuration.
func runningDaemons() map[string]snapshot.Daemon {
	found := map[string]snapshot.Daemon{}
	own, _ := os.Readlink("/proc/self/ns/pid")
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range procs {
		name := procLine(dir + "/comm") // at most 15 bytes of it
		switch name {
		case "rsyslogd", "syslog-ng", "systemd-journal":
		default:
			continue
		}
		if theirs, err := os.Readlink(dir + "/ns/pid"); err == nil && theirs != own {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		found[name] = snapshot.Daemon{Running: snapshot.Known(true), PID: pid, Threads: threadNames(dir)}
	}
	return found
}

func threadNames(dir string) []string {
	var names []string
	tasks, _ := filepath.Glob(dir + "/task/*/comm")
	for _, path := range tasks {
		if name := procLine(path); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// configArgument is the file that rsyslogd was told to read, its usual one without.
func configArgument(pid int) string {
	const usual = "/etc/rsyslog.conf"
	if pid == 0 {
		return usual
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return usual
	}
	args := strings.Split(string(b), "\x00")
	for i, a := range args {
		switch file, joined := strings.CutPrefix(a, "-f"); {
		case joined && file != "":
			return file
		case joined && i+1 < len(args) && args[i+1] != "":
			return args[i+1]
		}
	}
	return usual
}

// Bounds of a configuration. Real ones have some hundred lines.
const (
	maxConfigBytes   = 1 << 20 // of one file
	maxConfigFiles   = 500
	maxIncludesDepth = 10
)

// configReader reads files below a root and keeps their lines in order.
type configReader struct {
	root  string
	lines []snapshot.ConfigLine
	files int
}

// rsyslogConfig reads the file and, in their places, what it includes.
func rsyslogConfig(root, path string) snapshot.Value[[]snapshot.ConfigLine] {
	c := &configReader{root: root}
	if err := c.withIncludes(path, 0); err != nil {
		return snapshot.Unknown[[]snapshot.ConfigLine](err.Error())
	}
	return snapshot.Known(c.lines)
}

func (c *configReader) withIncludes(path string, depth int) error {
	lines, err := c.read(path)
	if err != nil {
		return err
	}
	for _, l := range lines {
		pattern, ok := syslogd.RsyslogInclude(l.Text)
		if !ok || depth == maxIncludesDepth {
			c.lines = append(c.lines, l)
			continue
		}
		for _, file := range c.glob(pattern) {
			if err := c.withIncludes(file, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// glob lists the files of a pattern, or of a folder, by name. They are named as
// seen from the root.
func (c *configReader) glob(pattern string) []string {
	if strings.HasSuffix(pattern, "/") {
		pattern += "*"
	}
	paths, _ := filepath.Glob(filepath.Join(c.root, pattern))
	var files []string
	for _, path := range paths {
		if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() {
			continue
		}
		rel, err := filepath.Rel(c.root, path)
		if err == nil && !strings.HasPrefix(filepath.Base(rel), ".") {
			files = append(files, "/"+rel)
		}
	}
	return files
}

func (c *configReader) read(path string) ([]snapshot.ConfigLine, error) {
	if c.files++; c.files > maxConfigFiles {
		return nil, fmt.Errorf("%s: the configuration has more than %d files", path, maxConfigFiles)
	}
	f, err := openConfig(filepath.Join(c.root, path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxConfigBytes {
		return nil, fmt.Errorf("%s: longer than %d bytes", path, maxConfigBytes)
	}
	var lines []snapshot.ConfigLine
	for line := range strings.Lines(string(b)) {
		lines = append(lines, snapshot.ConfigLine{File: path, Line: len(lines) + 1, Text: strings.TrimRight(line, "\r\n")})
	}
	return lines, nil
}

// openConfig opens a regular file, or the null device, by which files are masked:
// opening or reading anything else may wait for ever.
func openConfig(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() && !isNull(fi) {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func isNull(fi os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(fi, null)
}

// journaldConfig reads journald.conf and its drop-ins: of files of one name the
// first folder's holds, and all together are taken by name (systemd.unit(5),
// journald.conf(5)). No file at all means that all settings are defaults.
func journaldConfig(root string) snapshot.Value[[]snapshot.ConfigLine] {
	c := &configReader{root: root}
	folders := []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"}
	var files []string
	if i := slices.IndexFunc(folders, func(dir string) bool { return exists(filepath.Join(root, dir, "journald.conf")) }); i >= 0 {
		files = []string{folders[i] + "/journald.conf"}
	}
	byName := map[string]string{}
	for _, dir := range folders {
		names, _ := filepath.Glob(filepath.Join(root, dir, "journald.conf.d", "*.conf"))
		for _, path := range names {
			if name := filepath.Base(path); byName[name] == "" {
				byName[name] = dir + "/journald.conf.d/" + name
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		files = append(files, byName[name])
	}
	for _, path := range files {
		lines, err := c.read(path)
		switch {
		case errors.Is(err, os.ErrNotExist): // a link that leads nowhere masks
		case err != nil:
			return snapshot.Unknown[[]snapshot.ConfigLine](err.Error())
		}
		c.lines = append(c.lines, lines...)
	}
	return snapshot.Known(c.lines)
}
