package envelope

// This file reads priorities, and the heads that begin with one.

// priority reads `<13>`. Numbers above syslog's largest are none.
func (p *parse) priority(i int) int {
	if at(p.b, i) != '<' {
		return 0
	}
	v, n := number(p.b, i+1)
	if n == 0 || n > 3 || v > largestPriority || at(p.b, i+1+n) != '>' {
		return 0
	}
	p.h.Priority = uint8(v)
	p.h.Has |= HasPriority
	return i + n + 2
}

// largestPriority is local7.debug (RFC 5424, section 6.2.1).
const largestPriority = 191

// words reads what `dmesg -x` puts before a line, `kern  :warn  : `.
func (p *parse) words(i int) int {
	f, n := column(p.b, i)
	if n == 0 {
		return 0
	}
	s, n := column(p.b, n)
	if n == 0 || at(p.b, n) != ' ' {
		return 0
	}
	facility, severity := facilityOf(f), severityOf(s)
	if facility < 0 || severity < 0 {
		return 0
	}
	p.h.Priority = uint8(facility<<3 | severity)
	p.h.Has |= HasPriority
	return n + 1
}

// column reads a word of small letters that blanks fill up, and its colon.
func column(b []byte, i int) (word []byte, next int) {
	n := i
	for n < len(b) && (letter(b[n]) || digit(b[n])) {
		n++
	}
	end := n
	for n < len(b) && b[n] == ' ' {
		n++
	}
	if n == i || n-i > 12 || at(b, n) != ':' {
		return nil, 0
	}
	return b[i:end], n + 1
}

// facilitySeverity reads `user.info`, as busybox writes it.
func facilitySeverity(word []byte) (priority uint8, ok bool) {
	if len(word) > 16 {
		return 0, false
	}
	for dot, c := range word {
		if c != '.' {
			continue
		}
		f, s := facilityOf(word[:dot]), severityOf(word[dot+1:])
		return uint8(f<<3 | s), f >= 0 && s >= 0
	}
	return 0, false
}

func facilityOf(word []byte) int {
	switch string(word) {
	case "kern":
		return 0
	case "user":
		return 1
	case "mail":
		return 2
	case "daemon":
		return 3
	case "auth", "security":
		return 4
	case "syslog":
		return 5
	case "lpr":
		return 6
	case "news":
		return 7
	case "uucp":
		return 8
	case "cron":
		return 9
	case "authpriv":
		return 10
	case "ftp":
		return 11
	}
	if len(word) == len("local0") && string(word[:5]) == "local" && word[5]-'0' < 8 {
		return 16 + int(word[5]-'0')
	}
	return -1
}

func severityOf(word []byte) int {
	switch string(word) {
	case "emerg", "panic":
		return 0
	case "alert":
		return 1
	case "crit":
		return 2
	case "err", "error":
		return 3
	case "warn", "warning":
		return 4
	case "notice":
		return 5
	case "info":
		return 6
	case "debug":
		return 7
	}
	return -1
}

// rfc5424 reads what follows the priority in RFC 5424, section 6.
func (p *parse) rfc5424(i int) int {
	v, n := number(p.b, i)
	if v != 1 || n != 1 || at(p.b, i+1) != ' ' {
		return 0
	}
	i = p.timestamp5424(i + 2)
	if i == 0 {
		return 0
	}
	end := wordEnd(p.b, i)
	if name := p.b[i:end]; len(name) > 0 && string(name) != "-" {
		p.h.Host = name[:len(name):len(name)]
		p.h.Has |= HasHost
	}
	for range 3 { // APP-NAME, PROCID, MSGID
		i = afterBlank(p.b, end)
		end = wordEnd(p.b, i)
	}
	if i = afterBlank(p.b, end); i >= len(p.b) {
		return i
	}
	return message5424(p.b, structuredData(p.b, i))
}

func (p *parse) timestamp5424(i int) int {
	if at(p.b, i) == '-' && at(p.b, i+1) == ' ' {
		return i + 2
	}
	var c civil
	n := isoDate(p.b, i, &c)
	if n == 0 || at(p.b, n) != ' ' || p.wall(n, &c) == 0 {
		return 0
	}
	return n + 1
}

// structuredData leaves out `-` or `[id name="value"]…`. Where it does not end,
// it is no structured data but the message.
func structuredData(b []byte, i int) int {
	if at(b, i) == '-' {
		return i + 1
	}
	n := i
	for at(b, n) == '[' {
		end := element(b, n)
		if end == 0 {
			return n
		}
		n = end
	}
	return n
}

func element(b []byte, i int) int {
	quoted := false
	for n := i + 1; n < len(b); n++ {
		switch c := b[n]; {
		case c == '\\' && quoted:
			n++
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			return n + 1
		}
	}
	return 0
}

// message5424 leaves out the blank and the byte order mark before the message.
func message5424(b []byte, i int) int {
	const bom = "\xef\xbb\xbf"
	i = min(afterBlank(b, i), len(b))
	if len(b)-i >= len(bom) && string(b[i:i+len(bom)]) == bom {
		i += len(bom)
	}
	return i
}
