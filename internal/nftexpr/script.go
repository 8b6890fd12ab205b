package nftexpr

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// script collects a batch in nft's words, which want everything about a table
// in one block, objects first.
type script struct {
	family  ruleset.Family
	table   string
	made    bool
	deleted bool
	flags   TableFlags
	objects []block
	sets    []block
	chains  []block
}

// block is `word name { lines }`.
type block struct {
	head  string
	lines []string
}

// Text is the batch as a script for `nft -f`.
func (b *Batch) Text() string { return b.script.text() }

func (s *script) text() string {
	var w strings.Builder
	name := s.family.String() + " " + s.table
	if s.made || len(s.objects)+len(s.sets)+len(s.chains) > 0 {
		fmt.Fprintf(&w, "table %s {\n", name)
		if s.flags&Owner != 0 {
			w.WriteString("\tflags owner\n")
		}
		for _, group := range [][]block{s.objects, s.sets, s.chains} {
			for _, b := range group {
				b.write(&w)
			}
		}
		w.WriteString("}\n")
	}
	if s.deleted {
		fmt.Fprintf(&w, "delete table %s\n", name)
	}
	return w.String()
}

func (b *block) write(w *strings.Builder) {
	fmt.Fprintf(w, "\t%s {\n", b.head)
	for _, line := range b.lines {
		fmt.Fprintf(w, "\t\t%s\n", line)
	}
	w.WriteString("\t}\n")
}

func (s *script) object(word, name, line string) {
	s.objects = append(s.objects, block{word + " " + name, []string{line}})
}

func (s *script) set(set Set) {
	b := block{head: "set " + set.Name, lines: []string{"type " + set.typeText()}}
	if set.Size > 0 {
		b.lines = append(b.lines, fmt.Sprintf("size %d", set.Size))
	}
	var flags []string
	if set.Dynamic {
		flags = append(flags, "dynamic")
	}
	if set.Timeout > 0 {
		flags = append(flags, "timeout")
	}
	if len(flags) > 0 {
		b.lines = append(b.lines, "flags "+strings.Join(flags, ","))
	}
	if set.Timeout > 0 {
		b.lines = append(b.lines, "timeout "+span(set.Timeout))
	}
	s.sets = append(s.sets, b)
}

func (s *script) elements(set string, elements [][]Value) {
	texts := make([]string, len(elements))
	for i, e := range elements {
		values := make([]string, len(e))
		for k, v := range e {
			values[k] = v.Text
		}
		texts[i] = strings.Join(values, " . ")
	}
	b := find(&s.sets, "set "+set)
	b.lines = append(b.lines, "elements = { "+strings.Join(texts, ", ")+" }")
}

func (s *script) chain(c Chain) {
	b := find(&s.chains, "chain "+c.Name)
	if c.Hook == "" {
		return
	}
	device, policy := "", ruleset.Accept
	if c.Device != "" {
		device = " device " + quoted(c.Device)
	}
	if c.Policy == ruleset.Drop {
		policy = ruleset.Drop
	}
	b.lines = append(b.lines, fmt.Sprintf("type filter hook %s%s priority %d; policy %s;", c.Hook, device, c.Priority, policy))
}

func (s *script) rule(chain, text string) {
	b := find(&s.chains, "chain "+chain)
	b.lines = append(b.lines, text)
}

// find is the block of that head, made where there is none.
func find(blocks *[]block, head string) *block {
	for i := range *blocks {
		if (*blocks)[i].head == head {
			return &(*blocks)[i]
		}
	}
	*blocks = append(*blocks, block{head: head})
	return &(*blocks)[len(*blocks)-1]
}

// RuleText is a rule in nft's words.
func RuleText(stmts []Stmt) string { return ruleText("", stmts) }

func ruleText(comment string, stmts []Stmt) string {
	texts := make([]string, 0, len(stmts)+1)
	for _, s := range stmts {
		texts = append(texts, s.Text)
	}
	if comment != "" {
		texts = append(texts, "comment "+quoted(comment))
	}
	return strings.Join(texts, " ")
}
