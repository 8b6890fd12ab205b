package xt

// EbtString is [MatchString] in the words of ebtables, which always say the last offset.
type EbtString struct{ MatchString }

func decodeEbtString(b info, e Env) Match {
	m, _ := decodeString(b, e).(MatchString)
	return EbtString{m}
}

// AppendSave implements [Match].
func (m EbtString) AppendSave(dst []byte) []byte {
	if pattern, hexadecimal := m.pattern(); hexadecimal {
		dst = append(append(ebtOption(dst, "string-hex", m.Not), ' '), pattern...)
	} else {
		dst = append(append(ebtOption(dst, "string", m.Not), ' '), pattern...)
	}
	dst = bare(ebtOption(dst, "string-algo", false), m.Algorithm)
	if m.From != 0 {
		dst = number(ebtOption(dst, "string-from", false), m.From)
	}
	if m.To != 0 {
		dst = number(ebtOption(dst, "string-to", false), m.To)
	}
	if m.IgnoreCase {
		dst = ebtOption(dst, "string-icase", false)
	}
	return dst
}
