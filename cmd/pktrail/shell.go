package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/pktrail/pktrail/internal/netns"
)

// shellWord is a word as a shell takes it, quoted where it must be, and without
// bytes that a terminal would obey.
func shellWord(word string) string {
	switch {
	case word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:@%+=,", r)
	}):
		return word
	case utf8.ValidString(word) && !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	quoted := "$'"
	for _, b := range []byte(word) {
		if b < ' ' || b > '~' || b == '\'' || b == '\\' {
			quoted += fmt.Sprintf(`\x%02x`, b)
			continue
		}
		quoted += string(rune(b))
	}
	return quoted + "'"
}

// spaceWords is a namespace in a sentence.
func spaceWords(name string) string {
	if strings.HasPrefix(name, "pid ") {
		return name
	}
	return shellWord(name)
}

// unnamed reports a namespace that has no name in /run/netns, and is called for
// being the host's or our own; another may bear that word as its name.
func unnamed(ns *netns.NS) bool {
	if ns.Name != "host" && ns.Name != "self" {
		return false
	}
	fi, err := os.Stat("/run/netns/" + ns.Name)
	if err != nil {
		return true
	}
	stat, ok := fi.Sys().(*syscall.Stat_t)
	return !ok || stat.Ino != ns.Inode
}
