package collect

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
