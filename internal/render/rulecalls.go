package render

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// calls prints what is called and is no rule, those of one priority on one line.
func (s *ruleSheet) calls(all []rules.Call) {
	for begin := 0; begin < len(all); {
		end := begin + 1
		for end < len(all) && all[end].Priority == all[begin].Priority {
			end++
		}
		words := "  (" + strconv.Itoa(int(all[begin].Priority)) + "  " + strings.Join(callNames(all[begin:end]), ", ") + ")"
		s.flow(6, line{{s.clean(words), dim}})
		begin = end
	}
}

// callNames are "nf_confirm of nf_conntrack for IPv4 and IPv6".
func callNames(all []rules.Call) (names []string) {
	var families [][]string
	for i := range all {
		name := callName(&all[i])
		at := slices.Index(names, name)
		if at < 0 {
			at = len(names)
			names, families = append(names, name), append(families, nil)
		}
		switch all[i].Family {
		case ruleset.IP:
			families[at] = append(families[at], "IPv4")
		case ruleset.IP6:
			families[at] = append(families[at], "IPv6")
		}
	}
	for i, words := range families {
		if len(words) > 0 {
			names[i] += " for " + strings.Join(words, " and ")
		}
	}
	return names
}

func callName(c *rules.Call) string {
	name := c.Function
	switch {
	case c.Program != 0:
		name = "BPF program " + strconv.Itoa(int(c.Program))
	case name == "":
		name = "a function without a name"
	}
	if c.Module != "" {
		name += " of " + c.Module
	}
	return name
}
