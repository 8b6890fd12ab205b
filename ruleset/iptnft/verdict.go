package iptnft

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Attributes of immediate and of a verdict (enum nft_immediate_attributes,
// nft_verdict_attributes).
const (
	immediateDreg = 1
	immediateData = 2

	verdictCode  = 1
	verdictChain = 2
)

// Verdicts (include/uapi/linux/netfilter.h, enum nft_verdicts).
const (
	verdictDrop   = 0
	verdictAccept = 1
	verdictJump   = -3
	verdictGoto   = -4
	verdictReturn = -5
)

// immediate tells a verdict, or loads a value.
func (d *decoder) immediate(x *expr) error {
	if v := nested(x.attr[immediateData], dataVerdict); v != nil {
		return d.verdict(v)
	}
	r := d.regs.at(x.u32(immediateDreg))
	if r == nil {
		return errRegister
	}
	*r = register{kind: holdsValue, data: x.value(immediateData)}
	return nil
}

func (d *decoder) verdict(v wire.Attrs) error {
	code := nested(v, verdictCode)
	if len(code) != 4 {
		return errOperation
	}
	switch int32(binary.BigEndian.Uint32(code)) {
	case verdictDrop:
		d.decide(xt.Verdict("DROP"))
	case verdictAccept:
		d.decide(xt.Verdict("ACCEPT"))
	case verdictReturn:
		d.decide(xt.Verdict("RETURN"))
	case verdictJump:
		d.decide(d.jump(v))
	case verdictGoto:
		d.decide(xt.Jump{Chain: goal(v), Goto: true})
	default:
		return errOperation
	}
	return nil
}

func (d *decoder) jump(v wire.Attrs) xt.Target {
	if t, ok := d.jumps[goal(v)]; ok {
		return t
	}
	return xt.Jump{Chain: goal(v)}
}

func goal(v wire.Attrs) string { return string(wire.Attr{Data: nested(v, verdictChain)}.Text()) }
