package collect

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// hold runs commands in an nft that stays until the test ends, so that a table
// with an owner lives.
func hold(t *testing.T, ns *netns.NS, commands string) {
	t.Helper()
	var in io.WriteCloser
	var cmd *exec.Cmd
	err := ns.Do(func() (err error) {
		cmd = exec.Command("nft", "-i")
		if in, err = cmd.StdinPipe(); err != nil {
			return err
		}
		return cmd.Start()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	w := bufio.NewWriter(in)
	_, _ = w.WriteString(commands)
	_ = w.Flush()
	lab.Await(t, func() string {
		if !strings.Contains(run(t, ns, "", "nft", "list", "tables"), "mine") {
			return "the table with an owner did not appear"
		}
		return ""
	})
}
