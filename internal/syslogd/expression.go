package syslogd

import "strings"

// expression reads RainerScript's conditions: comparisons joined by and, or, not
// and parentheses. What it does not know is Maybe.
type expression struct {
	tokens []token
	depth  int
}

type token struct {
	text   string
	quoted bool
}

func parseExpression(text string) func(Message) Truth {
	e := &expression{tokens: tokens(text)}
	f := e.or()
	if len(e.tokens) > 0 {
		return func(Message) Truth { return Maybe }
	}
	return f
}

// tokens cuts an expression: texts in quotes, parentheses, operators, words.
func tokens(text string) []token {
	var all []token
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := 1
		switch c := text[0]; {
		case c == '\'' || c == '"':
			value, rest, _ := strings.Cut(text[1:], string(c))
			all = append(all, token{value, true})
			text = rest
			continue
		case strings.IndexByte("=!<>", c) >= 0:
			n = len(text) - len(strings.TrimLeft(text, "=!<>"))
		case strings.IndexByte("(),", c) < 0:
			if n = strings.IndexAny(text, " \t\n()'\",=!<>"); n < 0 {
				n = len(text)
			}
		}
		all = append(all, token{text[:n], false})
		text = text[n:]
	}
	return all
}

// next takes a token that is this word.
func (e *expression) next(word string) bool {
	if len(e.tokens) == 0 || e.tokens[0].quoted || !strings.EqualFold(e.tokens[0].text, word) {
		return false
	}
	e.tokens = e.tokens[1:]
	return true
}

func (e *expression) or() func(Message) Truth {
	left := e.and()
	for e.next("or") {
		a, b := left, e.and()
		left = func(m Message) Truth { return max(a(m), b(m)) }
	}
	return left
}

func (e *expression) and() func(Message) Truth {
	left := e.not()
	for e.next("and") {
		a, b := left, e.not()
		left = func(m Message) Truth { return min(a(m), b(m)) }
	}
	return left
}

func (e *expression) not() func(Message) Truth {
	e.depth++
	defer func() { e.depth-- }()
	switch {
	case e.depth > maxDepth:
		return e.giveUp()
	case e.next("not"): // without a parenthesis it negates the next word alone
		if len(e.tokens) == 0 || e.tokens[0].quoted || e.tokens[0].text != "(" {
			return e.giveUp()
		}
		f := e.not()
		return func(m Message) Truth { return f(m).not() }
	case e.next("("):
		f := e.or()
		if !e.next(")") {
			return e.giveUp()
		}
		return f
	}
	return e.comparison()
}

// comparison reads `$property operator 'value'`.
func (e *expression) comparison() func(Message) Truth {
	if len(e.tokens) < 3 || e.tokens[0].quoted || !strings.HasPrefix(e.tokens[0].text, "$") || e.tokens[1].text == "(" {
		return e.giveUp()
	}
	f := comparison(e.tokens[0].text[1:], e.tokens[1].text, e.tokens[2].text)
	e.tokens = e.tokens[3:]
	return f
}

// giveUp leaves tokens over, so that the whole expression is Maybe.
func (e *expression) giveUp() func(Message) Truth {
	e.tokens = append(e.tokens, token{text: "?"})
	return func(Message) Truth { return Maybe }
}
