package iptnft

import (
	"fmt"
	"math"

	"github.com/pktrail/pktrail/ruleset/xt"
)

// Attributes of the expressions match and target (enum nft_match_attributes,
// nft_target_attributes), of limit and of log (enum nft_limit_attributes,
// nft_log_attributes).
const (
	xtName     = 1
	xtRevision = 2
	xtInfo     = 3

	limitRate  = 1
	limitUnit  = 2
	limitBurst = 3
	limitType  = 4
	limitFlags = 5

	logGroup     = 1
	logPrefix    = 2
	logSnaplen   = 3
	logThreshold = 4
	logLevel     = 5
	logFlags     = 6
)

// match tells a match that nf_tables holds as xtables does. One that is not known
// is kept as it is.
func (d *decoder) match(x *expr) error {
	rev, err := revision(x)
	if err != nil {
		return err
	}
	m, _ := xt.DecodeMatch(d.name(x.text(xtName)), rev, x.attr[xtInfo], d.env)
	d.add(m)
	return nil
}

// target tells a target as match does a match.
func (d *decoder) target(x *expr) error {
	rev, err := revision(x)
	if err != nil {
		return err
	}
	name := d.name(x.text(xtName))
	if watches(name, d.env.Family) {
		return d.match(x)
	}
	t, _ := xt.DecodeTarget(name, rev, x.attr[xtInfo], d.env)
	d.decide(t)
	return nil
}

func revision(x *expr) (uint8, error) {
	if n := x.u32(xtRevision); n <= math.MaxUint8 {
		return uint8(n), nil
	}
	return 0, fmt.Errorf("revision %d of %s is none that xtables can have", x.u32(xtRevision), x.text(xtName))
}

func (d *decoder) decide(t xt.Target) {
	d.rule.Target, d.decided = t, true
}

// limitScale is how many parts of a second xtables counts in.
const limitScale = 10_000

// limit tells a rate of packets (iptables/nft-ruleparse.c: nft_parse_limit).
func (d *decoder) limit(x *expr) error {
	rate, unit := x.u64(limitRate), x.u64(limitUnit)
	if x.u32(limitType) != 0 || x.u32(limitFlags) != 0 || rate == 0 || unit > math.MaxUint32 {
		return errOperation
	}
	period := limitScale * unit / rate
	if period > math.MaxUint32 {
		return errOperation
	}
	m := xt.MatchLimit{Period: uint32(period), Burst: x.u32(limitBurst)}
	if d.rule.Frame != nil {
		d.add(xt.EbtLimit{MatchLimit: m})
	} else {
		d.add(m)
	}
	return nil
}

// log tells NFLOG; what goes to the kernel's own log iptables writes as a target.
func (d *decoder) log(x *expr) error {
	if !x.has(logGroup) || x.has(logLevel) || x.has(logFlags) {
		return errOperation
	}
	d.decide(xt.TargetNFLog{
		Prefix: string(x.text(logPrefix)), Group: x.u16(logGroup), Length: x.u32(logSnaplen),
		CopyLen: x.has(logSnaplen), Threshold: x.u16(logThreshold),
	})
	return nil
}
