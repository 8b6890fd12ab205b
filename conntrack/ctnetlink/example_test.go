package ctnetlink_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/packet"
)

// Entries from one address that nobody has answered.
func ExampleConn_Dump() {
	c, err := ctnetlink.Open(ctnetlink.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	filter := conntrack.Filter{
		Orig:       conntrack.Tuple{Src: netip.MustParseAddr("10.0.0.5"), Proto: packet.ProtoTCP, Has: conntrack.HasProto},
		StatusMask: conntrack.SeenReply,
	}
	found, err := c.Dump(context.Background(), conntrack.Tracked, filter, func(f *conntrack.Flow) error {
		fmt.Println(f.Orig.Dst, f.Orig.DstPort, f.TCP.State, f.Timeout)
		return nil
	})
	fmt.Println(found.Meant, err)
}

// The table as it stands, kept up to date by events. After a loss it is read anew.
func ExampleWatcher_Run() {
	w, err := ctnetlink.Listen(ctnetlink.AllFlows, ctnetlink.Options{BufferBytes: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = w.Close() }()
	c, err := ctnetlink.Open(ctnetlink.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	ctx := context.Background()
	table := map[uint32]conntrack.Tuple{}
	read := func() error {
		clear(table)
		_, err := c.Dump(ctx, conntrack.Tracked, conntrack.Filter{}, func(f *conntrack.Flow) error {
			table[f.ID] = f.Orig
			return nil
		})
		return err
	}
	if err := read(); err != nil {
		fmt.Println(err)
		return
	}
	err = w.Run(ctx, func(e *ctnetlink.Event) error {
		switch {
		case e.Lost.Any():
			fmt.Printf("%d events lost\n", e.Lost.Count)
			return read()
		case e.Kind == conntrack.DestroyedFlow:
			delete(table, e.Flow.ID)
		case e.Flow != nil:
			table[e.Flow.ID] = e.Flow.Orig
		}
		return nil
	})
	fmt.Println(err)
}
