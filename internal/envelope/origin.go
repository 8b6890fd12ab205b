package envelope

import "bytes"

// This file reads who says it: host, facility, severity and tag.

// origin reads host, `facility.severity` and tag, and returns 0 where there is
// none of them.
func (p *parse) origin(i int, may follow) int {
	if n := p.facilityAndTag(i, may); n > 0 {
		return n
	}
	end := wordEnd(p.b, i)
	next := afterBlanks(p.b, end)
	if end == i || next == len(p.b) || p.b[i] == '[' {
		return 0
	}
	n := p.facilityAndTag(next, may)
	if n == 0 {
		if may != host || !likeHost(p.b[i:end]) {
			return 0
		}
		n = next
	}
	if p.b[end-1] == ':' && end-i > 1 { // some access points put one behind their name
		end--
	}
	p.h.Host = p.b[i:end:end]
	p.h.Has |= HasHost
	p.host = i
	return n
}

// facilityAndTag reads `user.info kernel: `, or either of them. Only syslog has
// other tags than the kernel's.
func (p *parse) facilityAndTag(i int, may follow) int {
	if n := kernelTag(p.b, i); n > 0 || may != host {
		return n
	}
	end := wordEnd(p.b, i)
	priority, ok := facilitySeverity(p.b[i:end])
	if !ok {
		return programTag(p.b, i)
	}
	if p.h.Has&HasPriority == 0 {
		p.h.Priority = priority
		p.h.Has |= HasPriority
	}
	next := afterBlanks(p.b, end)
	return max(next, kernelTag(p.b, next), programTag(p.b, next))
}

// kernelTag reads `kernel:` and one blank.
func kernelTag(b []byte, i int) int {
	const kernel = "kernel:"
	if len(b)-i < len(kernel) || string(b[i:i+len(kernel)]) != kernel {
		return 0
	}
	return afterBlank(b, i+len(kernel))
}

// programTag reads `name[number]:` and one blank.
func programTag(b []byte, i int) int {
	n := i
	for n < len(b) && !blank(b[n]) && b[n] != '[' && b[n] != '=' && b[n] != ':' {
		n++
	}
	if n == i || at(b, n) != '[' {
		return 0
	}
	_, digits := number(b, n+1)
	n += 1 + digits
	if digits == 0 || at(b, n) != ']' || at(b, n+1) != ':' {
		return 0
	}
	return afterBlank(b, n+2)
}

// likeHost tells whether a word that no tag follows may be a host's name or
// address.
func likeHost(word []byte) bool {
	small, colon := false, false
	address := true // nothing but what addresses have
	for _, c := range word {
		switch {
		case c == ':':
			colon = true
		case c == '.' || digit(c):
		case letter(c):
			small = small || !upper(c)
			address = address && hex(c) >= 0
		case c == '-' || c == '_':
			address = false
		default:
			return false
		}
	}
	if colon || !small {
		return address && word[len(word)-1] != ':' && bytes.ContainsAny(word, ".:")
	}
	return true
}

// uptimeAfter reads the kernel's stamp where it stands in the message, and a
// priority that some loggers leave before it.
func (p *parse) uptimeAfter(i int) int {
	if p.h.Has&HasPriority == 0 {
		if n := p.priority(i); n > 0 {
			i = n
		}
	}
	if p.h.Has&HasUptime != 0 {
		return i
	}
	return max(i, p.uptime(afterBlanks(p.b, i)))
}

// fileName leaves out what grep puts before a line, `FILE:` or `FILE:NUMBER:`.
func fileName(b []byte, i int) int {
	for n := i; n < len(b) && !blank(b[n]) && b[n] != '[' && b[n] != '='; n++ {
		if b[n] != ':' || n == i {
			continue
		}
		if _, digits := number(b, n+1); digits > 0 && at(b, n+1+digits) == ':' {
			n += 1 + digits
		}
		return n + 1
	}
	return 0
}

// streamWords leaves out the words of a container runtime behind its stamp,
// `stdout F `.
func streamWords(b []byte, i int) int {
	const stream = "stdout F " // as long as stderr, and F as P
	i = afterBlanks(b, i)
	if len(b)-i < len(stream) || string(b[i:i+3]) != "std" || b[i+6] != ' ' || b[i+8] != ' ' {
		return 0
	}
	if name := string(b[i+3 : i+6]); name != "out" && name != "err" || b[i+7] != 'F' && b[i+7] != 'P' {
		return 0
	}
	return i + len(stream)
}
