package collect

import (
	"os"
	"strings"
)

// unreadTables says which legacy tables there are, or may be, that are not read.
// It runs on a thread inside the namespace. ebtables has no list of its tables,
// and asking for one creates it (net/bridge/netfilter/ebtables.c: find_table_lock).
func unreadTables() (doubts []string) {
	if b, err := os.ReadFile("/proc/thread-self/net/arp_tables_names"); err == nil && len(b) > 0 {
		names := strings.Join(strings.Fields(string(b)), ", ")
		doubts = append(doubts, "legacy tables of ARP are not read: "+names+" (arptables-legacy -L shows them)")
	}
	for _, table := range []string{"filter", "nat", "broute"} {
		if inProcModules("ebtable_" + table) {
			doubts = append(doubts, "the legacy table "+table+" of ebtables may be there and is not read: asking for it would create it (ebtables-legacy -t "+table+" -L)")
		}
	}
	return doubts
}
