package xt

import (
	"io"
	"slices"

	"github.com/pktrail/pktrail/internal/inorder"
	"github.com/pktrail/pktrail/ruleset"
)

// AppendSave appends the table as iptables-legacy-save prints it, without the
// comments that name tool and time; with counters as its option -c does.
func (t *Table) AppendSave(dst []byte, withCounters bool) []byte {
	dst = slices.Grow(dst, t.textSize())
	dst = t.AppendChains(t.AppendBegin(dst))
	return t.AppendEnd(t.AppendRules(dst, withCounters))
}

// AppendBegin appends the first line of what AppendSave appends.
func (t *Table) AppendBegin(dst []byte) []byte {
	return append(append(append(dst, '*'), t.Name...), '\n')
}

// AppendChains appends the lines that say which chains there are.
func (t *Table) AppendChains(dst []byte) []byte {
	for _, c := range t.Chains {
		dst = c.appendHead(dst, t.Family)
	}
	return dst
}

// AppendRules appends the lines of all rules.
func (t *Table) AppendRules(dst []byte, withCounters bool) []byte {
	for _, c := range t.Chains {
		for i := range c.Rules {
			dst = t.appendRule(dst, c, i, withCounters)
		}
	}
	return dst
}

// AppendEnd appends the last line, which ebtables-save and arptables-nft-save do not have;
// that of arptables-legacy-save is empty.
func (t *Table) AppendEnd(dst []byte) []byte {
	switch {
	case t.Family == ruleset.Bridge, t.Family == ruleset.ARP && t.Backend == ruleset.NFT:
		return dst
	case t.Family == ruleset.ARP:
		return append(dst, '\n')
	}
	return append(dst, "COMMIT\n"...)
}

// WriteSave writes what [Table.AppendSave] appends, in pieces made side by side, so
// that the text of a large table is never held as a whole. The error is w's.
func (t *Table) WriteSave(w io.Writer, withCounters bool) error {
	if _, err := w.Write(t.AppendChains(t.AppendBegin(nil))); err != nil {
		return err
	}
	parts := t.parts()
	err := inorder.Each(len(parts), func(i int) ([]byte, error) {
		return parts[i].AppendRules(make([]byte, 0, parts[i].textSize()), withCounters), nil
	}, func(text []byte) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	_, err = w.Write(t.AppendEnd(nil))
	return err
}

// partRules is from how many rules on chains make a part.
const partRules = 1024

// parts are some of the table's chains each.
func (t *Table) parts() (parts []Table) {
	begin, rules := 0, 0
	for i, c := range t.Chains {
		rules += len(c.Rules)
		if rules >= partRules || i == len(t.Chains)-1 {
			part := *t
			part.Chains = t.Chains[begin : i+1]
			parts = append(parts, part)
			begin, rules = i+1, 0
		}
	}
	return parts
}

func (c *Chain) appendHead(dst []byte, fam ruleset.Family) []byte {
	dst = append(append(append(dst, ':'), c.Name...), ' ')
	if c.Policy == "" {
		dst = append(dst, '-')
	}
	dst = append(dst, c.Policy...)
	if fam == ruleset.Bridge || fam == ruleset.ARP {
		return append(dst, '\n')
	}
	dst = append(dst, ' ')
	return append(counters(dst, c.Packets, c.Bytes), '\n')
}

func (t *Table) appendRule(dst []byte, c *Chain, i int, withCounters bool) []byte {
	behind := t.Family == ruleset.Bridge && t.Backend != ruleset.NFT
	if withCounters && !behind {
		dst = c.Rules[i].AppendCounters(dst)
	}
	dst = c.Rules[i].AppendSave(dst, c.Name)
	if withCounters && behind { // as ebtables-legacy-save does, with EBTABLES_SAVE_COUNTER=yes
		dst = number(number(append(dst, " -c"...), c.Rules[i].Packets), c.Rules[i].Bytes)
	}
	if t.Family == ruleset.ARP && t.blankEnds(&c.Rules[i]) {
		dst = append(dst, ' ')
	}
	return append(dst, '\n')
}

// blankEnds: arptables-legacy-save has a blank behind each rule but one that ends
// with MARK, arptables-nft-save behind a rule that says nothing.
func (t *Table) blankEnds(r *Rule) bool {
	if t.Backend == ruleset.NFT {
		return len(r.AppendSave(nil, "")) == len("-A ")
	}
	_, marks := r.Target.(ARPMark)
	return !marks
}

// textSize guesses how many bytes the table's text will have.
func (t *Table) textSize() (n int) {
	for _, c := range t.Chains {
		n += 40 + 160*len(c.Rules)
	}
	return n
}
