package nft

import (
	"slices"
	"strings"
)

// expr writes an expression.
func (w *jsonWriter) expr(n *node) {
	switch n.kind {
	case jsonNumber:
		w.s(n, n.text)
	case jsonString:
		w.str(n)
	case jsonArray:
		w.joined(n.vals, ",")
	case jsonWord:
		w.s(n, map[string]string{"true": "exists", "false": "missing"}[n.text])
	default:
		w.operation(n)
	}
}

func (w *jsonWriter) joined(list []*node, delim string) {
	for i, one := range list {
		if i > 0 {
			w.text.WriteString(delim)
		}
		w.expr(one)
	}
}

// str writes a string as it is where nft takes it only so, else in quotes.
func (w *jsonWriter) str(n *node) {
	s := n.text
	c := cursor{place: place{from: &source{text: s}}, end: len(s)}
	t := c.next()
	set, isSet := strings.CutPrefix(s, "@")
	switch {
	case s == "*", isSet && plainName(set) == set, (t.kind == tokenAddress || t.kind == tokenNumber) && t.text == s:
		w.s(n, s)
	case t.kind == tokenWord && t.text == s && !w.inField:
		w.s(n, s)
	default:
		w.quoted(n)
	}
}

// operation writes an object of one key: an operator, a field or a set.
func (w *jsonWriter) operation(n *node) {
	key, body := n.only()
	switch key {
	case "&", "|", "^", "<<", ">>":
		w.binary(n, key, body)
	case "prefix":
		w.expr(body.get("addr"))
		w.s(n, "/"+body.get("len").text)
	case "range":
		w.joined(body.list(), " - ")
	case "concat":
		w.joined(body.list(), " . ")
	case "set":
		w.elements(body)
	case "elem":
		w.elem(body)
	case "map":
		w.expr(body.get("key"))
		w.s(n, " map ")
		w.expr(body.get("data"))
	default:
		w.field(n, key, body)
	}
}

// binary writes the operands in parentheses; a list on the right is of flags.
func (w *jsonWriter) binary(n *node, op string, body *node) {
	w.s(n, "(")
	for i, one := range body.list() {
		if i > 0 {
			w.s(n, " "+op+" ")
		}
		if one.kind == jsonArray {
			w.s(one, "(")
			w.joined(one.vals, " | ")
			w.text.WriteString(")")
			continue
		}
		w.expr(one)
	}
	w.text.WriteString(")")
}

// field writes what a rule can look at.
func (w *jsonWriter) field(n *node, kind string, body *node) {
	get := func(key string) string { return orEmpty(body.get(key)) }
	switch kind {
	case "payload":
		w.payload(n, body)
	case "meta":
		w.s(n, "meta "+get("key"))
	case "ct":
		w.s(n, words("ct", get("dir"), get("family"), get("key")))
	case "rt":
		w.s(n, words("rt", get("family"), get("key")))
	case "fib":
		w.s(n, "fib "+strings.ReplaceAll(joinedWords(body.get("flags")), ",", " . ")+" "+get("result"))
	case "socket":
		w.s(n, "socket "+get("key"))
		w.number(body, "level", " level ")
	case "osf":
		ttl := get("ttl")
		if ttl != "" {
			ttl = "ttl " + ttl
		}
		w.s(n, words("osf", ttl, get("key")))
	case "ipsec":
		w.s(n, "ipsec "+get("dir"))
		w.number(body, "spnum", " spnum ")
		w.s(n, " "+words(get("family"), get("key")))
	case "numgen":
		w.s(n, "numgen "+get("mode"))
		w.modulus(body)
	case "jhash":
		w.s(n, "jhash ")
		w.expr(body.get("expr"))
		w.modulus(body)
	case "symhash":
		w.s(n, "symhash")
		w.modulus(body)
	default:
		w.header(n, kind, body)
	}
}

// orEmpty is the text of a value that is there.
func orEmpty(n *node) string {
	if n.isNull() {
		return ""
	}
	return n.text
}

// words joins those that are not empty.
func words(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), " ")
}

// number writes a word and a number, if it is there and not zero.
func (w *jsonWriter) number(body *node, key, word string) {
	if n := body.get(key); n.kind == jsonNumber && n.text != "0" {
		w.s(n, word+n.text)
	}
}

func (w *jsonWriter) modulus(body *node) {
	w.s(body, " mod "+body.get("mod").text)
	if n := body.get("seed"); n.kind == jsonNumber {
		w.s(n, " seed "+n.text)
	}
	w.number(body, "offset", " offset ")
}

func (w *jsonWriter) payload(n, body *node) {
	switch {
	case !body.get("tunnel").isNull():
		w.s(n, body.get("tunnel").text+" "+body.get("protocol").text+" "+body.get("field").text)
	case !body.get("base").isNull():
		w.s(n, "@"+body.get("base").text+","+body.get("offset").text+","+body.get("len").text)
	default:
		w.s(n, body.get("protocol").text+" "+body.get("field").text)
	}
}

// header writes fields of extension headers, options and chunks.
func (w *jsonWriter) header(n *node, kind string, body *node) {
	name, field := orEmpty(body.get("name")), orEmpty(body.get("field"))
	switch kind {
	case "exthdr":
		if field == "" {
			name = "exthdr " + name
		}
		w.s(n, words(name, field))
	case "tcp option":
		if base := body.get("base"); !base.isNull() {
			if body.get("len").text == "0" {
				w.s(n, "tcp option "+base.text)
				return
			}
			w.s(n, "tcp option @"+base.text+","+body.get("offset").text+","+body.get("len").text)
			return
		}
		w.s(n, words(kind, name, field))
	case "ip option", "sctp chunk":
		w.s(n, words(kind, name, field))
	case "dccp option":
		w.s(n, words(kind, body.get("type").text))
	default:
		w.unknown(n)
	}
}

// unknown writes JSON as it is, which is kept with the rule.
func (w *jsonWriter) unknown(n *node) { w.s(n, "json "+w.compact(n)) }

func (w *jsonWriter) compact(n *node) string {
	var b strings.Builder
	writeJSON(&b, n)
	return b.String()
}

func writeJSON(b *strings.Builder, n *node) {
	switch n.kind {
	case jsonObject, jsonArray:
		marks := "[]"
		if n.kind == jsonObject {
			marks = "{}"
		}
		b.WriteByte(marks[0])
		for i, v := range n.vals {
			if i > 0 {
				b.WriteString(", ")
			}
			if n.kind == jsonObject {
				b.WriteString(`"` + inQuotes(n.keys[i]) + `": `)
			}
			writeJSON(b, v)
		}
		b.WriteByte(marks[1])
	case jsonString:
		b.WriteString(`"` + inQuotes(n.text) + `"`)
	default:
		b.WriteString(n.text)
	}
}

func inQuotes(s string) string { return strings.NewReplacer(`"`, "'", "\n", " ").Replace(s) }
