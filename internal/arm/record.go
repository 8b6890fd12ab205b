package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// RecordDir holds a file for each running trace or log that changed settings or
// put rules into legacy tables, for the case that it and its guardian are killed
// together.
const RecordDir = "/run/pktrail"

// record is one such file.
type record struct {
	Process Process         `json:"process"`
	Changed []recordSetting `json:"changed"`
	Rules   []recordRules   `json:"rules"`
}

// recordRules is rules of ours in legacy tables of one namespace.
type recordRules struct {
	Cookie string       `json:"netns_cookie"`
	Inode  uint64       `json:"netns_inode"`
	Rules  []LegacyRule `json:"rules"`
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

// Repair undoes what traces and logs that are gone have left behind: rules in
// legacy tables and settings by their records, wherever they are, and in the given
// namespaces tables of kernels that have no owner flag. Running ones are left alone.
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
	where := &spaces{given: all}
	defer where.close()
	var done []Repaired
	var errs []error
	for _, path := range paths {
		r, err := repairRecord(path, where)
		done = append(done, r...)
		errs = append(errs, err)
	}
	return done, errors.Join(errs...)
}

// spaces finds the namespaces of records: among those given, then everywhere,
// since whoever repairs may look at others than were changed.
type spaces struct {
	given, others []*netns.NS
	looked        bool
}

// find is the namespace of a record, nil where it is gone.
func (s *spaces) find(cookie string, inode uint64) *netns.NS {
	is := func(ns *netns.NS) bool { return fmt.Sprint(ns.Cookie) == cookie && ns.Inode == inode }
	if i := slices.IndexFunc(s.given, is); i >= 0 {
		return s.given[i]
	}
	if !s.looked {
		s.looked = true
		s.others, _ = netns.All()
	}
	if i := slices.IndexFunc(s.others, is); i >= 0 {
		return s.others[i]
	}
	return nil
}

func (s *spaces) close() {
	for _, ns := range s.others {
		_ = ns.Close()
	}
}

// removeRecord takes a record away; a guardian that has just ended did so already.
func removeRecord(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func repairRecord(path string, where *spaces) ([]Repaired, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
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
		return nil, removeRecord(path)
	}
	var done []Repaired
	for i := range r.Rules {
		d, err := r.Rules[i].repair(where)
		done = append(done, d...)
		if err != nil {
			return done, err
		}
	}
	for i := len(r.Changed) - 1; i >= 0; i-- {
		d, err := r.Changed[i].repair(where)
		if err != nil {
			return done, err
		}
		done = append(done, d)
	}
	return done, removeRecord(path)
}

// repair removes those rules that are there still.
func (r *recordRules) repair(where *spaces) ([]Repaired, error) {
	ns := where.find(r.Cookie, r.Inode)
	if ns == nil {
		return []Repaired{spaceGone(r.Cookie)}, nil
	}
	var done []Repaired
	for i := range r.Rules {
		rule := &r.Rules[i]
		was, err := rule.remove(ns)
		if err != nil {
			return done, fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
		if was {
			done = append(done, Repaired{What: fmt.Sprintf("chain %s of the legacy table %s in namespace %s, without our rule", rule.Chain, rule.Table, ns.Name), Done: true})
		}
	}
	return done, nil
}

func spaceGone(cookie string) Repaired {
	return Repaired{What: "namespace with cookie " + cookie, Why: "it is gone, and all of ours with it"}
}

func (c *recordSetting) repair(where *spaces) (Repaired, error) {
	ns := where.find(c.Cookie, c.Inode)
	if ns == nil {
		return spaceGone(c.Cookie), nil
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

func putBack(ns *netns.NS, c *recordSetting) error {
	return ns.Do(func() error {
		return os.WriteFile(loggerPath(c.Family), []byte(c.Old), 0)
	})
}
