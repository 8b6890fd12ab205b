package iptnft

import (
	"fmt"
	"io"

	"github.com/pktrail/pktrail/internal/inorder"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Saved is a table as iptables-nft-save prints it.
type Saved struct {
	table *xt.Table // without its chains
	parts []savedPart
}

type savedPart struct{ chains, rules []byte }

// Save is [Table] for who only wants the text that [xt.Table.WriteSave] writes,
// which needs less room than the rules. The error is that of Table.
func Save(t *nft.Table, e xt.Env, withCounters bool) (*Saved, error) {
	s, err := newTelling(t, e)
	if err != nil {
		return nil, fmt.Errorf("table %s %s: %w", t.Family, t.Name, err)
	}
	saved := &Saved{table: s.empty()}
	err = inorder.Each(len(s.parts), func(i int) (savedPart, error) {
		part, err := s.tell(i)
		if err != nil {
			return savedPart{}, err
		}
		return savedPart{part.AppendChains(nil), part.AppendRules(nil, withCounters)}, nil
	}, func(p savedPart) error {
		saved.parts = append(saved.parts, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("table %s %s: %w", t.Family, t.Name, err)
	}
	return saved, nil
}

// Write writes the text; the error is w's.
func (s *Saved) Write(w io.Writer) error {
	text := [][]byte{s.table.AppendBegin(nil)}
	for _, p := range s.parts {
		text = append(text, p.chains)
	}
	for _, p := range s.parts {
		text = append(text, p.rules)
	}
	for _, piece := range append(text, s.table.AppendEnd(nil)) {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}
