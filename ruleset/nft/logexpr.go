package nft

// Log writes the packet to the kernel log, or to a group's listener.
type Log struct {
	Prefix                        string
	Group, QThreshold             uint16
	Snaplen, Level, Flags         uint32
	HasPrefix, HasGroup, HasLevel bool
	HasSnaplen, HasQThreshold     bool
}

func decodeLog(f *fields) Expr {
	return &Log{Group: f.u16(1), HasGroup: f.has(1), Prefix: f.text(2), HasPrefix: f.has(2),
		Snaplen: f.u32(3), HasSnaplen: f.has(3), QThreshold: f.u16(4), HasQThreshold: f.has(4),
		Level: f.u32(5), HasLevel: f.has(5), Flags: f.u32(6)}
}

// Kind is the kernel's name of the expression.
func (e *Log) Kind() string      { return "log" }
func (e *Log) lift(l *lifter)    { l.add(e) }
func (e *Log) settle(c *settler) { c.add(e) }

// usualLevel is LOG_WARNING, which goes without saying.
const usualLevel = 4

func (e *Log) print(p *printer) {
	p.s("log")
	if e.HasPrefix {
		p.s(" prefix ")
		p.q(e.Prefix)
	}
	e.number(p, e.HasGroup, " group ", uint64(e.Group))
	e.number(p, e.HasSnaplen, " snaplen ", uint64(e.Snaplen))
	e.number(p, e.HasQThreshold, " queue-threshold ", uint64(e.QThreshold))
	if e.HasLevel && e.Level != usualLevel {
		p.s(" level " + levelName(e.Level))
	}
	e.printFlags(p)
}

func (e *Log) number(p *printer, has bool, word string, n uint64) {
	if has {
		p.s(word)
		p.n(n)
	}
}

func levelName(n uint32) string {
	names := [...]string{"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"}
	if int(n) < len(names) {
		return names[n]
	}
	return "unknown"
}

// Flags of what is logged too (include/uapi/linux/netfilter/nf_log.h).
const (
	logTCPSeq = 0x01
	logTCPOpt = 0x02
	logIPOpt  = 0x04
	logUID    = 0x08
	logMAC    = 0x20
	logAll    = 0x2f
)

func (e *Log) printFlags(p *printer) {
	if e.Flags&logAll == logAll {
		p.s(" flags all")
		return
	}
	switch e.Flags & (logTCPSeq | logTCPOpt) {
	case logTCPSeq | logTCPOpt:
		p.s(" flags tcp sequence,options")
	case logTCPSeq:
		p.s(" flags tcp sequence")
	case logTCPOpt:
		p.s(" flags tcp options")
	}
	for _, f := range [...]struct {
		bit  uint32
		word string
	}{{logIPOpt, " flags ip options"}, {logUID, " flags skuid"}, {logMAC, " flags ether"}} {
		if e.Flags&f.bit != 0 {
			p.s(f.word)
		}
	}
}
