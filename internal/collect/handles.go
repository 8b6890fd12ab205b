package collect

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// readHandles gives the rules of an iptables-nft table their handles, which
// iptables-nft-save does not print: the n-th rule of a chain in the kernel is
// the n-th that was printed. It asks chain by chain, since a dump over
// everything begins from the front again at each of its parts.
func readHandles(t *ruleset.Table) error {
	s, err := dial()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return offThread(func() error { return addHandles(s, t) })
}

func addHandles(s *nfnetlink.Socket, t *ruleset.Table) error {
	for _, ch := range t.Chains {
		if len(ch.Rules) == 0 {
			continue
		}
		handles, err := chainHandles(s, t.TableKey, ch.Name)
		if err != nil {
			return err
		}
		if len(handles) != len(ch.Rules) {
			return fmt.Errorf("chain %s had %d rules when they were listed and %d when they were counted: %w",
				ch.Name, len(ch.Rules), len(handles), errChanged)
		}
		for i, handle := range handles {
			ch.Rules[i].Handle = handle
		}
	}
	return nil
}

func chainHandles(s *nfnetlink.Socket, key ruleset.TableKey, chain string) ([]uint64, error) {
	var handles []uint64
	r := request{op: "list rules of chain " + chain, msg: unix.NFT_MSG_GETRULE, family: uint8(key.Family), dump: true}
	r.attrs = wire.AppendAttr(r.attrs, unix.NFTA_RULE_TABLE, name(key.Name))
	r.attrs = wire.AppendAttr(r.attrs, unix.NFTA_RULE_CHAIN, name(chain))
	err := ask(s, r, func(_ uint8, as wire.Attrs) error {
		for a := range attrs(as) {
			if a.Type == unix.NFTA_RULE_HANDLE {
				handle, _ := a.BE64()
				handles = append(handles, handle)
			}
		}
		return nil
	})
	return handles, err
}
