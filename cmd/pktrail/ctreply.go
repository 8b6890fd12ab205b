package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/match"
)

// ctReply is the flags that say what the answers of an entry are like: MATCH's
// words for ends, held against the reply direction.
type ctReply struct{ src, dst, sport, dport string }

func (f *ctReply) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.src, "reply-src", "", "with answers from this address or network, as they come in: with DNAT the backend; !ADDR for any other")
	flags.StringVar(&f.dst, "reply-dst", "", "with answers to this address or network: with SNAT what the source became")
	flags.StringVar(&f.sport, "reply-sport", "", "with answers from this port: 8080, 8000:8100 (with -p)")
	flags.StringVar(&f.dport, "reply-dport", "", "with answers to this port")
}

func (f *ctReply) given() bool { return *f != ctReply{} }

// replyFlag is a flag, the option of MATCH that reads its value, and what it sets.
type replyFlag struct {
	name, text, option string
	take               func(reply, part *match.Match)
}

func (f *ctReply) flags() [4]replyFlag {
	return [...]replyFlag{
		{"--reply-src", f.src, "-s", func(reply, part *match.Match) { reply.Src = part.Src }},
		{"--reply-dst", f.dst, "-d", func(reply, part *match.Match) { reply.Dst = part.Dst }},
		{"--reply-sport", f.sport, "--sport", func(reply, part *match.Match) { reply.SrcPort = part.SrcPort }},
		{"--reply-dport", f.dport, "--dport", func(reply, part *match.Match) { reply.DstPort = part.DstPort }},
	}
}

// match is what the flags mean. Family and protocol are those of m: NAT changes
// neither.
func (f *ctReply) match(m match.Match) (match.Match, error) {
	if !f.given() {
		return match.Match{}, nil
	}
	reply := match.Match{Family: m.Family, Proto: m.Proto}
	for _, flag := range f.flags() {
		if flag.text == "" {
			continue
		}
		value, not := strings.CutPrefix(flag.text, "!")
		words := strings.Fields(match.Match{Family: reply.Family, Proto: reply.Proto}.String())
		if not {
			words = append(words, "!")
		}
		part, _, err := match.Parse(append(words, flag.option, value))
		if err != nil {
			return reply, replyError(flag, err)
		}
		flag.take(&reply, &part)
		reply.Family = part.Family
	}
	return reply, nil
}

// replyError names the flag in place of MATCH's option.
func replyError(flag replyFlag, err error) error {
	var e *match.Error
	if !errors.As(err, &e) {
		return err
	}
	return hint(fmt.Errorf("%s %s: %s", flag.name, flag.text, e.Problem), "%s", e.Hint)
}
