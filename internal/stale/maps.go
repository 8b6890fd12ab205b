package stale

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// addNFT reads what follows the last `dnat` or `snat` of an nft rule: one address,
// range or prefix, or a map whose elements are those.
func (t *places) addNFT(text, word string, elements func(name string) string) bool {
	at := strings.LastIndex(" "+text, " "+word+" ")
	if at < 0 {
		return false
	}
	words := strings.Fields(text[at:])[1:]
	for len(words) > 0 && natWord(words[0]) {
		words = words[1:]
	}
	if _, mapped, ok := strings.Cut(" "+strings.Join(words, " "), " map "); ok {
		return t.addMap(mapped, words, elements)
	}
	if len(words) == 0 || len(words) > 1 && !natFlag(words[1]) {
		return false
	}
	return t.add(words[0])
}

// natWord is what stands between the statement's name and its target.
func natWord(word string) bool {
	switch word {
	case "ip", "ip6", "prefix", "interval", "addr", ".", "port", "to":
		return true
	}
	return false
}

// addMap reads the elements of a map, which stand in the rule or have a name. A map
// that gives ports alone stands behind an address and a colon, and is not read.
func (t *places) addMap(mapped string, key []string, elements func(string) string) bool {
	if strings.Contains(key[0], ":") {
		return false
	}
	list := ""
	if name, named := strings.CutPrefix(mapped, "@"); named {
		name, _, _ = strings.Cut(name, " ")
		if list = elements(name); list == "" {
			return false
		}
	} else {
		inside, behind, closed := strings.Cut(strings.TrimPrefix(mapped, "{"), "}")
		if flags := strings.Fields(behind); !closed || len(flags) > 0 && !natFlag(flags[0]) {
			return false
		}
		list = inside
	}
	read := true
	for element := range strings.SplitSeq(withoutQuotes(list), ",") {
		read = t.addElement(element) && read
	}
	return read
}

// addElement reads `KEY : ADDRESS` or `KEY : ADDRESS . PORT`; keys of IPv6 have
// colons too, but none with blanks around it.
func (t *places) addElement(element string) bool {
	i := strings.LastIndex(element, " : ")
	if i < 0 {
		return strings.TrimSpace(element) == ""
	}
	value := strings.Fields(element[i+3:])
	switch {
	case len(value) == 1:
		return t.add(value[0])
	case len(value) == 3 && value[1] == "." && strings.Contains(value[0], ":"):
		return t.add("[" + value[0] + "]:" + value[2])
	case len(value) == 3 && value[1] == ".":
		return t.add(value[0] + ":" + value[2])
	}
	return false
}

// elementsOf is what stands between the braces of a named map's elements, a blank
// for a map without any, and nothing where the map is not known.
func elementsOf(maps Maps, table ruleset.TableKey, name string) string {
	if maps == nil {
		return ""
	}
	_, body, found := strings.Cut(maps(table), "\tmap "+name+" {")
	if !found {
		return ""
	}
	body, _, _ = strings.Cut(body, "\n\t}")
	if _, list, some := strings.Cut(body, "\telements = {"); some {
		list, _, _ = strings.Cut(list, "}")
		return list
	}
	return " "
}

// withoutQuotes puts one word in place of each quoted text, such as a comment.
func withoutQuotes(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		b.WriteString("quoted")
	}
	return b.String()
}
