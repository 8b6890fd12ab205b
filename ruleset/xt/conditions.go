package xt

import "github.com/pktrail/pktrail/ruleset"

// Conditions tells what a packet must be for the rule to match, in a table of
// that family, whose packets are all of it: a condition on the family is not
// among them. members says what ipsets hold; nil where they were not read.
func (r *Rule) Conditions(fam ruleset.Family, members ruleset.Members) []ruleset.Condition {
	return nil
}
