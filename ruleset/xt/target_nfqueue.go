package xt

import "strconv"

// TargetNFQueue hands the packet to a program, which decides on it
// (include/uapi/linux/netfilter/xt_NFQUEUE.h).
type TargetNFQueue struct {
	Queue, Count uint16
	Bypass       bool // accept where nobody listens
	CPUFanout    bool // the processor picks the queue
}

func decodeNFQueue0(b info, _ Env) Target { return TargetNFQueue{Queue: b.u16(0), Count: 1} }
func decodeNFQueue1(b info, _ Env) Target { return TargetNFQueue{Queue: b.u16(0), Count: b.u16(2)} }
func decodeNFQueue2(b info, _ Env) Target {
	return TargetNFQueue{b.u16(0), b.u16(2), b.u16(4)&1 != 0, false}
}
func decodeNFQueue3(b info, _ Env) Target {
	return TargetNFQueue{b.u16(0), b.u16(2), b.u16(4)&1 != 0, b.u16(4)&2 != 0}
}

// Name is "NFQUEUE".
func (TargetNFQueue) Name() string { return "NFQUEUE" }

// AppendSave implements [Target].
func (t TargetNFQueue) AppendSave(dst []byte) []byte {
	if t.Count > 1 {
		dst = number(option(dst, false, "queue-balance"), t.Queue)
		dst = strconv.AppendUint(append(dst, ':'), uint64(t.Queue)+uint64(t.Count)-1, 10)
	} else {
		dst = number(option(dst, false, "queue-num"), t.Queue)
	}
	if t.Bypass {
		dst = option(dst, false, "queue-bypass")
	}
	if t.CPUFanout {
		dst = option(dst, false, "queue-cpu-fanout")
	}
	return dst
}

func parseNFQueue(a *arguments, _ Env) Target {
	t := TargetNFQueue{Count: 1}
	a.plain(func(g given) bool {
		switch g.name {
		case "queue-num":
			t.Queue = a.u16(g)
		case "queue-balance":
			p := a.ports(g)
			if t.Queue, t.Count = p.Low, p.High-p.Low+1; p.High <= p.Low {
				a.fail(g, "it takes two queues, the lower first")
			}
		case "queue-bypass":
			t.Bypass = a.flag(g)
		case "queue-cpu-fanout":
			t.CPUFanout = a.flag(g)
		default:
			return false
		}
		return true
	})
	return t
}
