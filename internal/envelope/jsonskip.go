package envelope

// This file leaves out values of JSON, and checks them on the way.

// deepest is how far arrays and objects may lie in each other; a journal has two
// levels.
const deepest = 64

// skip leaves out one value, whatever it is.
func (j *JSON) skip() error {
	var objects uint64 // bit n: level n is an object
	depth := 0
	for {
		j.space()
		opened, err := j.open(&objects, &depth)
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		more, err := j.close(objects, &depth)
		if err != nil || !more {
			return err
		}
		if err := j.name(objects, depth); err != nil {
			return err
		}
	}
}

// open leaves out what a value begins with: all of a simple one, the bracket of
// an array, or bracket and first name of an object; opened: its first value is
// next.
func (j *JSON) open(objects *uint64, depth *int) (opened bool, err error) {
	c := at(j.b, j.i)
	if c != '[' && c != '{' {
		return false, j.simple(c)
	}
	j.i++
	if j.next(c + 2) { // the closing bracket: ASCII has a character between them
		return false, nil
	}
	if *depth++; *depth >= deepest {
		return false, j.wrong("values lie too deep in each other")
	}
	*objects &^= 1 << *depth
	if c == '{' {
		*objects |= 1 << *depth
	}
	return true, j.name(*objects, *depth)
}

// close leaves out what stands behind a value; more: another one is next.
func (j *JSON) close(objects uint64, depth *int) (more bool, err error) {
	for ; *depth > 0; *depth-- {
		if j.next(',') {
			return true, nil
		}
		end := byte(']')
		if objects>>*depth&1 == 1 {
			end = '}'
		}
		if !j.next(end) {
			return false, j.wrong("no comma stands behind a value")
		}
	}
	return false, nil
}

// name leaves out the name of a value in an object.
func (j *JSON) name(objects uint64, depth int) error {
	if objects>>depth&1 == 0 {
		return nil
	}
	j.space()
	if _, _, err := j.quoted(); err != nil {
		return err
	}
	if !j.next(':') {
		return j.wrong("no colon stands behind a field's name")
	}
	return nil
}

// simple leaves out a string, a number or a word.
func (j *JSON) simple(c byte) error {
	switch {
	case c == '"':
		_, _, err := j.quoted()
		return err
	case c == 't':
		return j.word("true")
	case c == 'f':
		return j.word("false")
	case c == 'n':
		return j.word("null")
	case c == '-' || digit(c):
		return j.number()
	}
	return j.wrong("no value begins here")
}

func (j *JSON) word(w string) error {
	if len(j.b)-j.i < len(w) || string(j.b[j.i:j.i+len(w)]) != w {
		return j.wrong("no value begins here")
	}
	j.i += len(w)
	return nil
}

// number leaves out a number (RFC 8259, section 6).
func (j *JSON) number() error {
	if at(j.b, j.i) == '-' {
		j.i++
	}
	if at(j.b, j.i) == '0' {
		j.i++
	} else if !j.digits() {
		return j.wrong("a number has no digits")
	}
	if at(j.b, j.i) == '.' {
		j.i++
		if !j.digits() {
			return j.wrong("a number has no digits")
		}
	}
	if at(j.b, j.i)|0x20 != 'e' {
		return nil
	}
	j.i++
	if c := at(j.b, j.i); c == '+' || c == '-' {
		j.i++
	}
	if !j.digits() {
		return j.wrong("a number has no digits")
	}
	return nil
}

func (j *JSON) digits() bool {
	from := j.i
	for j.i < len(j.b) && digit(j.b[j.i]) {
		j.i++
	}
	return j.i > from
}
