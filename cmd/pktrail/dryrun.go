package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/netns"
)

// dryRun prints what a trace would change, in the words of nft and sysctl.
func dryRun(w io.Writer, spaces []*netns.NS, t *live.Trace) error {
	for i, p := range t.Plans() {
		fmt.Fprintf(w, "# in namespace %s; the kernel removes the table when pktrail ends, however it ends\n", spaces[i].Name)
		fmt.Fprintf(w, "# cost to packets that do not match: on a small virtual machine about 6 %% of the rate of small packets for the arming rule")
		if n := p.Milestones(); n > 0 {
			fmt.Fprintf(w, ", and 3 %% for each of at most %d milestone chains on its way", n)
		}
		fmt.Fprintf(w, "\n# kernel modules it stands on, loaded where they are not yet and not built in: %s\n", strings.Join(p.Modules, ", "))
		fmt.Fprint(w, p.Text())
		for _, line := range p.LoggerChanges() {
			fmt.Fprintf(w, "%s   # put back at the end\n", line)
		}
		for _, r := range p.Wider {
			fmt.Fprintf(w, "# %s cannot be judged here (%s): packets are traced without it and sorted out afterwards\n", r.Arg, r.Why)
		}
	}
	for _, note := range t.Warnings {
		fmt.Fprintf(w, "# note: %s\n", note)
	}
	fmt.Fprintln(w, "# while it runs, `nft -f` of a saved `nft list ruleset` fails as a whole if the table above is in the saved text: nobody but its owner may write it")
	return nil
}
