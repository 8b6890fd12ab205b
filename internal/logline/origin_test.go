package logline

import "testing"

func TestOrigin(t *testing.T) {
	for prefix, want := range map[string]Origin{
		"[UFW BLOCK] ":                               {"ufw", "", "BLOCK"},
		"[UFW AUDIT INVALID] ":                       {"ufw", "", "AUDIT"},
		"[UFW LIMIT BLOCK] ":                         {"ufw", "ufw-user-limit", "BLOCK"},
		"[UFW ALLOW] ":                               {"ufw", "", "ALLOW"},
		"[UFW DOCKER BLOCK] ":                        {"ufw-docker", "ufw-docker-logging-deny", "BLOCK"},
		"FINAL_REJECT: ":                             {"firewalld", "", "REJECT"},
		"STATE_INVALID_DROP: ":                       {"firewalld", "", "DROP"},
		"rpfilter_DROP: ":                            {"firewalld", "rpfilter", "DROP"},
		"RFC3964_IPv4_REJECT: ":                      {"firewalld", "", "REJECT"},
		"filter_IN_public_DROP: ":                    {"firewalld", "filter_IN_public", "DROP"},
		"FWD_public_REJECT: ":                        {"firewalld", "FWD_public", "REJECT"},
		"Shorewall:net-fw:DROP:":                     {"shorewall", "net-fw", "DROP"},
		"Shorewall:FORWARD:3:REJECT:":                {"shorewall", "FORWARD", "REJECT"},
		"net-fw DROP ":                               {"", "net-fw", "DROP"},
		"calico-drop: ":                              {"calico", "", "DROP"},
		"calico-packet: ":                            {"calico", "", "LOG"},
		"SFW2-INext-DROP-DEFLT ":                     {"SuSEfirewall2", "input_ext", "DROP"},
		"SFW2-IN-ACC-RELATED ":                       {"SuSEfirewall2", "input", "ACCEPT"},
		"SFW2-FWD-ILL-ROUTING ":                      {"SuSEfirewall2", "forward", "DROP"},
		"SuSE-FW-DROP-DEFAULT ":                      {"", "", "DROP"},
		"DROP(src wan)":                              {"openwrt", "zone_wan_src_DROP", "DROP"},
		"REJECT(dest lan)":                           {"openwrt", "zone_lan_dest_REJECT", "REJECT"},
		"reject wan in: ":                            {"openwrt", "reject_from_wan", "REJECT"},
		"drop wan6 forward: ":                        {"openwrt", "forward_wan6", "DROP"},
		"drop wan invalid ct state: ":                {"openwrt", "accept_to_wan", "DROP"},
		"[WAN_IN-default-D]":                         {"vyatta", "WAN_IN", "DROP"},
		"[WAN_OUT-2000-A]":                           {"vyatta", "WAN_OUT", "ACCEPT"},
		"[wan-lan-default-D]":                        {"vyatta", "wan-lan", "DROP"},
		"[ipv4-FWD-filter-10-A]":                     {"vyatta", "ipv4-FWD-filter", "ACCEPT"},
		"[NAT-1-DNAT]":                               {"vyatta", "NAT", "DNAT"},
		"[DST-NAT-10]":                               {"vyatta", "DST-NAT", "DNAT"},
		"[SRC-NAT-110-MASQ]":                         {"vyatta", "SRC-NAT", "SNAT"},
		"[WAN_LOCAL-D-2147483647]DESCR=\"no name\" ": {"vyatta", "WAN_LOCAL", "DROP"},
		"RULE 10 -- DENY ":                           {"fwbuilder", "RULE_10", "DENY"},
		"DROP_NEWNOTSYN ":                            {"ipfire", "NEWNOTSYN", "DROP"},
		"DROP_TCP Scan ":                             {"ipfire", "PSCAN", "DROP"},
		"iptables DROP_INPUT: ":                      {"", "INPUT", "DROP"},
		"FORWARD REJECT ":                            {"", "FORWARD", "REJECT"},
		"iptables denied: ":                          {"", "", "DENY"},
		"nft-in-drop: ":                              {"", "", "DROP"},
		"[nftables] Inbound Denied: ":                {"", "", "DENY"},
		"DOCKER-USER dropped: ":                      {"", "DOCKER-USER", "DROP"},
	} {
		if got, ok := OriginOf(prefix); !ok || got != want {
			t.Errorf("%q: %+v %v, want %+v", prefix, got, ok, want)
		}
	}
}

func TestOriginNothing(t *testing.T) {
	for _, prefix := range []string{
		"", " ", "x", "raw pre: ", "[", "]", "[]", "[UFW", "[UFW ]", "Shorewall:x", "backdropper ", "IN=x", "[a-b-c]", "RULE x", "SFW2-", "catalog: ",
	} {
		if got, ok := OriginOf(prefix); ok || got.Tool != "" || got.Action != "" {
			t.Errorf("%q: taken for %+v", prefix, got)
		}
	}
}
