package collect

// unreadTables says which legacy tables there may be that are not read, since
// asking for one creates it.
func unreadTables() (doubts []string) {
	for _, table := range []string{"filter", "nat", "broute"} {
		if inProcModules("ebtable_" + table) {
			doubts = append(doubts, "the legacy table "+table+" of ebtables may be there and is not read: asking for it would create it (pktrail rules --ebtables-legacy)")
		}
	}
	return doubts
}
