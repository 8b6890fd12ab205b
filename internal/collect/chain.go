package collect

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// Attributes that golang.org/x/sys does not name (include/uapi/linux/netfilter/nf_tables.h).
const (
	nftaHookDevs   = 4 // NFTA_HOOK_DEVS
	nftaDeviceName = 1 // NFTA_DEVICE_NAME
)

func decodeChain(fam ruleset.Family, as wire.Attrs) (ruleset.TableKey, *ruleset.Chain) {
	key := ruleset.TableKey{Backend: ruleset.NFT, Family: fam}
	ch := &ruleset.Chain{}
	var typeName string
	for a := range attrs(as) {
		switch a.Type {
		case unix.NFTA_CHAIN_TABLE:
			key.Name = text(a)
		case unix.NFTA_CHAIN_NAME:
			ch.Name = text(a)
		case unix.NFTA_CHAIN_TYPE:
			typeName = text(a)
		case unix.NFTA_CHAIN_HOOK:
			ch.Base = decodeHook(fam, a.Data)
		case unix.NFTA_CHAIN_POLICY:
			ch.Policy = policyOf(a)
		}
	}
	if ch.Base != nil {
		ch.Base.Type = typeName
	}
	return key, ch
}

func decodeHook(fam ruleset.Family, as wire.Attrs) *ruleset.Base {
	base := &ruleset.Base{}
	addDevice := func(a wire.Attr) {
		if !slices.Contains(base.Device, text(a)) {
			base.Device = append(base.Device, text(a))
		}
	}
	for a := range attrs(as) {
		switch a.Type {
		case unix.NFTA_HOOK_HOOKNUM:
			num, _ := a.BE32()
			base.Hook = hookOf(fam, num)
		case unix.NFTA_HOOK_PRIORITY:
			priority, _ := a.BE32()
			base.Priority = int32(priority)
		case unix.NFTA_HOOK_DEV:
			addDevice(a)
		case nftaHookDevs:
			for dev := range attrs(a.Data) {
				if dev.Type == nftaDeviceName {
					addDevice(dev)
				}
			}
		}
	}
	return base
}

// hookOf turns a family's hook number into nft's word.
func hookOf(fam ruleset.Family, num uint32) ruleset.Hook {
	hooks := []ruleset.Hook{
		ruleset.Prerouting, ruleset.Input, ruleset.Forward,
		ruleset.Output, ruleset.Postrouting, ruleset.Ingress,
	}
	switch fam {
	case ruleset.Netdev:
		hooks = []ruleset.Hook{ruleset.Ingress, ruleset.Egress}
	case ruleset.ARP:
		hooks = []ruleset.Hook{ruleset.Input, ruleset.Output, ruleset.Forward}
	}
	if int(num) < len(hooks) {
		return hooks[num]
	}
	return ""
}

func policyOf(a wire.Attr) ruleset.Verdict {
	switch v, ok := a.BE32(); {
	case ok && v == 0:
		return ruleset.Drop
	case ok && v == 1:
		return ruleset.Accept
	}
	return ruleset.Unknown
}
