package collect

// unreadTables says which legacy tables there may be that are not read. ebtables
// has no list of its tables, and asking for one creates it
// (net/bridge/netfilter/ebtables.c: find_table_lock).
func unreadTables() (doubts []string) {
	for _, table := range []string{"filter", "nat", "broute"} {
		if inProcModules("ebtable_" + table) {
			doubts = append(doubts, "the legacy table "+table+" of ebtables may be there and is not read: asking for it would create it (ebtables-legacy -t "+table+" -L)")
		}
	}
	return doubts
}
