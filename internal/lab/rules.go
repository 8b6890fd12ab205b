package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/packet"
)

// World is a way in which rules get into the kernel. The two iptables worlds
// share a language, the last two an engine.
type World string

// The three rule worlds of Linux.
const (
	Legacy      World = "legacy"
	IptablesNFT World = "iptables-nft"
	NFT         World = "nft"
)

// toolTime only bounds a tool that hangs.
const toolTime = time.Minute

// tool is the command line that loads a ruleset of the world from its standard input.
func (w World) tool(f packet.Family) ([]string, error) {
	type key struct {
		World
		packet.Family
	}
	argv, ok := map[key][]string{
		{Legacy, packet.IPv4}:      {"iptables-legacy-restore", "--noflush"},
		{Legacy, packet.IPv6}:      {"ip6tables-legacy-restore", "--noflush"},
		{IptablesNFT, packet.IPv4}: {"iptables-nft-restore", "--noflush"},
		{IptablesNFT, packet.IPv6}: {"ip6tables-nft-restore", "--noflush"},
		{NFT, packet.Unspec}:       {"nft", "-f", "-"},
	}[key{w, f}]
	if !ok {
		return nil, fmt.Errorf("no tool loads %s rules of family %d", w, f)
	}
	return argv, nil
}

// Load gives rules to a namespace through the tool that people use for them.
// What is there already stays: chains that the text names are made or emptied.
func (l *Lab) Load(ctx context.Context, ns string, r Ruleset) error {
	h, err := l.host(ns)
	if err != nil {
		return err
	}
	if err := load(ctx, h.ns, r); err != nil {
		return fmt.Errorf("load %s rules in %s: %w", r.World, ns, err)
	}
	return nil
}

func load(ctx context.Context, ns *netns.NS, r Ruleset) error {
	argv, err := r.World.tool(r.Family)
	if err != nil {
		return err
	}
	path, err := findTool(argv[0])
	if err != nil {
		return err
	}
	lock, err := lockFile()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	cmd.Stdin = strings.NewReader(r.Text)
	cmd.ExtraFiles = []*os.File{lock}
	cmd.Env = append(os.Environ(), "XTABLES_LOCKFILE=/proc/self/fd/3")
	_, err = run(ns, cmd)
	return err
}

// lockFile is a lock for one run of a tool: nobody else knows the namespace,
// /run may not be writable, and nothing is left behind.
func lockFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("xtables.lock", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make lock for iptables: %w", err)
	}
	return os.NewFile(uintptr(fd), "xtables.lock"), nil
}

// Exec runs a command inside a namespace and returns what it printed. The error
// of a command that failed holds its standard error and wraps *exec.ExitError.
func (l *Lab) Exec(ctx context.Context, ns string, argv ...string) (string, error) {
	h, err := l.host(ns)
	if err != nil {
		return "", err
	}
	if len(argv) == 0 {
		return "", errors.New("no command given")
	}
	path, err := findTool(argv[0])
	if err != nil {
		return "", err
	}
	return run(h.ns, exec.CommandContext(ctx, path, argv[1:]...))
}

func run(ns *netns.NS, cmd *exec.Cmd) (string, error) {
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.WaitDelay = time.Second
	if err := ns.Do(cmd.Run); err != nil {
		text := strings.Join(strings.Fields(errOut.String()), " ")
		return out.String(), fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, text)
	}
	return out.String(), nil
}

// findTool looks where administrators' tools are even when PATH, as that of an
// ordinary user, does not.
func findTool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || strings.ContainsRune(name, '/') {
		return path, err
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// loadRules loads the topology's own rules, but for worlds that are missing here.
func (l *Lab) loadRules(ctx context.Context) error {
	if len(l.Topology.Rules) == 0 {
		return nil
	}
	worlds, err := Worlds(ctx)
	if err != nil {
		return err
	}
	for _, p := range l.Topology.Rules {
		if p.Family == packet.IPv6 && l.ipv4Only {
			continue
		}
		i := slices.IndexFunc(worlds, func(s Support) bool { return s.World == p.World })
		if i >= 0 && !worlds[i].OK() {
			l.noteMissing(worlds[i])
			continue
		}
		if err := l.Load(ctx, p.NS, p.Ruleset); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) noteMissing(s Support) {
	if !slices.Contains(l.missing, s) {
		l.missing = append(l.missing, s)
	}
}
