package collect

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// sysctlFolders are those that systemd-sysctl reads, the first one first: of files
// of one name only its first counts (sysctl.d(5)).
func sysctlFolders() []string {
	return []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"}
}

const sysctlConf = "/etc/sysctl.conf"

// sysctlConfig reads what the kernel's command line and the files say, in the
// order in which it is applied.
func sysctlConfig(s *snapshot.Sysctls, root string) {
	c := &configReader{root: root}
	s.Config = cmdlineSysctls(root)
	linked := false
	for _, path := range sysctlFiles(root) {
		target := linkTarget(root, path)
		linked = linked || target == sysctlConf
		lines, err := c.read(target)
		switch {
		case errors.Is(err, os.ErrNotExist): // a link that leads nowhere masks
		case err != nil:
			s.Unread = append(s.Unread, err.Error())
		}
		s.Config = append(s.Config, lines...)
	}
	if linked {
		return
	}
	lines, err := c.read(sysctlConf)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.Unread = append(s.Unread, err.Error())
	}
	s.Unlinked = lines
}

// sysctlFiles lists the files by name, those of equal name once.
func sysctlFiles(root string) []string {
	byName := map[string]string{}
	for _, dir := range sysctlFolders() {
		found, _ := filepath.Glob(filepath.Join(root, dir, "*.conf"))
		for _, path := range found {
			name := filepath.Base(path)
			if byName[name] == "" && !strings.HasPrefix(name, ".") && !isDir(path) {
				byName[name] = dir + "/" + name
			}
		}
	}
	var files []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		files = append(files, byName[name])
	}
	return files
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// linkTarget is the file that a link leads to, which is the one to edit, as seen
// from the root.
func linkTarget(root, path string) string {
	real, err := filepath.EvalSymlinks(filepath.Join(root, path))
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(root, real)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return "/" + rel
}

// cmdlineSysctls are the settings of the kernel's command line, sysctl.KEY=VALUE,
// which the kernel writes before the first program runs (fs/proc/proc_sysctl.c:
// process_sysctl_arg). A root other than "/" is of another machine.
func cmdlineSysctls(root string) []snapshot.ConfigLine {
	lines := []snapshot.ConfigLine{}
	const path = "/proc/cmdline"
	b, err := os.ReadFile(path)
	if root != "/" || err != nil {
		return lines
	}
	for word := range strings.FieldsSeq(string(b)) {
		if word == "--" {
			break
		}
		if rest, ok := strings.CutPrefix(word, "sysctl."); ok {
			lines = append(lines, snapshot.ConfigLine{File: path, Line: 1, Text: rest})
		}
	}
	return lines
}
