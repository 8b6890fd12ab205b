package netfilter

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/nfnetlink"
)

// TestBusy: where group 0 is taken, who has it is named; when it is let go it is free.
func TestBusy(t *testing.T) {
	p := newPlace(t)
	first, second := p.open(t, Options{}), p.open(t, Options{})
	if holder(p.ns, 0, 0) != nil {
		t.Fatal("somebody holds the group of a new namespace")
	}
	if err := first.ListenLegacy(p.ns); err != nil {
		t.Fatal(err)
	}
	err := second.ListenLegacy(p.ns)
	var busy *Busy
	if !errors.As(err, &busy) {
		t.Fatalf("a second listener: %v", err)
	}
	if busy.Port != first.Port() || !strings.Contains(err.Error(), fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("%v: port %d, want %d of process %d", err, busy.Port, first.Port(), os.Getpid())
	}
	if holder(p.ns, 0, first.Port()) != nil {
		t.Error("a listener is in its own way")
	}
	// A second bind of our own is no stranger's.
	if err := first.ListenLegacy(p.ns); err == nil || errors.As(err, &busy) && busy.Port == first.Port() {
		t.Errorf("listening twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.ListenLegacy(p.ns); err != nil {
		t.Errorf("after the first is closed: %v", err)
	}
}

// TestBusyElsewhere: each namespace has a group 0 of its own.
func TestBusyElsewhere(t *testing.T) {
	one, two := newPlace(t), newPlace(t)
	for _, p := range []*place{one, two} {
		if err := p.open(t, Options{}).ListenLegacy(p.ns); err != nil {
			t.Error(err)
		}
	}
}

// TestBusyProcess: another process is named, and is out of the way when it ends.
func TestBusyProcess(t *testing.T) {
	p := newPlace(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holdEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	if said, _ := bufio.NewReader(out).ReadString('\n'); said != "ready\n" {
		t.Fatalf("the other process: %q", said)
	}
	s := p.open(t, Options{})
	err = s.ListenLegacy(p.ns)
	var busy *Busy
	if !errors.As(err, &busy) || busy.Holder != fmt.Sprintf("exe (process %d)", cmd.Process.Pid) {
		t.Errorf("%v, want process %d", err, cmd.Process.Pid)
	}
	_ = in.Close()
	_ = cmd.Wait()
	if err := s.ListenLegacy(p.ns); err != nil {
		t.Errorf("after the other process: %v", err)
	}
}

// TestListenAtOnce: the first line that comes has its number.
func TestListenAtOnce(t *testing.T) {
	p := newPlace(t)
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				p.send(t, 10, 1)
			}
		}
	}()
	for range 20 {
		s := p.open(t, Options{})
		if err := s.ListenLegacy(p.ns); err != nil {
			t.Fatal(err)
		}
		var c tally
		read, err := s.sock.Read()
		if err != nil {
			t.Fatal(err)
		}
		s.take(read, c.add)
		if len(c.lost) != 0 || c.other != 0 {
			t.Errorf("%+v", c)
		}
		_ = s.Close()
	}
	close(stop)
	<-done
}

func TestHolderUnseen(t *testing.T) {
	if _, ok := groupPort("/nonexistent", 0); ok {
		t.Error("a port from nowhere")
	}
	if _, ok := socketInode("/proc/thread-self/net/netlink", 1<<31-7); ok {
		t.Error("an inode of nobody")
	}
	if who, ok := processOf("1"); ok {
		t.Errorf("%s holds nothing", who)
	}
}

func TestErrorWords(t *testing.T) {
	p := newPlace(t)
	s := p.open(t, Options{})
	_ = s.Close()
	err := s.ListenLegacy(p.ns)
	var kernel *nfnetlink.Error
	if err == nil || errors.As(err, &kernel) {
		t.Errorf("a closed socket: %v", err)
	}
}
