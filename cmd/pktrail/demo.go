package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/journey"
)

func demoCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "see it work: a throwaway network, real rules, real packets",
		Long: `Make a throwaway network of namespaces - client, router, server, IPv4 and IPv6 -
with real rules in legacy iptables, iptables-nft and nftables, send real packets
and print what became of each on the router, and on the server where it got there. It needs no root, touches nothing
of the host and leaves nothing behind.`,
		Example: `  pktrail demo
  pktrail demo -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd, &o) },
	}
	o.add(cmd)
	return cmd
}

func demo(cmd *cobra.Command, o *output) error {
	handled, code, err := lab.ReexecUser()
	switch {
	case err != nil:
		return hint(err, "run it as root: sudo pktrail demo")
	case handled:
		os.Exit(code)
	}
	s, err := o.story(cmd.OutOrStdout(), true, false)
	if err != nil {
		return err
	}
	d, err := lab.NewDemo(cmd.Context())
	if err != nil {
		return hint(err, "sudo apt-get install iptables nftables")
	}
	for _, w := range d.Worlds {
		if !w.OK() {
			fmt.Fprintf(cmd.ErrOrStderr(), "left out: %s\n", w)
		}
	}
	err = play(cmd.Context(), d, s, o.format == "text")
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// play traces the demo's router and server while the scenes are played.
func play(ctx context.Context, d *lab.Demo, s *story, brief bool) (err error) {
	spaces := []*netns.NS{d.Lab.NS(lab.DemoRouter), d.Lab.NS(lab.DemoServer)}
	t, err := live.Prepare(live.Options{Spaces: spaces, Rate: 2000})
	if err != nil {
		return err
	}
	if err := t.Arm(); err != nil {
		return err
	}
	defer func() {
		if cerr := t.Close(); err == nil {
			err = cerr
		}
	}()
	st, err := newStage(d, s, brief)
	if err != nil {
		return err
	}
	s.show = st.show
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	played := make(chan error, 1)
	go func() {
		defer cancel()
		err := d.Run(ctx, nil, nil)
		time.Sleep(lastPackets)
		played <- err
	}()
	s.live = true
	if err := s.tell(ctx, t); err != nil {
		return err
	}
	if err := <-played; err != nil {
		return err
	}
	return st.verdict()
}

// lastPackets is how long the last scene's packets may still be on their way.
const lastPackets = 100 * time.Millisecond

// stage shows the journeys of the demo by scene: what became of a scene's first
// packet, and the packets linked to it. The rest of a connection is counted.
type stage struct {
	story *story
	brief bool
	acts  []*act
	shown map[journey.ID]*act // of journeys linked to one that is shown
}

type act struct {
	scene lab.Scene
	match match.Match
	first *journey.Journey
	more  int
}

func newStage(d *lab.Demo, s *story, brief bool) (*stage, error) {
	st := &stage{story: s, brief: brief, shown: map[journey.ID]*act{}}
	for _, scene := range d.Scenes {
		m, _, err := match.Parse(scene.Match)
		if err != nil {
			return nil, fmt.Errorf("scene %q: %w", scene.Title, err)
		}
		st.acts = append(st.acts, &act{scene: scene, match: m})
	}
	return st, nil
}

// show decides whether and how a journey is printed.
func (st *stage) show(j *journey.Journey) bool {
	j.Outcome.Try = nil // the namespaces have no names for other tools
	if !st.brief {
		st.actOf(j)
		return true
	}
	if a := st.shown[j.ID]; a != nil {
		return true
	}
	a := st.actOf(j)
	if a == nil {
		return false
	}
	if a.first != j {
		a.more++
		return false
	}
	for _, l := range j.Links {
		st.shown[l.ID] = a
	}
	st.story.heading(a.scene.Title)
	return true
}

// actOf finds the scene of a packet, and makes the first one its first.
func (st *stage) actOf(j *journey.Journey) *act {
	for _, a := range st.acts {
		if a.match.Judge(&j.Headers, "", "", nil).Answer == match.Yes {
			if a.first == nil && j.Netns.Name == lab.DemoRouter {
				a.first = j
			}
			return a
		}
	}
	return nil
}

// verdict compares what the trace said with what the scenes are known to do.
func (st *stage) verdict() error {
	for _, a := range st.acts {
		switch {
		case a.first == nil:
			return fmt.Errorf("scene %q: no packet of it was traced", a.scene.Title)
		case a.first.Outcome.Result != a.scene.Want || a.first.Outcome.With != a.scene.With:
			return fmt.Errorf("scene %q: the trace says %s %s, and it was %s %s", a.scene.Title,
				a.first.Outcome.Result, a.first.Outcome.With, a.scene.Want, a.scene.With)
		}
	}
	return nil
}
