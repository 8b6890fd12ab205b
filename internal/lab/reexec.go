package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// stageEnv tells a process that was started by ReexecUser or Main how far it
// has come.
const stageEnv = "PKTRAIL_LAB_STAGE"

const (
	stageUser  = "user"  // in its own user and mount namespace
	stageReady = "ready" // and in a network namespace made after that
)

// ReexecUser lets a program that was started without root make labs all the
// same: it runs the program again as root of its own user namespace, with an
// empty /run. Call it first thing.
//
// handled: the program has run; exit with the code. Else go on: there is root
// already, or this is the second run. The error says that user namespaces are
// refused here.
func ReexecUser() (handled bool, exitCode int, err error) {
	stage, ready := os.LookupEnv(stageEnv)
	switch {
	case stage == stageUser:
		return false, 0, enterOwn()
	case ready:
		return false, 0, os.Unsetenv(stageEnv)
	case privileged():
		return false, 0, nil
	}
	code, err := runUser()
	return err == nil, code, err
}

// reexecOwn is ReexecUser for tests: with root, too, they get a network and a
// mount namespace of their own, so that they neither see nor touch the host's.
func reexecOwn() (handled bool, exitCode int, err error) {
	if _, started := os.LookupEnv(stageEnv); !started && privileged() {
		return false, 0, enterOwn()
	}
	return ReexecUser()
}

// privileged reports whether network and mount namespaces can be made as is.
func privileged() bool {
	var data [2]unix.CapUserData
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if unix.Capget(&head, &data[0]) != nil {
		return false
	}
	const want = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	return data[0].Effective&want == want
}

// runUser starts this program again in its own user and mount namespace and
// waits for its end.
func runUser() (int, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), stageEnv+"="+stageUser)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   unix.SIGKILL,
	}
	// Pdeathsig is about the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("user namespace refused (%w): run as root, or allow user namespaces "+
			"(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)", err)
	}
	defer forwardSignals(cmd.Process)()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("wait for the run in a user namespace: %w", err)
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// forwardSignals passes SIGTERM on. An interrupt from the terminal reaches the
// child by itself; this process only has to outlive it.
func forwardSignals(child *os.Process) (stop func()) {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, os.Interrupt, unix.SIGTERM)
	go func() {
		for sig := range ch {
			if sig == unix.SIGTERM {
				_ = child.Signal(sig)
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(ch)
	}
}

// enterOwn moves this process into its own mount and network namespace with an
// empty /run. The network namespace is made by a thread that then becomes the
// process through exec: unlike one that clone makes along with the user
// namespace, it belongs to a root that is mapped.
func enterOwn() error {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make own namespaces: %w: run as root", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w: run as root", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs on /run: %w: run as root", err)
	}
	if err := os.Setenv(stageEnv, stageReady); err != nil {
		return err
	}
	return fmt.Errorf("run again: %w", unix.Exec("/proc/self/exe", os.Args, os.Environ()))
}
