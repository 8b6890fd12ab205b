package envelope

import (
	"unicode"
	"unicode/utf8"
)

// month reads the name of a month as the C library abbreviates it in the
// languages below, and returns its number and length; n is 0 for other words.
func month(b []byte, i int) (m, n int) {
	if i+3 < len(b) {
		if m := english(b[i], b[i+1], b[i+2]); m > 0 && !letter(b[i+3]) && b[i+3] < 0x80 && b[i+3] != '.' {
			return m, 3
		}
	}
	if digit(at(b, i)) {
		return numbered(b, i)
	}
	return named(b, i)
}

func english(a, b, c byte) int {
	switch uint32(a|0x20)<<16 | uint32(b|0x20)<<8 | uint32(c|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g':
		return 8
	case 's'<<16 | 'e'<<8 | 'p':
		return 9
	case 'o'<<16 | 'c'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// numbered reads the months of Chinese, Japanese and Korean.
func numbered(b []byte, i int) (m, n int) {
	v, digits := number(b, i)
	if digits < 1 || digits > 2 || v < 1 || v > 12 {
		return 0, 0
	}
	rest := b[i+digits:]
	if len(rest) >= 3 && (string(rest[:3]) == "月" || string(rest[:3]) == "월") {
		return int(v), digits + 3
	}
	return 0, 0
}

// longestMonth is the bytes of the longest name below.
const longestMonth = 12

// named reads the months of other languages, in whatever case.
func named(b []byte, i int) (m, n int) {
	var buf [longestMonth + utf8.UTFMax]byte
	word := buf[:0]
	for i+n < len(b) && len(word) < longestMonth {
		c, size := utf8.DecodeRune(b[i+n:])
		if !unicode.IsLetter(c) {
			break
		}
		word = utf8.AppendRune(word, unicode.ToLower(c))
		n += size
	}
	if m = monthNamed(word); m == 0 {
		return 0, 0
	}
	if at(b, i+n) == '.' {
		n++
	}
	return m, n
}

// monthNamed knows the months of Czech, Danish, Dutch, English, Finnish, French,
// German, Hungarian, Italian, Norwegian, Polish, Portuguese, Russian, Spanish,
// Swedish, Turkish and Ukrainian, as old and new C libraries write them.
func monthNamed(word []byte) int {
	switch string(word) {
	case "jan", "janv", "janvier", "january", "januar", "ene", "gen", "led", "sty", "tammi", "oca", "янв", "января", "січ":
		return 1
	case "feb", "febr", "févr", "fév", "fevr", "fev", "february", "februar", "úno", "lut", "helmi", "şub", "фев", "февр", "лют":
		return 2
	case "mar", "mars", "mär", "märz", "mrz", "mrt", "márc", "march", "bře", "maalis", "мар", "марта", "бер":
		return 3
	case "apr", "avr", "avril", "abr", "april", "ápr", "dub", "kwi", "huhti", "nis", "апр", "кві":
		return 4
	case "may", "mai", "mei", "maj", "máj", "mag", "kvě", "touko", "май", "мая", "тра":
		return 5
	case "jun", "juin", "juni", "june", "jún", "giu", "čen", "cze", "kesä", "haz", "июн", "июня", "чер":
		return 6
	case "jul", "juil", "juillet", "juli", "july", "júl", "lug", "čec", "lip", "heinä", "tem", "июл", "июля", "лип":
		return 7
	case "aug", "août", "aoû", "aout", "ago", "august", "srp", "sie", "elo", "ağu", "авг", "сер":
		return 8
	case "sep", "sept", "set", "szept", "zář", "wrz", "syys", "eyl", "сен", "сент", "вер":
		return 9
	case "oct", "okt", "out", "ott", "říj", "paź", "loka", "eki", "окт", "жов":
		return 10
	case "nov", "lis", "marras", "kas", "ноя", "нояб", "лис":
		return 11
	case "dec", "déc", "dez", "dic", "des", "pro", "gru", "joulu", "ara", "дек", "гру":
		return 12
	}
	return 0
}
