package nft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// ParseJSON reads rules in nft's JSON (libnftables-json(5)): what `nft -j list
// ruleset` prints, and commands for `nft -j -f`. It is [ParseRuleset] for the same
// rules in nft's words; errors name the place in the JSON.
//
// nft -j leaves out what its JSON has no place for: how a set's type was
// declared, and what matches and targets of iptables are about.
func ParseJSON(r io.Reader, file string) (*Native, error) {
	text, err := readText(r)
	if err != nil {
		return &Native{}, fmt.Errorf("read %s: %w", file, err)
	}
	top, err := readJSON(text)
	if err != nil {
		return &Native{}, jsonError(err, file, text)
	}
	w := &jsonWriter{file: file, json: text}
	w.document(top)
	p := newTextReader(w.text.String(), file)
	p.after.from.origins, p.after.from.original = w.origins, text
	p.tok.place.from = p.after.from
	p.commands()
	p.changes()
	return p.native, errors.Join(append(w.errs, p.errs...)...)
}

// node is a value of JSON, and where it stands.
type node struct {
	at   int
	kind jsonKind
	text string // of a string, a number or a word
	keys []string
	vals []*node // of an object or an array
}

type jsonKind uint8

const (
	jsonWord jsonKind = iota // true, false, null
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// get is the value of a key; one that is not there is null.
func (n *node) get(key string) *node {
	if n.kind == jsonObject {
		for i, k := range n.keys {
			if k == key {
				return n.vals[i]
			}
		}
	}
	return &node{at: n.at, text: "null"}
}

func (n *node) isNull() bool { return n.kind == jsonWord && n.text == "null" }
func (n *node) isTrue() bool { return n.kind == jsonWord && n.text == "true" }

// only is the key and the value of an object that has one.
func (n *node) only() (string, *node) {
	if n.kind != jsonObject || len(n.keys) != 1 {
		return "", n
	}
	return n.keys[0], n.vals[0]
}

// list is the values of an array, or the value itself.
func (n *node) list() []*node {
	if n.kind == jsonArray {
		return n.vals
	}
	if n.isNull() {
		return nil
	}
	return []*node{n}
}

const maxJSONDepth = 100

var errTooDeep = errors.New("values inside of values, too deep")

// jsonReader keeps where values stand, which encoding/json does not tell.
type jsonReader struct {
	text string
	dec  *json.Decoder
}

func readJSON(text string) (*node, error) {
	r := &jsonReader{text: text, dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	return r.value(0)
}

// next is where the next value begins.
func (r *jsonReader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) value(depth int) (*node, error) {
	n := &node{at: r.next()}
	if depth > maxJSONDepth {
		return nil, errTooDeep
	}
	tok, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		return n, r.inside(n, v, depth)
	case string:
		n.kind, n.text = jsonString, v
	case json.Number:
		n.kind, n.text = jsonNumber, v.String()
	case bool:
		n.text = strconv.FormatBool(v)
	default:
		n.text = "null"
	}
	return n, nil
}

func (r *jsonReader) inside(n *node, open json.Delim, depth int) error {
	n.kind = jsonArray
	if open == '{' {
		n.kind = jsonObject
	}
	for r.dec.More() {
		if n.kind == jsonObject {
			key, err := r.dec.Token()
			if err != nil {
				return err
			}
			n.keys = append(n.keys, fmt.Sprint(key))
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.vals = append(n.vals, v)
	}
	_, err := r.dec.Token()
	return err
}

// jsonError says where the JSON itself is broken.
func jsonError(err error, file, text string) error {
	at := len(text)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = min(max(int(syntax.Offset)-1, 0), len(text))
	}
	line, column := place{&source{name: file, text: text}, at}.position()
	return &ruleset.LineError{File: file, Line: line, Column: column, Text: around(text, at), Why: "no JSON: " + err.Error(),
		Hint: "the output of nft -j list ruleset was expected"}
}

func around(text string, at int) string {
	line, _, _ := strings.Cut(text[at:], "\n")
	return line
}

// origin says that text from a place on was made of JSON at a place.
type origin struct{ text, json int }

// jsonWriter writes JSON in nft's words.
type jsonWriter struct {
	file, json string
	text       bytes.Buffer
	origins    []origin
	errs       []error
	inField    bool // in what is matched, where words are fields
}

// s writes words that stand for a value.
func (w *jsonWriter) s(n *node, words string) {
	w.origins = append(w.origins, origin{w.text.Len(), n.at})
	w.text.WriteString(words)
}

func (w *jsonWriter) bad(n *node, why, hint string) {
	if len(w.errs) >= maxLineErrors {
		return
	}
	line, column := place{&source{name: w.file, text: w.json}, n.at}.position()
	w.errs = append(w.errs, &ruleset.LineError{File: w.file, Line: line, Column: column, Text: around(w.json, n.at), Why: why, Hint: hint})
}

// quoted writes a string that stands in quotes, which cannot hold quotes itself.
func (w *jsonWriter) quoted(n *node) {
	text := n.text
	if strings.ContainsAny(text, "\"\n") {
		w.bad(n, "a string that nft cannot have", "no quotes and no lines inside")
		text = strings.NewReplacer(`"`, "'", "\n", " ").Replace(text)
	}
	w.s(n, ` "`+text+`" `)
}

// document writes the commands of a whole document.
func (w *jsonWriter) document(top *node) {
	list := top.get("nftables")
	if list.kind != jsonArray {
		w.bad(top, "no list of rules", `{"nftables": [ … ]} was expected`)
		return
	}
	for _, one := range list.vals {
		kind, body := one.only()
		verb := "add"
		switch kind {
		case "metainfo":
			continue
		case "add", "create", "insert", "replace", "delete", "destroy", "flush":
			verb = kind
			kind, body = body.only()
		}
		w.command(one, verb, kind, body)
		w.text.WriteByte('\n')
	}
}

func (w *jsonWriter) command(at *node, verb, kind string, body *node) {
	table := body.get("table")
	if kind == "table" {
		table = body.get("name")
	}
	switch {
	case kind == "":
		w.bad(at, "a command that is not known", `as in {"rule": { … }}`)
	case !slices.Contains(kindsOfJSON(), kind):
		w.bad(at, strconv.Quote(kind)+" is no object that is known", strings.Join(kindsOfJSON(), ", "))
	case kind != "ruleset" && table.kind != jsonString:
		w.bad(body, kind+" of no table", "the name of a table was expected")
	case kind == "ruleset":
		w.s(at, "flush ruleset")
	case verb == "delete" || verb == "destroy" || verb == "flush":
		w.s(at, verb+" "+kind+" "+tableOf(kind, body))
		if kind != "table" {
			w.name(body.get("name"))
		}
	case kind == "rule":
		w.rule(verb, body)
	case kind == "element":
		w.s(at, "add element "+tableOf(kind, body))
		w.name(body.get("name"))
		w.elements(body.get("elem"))
	default:
		w.member(at, kind, body)
	}
}

func kindsOfJSON() []string {
	return []string{"table", "chain", "rule", "set", "map", "meter", "element", "flowtable", "ruleset", "counter", "quota", "limit",
		"secmark", "synproxy", "ct helper", "ct timeout", "ct expectation"}
}

// tableOf is the family and the name of the table that something is in.
func tableOf(kind string, body *node) string {
	name := body.get("table").text
	if kind == "table" {
		name = body.get("name").text
	}
	fam := body.get("family").text
	if body.get("family").isNull() {
		fam = "ip"
	}
	return fam + " " + plainName(name) + " "
}

// plainName is a name, in quotes where it is no word.
func plainName(s string) string {
	if s != "" && isLetter(s[0]) && wordAt(s) == len(s) {
		return s
	}
	return strconv.Quote(s)
}

func (w *jsonWriter) name(n *node) { w.s(n, plainName(n.text)+" ") }

// member writes a table, or something of it, in braces.
func (w *jsonWriter) member(at *node, kind string, body *node) {
	w.s(at, "table "+tableOf(kind, body)+"{")
	if kind == "table" {
		w.handle(body)
		w.text.WriteByte('\n')
		w.option(body, "comment")
		if f := body.get("flags"); !f.isNull() {
			w.s(f, "flags "+joinedWords(f)+"\n")
		}
		w.text.WriteString("}")
		return
	}
	w.s(at, "\n"+kind+" ")
	w.name(body.get("name"))
	w.text.WriteByte('{')
	w.handle(body)
	w.text.WriteByte('\n')
	switch kind {
	case "chain":
		w.chain(body)
	case "set", "map", "meter":
		w.set(kind, body)
	case "flowtable":
		w.flowtable(body)
	default:
		w.object(kind, body)
	}
	w.text.WriteString("}\n}")
}

func (w *jsonWriter) handle(body *node) {
	if h := body.get("handle"); h.kind == jsonNumber {
		w.s(h, " # handle "+h.text)
	}
}

// option writes a line of one string, if it is there.
func (w *jsonWriter) option(body *node, key string) {
	if n := body.get(key); !n.isNull() {
		w.s(n, key)
		w.quoted(n)
		w.text.WriteByte('\n')
	}
}

func joinedWords(n *node) string {
	var words []string
	for _, one := range n.list() {
		words = append(words, one.text)
	}
	return strings.Join(words, ",")
}

func (w *jsonWriter) chain(body *node) {
	if typ := body.get("type"); !typ.isNull() {
		w.s(typ, "type "+typ.text)
		w.s(body.get("hook"), " hook "+body.get("hook").text)
		w.devices(body.get("dev"))
		w.s(body.get("prio"), " priority "+body.get("prio").text)
		if p := body.get("policy"); !p.isNull() {
			w.s(p, "; policy "+p.text)
		}
		w.text.WriteByte('\n')
	}
	w.option(body, "comment")
}

func (w *jsonWriter) devices(n *node) {
	if n.isNull() {
		return
	}
	w.s(n, " devices = { ")
	for i, one := range n.list() {
		if i > 0 {
			w.text.WriteString(", ")
		}
		w.s(one, plainName(one.text))
	}
	w.text.WriteString(" }")
}

func (w *jsonWriter) flowtable(body *node) {
	w.s(body.get("hook"), "hook "+body.get("hook").text)
	w.s(body.get("prio"), " priority "+body.get("prio").text+"\n")
	w.devices(body.get("dev"))
	w.text.WriteByte('\n')
	for _, f := range body.get("flags").list() {
		w.s(f, "flags "+f.text+"\n")
	}
}

func (w *jsonWriter) rule(verb string, body *node) {
	w.s(body, verb+" rule "+tableOf("rule", body))
	w.name(body.get("chain"))
	switch index, handle := body.get("index"), body.get("handle"); {
	case !index.isNull():
		w.s(index, "index "+index.text+" ")
	case verb == "replace":
		w.s(handle, "handle "+handle.text+" ")
	}
	for _, one := range body.get("expr").list() {
		w.statement(one)
		w.text.WriteByte(' ')
	}
	if c := body.get("comment"); !c.isNull() {
		w.s(c, "comment")
		w.quoted(c)
	}
	w.handle(body)
}
