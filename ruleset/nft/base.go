package nft

import (
	"github.com/pktrail/pktrail/ruleset"
)

func familyOf(word string) (ruleset.Family, bool) {
	switch word {
	case "ip":
		return ruleset.IP, true
	case "ip6":
		return ruleset.IP6, true
	case "inet":
		return ruleset.Inet, true
	case "arp":
		return ruleset.ARP, true
	case "bridge":
		return ruleset.Bridge, true
	case "netdev":
		return ruleset.Netdev, true
	}
	return 0, false
}

// namedPriority: nft's names for enum nf_ip_hook_priorities and nf_br_hook_priorities.
func namedPriority(name string, fam ruleset.Family) (int64, bool) {
	if fam == ruleset.Bridge {
		switch name {
		case "dstnat":
			return -300, true
		case "filter":
			return -200, true
		case "out":
			return 100, true
		case "srcnat":
			return 300, true
		}
		return 0, false
	}
	switch name {
	case "raw":
		return -300, true
	case "mangle":
		return -150, true
	case "dstnat":
		return -100, true
	case "filter":
		return 0, true
	case "security":
		return 50, true
	case "srcnat":
		return 100, true
	}
	return 0, false
}
