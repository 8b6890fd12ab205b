package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ordinary is this test binary, to be run as nobody. The path is that of an
// open descriptor: nobody may not walk through the directories of `go test`.
func ordinary(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if root, err := ownsMachine(); err != nil || !root {
		LacksRights(t, fmt.Sprintf("only root of the machine can run something as an ordinary user (%v)", err))
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = self.Close() })
	cmd := exec.Command("/proc/self/fd/3", args...)
	cmd.ExtraFiles = []*os.File{self}
	cmd.Dir = "/"
	cmd.Env = os.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd
}

func TestWithoutRoot(t *testing.T) {
	cmd := ordinary(t, "-test.v", "-test.run", "^(TestDemoInEveryCast|TestNothingIsLeft|TestStandingLab|TestSendIPAndFrame)$/^(|.nft.)$")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"--- PASS: TestDemoInEveryCast/[nft]", "--- PASS: TestNothingIsLeft", "--- PASS: TestStandingLab"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// The run in the user namespace must not outlive the one that started it.
func TestKilledWithoutRoot(t *testing.T) {
	cmd := ordinary(t)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, waitEnv+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), "lab is up") {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, seen.String())
		}
		seen.Write(buf[:n])
	}
	if err := cmd.Process.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // the child holds the other end of the pipe as long as it lives
		defer close(ended)
		for {
			if _, err := out.Read(buf); err != nil {
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-time.After(Patience):
		t.Error("the run in the user namespace lives on")
	}
	_ = cmd.Wait()
}

const waitEnv = "PKTRAIL_LAB_TEST_WAIT"

// killable stands in place of the tests in the process that TestKilledWithoutRoot kills.
type killable struct{ tests *testing.M }

func (k killable) Run() int {
	if os.Getenv(waitEnv) == "" {
		return k.tests.Run()
	}
	l, err := Up(context.Background(), router(), Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("lab is up")
	time.Sleep(2 * Patience)
	_ = l.Down()
	return 0
}

func TestRefusedUserNamespacesAreExplained(t *testing.T) {
	cmd := ordinary(t)
	cmd.Env = append(cmd.Env, "CI=true", stageEnv+"="+stageUser) // a start that never came about
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "make own namespaces: operation not permitted: run as root") {
		t.Errorf("%v: %s", err, out)
	}
	cmd = ordinary(t)
	cmd.Env = append(cmd.Env, "CI=", stageEnv+"="+stageUser)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "no kernel tests") {
		t.Errorf("%v: %s", err, out)
	}
}
