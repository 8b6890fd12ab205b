package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
)

// TestShellWord lets a shell say what it makes of the words.
func TestShellWord(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		lab.Lacks(t, err.Error())
	}
	for word, want := range map[string]string{
		"blue": "blue", "/proc/7/ns/net": "/proc/7/ns/net", "größe": "größe", "": "''", "a b": "'a b'", "a;id": "'a;id'", "it's": `'it'\''s'`,
		"$HOME": "'$HOME'", "b\x1b[31mx": `$'b\x1b[31mx'`, "a\n'\\": `$'a\x0a\x27\x5c'`, "\xff": `$'\xff'`,
	} {
		got := shellWord(word)
		if got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
		if out, err := exec.Command(shell, "-c", "printf %s. "+got).Output(); err != nil || strings.TrimSuffix(string(out), ".") != word {
			t.Errorf("%q: %s is %q, %v", word, got, out, err)
		}
	}
}
