package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// RecordDir holds a file for each running trace that changed settings, for the
// case that the trace and its guardian are killed together.
const RecordDir = "/run/pktrail"

// record is one such file.
type record struct {
	Process Process         `json:"process"`
	Changed []recordSetting `json:"changed"`
}

// recordSetting is one changed setting of one namespace.
type recordSetting struct {
	Cookie string         `json:"netns_cookie"`
	Inode  uint64         `json:"netns_inode"`
	Family ruleset.Family `json:"family"`
	Old    string         `json:"old"`
	Ours   string         `json:"ours"`
}

func recordPath(name string) string { return filepath.Join(RecordDir, name+".json") }

func (r *record) write(path string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("record changed settings: %w", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("record changed settings: %w", err)
	}
	return nil
}

// Repaired is one thing that Repair did, or why it was left.
type Repaired struct {
	What string
	Done bool
	Why  string // when not done
}

// Repair undoes what traces that are gone have left behind: settings by their
// records, and tables of kernels that have no owner flag. Running traces are
// left alone.
func Repair(all []*netns.NS) ([]Repaired, error) {
	done, err := repairRecords(all)
	for _, ns := range all {
		swept, serr := sweep(ns)
		done = append(done, swept...)
		err = errors.Join(err, serr)
	}
	return done, err
}

func repairRecords(all []*netns.NS) ([]Repaired, error) {
	paths, err := filepath.Glob(RecordDir + "/*.json")
	if err != nil {
		return nil, err
	}
	var done []Repaired
	var errs []error
	for _, path := range paths {
		r, err := repairRecord(path, all)
		done = append(done, r...)
		errs = append(errs, err)
	}
	return done, errors.Join(errs...)
}

func repairRecord(path string, all []*netns.NS) ([]Repaired, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: not a record of pktrail: %w; look at it and remove it", path, err)
	}
	switch r.Process.state() {
	case Running:
		return nil, nil
	case Invisible:
		return []Repaired{{What: path, Why: "its process is in another pid namespace and may run: run `pktrail repair` there"}}, nil
	}
	if r.Process.BootID != bootID() {
		return nil, os.Remove(path)
	}
	var done []Repaired
	for i := len(r.Changed) - 1; i >= 0; i-- {
		d, err := r.Changed[i].repair(all)
		if err != nil {
			return done, err
		}
		done = append(done, d)
	}
	return done, os.Remove(path)
}

func (c *recordSetting) repair(all []*netns.NS) (Repaired, error) {
	for _, ns := range all {
		if fmt.Sprint(ns.Cookie) != c.Cookie || ns.Inode != c.Inode {
			continue
		}
		what := fmt.Sprintf("%s = %s in namespace %s", loggerPath(c.Family), c.Old, ns.Name)
		s, err := openLogger(ns, c.Family)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Repaired{What: what, Why: "the setting is not there any more"}, nil
		case err != nil:
			return Repaired{}, err
		case s != nil:
			_ = s.file.Close()
			return Repaired{What: what, Why: "somebody else has changed it since"}, nil
		}
		return Repaired{What: what, Done: true}, putBack(ns, c)
	}
	return Repaired{What: fmt.Sprintf("namespace with cookie %s", c.Cookie), Why: "it is gone, and its settings with it"}, nil
}

func putBack(ns *netns.NS, c *recordSetting) error {
	return ns.Do(func() error {
		return os.WriteFile(loggerPath(c.Family), []byte(c.Old), 0)
	})
}
