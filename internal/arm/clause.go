package arm

import "github.com/pktrail/pktrail/internal/nftexpr"

// clauses is a condition as rules of which one must hold, each a list of
// statements that must all hold. No rules at all: no packet can match.
type clauses struct {
	rules [][]nftexpr.Stmt
}

func newClauses() *clauses { return &clauses{rules: [][]nftexpr.Stmt{nil}} }

// never: no packet can match.
func (c *clauses) never() { c.rules = nil }

// all adds statements that must hold in every rule.
func (c *clauses) all(stmts ...nftexpr.Stmt) {
	for i, rule := range c.rules {
		c.rules[i] = append(rule, stmts...)
	}
}

// any adds alternatives: each rule becomes one for every alternative.
func (c *clauses) any(alternatives ...[]nftexpr.Stmt) {
	var rules [][]nftexpr.Stmt
	for _, rule := range c.rules {
		for _, alternative := range alternatives {
			both := append(append([]nftexpr.Stmt(nil), rule...), alternative...)
			rules = append(rules, both)
		}
	}
	c.rules = rules
}

// each adds one statement a value: alternatives, or with not all of them.
func (c *clauses) each(not bool, stmts []nftexpr.Stmt) {
	if not || len(stmts) == 1 {
		c.all(stmts...)
		return
	}
	alternatives := make([][]nftexpr.Stmt, len(stmts))
	for i, s := range stmts {
		alternatives[i] = []nftexpr.Stmt{s}
	}
	c.any(alternatives...)
}
