package render

import "strings"

// shorten makes a rule's text fit. What does not decide about packets goes
// first (comments, nft's counters); then the middle, so that both the first
// matches and the verdict at the end are seen.
func shorten(text string, room int, ellipsis string) string {
	if columns(text) <= room {
		return text
	}
	for _, chaff := range []func(string) (int, int){xtComment, nftComment, nftCounter} {
		if from, to := chaff(text); from < to {
			text = strings.TrimSpace(text[:from] + ellipsis + " " + strings.TrimSpace(text[to:]))
		}
		if columns(text) <= room {
			return text
		}
	}
	text = strings.TrimSuffix(text, " "+ellipsis) // one in the middle will do
	end := verdict(text)
	body := text[:len(text)-len(end)]
	most := room*2/3 - columns(ellipsis)
	if f := strings.SplitN(end, " ", 4); columns(end) > most && len(f) == 4 {
		end = " " + f[1] + " " + f[2] + ellipsis // the target, without its options
	}
	if columns(end) > most {
		end = ""
	}
	head := prefix(body, max(room-columns(ellipsis+end), 0))
	head = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(head, " "), ellipsis), " ")
	return head + ellipsis + end
}

// verdict is the end of a rule from its last target or statement on, a space before it.
func verdict(text string) string {
	for _, word := range []string{" -j ", " -g ", " jump ", " goto ", " reject ", " dnat ", " snat ", " masquerade ", " queue "} {
		if i := strings.LastIndex(text, word); i >= 0 {
			return text[i:]
		}
	}
	return text[max(strings.LastIndexByte(text, ' '), 0):]
}

// xtComment finds iptables' comment match.
func xtComment(text string) (from, to int) {
	const words = "-m comment --comment "
	from = strings.Index(text, words)
	if from < 0 {
		return 0, 0
	}
	return from, from + len(words) + wordLen(text[from+len(words):])
}

// nftComment finds the comment at the end of an nft rule.
func nftComment(text string) (from, to int) {
	const words = ` comment "`
	from = strings.LastIndex(text, words)
	if from < 0 || !strings.HasSuffix(text, `"`) {
		return 0, 0
	}
	return from + 1, len(text)
}

// nftCounter finds a counter with its numbers.
func nftCounter(text string) (from, to int) {
	const words = "counter packets "
	from = strings.Index(text, words)
	if from < 0 {
		return 0, 0
	}
	f := strings.SplitN(text[from:], " ", 6)
	if len(f) < 5 || f[3] != "bytes" {
		return 0, 0
	}
	return from, from + len(strings.Join(f[:5], " "))
}

// wordLen is the length of the first word as iptables-save quotes it.
func wordLen(s string) int {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexByte(s, ' '); i >= 0 {
			return i
		}
		return len(s)
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}
