// Package procsys writes one setting of the kernel in one network namespace, as
// sysctl -w does. It writes what it is told, once, and puts nothing back: whether
// the value makes sense is for internal/sysctl, and what a trace changes for a
// while is for internal/arm.
package procsys

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pktrail/pktrail/internal/netns"
)

// Set writes a value to a path below /proc/sys, which must be below net, in the
// namespace, and returns what the kernel made of it: it rounds some numbers. An
// error of the kernel is wrapped: EINVAL for a value that it does not take, EACCES
// or EPERM for one that may not be written from there.
func Set(ns *netns.NS, path, value string) (now string, err error) {
	if path != filepath.Clean(path) || !strings.HasPrefix(path, "net/") {
		return "", fmt.Errorf("set %s: not below net", path)
	}
	file := filepath.Join("/proc/sys", path)
	err = ns.Do(func() error {
		if err := write(file, value); err != nil {
			return err
		}
		now, err = read(file)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("set %s to %q in network namespace %s: %w", path, value, ns.Name, err)
	}
	return now, nil
}

// write ends the value with a line end: an empty one would not be written at all.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value + "\n")
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// read takes a value in one read: in a second one the kernel tells nothing more.
func read(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 64<<10)
	n, err := f.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.Join(strings.Fields(string(b[:n])), " "), nil
}
