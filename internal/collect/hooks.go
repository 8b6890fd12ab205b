package collect

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// Attributes of nfnetlink_hook (include/uapi/linux/netfilter/nfnetlink_hook.h).
const (
	nfnlHookGet = 0 // NFNL_MSG_HOOK_GET

	hookNumber   = 1 // NFNLA_HOOK_HOOKNUM
	hookPriority = 2 // NFNLA_HOOK_PRIORITY
	hookFunction = 4 // NFNLA_HOOK_FUNCTION_NAME
	hookModule   = 5 // NFNLA_HOOK_MODULE_NAME
	hookInfo     = 6 // NFNLA_HOOK_CHAIN_INFO

	hookInfoDesc = 1 // NFNLA_HOOK_INFO_DESC
	hookInfoType = 2 // NFNLA_HOOK_INFO_TYPE

	hookIsChain   = 1 // NFNL_HOOK_TYPE_NFTABLES
	hookIsProgram = 2 // NFNL_HOOK_TYPE_BPF

	hookTable   = 1 // NFNLA_CHAIN_TABLE
	hookFamily  = 2 // NFNLA_CHAIN_FAMILY
	hookChain   = 3 // NFNLA_CHAIN_NAME
	hookProgram = 1 // NFNLA_HOOK_BPF_ID
)

// Calls reads what the kernel calls at the hooks of IPv4, IPv6, ARP and bridges, in
// the order of the calls. nfnetlink loads the module that tells it when it is asked
// for (net/netfilter/nfnetlink.c: nfnetlink_rcv_msg), so it is asked only where it is
// there; where it is not, or before Linux 5.14, the answer is empty.
func (h *Host) Calls() (calls []rules.Call, err error) {
	err = h.where("nfnetlink_hook", "nfnl_hook_dump_one", func(s *nfnetlink.Socket) (err error) {
		calls, err = readCalls(s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is called at the hooks of namespace %s: %w", h.NS.Name, err)
	}
	return calls, nil
}

// readCalls asks for each hook of each family. Of a family that it does not have the
// kernel knows none, and without modules it may know nothing of the question.
func readCalls(s *nfnetlink.Socket) (calls []rules.Call, err error) {
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.ARP, ruleset.Bridge} {
		for num := uint32(0); hookOf(fam, num) != "" && hookOf(fam, num) != ruleset.Ingress; num++ {
			some, err := callsAt(s, fam, num)
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
				break
			}
			if err != nil {
				return nil, err
			}
			calls = append(calls, some...)
		}
	}
	return calls, nil
}

// callsAt asks again where the calls changed meanwhile.
func callsAt(s *nfnetlink.Socket, fam ruleset.Family, num uint32) (calls []rules.Call, err error) {
	number := wire.AppendAttr(nil, hookNumber, binary.BigEndian.AppendUint32(nil, num))
	fill := func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_HOOK<<8|nfnlHookGet, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, uint8(fam), 0, number)
	}
	for range tries {
		calls = calls[:0]
		changed, err := s.Dump("list the hook "+string(hookOf(fam, num)), fill, func(m wire.Message) error {
			c := decodeCall(m.Attrs)
			c.Family, c.Hook, c.Place = fam, hookOf(fam, num), len(calls)+1
			calls = append(calls, c)
			return nil
		})
		if err != nil || !changed {
			return calls, err
		}
	}
	return nil, errChanged
}

func decodeCall(as wire.Attrs) (c rules.Call) {
	for a := range attrs(as) {
		switch a.Type {
		case hookPriority:
			priority, _ := a.BE32()
			c.Priority = int32(priority)
		case hookFunction:
			c.Function = text(a)
		case hookModule:
			c.Module = text(a)
		case hookInfo:
			decodeCallInfo(&c, a.Data)
		}
	}
	return c
}

// decodeCallInfo says more of some: a base chain of nf_tables, or a BPF program.
func decodeCallInfo(c *rules.Call, as wire.Attrs) {
	var kind uint32
	var desc wire.Attrs
	for a := range attrs(as) {
		switch a.Type {
		case hookInfoType:
			kind, _ = a.BE32()
		case hookInfoDesc:
			desc = a.Data
		}
	}
	for a := range attrs(desc) {
		switch {
		case kind == hookIsProgram && a.Type == hookProgram:
			c.Program, _ = a.BE32()
		case kind != hookIsChain:
		case a.Type == hookTable:
			c.Table.Backend, c.Table.Name = ruleset.NFT, text(a)
		case a.Type == hookFamily:
			fam, _ := a.Uint8()
			c.Table.Family = ruleset.Family(fam)
		case a.Type == hookChain:
			c.Chain = text(a)
		}
	}
}
