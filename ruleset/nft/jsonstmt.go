package nft

import "strings"

// statement writes one statement of a rule.
func (w *jsonWriter) statement(n *node) {
	key, body := n.only()
	if w.verdict(n) {
		return
	}
	switch key {
	case "match":
		w.match(body)
	case "mangle":
		w.expr(body.get("key"))
		w.s(n, " set ")
		w.expr(body.get("value"))
	case "vmap":
		w.expr(body.get("key"))
		w.s(n, " vmap ")
		w.expr(body.get("data"))
	case "counter", "quota", "limit", "synproxy":
		w.stateful(n, key, body)
	case "ct helper", "ct timeout", "ct expectation":
		w.s(n, key+" set ")
		w.reference(body)
	case "secmark":
		w.s(n, "meta secmark set ")
		w.reference(body)
	case "ct count":
		w.s(n, "ct count "+over(body)+body.get("val").text)
	case "log":
		w.log(n, body)
	case "reject":
		w.reject(n, body)
	case "snat", "dnat", "masquerade", "redirect":
		w.nat(n, key, body)
	default:
		w.otherStatement(n, key, body)
	}
}

func (w *jsonWriter) otherStatement(n *node, key string, body *node) {
	switch key {
	case "tproxy":
		w.s(n, words("tproxy", orEmpty(body.get("family")), "to "))
		w.natTarget(body)
	case "notrack":
		w.s(n, key)
	case "last":
		w.s(n, key)
	case "queue":
		w.s(n, "queue")
		if f := body.get("flags"); !f.isNull() {
			w.s(f, " flags "+joinedWords(f))
		}
		if num := body.get("num"); !num.isNull() {
			w.s(num, " to ")
			w.expr(num)
		}
	case "dup", "fwd":
		w.forward(n, key, body)
	case "flow":
		w.s(n, "flow "+body.get("op").text+" @"+strings.TrimPrefix(body.get("flowtable").text, "@"))
	case "set", "map":
		w.setChange(n, key, body)
	case "meter":
		w.meter(n, body)
	case "reset":
		w.s(n, "reset ")
		w.expr(body)
	case "xt":
		w.s(n, "xt "+body.get("type").text)
		w.quoted(body.get("name"))
	default:
		w.unknown(n)
	}
}

// match: "in" is what goes without saying; a list on the right is of flags.
func (w *jsonWriter) match(body *node) {
	w.inField = true
	w.expr(body.get("left"))
	w.inField = false
	op := body.get("op")
	if op.text == "in" || op.isNull() {
		w.s(op, " ")
	} else {
		w.s(op, " "+op.text+" ")
	}
	w.expr(body.get("right"))
}

// reference writes the name of an object, or the map that gives it.
func (w *jsonWriter) reference(n *node) {
	if n.kind == jsonString {
		w.quoted(n)
		return
	}
	w.expr(n)
}

func (w *jsonWriter) stateful(n *node, key string, body *node) {
	named := body.kind == jsonString
	if k, _ := body.only(); k == "map" {
		named = true
	}
	if named {
		w.s(n, key+" name ")
		w.reference(body)
		return
	}
	w.s(n, key+" ")
	switch key {
	case "counter":
		w.number(body, "packets", "packets ")
		w.number(body, "bytes", " bytes ")
	case "quota":
		w.s(body, over(body)+body.get("val").text+" "+orWord(body.get("val_unit"), "bytes"))
		if used := body.get("used"); !used.isNull() {
			w.s(used, " used "+used.text+" "+orWord(body.get("used_unit"), "bytes"))
		}
	case "limit":
		w.limit(body)
	case "synproxy":
		w.synproxy(body)
	}
}

func orWord(n *node, word string) string {
	if n.isNull() {
		return word
	}
	return n.text
}

func (w *jsonWriter) limit(body *node) {
	unit := orWord(body.get("rate_unit"), "packets")
	w.s(body, "rate "+over(body)+body.get("rate").text)
	if unit != "packets" {
		w.s(body, " "+unit)
	}
	w.s(body, "/"+orWord(body.get("per"), "second"))
	if burst := body.get("burst"); !burst.isNull() && (burst.text != "0" || unit == "packets") {
		usual := "packets"
		if unit != "packets" {
			usual = "bytes"
		}
		w.s(burst, " burst "+burst.text+" "+orWord(body.get("burst_unit"), usual))
	}
}

func (w *jsonWriter) log(n, body *node) {
	w.s(n, "log")
	if p := body.get("prefix"); !p.isNull() {
		w.s(p, " prefix")
		w.quoted(p)
	}
	for _, key := range []string{"group", "snaplen", "queue-threshold", "level"} {
		if v := body.get(key); !v.isNull() {
			w.s(v, " "+key+" "+v.text)
		}
	}
	for _, f := range body.get("flags").list() {
		w.s(f, " flags "+f.text)
	}
}

func (w *jsonWriter) reject(n, body *node) {
	w.s(n, "reject")
	typ := orEmpty(body.get("type"))
	if typ == "" {
		return
	}
	w.s(n, " with "+typ)
	if code := body.get("expr"); !code.isNull() {
		w.text.WriteByte(' ')
		w.expr(code)
	}
}

func (w *jsonWriter) nat(n *node, key string, body *node) {
	w.s(n, words(key, orEmpty(body.get("family"))))
	for _, f := range body.get("type_flags").list() {
		if f.text != "concat" { // what the map gives tells it
			w.s(f, " "+f.text)
		}
	}
	if !body.get("addr").isNull() || !body.get("port").isNull() {
		w.s(n, " to ")
		w.natTarget(body)
	}
	for _, f := range body.get("flags").list() {
		if f.text != "netmap" { // type_flags says it
			w.s(f, " "+f.text)
		}
	}
}

// natTarget: addresses of IPv6 stand in brackets before a port.
func (w *jsonWriter) natTarget(body *node) {
	addr, port := body.get("addr"), body.get("port")
	switch {
	case addr.isNull():
	case port.isNull() || !strings.Contains(w.compact(addr), ":") || addr.kind == jsonObject && addr.get("range").isNull():
		w.expr(addr)
	case addr.kind == jsonString:
		w.s(addr, "["+addr.text+"]")
	default:
		r := addr.get("range").list()
		for i, one := range r {
			if i > 0 {
				w.text.WriteByte('-')
			}
			w.s(one, "["+one.text+"]")
		}
	}
	if !port.isNull() {
		w.s(port, ":")
		w.expr(port)
	}
}

func (w *jsonWriter) forward(n *node, key string, body *node) {
	addr, dev := body.get("addr"), body.get("dev")
	if key == "fwd" {
		w.s(n, words("fwd", orEmpty(body.get("family")), "to "))
	} else {
		w.s(n, "dup to ")
	}
	if addr.isNull() {
		w.device(dev)
		return
	}
	w.expr(addr)
	if !dev.isNull() {
		w.s(dev, " device ")
		w.device(dev)
	}
}

func (w *jsonWriter) device(n *node) {
	if n.kind == jsonString {
		w.quoted(n)
		return
	}
	w.expr(n)
}

func (w *jsonWriter) setChange(n *node, key string, body *node) {
	w.s(n, body.get("op").text+" @"+strings.TrimPrefix(body.get(key).text, "@")+" { ")
	w.expr(body.get("elem"))
	for _, one := range body.get("stmt").list() {
		w.text.WriteByte(' ')
		w.statement(one)
	}
	if key == "map" {
		w.s(n, " : ")
		w.expr(body.get("data"))
	}
	w.text.WriteString(" }")
}

func (w *jsonWriter) meter(n, body *node) {
	w.s(n, "meter "+plainName(body.get("name").text))
	w.number(body, "size", " size ")
	w.text.WriteString(" { ")
	w.expr(body.get("key"))
	for _, one := range body.get("stmt").list() {
		w.text.WriteByte(' ')
		w.statement(one)
	}
	w.text.WriteString(" }")
}
