package rules

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// maxText bounds what a file may hold when it is no longer compressed, in bytes.
const maxText = 1 << 30

// AddFile adds the rules of a file to the host's: output of iptables-save,
// ip6tables-save, arptables-save or ebtables-save, text of nft, or output of nft -j,
// as its contents tell; all of them plain or as gzip. An error names the file, and
// the line where it is known; what could be understood is added all the same. Where
// nothing told that rules are iptables', that is a doubt.
func (h *Host) AddFile(name string, r io.Reader) error { return h.AddFileOf(name, 0, r) }

// AddFileOf is [Host.AddFile] for rules whose family is known: IP, IP6, ARP or
// Bridge. Those of nft name it themselves.
func (h *Host) AddFileOf(name string, fam ruleset.Family, r io.Reader) error {
	text, err := plain(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // editors of other systems mark UTF-8 so
	if why := noText(text); why != "" {
		return fmt.Errorf("%s: %s", name, why)
	}
	form := FormOf(text)
	switch {
	case form == FormSave:
		return h.addSave(name, fam, text)
	case fam != 0:
		return fmt.Errorf("%s: of family %s, but in the words of nft, which name the family themselves", name, fam)
	case form == FormJSON:
		return h.addNFT(nft.ParseJSON(bytes.NewReader(text), name))
	}
	return h.addNFT(nft.ParseRuleset(bytes.NewReader(text), name))
}

// plain reads all, and out of gzip where it is that.
func plain(r io.Reader) ([]byte, error) {
	text, err := bounded(r)
	if err != nil || !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		return text, err
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return bounded(z)
}

var errTooLong = errors.New("more than 1 GiB of rules")

func bounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(text) > maxText {
		err = errTooLong
	}
	return text, err
}

// Form is in whose words a file of rules is written.
type Form uint8

// The forms.
const (
	FormNFT Form = iota
	FormSave
	FormJSON
)

// FormOf tells the form of a text by the first line that is not empty and no
// comment; what is neither of the others is nft's.
func FormOf(text []byte) Form {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case line[0] == '{':
			return FormJSON
		case line[0] == '*' || line[0] == ':' || line[0] == '-' || line[0] == '[':
			return FormSave
		default:
			return FormNFT
		}
	}
	return FormNFT
}

func (h *Host) addSave(name string, fam ruleset.Family, text []byte) error {
	sections := xt.Sections(name, text)
	for i := range sections {
		s := &sections[i]
		if fam != 0 {
			s.Family = fam
		} else if s.Why == "" {
			h.Doubts = append(h.Doubts, name+": nothing tells whether its rules are iptables' or ip6tables': read as iptables'; ip6: before its name says otherwise")
		}
	}
	tables, err := xt.ParseSections(sections, name)
	for _, t := range tables {
		if h.has(t) {
			err = errors.Join(err, fmt.Errorf("%s: table %s of family %s is given twice", name, t.Name, t.Family))
			continue
		}
		h.Legacy = append(h.Legacy, t)
	}
	return err
}

// has reports whether a table of the same name is there.
func (h *Host) has(t *xt.Table) bool {
	for _, o := range h.Legacy {
		if o.Name == t.Name && o.Family == t.Family && backendOf(o) == backendOf(t) {
			return true
		}
	}
	return false
}

func (h *Host) addNFT(n *nft.Native, err error) error {
	if n == nil {
		return err
	}
	if h.NFT == nil {
		h.NFT = &nft.Native{}
	}
	h.NFT.Tables = append(h.NFT.Tables, n.Tables...)
	return err
}
