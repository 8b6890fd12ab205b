package envelope

// This file reads stamps in brackets: the kernel's own and dmesg's forms of it.

// bracket reads any of them, and the blank behind it.
func (p *parse) bracket(i int) int {
	from := afterBlanks(p.b, i+1)
	n := 0
	switch c := at(p.b, from); {
	case digit(c):
		if n = p.uptime(i); n > 0 {
			return n
		}
		if n = p.dated(from); n == 0 {
			return 0
		}
	case c == '+':
		n = p.relative(from + 1)
	case c == '<':
		if n = p.relative(afterBlanks(p.b, from+1)); n > 0 && at(p.b, n) == '>' {
			n++
		}
	case c == 0 || c == ']':
		return 0
	default:
		n = p.dated(from)
	}
	return closed(p.b, n)
}

// closes tells whether the bracket is closed at n.
func closes(b []byte, n int) bool { return at(b, afterDelta(b, n)) == ']' }

// closed leaves out the bracket at n and one blank; 0 where there is none.
func closed(b []byte, n int) int {
	if n == 0 || !closes(b, n) {
		return 0
	}
	return afterBlank(b, afterDelta(b, n)+1)
}

// uptime reads `[  123.456789] `, with dmesg's delta and the name of who printed.
// Where the seconds can only be those since 1970, it takes them for that.
func (p *parse) uptime(i int) int {
	if at(p.b, i) != '[' {
		return 0
	}
	ns, n := seconds(p.b, afterBlanks(p.b, i+1))
	if n == 0 {
		return 0
	}
	if n = afterDelta(p.b, n); at(p.b, n) != ']' {
		return 0
	}
	if ns >= leastUnix {
		p.epoch(ns)
	} else {
		p.h.Uptime = ns
		p.h.Has |= HasUptime
	}
	return afterCaller(p.b, n+1)
}

// afterDelta leaves out the `<    0.000005>` of `dmesg --show-delta` and of
// `journalctl -o short-delta`, or the blanks in its place.
func afterDelta(b []byte, i int) int {
	n := afterBlanks(b, i)
	if at(b, n) != '<' {
		return n
	}
	_, end := seconds(b, afterBlanks(b, n+1))
	if end = afterBlanks(b, end); at(b, end) != '>' {
		return i
	}
	return afterBlanks(b, end+1)
}

// afterCaller leaves out the `[ T1234]` of kernels with CONFIG_PRINTK_CALLER and
// one blank. It is at least six wide inside, behind nothing or one blank
// (kernel/printk/printk.c: print_caller).
func afterCaller(b []byte, i int) int {
	from := afterBlank(b, i)
	if at(b, from) != '[' {
		return from
	}
	n := afterBlanks(b, from+1)
	if c := at(b, n); c != 'T' && c != 'C' {
		return from
	}
	_, digits := number(b, n+1)
	end := n + 1 + digits
	if digits == 0 || at(b, end) != ']' || end-from-1 < 6 {
		return from
	}
	return afterBlank(b, end+1)
}

// dated reads the day and time of `dmesg -T`, and of `dmesg --time-format
// reltime` where a minute begins; dmesg's names of weekdays and months are of
// its user's language.
func (p *parse) dated(i int) int {
	if upper(p.b[i]) && upper(at(p.b, i+1)) {
		return 0 // no name of a day or month begins so
	}
	if n := p.untilMinute(i); n > 0 {
		return n
	}
	if n := p.ctime(i, closes); n > 0 {
		return n
	}
	if n := weekday(p.b, i); n > 0 {
		return p.ctime(n, closes)
	}
	var c civil
	if n := isoDate(p.b, i, &c); n > 0 && closes(p.b, n) {
		return p.wall(n, &c)
	}
	return 0
}

// untilMinute reads `Feb15 06:36`.
func (p *parse) untilMinute(i int) int {
	var c civil
	n := monthDay(p.b, i, &c)
	if n == 0 {
		return 0
	}
	n = hourMinute(p.b, afterBlanks(p.b, n), &c)
	if n == 0 || at(p.b, n) != ']' {
		return 0
	}
	return p.wall(n, &c)
}

// relative reads the time since the line before, and adds it to that one's.
// Before the first absolute stamp it tells no time.
func (p *parse) relative(i int) int {
	ns, n := seconds(p.b, i)
	if n == 0 || at(p.b, n) != ']' && at(p.b, n) != '>' {
		return 0
	}
	unix, uptime := p.r.last.unix+ns, p.r.last.uptime+ns
	if unix >= 0 && uptime >= 0 {
		p.h.Unix, p.h.Uptime = unix, uptime
		p.h.Has |= p.r.last.has
	}
	return n
}
