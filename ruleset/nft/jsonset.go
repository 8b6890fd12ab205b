package nft

import "strings"

func (w *jsonWriter) set(kind string, body *node) {
	w.setType(kind, body)
	if f := body.get("flags"); !f.isNull() {
		w.s(f, "flags "+joinedWords(f)+"\n")
	}
	for _, key := range []string{"policy", "size"} {
		if n := body.get(key); !n.isNull() {
			w.s(n, key+" "+n.text+"\n")
		}
	}
	for _, key := range []string{"timeout", "gc-interval"} {
		if n := body.get(key); !n.isNull() {
			w.s(n, key+" "+n.text+"s\n")
		}
	}
	if n := body.get("auto-merge"); n.isTrue() {
		w.s(n, "auto-merge\n")
	}
	w.option(body, "comment")
	if list := body.get("stmt").list(); len(list) > 0 {
		for _, one := range list {
			w.statement(one)
			w.text.WriteByte(' ')
		}
		w.text.WriteByte('\n')
	}
	if n := body.get("elem"); len(n.list()) > 0 {
		w.s(n, "elements = ")
		w.elements(n)
		w.text.WriteByte('\n')
	}
}

// setType writes the type of the key and of what a map gives: names of types, or
// what has the type.
func (w *jsonWriter) setType(kind string, body *node) {
	typ := body.get("type")
	_, of := typ.only()
	word := "type "
	if of != typ || typ.kind == jsonObject {
		word = "typeof "
	}
	w.s(typ, word)
	w.types(typ)
	if kind == "map" {
		w.text.WriteString(" : ")
		w.types(body.get("map"))
	}
	w.text.WriteByte('\n')
}

func (w *jsonWriter) types(n *node) {
	if key, of := n.only(); key == "typeof" {
		n = of
	}
	switch {
	case n.kind == jsonObject:
		w.expr(n)
	case n.kind == jsonArray:
		for i, one := range n.vals {
			if i > 0 {
				w.text.WriteString(" . ")
			}
			w.types(one)
		}
	default:
		w.s(n, n.text)
	}
}

// elements writes `{ a, b }`; pairs of a map are arrays of two.
func (w *jsonWriter) elements(n *node) {
	w.s(n, "{ ")
	for i, one := range n.list() {
		if i > 0 {
			w.text.WriteString(",\n")
		}
		if one.kind == jsonArray && len(one.vals) == 2 {
			w.expr(one.vals[0])
			w.text.WriteString(" : ")
			w.data(one.vals[1])
			continue
		}
		w.expr(one)
	}
	w.text.WriteString(" }")
}

// data writes what a map gives, which may be a verdict.
func (w *jsonWriter) data(n *node) {
	if key, _ := n.only(); key != "" && w.verdict(n) {
		return
	}
	w.expr(n)
}

func (w *jsonWriter) verdict(n *node) bool {
	key, body := n.only()
	switch key {
	case "accept", "drop", "continue", "break", "return":
		w.s(n, key)
	case "jump", "goto":
		w.s(n, key+" ")
		w.name(body.get("target"))
	default:
		return false
	}
	return true
}

// elem writes an element with what it has beside its key.
func (w *jsonWriter) elem(body *node) {
	w.expr(body.get("val"))
	for i, key := range body.keys {
		n := body.vals[i]
		switch key {
		case "val":
		case "timeout", "expires":
			w.s(n, " "+key+" "+n.text+"s")
		case "comment":
			w.s(n, " comment")
			w.quoted(n)
		default:
			w.text.WriteByte(' ')
			w.statement(&node{at: n.at, kind: jsonObject, keys: []string{key}, vals: []*node{n}})
		}
	}
}

// object writes what rules use by name.
func (w *jsonWriter) object(kind string, body *node) {
	get := func(key string) string { return body.get(key).text }
	w.option(body, "comment")
	switch kind {
	case "counter":
		w.s(body, "packets "+get("packets")+" bytes "+get("bytes"))
	case "quota":
		w.s(body, over(body)+get("bytes")+" bytes used "+get("used")+" bytes")
	case "limit":
		w.limit(body)
	case "secmark":
		w.quoted(body.get("context"))
	case "ct helper":
		w.s(body, "type")
		w.quoted(body.get("type"))
		w.s(body, "protocol "+get("protocol")+"\nl3proto "+get("l3proto"))
	case "ct timeout":
		w.s(body, "protocol "+get("protocol")+"\nl3proto "+get("l3proto")+"\n")
		w.timeoutPolicy(body.get("policy"))
	case "ct expectation":
		w.s(body, "protocol "+get("protocol")+"\ndport "+get("dport")+"\ntimeout "+get("timeout")+"ms\nsize "+get("size")+"\nl3proto "+get("l3proto"))
	case "synproxy":
		w.synproxy(body)
	}
	w.text.WriteByte('\n')
}

func over(body *node) string {
	if body.get("inv").isTrue() {
		return "over "
	}
	return ""
}

func (w *jsonWriter) timeoutPolicy(n *node) {
	var parts []string
	for i, key := range n.keys {
		parts = append(parts, key+" : "+n.vals[i].text)
	}
	if len(parts) > 0 {
		w.s(n, "policy = { "+strings.Join(parts, ", ")+" }")
	}
}

func (w *jsonWriter) synproxy(body *node) {
	for _, key := range []string{"mss", "wscale"} {
		if n := body.get(key); !n.isNull() {
			w.s(n, key+" "+n.text+" ")
		}
	}
	for _, f := range body.get("flags").list() {
		w.s(f, f.text+" ")
	}
}
