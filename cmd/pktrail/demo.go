package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/netns"
)

func demoCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "see it work: a throwaway network, real rules, real packets",
		Long: `Make a throwaway network of namespaces - client, router, server, IPv4 and IPv6 -
with real rules in legacy iptables, iptables-nft and nftables, send real packets
and print what became of each on the router. It needs no root and touches
nothing of the host.`,
		Example: `  pktrail demo
  pktrail demo -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd, &o) },
	}
	o.add(cmd)
	return cmd
}

func demo(cmd *cobra.Command, o *output) (err error) {
	s, err := o.story(cmd.OutOrStdout(), false)
	if err != nil {
		return err
	}
	d, err := lab.NewDemo(cmd.Context())
	if err != nil {
		return err
	}
	defer func() {
		if cerr := d.Close(); err == nil {
			err = cerr
		}
	}()
	for _, w := range d.Worlds {
		if !w.OK() {
			fmt.Fprintf(cmd.ErrOrStderr(), "missing: %s\n", w)
		}
	}
	t, err := live.Prepare(live.Options{Spaces: []*netns.NS{d.Lab.NS(lab.DemoRouter)}, Rate: 1000})
	if err != nil {
		return err
	}
	if err := t.Arm(); err != nil {
		return err
	}
	defer func() { _ = t.Close() }()
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	played := make(chan error, 1)
	go func() {
		err := d.Run(ctx, nil, nil)
		time.Sleep(300 * time.Millisecond)
		cancel()
		played <- err
	}()
	s.live = true
	if err := s.tell(ctx, t, time.Now); err != nil {
		return err
	}
	return <-played
}
