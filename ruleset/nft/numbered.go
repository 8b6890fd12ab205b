package nft

// Numbered is how many elements the set has if their keys are 0, 1, 2 and so
// on, as in the maps in which rules look up what numgen gave. It may have other
// keys: that all of these are there tells, since it cannot have more. It is 0
// for sets that are not declared like that.
func (s *Set) Numbered() int {
	const fixed = setAnonymous | setConstant
	if s.Flags&fixed != fixed || s.Flags&(setInterval|setTimeout|setEval) != 0 || s.key.typ.id != idInteger || s.key.bits != 32 {
		return 0
	}
	return int(s.Size)
}

// Anonymous reports whether the set has no name of its own: it stands in a rule.
func (s *Set) Anonymous() bool { return s.isAnonymous() }
