package nft

// set prints a named set or map (src/rule.c: set_print).
func (p *printer) set(s *Set) {
	word := "set"
	if s.isMeter() {
		word = "meter"
	} else if s.Flags&(setMap|setObject) != 0 {
		word = "map"
	}
	p.s("\t" + word + " " + s.Name + " {")
	p.handle(s.Handle)
	p.s("\n\t\t")
	p.setTypes(s)
	p.s("\n")
	p.setOptions(s)
	p.setRest(s)
	if !p.style.Terse && !(s.isMeter() && p.stateless) && len(s.list()) > 0 {
		p.s("\t\telements = ")
		p.elements(s)
		p.s("\n")
	}
	s.elems = nil
	p.s("\t}\n")
}

func (p *printer) setTypes(s *Set) {
	printOne := p.typeName
	if s.typeOf {
		p.s("typeof ")
		printOne = p.term
	} else {
		p.s("type ")
	}
	printOne(s.key)
	switch {
	case s.data != nil:
		p.s(" : ")
		if s.dataInterval {
			p.s("interval ")
		}
		printOne(s.data)
	case s.Flags&setObject != 0:
		p.s(" : " + objectWord(s.ObjType))
	}
}

func (p *printer) typeName(t *term) {
	if t.typ.bits > 0 || t.typ.id == idVerdict {
		p.s(t.typ.name)
		return
	}
	p.value(t)
}

func (p *printer) setOptions(s *Set) {
	if s.Flags&setConstant == 0 {
		switch s.Policy {
		case 0:
		case 1:
			p.s("\t\tpolicy memory\n")
		default:
			p.s("\t\tpolicy unknown\n")
		}
		if s.Size > 0 {
			p.s("\t\tsize ")
			p.n(uint64(s.Size))
			p.s("\n")
		}
	}
	p.setFlags(s)
}

func (p *printer) setFlags(s *Set) {
	shown := s.Flags & (setConstant | setInterval | setTimeout | setEval)
	if s.Timeout != 0 && shown == setTimeout || shown == 0 {
		return
	}
	p.s("\t\tflags ")
	delim := ""
	for _, f := range [...]struct {
		bit  uint32
		word string
	}{{setConstant, "constant"}, {setEval, "dynamic"}, {setInterval, "interval"}, {setTimeout, "timeout"}} {
		if s.Flags&f.bit != 0 {
			p.s(delim + f.word)
			delim = ","
		}
	}
	p.s("\n")
}

func (p *printer) setRest(s *Set) {
	if inner := s.innerStmts(); len(inner) > 0 {
		p.s("\t\t")
		was := p.stateless
		p.stateless = true
		for i, in := range inner {
			if i > 0 {
				p.s(" ")
			}
			in.print(p)
		}
		p.stateless = was
		p.s("\n")
	}
	if s.autoMerge {
		p.s("\t\tauto-merge\n")
	}
	if s.Timeout != 0 {
		p.s("\t\ttimeout ")
		p.duration(s.Timeout)
		p.s("\n")
	}
	if s.GCInterval != 0 {
		p.s("\t\tgc-interval ")
		p.duration(s.GCInterval)
		p.s("\n")
	}
	if s.Comment != "" {
		p.s("\t\tcomment ")
		p.q(s.Comment)
		p.s("\n")
	}
}

// elements prints `{ a, b }`; of a named set, with line breaks after as many as
// nft puts on a line.
func (p *printer) elements(s *Set) {
	p.s("{ ")
	perLine := perLine(s)
	for i, e := range s.list() {
		switch {
		case i == 0:
		case perLine == 0 || i%perLine != 0:
			p.s(", ")
		default:
			p.s(",\n\t\t\t     ")
		}
		p.term(e)
	}
	p.s(" }")
}

// perLine is how many elements stand on a line; 0 for all (src/expression.c:
// calculate_delim).
func perLine(s *Set) int {
	if s.isAnonymous() {
		return 0
	}
	switch s.key.typ.id {
	case idNFProto, idInteger, idARPOp, idInetProto, idInetService, idTCPFlag, idDCCPType, idMark,
		idIfIndex, idClassID, idUID, idGID, idCTDir:
		return 5
	case idIPAddr, idCTState, idCTStatus, idPktType:
		return 2
	}
	return 1
}

// element prints an element of a set, or the one that a rule adds.
func (p *printer) element(e *term) {
	p.term(e.left)
	for _, in := range e.elem.inner {
		p.s(" ")
		in.print(p)
	}
	if e.elem.timeout != 0 {
		p.s(" timeout ")
		p.duration(e.elem.timeout)
	}
	if !p.stateless && e.elem.expires != 0 {
		p.s(" expires ")
		p.duration(e.elem.expires)
	}
	if e.elem.comment != "" {
		p.s(" comment ")
		p.q(e.elem.comment)
	}
}
