package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
)

// standIns are the only differences between what the READMEs say and what runs here.
var standIns = strings.NewReplacer(
	"sudo ", "", // the tests are root, in namespaces of their own
	"--duration 30s", "--duration 2s",
	"--duration 10s", "--duration 2s",
	"ct stale", "ct stale --interval 2s", // the least
	"/var/log/kern.log", "kern.log",
	"dmesg |", "cat kern.log |", // others may have no right to it
	"journalctl -k -o json", "cat journal.json",
)

// traffic is what a node has by itself and these namespaces have not.
const traffic = `
ip link set lo up
for a in 8.8.8.8 10.96.0.10 192.0.2.7; do ip address add $a/32 dev lo; done
while :; do
	ping -c 1 -W 1 -I 8.8.8.8 8.8.8.8
	ip netns exec router-client ping -c 1 -W 1 10.2.0.2
	sleep 0.1
done`

// node is files that a node has.
var node = map[string]string{
	"kern.log": "Nov 22 18:00:01 node kernel: [  100.000001] TRACE: raw:PREROUTING:policy:2 IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=5 DF PROTO=TCP SPT=40000 DPT=22 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 \n" +
		"Nov 22 18:00:02 node kernel: [  101.000001] dropped: IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=6 DF PROTO=TCP SPT=40001 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 \n",
	"journal.json": `{"__REALTIME_TIMESTAMP":"1795370401000000","_HOSTNAME":"node","_TRANSPORT":"kernel","MESSAGE":"dropped: IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=6 DF PROTO=TCP SPT=40001 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 "}` + "\n",
	"rules.save":   "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j TRACE\nCOMMIT\n",
}

// TestReadmes runs every command of both READMEs, in their order. Commands of
// make are only looked up: they would come here again.
func TestReadmes(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		lab.Need(t, w)
	}
	english, chinese := readme(t, "../../README.md"), readme(t, "../../README.zh-CN.md")
	if !slices.Equal(english.commands, chinese.commands) {
		t.Fatalf("the READMEs name different commands:\n%q\n%q", english.commands, chinese.commands)
	}
	if !slices.Equal(english.output, chinese.output) {
		t.Error("the READMEs show different output")
	}
	if len(english.commands) < 15 || len(english.output) < 10 {
		t.Fatalf("found only %d commands and %d lines of output", len(english.commands), len(english.output))
	}
	startTraffic(t)
	dir, targets := t.TempDir(), makeTargets(t)
	for name, text := range node {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range english.commands {
		if target, ok := strings.CutPrefix(command, "make "); ok {
			if !slices.Contains(targets, target) {
				t.Errorf("%s: there is no such target", command)
			}
			continue
		}
		out := runForReal(t, dir, standIns.Replace(command))
		if command == "pktrail demo" {
			stillSaid(t, english.output, out)
		}
	}
}

// document is what a README has in fences: commands in sh and, behind "$ ", in
// console, where their output follows.
type document struct{ commands, output []string }

func readme(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	fence := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		mark, opens := strings.CutPrefix(line, "```")
		command, typed := strings.CutPrefix(line, "$ ")
		switch {
		case opens && fence == "":
			fence = mark
		case opens:
			fence = ""
		case fence == "sh", fence == "console" && typed:
			d.commands = append(d.commands, command)
		case fence == "console":
			d.output = append(d.output, line)
		}
	}
	return d
}

func makeTargets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(text), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// runForReal runs a command as somebody at a terminal would: a trace that has no
// end of its own gets a ^C when it has told something, and must end as interrupted;
// all else must succeed.
func runForReal(t *testing.T, dir, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lab.Patience)
	defer cancel()
	script := "exec " + command // so that a ^C reaches it
	if strings.Contains(command, "|") {
		script = command
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = dir
	var stdout toldOf
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	endless := strings.HasPrefix(command, "pktrail trace") && !regexp.MustCompile(`--(count|duration|dry-run)`).MatchString(command)
	want := exitDone
	if strings.HasSuffix(command, "--explain") {
		want = exitTrouble // no rule logs here
	}
	if endless {
		want = exitInterrupted
		cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGINT) }
		stdout.tell = cancel
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !endless {
		t.Fatalf("%s: %v", command, err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("%s: exit code %d, want %d\n%s", command, got, want, stderr.String())
	}
	if stdout.text.Len() == 0 {
		t.Errorf("%s: printed nothing\n%s", command, stderr.String())
	}
	return stdout.text.String()
}

// toldOf tells that something was written.
type toldOf struct {
	text strings.Builder
	tell func()
}

func (w *toldOf) Write(b []byte) (int, error) {
	if w.tell != nil {
		w.tell()
	}
	return w.text.Write(b)
}

// stillSaid holds the README's picture to the program: every reason and every
// decision in it must be in what the program prints today.
func stillSaid(t *testing.T, picture []string, out string) {
	t.Helper()
	out = strings.Join(strings.Fields(out), " ")
	marks := regexp.MustCompile(`^ +(why: .{40}|\S.* #\d .*◀|↳ (?:dst|mark) .*$)`)
	found := 0
	for _, line := range picture {
		m := marks.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		found++
		for part := range strings.SplitSeq(m[1], "…") {
			if part = strings.Join(strings.Fields(part), " "); !strings.Contains(out, part) {
				t.Errorf("the READMEs show %q, and the demo no longer prints it", part)
			}
		}
	}
	if found < 5 {
		t.Errorf("found only %d lines to compare", found)
	}
}

// startTraffic makes packets that the commands can meet, until the test ends.
func startTraffic(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	pings := exec.CommandContext(ctx, "sh", "-c", traffic)
	pings.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	pings.Cancel = func() error { return unix.Kill(-pings.Process.Pid, unix.SIGKILL) }
	if err := pings.Start(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "0.0.0.0:80")
	if err != nil {
		t.Fatal(err)
	}
	var loops sync.WaitGroup
	loops.Go(func() { serve(listener) })
	loops.Go(func() { dial(ctx, "10.96.0.10:80", "192.0.2.7:80") })
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		loops.Wait()
		_ = pings.Wait()
	})
}

func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.Close()
	}
}

func dial(ctx context.Context, addrs ...string) {
	for ctx.Err() == nil {
		for _, a := range addrs {
			if c, err := net.DialTimeout("tcp4", a, time.Second); err == nil {
				_ = c.Close()
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}
