package nft

import "github.com/pktrail/pktrail/ruleset"

// Counter counts packets and bytes.
type Counter struct{ Bytes, Packets uint64 }

func decodeCounter(f *fields) Expr { return &Counter{Bytes: f.u64(1), Packets: f.u64(2)} }

// Kind is the kernel's name of the expression.
func (e *Counter) Kind() string      { return "counter" }
func (e *Counter) lift(l *lifter)    { l.add(e) }
func (e *Counter) settle(c *settler) { c.add(e) }

func (e *Counter) model() *ruleset.Counter {
	return &ruleset.Counter{Packets: e.Packets, Bytes: e.Bytes}
}

func (e *Counter) print(p *printer) {
	p.s("counter")
	if p.stateless {
		return
	}
	p.s(" packets ")
	p.n(e.Packets)
	p.s(" bytes ")
	p.n(e.Bytes)
}

// Last tells when a packet came by last: Ago is in milliseconds.
type Last struct {
	Seen bool
	Ago  uint64
}

func decodeLast(f *fields) Expr { return &Last{Seen: f.u32(1) != 0, Ago: f.u64(2)} }

// Kind is the kernel's name of the expression.
func (e *Last) Kind() string      { return "last" }
func (e *Last) lift(l *lifter)    { l.add(e) }
func (e *Last) settle(c *settler) { c.add(e) }

// print uses the words of nft 1.0.7; 1.0.6 leaves the expression out.
func (e *Last) print(p *printer) {
	p.s("last")
	switch {
	case p.stateless:
	case !e.Seen:
		p.s(" used never")
	default:
		p.s(" used ")
		p.duration(e.Ago)
	}
}

// Connlimit ends the rule where there are more connections than Count, or fewer.
type Connlimit struct{ Count, Flags uint32 }

func decodeConnlimit(f *fields) Expr { return &Connlimit{Count: f.u32(1), Flags: f.u32(2)} }

// Kind is the kernel's name of the expression.
func (e *Connlimit) Kind() string      { return "connlimit" }
func (e *Connlimit) lift(l *lifter)    { l.add(e) }
func (e *Connlimit) settle(c *settler) { c.add(e) }

func (e *Connlimit) untold() string    { return "depends on how many connections there are" }
func (e *Connlimit) ask(c *conditions) { c.untold(e, e.untold()) }

func (e *Connlimit) print(p *printer) {
	p.s("ct count ")
	if e.Flags != 0 {
		p.s("over ")
	}
	p.n(uint64(e.Count))
}

const inverted = 1 // NFT_LIMIT_F_INV, NFT_QUOTA_F_INV

// Quota ends the rule once Bytes were used up, or until then.
type Quota struct {
	Bytes, Used uint64
	Flags       uint32
}

func decodeQuota(f *fields) Expr { return &Quota{Bytes: f.u64(1), Flags: f.u32(2), Used: f.u64(4)} }

// Kind is the kernel's name of the expression.
func (e *Quota) Kind() string      { return "quota" }
func (e *Quota) lift(l *lifter)    { l.add(e) }
func (e *Quota) settle(c *settler) { c.add(e) }

func (e *Quota) untold() string    { return "depends on how many bytes came before" }
func (e *Quota) ask(c *conditions) { c.untold(e, e.untold()) }

func (e *Quota) print(p *printer) {
	p.s("quota ")
	e.printAmount(p)
}

func (e *Quota) printAmount(p *printer) {
	if e.Flags&inverted != 0 {
		p.s("over ")
	}
	p.amount(e.Bytes)
	if !p.stateless && e.Used != 0 {
		p.s(" used ")
		p.amount(e.Used)
	}
}

// amount prints bytes in the largest unit that fits (src/statement.c: get_rate).
func (p *printer) amount(n uint64) {
	units := [...]string{"bytes", "kbytes", "mbytes"}
	i := 0
	for n != 0 && i < len(units)-1 && n%1024 == 0 {
		n /= 1024
		i++
	}
	p.n(n)
	p.sp(units[i])
}

// Limit ends the rule for what is faster than Rate in Unit seconds.
type Limit struct {
	Rate, Unit         uint64
	Burst, Type, Flags uint32
}

func decodeLimit(f *fields) Expr {
	return &Limit{Rate: f.u64(1), Unit: f.u64(2), Burst: f.u32(3), Type: f.u32(4), Flags: f.u32(5)}
}

// Kind is the kernel's name of the expression.
func (e *Limit) Kind() string      { return "limit" }
func (e *Limit) lift(l *lifter)    { l.add(e) }
func (e *Limit) settle(c *settler) { c.add(e) }

func (e *Limit) untold() string    { return "depends on how many packets came before" }
func (e *Limit) ask(c *conditions) { c.untold(e, e.untold()) }

func (e *Limit) print(p *printer) {
	p.s("limit ")
	e.printRate(p)
}

const (
	limitOfBytes = 1 // NFT_LIMIT_PKT_BYTES
	usualBurst   = 5 // packets, which goes without saying
)

func (e *Limit) printRate(p *printer) {
	p.s("rate ")
	if e.Flags&inverted != 0 {
		p.s("over ")
	}
	if e.Type == limitOfBytes {
		p.amount(e.Rate)
	} else {
		p.n(e.Rate)
	}
	p.s("/" + unitName(e.Unit))
	switch {
	case e.Burst == 0 || e.Type != limitOfBytes && e.Burst == usualBurst:
	case e.Type == limitOfBytes:
		p.s(" burst ")
		p.amount(uint64(e.Burst))
	default:
		p.s(" burst ")
		p.n(uint64(e.Burst))
		p.s(" packets")
	}
}

func unitName(seconds uint64) string {
	switch seconds {
	case 1:
		return "second"
	case 60:
		return "minute"
	case 3600:
		return "hour"
	case 86400:
		return "day"
	case 604800:
		return "week"
	}
	return "error"
}
