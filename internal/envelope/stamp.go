package envelope

// stamp reads a stamp, and says what may follow it.
func (p *parse) stamp(i int) (int, follow) {
	c := at(p.b, i)
	switch {
	case c == '[':
		return p.bracket(i), tagged
	case digit(c):
		return p.numeric(i)
	case c == 0:
		return 0, nothing
	}
	if n := p.month(i); n > 0 {
		return n, host
	}
	return p.dayOfWeek(i)
}

// month reads the stamp of RFC 3164, of section 4.1.2, and its kin.
func (p *parse) month(i int) int {
	var c civil
	n := syslogDate(p.b, i, &c)
	if n == 0 || !ends(p.b, n) {
		return 0
	}
	return p.wall(n, &c)
}

// ends tells whether the stamp before n ends there: some put a colon behind it.
func ends(b []byte, n int) bool {
	return n == len(b) || blank(b[n]) || b[n] == ':'
}

// wall takes a date for the head's time.
func (p *parse) wall(n int, c *civil) int {
	if !p.r.set(p.h, c) {
		return 0
	}
	p.time = *c
	if at(p.b, n) == ':' {
		n++
	}
	return n
}

// numeric reads the stamps that begin with a digit.
func (p *parse) numeric(i int) (int, follow) {
	if n, next := p.iso(i); n > 0 {
		return n, next
	}
	if n := p.month(i); n > 0 {
		return n, host
	}
	if n := p.yearFirst(i); n > 0 {
		return n, host
	}
	if n := p.kmsg(i); n > 0 {
		return n, nothing
	}
	return p.unix(i), mustBeTagged
}

// yearFirst reads `2024 Feb  8 20:11:12`.
func (p *parse) yearFirst(i int) int {
	var c civil
	y := year4(p.b, i)
	if y < 0 || !blank(at(p.b, i+4)) {
		return 0
	}
	n := syslogDate(p.b, afterBlanks(p.b, i+4), &c)
	if n == 0 || !ends(p.b, n) {
		return 0
	}
	c.year = y
	return p.wall(n, &c)
}

// iso reads the stamps of ISO 8601. dmesg's have a comma, and those of container
// runtimes nine digits behind the point: no host stands behind them.
func (p *parse) iso(i int) (int, follow) {
	var c civil
	n := isoDate(p.b, i, &c)
	if n == 0 || !ends(p.b, n) {
		return 0, nothing
	}
	n = p.wall(n, &c)
	if c.comma || c.digits == 9 {
		return n, wrapped
	}
	if streamWords(p.b, n) > 0 {
		return n, wrapped
	}
	return n, host
}

// unix reads the stamp of `journalctl -o short-unix`.
func (p *parse) unix(i int) int {
	ns, n := seconds(p.b, i)
	if n == 0 || ns < leastUnix || !blank(at(p.b, n)) {
		return 0
	}
	p.epoch(ns)
	return n
}

// leastUnix tells seconds since 1970 from a kernel's uptime: 2001, or 32 years up.
const leastUnix = 1e18

func (p *parse) epoch(ns int64) {
	p.h.Unix = ns
	p.h.Has |= HasWall | HasYear | HasZone
	p.time = civil{}
}

// dayOfWeek reads stamps with a weekday: `Thu Nov 21 10:00:00 2024`, as ctime
// writes it, and `Sun 2026-11-22 18:00:01 UTC` of `journalctl -o short-full`.
func (p *parse) dayOfWeek(i int) (int, follow) {
	n := weekday(p.b, i)
	if n == 0 {
		return 0, nothing
	}
	if end := p.fullISO(n); end > 0 {
		return end, host
	}
	if end := p.ctime(n, ends); end > 0 {
		return end, host
	}
	return 0, nothing
}

// ctime reads `Nov 21 10:00:00 2024`, whose year may be lacking, where it ends as
// it should.
func (p *parse) ctime(i int, ends func(b []byte, n int) bool) int {
	var c civil
	n := syslogDate(p.b, i, &c)
	if n == 0 {
		return 0
	}
	if y := year4(p.b, afterBlanks(p.b, n)); y >= 0 && c.year == 0 && blank(at(p.b, n)) {
		c.year = y
		n = afterBlanks(p.b, n) + 4
	}
	if !ends(p.b, n) {
		return 0
	}
	return p.wall(n, &c)
}

// fullISO reads `2026-11-22 18:00:01 CET`.
func (p *parse) fullISO(i int) int {
	var c civil
	n := isoDate(p.b, i, &c)
	if n == 0 || !ends(p.b, n) {
		return 0
	}
	name, end := zoneName(p.b, n)
	if !c.zoned && (string(name) == "UTC" || string(name) == "GMT") {
		c.zoned = true
	}
	if !p.r.set(p.h, &c) {
		return 0
	}
	if !c.zoned && len(name) > 0 && p.r.named(p.h.Unix, name) {
		p.h.Has |= HasZone
	}
	p.time = c
	return end
}

// zoneName reads the name of a zone behind a time, where there is one.
func zoneName(b []byte, i int) (name []byte, next int) {
	from := afterBlanks(b, i)
	end := wordEnd(b, from)
	if end-from < 3 || end-from > 5 || end == len(b) {
		return nil, i
	}
	for _, c := range b[from:end] {
		if !upper(c) {
			return nil, i
		}
	}
	return b[from:end], end
}
