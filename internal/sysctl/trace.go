package sysctl

// trace finds out where a value comes from, and what becomes of it at a restart.
func (r *reporter) trace(e *Entry, s *Setting) {
	e.Source.Kind = KindUnknown
	switch {
	case s.ReadOnly:
		e.Source.Kind = KindReading
		return
	case e.Value == nil:
		return
	case !r.filesApply(s):
		e.Source.Kind = KindNetns
		if e.Changed != nil && !*e.Changed {
			e.Source.Kind = KindDefault
		}
		return
	}
	names := r.names(e, s)
	for _, p := range names[:1+len(s.Aliases)] {
		for _, a := range r.config.Of(p) {
			one := said(a)
			one.Refused = !a.Spares && !s.Takes.taken(a.Value)
			e.Said = append(e.Said, one)
		}
	}
	last, set := r.config.Last(names, s.Takes.taken)
	if !set {
		r.unset(e, s)
		return
	}
	from := said(last)
	made, _ := s.Takes.Made(last.Value)
	e.Source.Said, e.AtRestart = &from, &made
	e.Source.Kind = KindFile
	if !s.Takes.Same(last.Value, *e.Value) {
		e.Source.Kind, e.Lost = KindDiffers, true
	}
}

// filesApply: systemd-sysctl and its like run in the first network namespace.
func (r *reporter) filesApply(s *Setting) bool {
	first, known := r.snap.Netns.First.Get()
	return s.Host || s.Hidden || s.Shared || first || !known
}

// names are the paths by which this value is written: its own, its aliases',
// those of settings that write it too, and for an interface what it begins with.
func (r *reporter) names(e *Entry, s *Setting) []string {
	all := []string{e.path}
	for _, a := range s.Aliases {
		all = append(all, Path(a))
	}
	for _, t := range s.Through {
		if t != e.Name {
			all = append(all, Path(t))
		}
	}
	return all
}

// unset is the source of a value that no file names.
func (r *reporter) unset(e *Entry, s *Setting) {
	if begun, ok := r.config.Last([]string{Path(s.Of("default"))}, s.Takes.taken); ok && e.Interface() != "" && s.Takes.Same(begun.Value, *e.Value) {
		from := said(begun)
		e.Source = Source{KindOverall, &from}
		e.AtRestart = e.Value
		return
	}
	switch {
	case e.Changed == nil:
	case *e.Changed:
		e.Source.Kind, e.AtRestart, e.Lost = KindRuntime, e.Default, true
	default:
		e.Source.Kind, e.AtRestart = KindDefault, e.Default
	}
}

// Interface is the interface that has the setting; "" for one that no interface
// has, that of all and that of those to come.
func (e *Entry) Interface() string {
	if i := e.instance(); i != "all" && i != "default" {
		return i
	}
	return ""
}
