package collect

import (
	"fmt"
	"hash/maphash"
	"maps"

	"github.com/pktrail/pktrail/ruleset"
)

// fingerprint is how the rules stood when they were read: nf_tables counts its
// changes, legacy tables do not and are told apart by their entries.
type fingerprint struct {
	generation uint32        // 0 where nf_tables is not there
	seed       *maphash.Seed // nil: legacy tables by their size only
	legacy     map[legacyKey]legacyMark
}

type legacyKey struct {
	fam  ruleset.Family
	name string
}

type legacyMark struct {
	entries, size uint32
	hash          uint64 // of the entries without their counters
}

// Changed reports whether any rule may have changed since the last Inventory
// or Texts; true when there was none. After an Inventory alone, a change that
// leaves a legacy table as large as it was goes unnoticed: it had no rules to compare.
func (h *Host) Changed() (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		return true, nil
	}
	var same bool
	err := h.NS.Do(func() (err error) {
		same, err = h.sameAs(h.seen)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for changed rules in namespace %s: %w", h.NS.Name, err)
	}
	return !same, nil
}

// sameAs compares what costs least first; it runs inside the namespace.
func (h *Host) sameAs(old *fingerprint) (bool, error) {
	gen, err := h.currentGeneration()
	if err != nil || gen != old.generation {
		return false, err
	}
	sizes, err := legacyMarks(nil)
	if err != nil || len(sizes) != len(old.legacy) {
		return false, err
	}
	for key, m := range sizes {
		before, ok := old.legacy[key]
		if !ok || before.entries != m.entries || before.size != m.size {
			return false, nil
		}
	}
	if old.seed == nil {
		return true, nil
	}
	hashes, err := legacyMarks(old.seed)
	return maps.Equal(hashes, old.legacy), err
}

// fingerprint takes the marks of all tables; it runs inside the namespace.
// With a seed it reads the legacy tables as a whole, without only their sizes.
func (h *Host) fingerprint(seed *maphash.Seed) (*fingerprint, error) {
	f := &fingerprint{seed: seed}
	var err error
	if f.generation, err = h.currentGeneration(); err != nil {
		return nil, err
	}
	f.legacy, err = legacyMarks(seed)
	return f, err
}

func (h *Host) currentGeneration() (uint32, error) {
	if !h.hasNFTables() {
		return 0, nil
	}
	s, err := dial()
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }()
	return generation(s)
}

// legacyMarks reads the size of every legacy table there is and, where a seed
// is given, the hash of its entries.
func legacyMarks(seed *maphash.Seed) (map[legacyKey]legacyMark, error) {
	marks := map[legacyKey]legacyMark{}
	for _, fam := range legacyFamilies() {
		err := eachLegacy(fam, func(x *xtSocket, name string) error {
			m, err := x.mark(name, seed)
			marks[legacyKey{fam, name}] = m
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// eachLegacy goes through the legacy tables that a family has.
func eachLegacy(fam ruleset.Family, f func(x *xtSocket, name string) error) error {
	names, err := legacyNames(fam)
	if err != nil || len(names) == 0 {
		return err
	}
	x, err := dialXt(fam)
	if err != nil {
		return err
	}
	defer x.close()
	for _, name := range names {
		if err := f(x, name); err != nil {
			return err
		}
	}
	return nil
}

func (x *xtSocket) mark(name string, seed *maphash.Seed) (m legacyMark, err error) {
	if m.entries, m.size, err = x.info(name); err != nil || seed == nil {
		return m, err
	}
	b, err := x.blob(name)
	if err != nil {
		return m, err
	}
	withoutCounters(b, x.fam)
	m.hash = maphash.Bytes(*seed, b)
	return m, nil
}
