package bench

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/lab"
)

var full = flag.Bool("full", false, "measure; without it everything runs for a moment only")

// TestMain is also the guardian of the traces that are made in this process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == arm.GuardianArg {
		if err := arm.RunGuardian(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(lab.Main(m))
}

// scale is how long and how often things are measured.
type scale struct {
	rounds  int           // of peer and pktrail by turns
	probe   time.Duration // of sending at one rate
	steps   int           // of the search for the highest rate
	most    float64       // packets/s to be tried
	windows int           // of unarmed and armed by turns
	window  time.Duration
	starts  int
	rules   int
	flood   time.Duration
	log     int // bytes
	entries int // of a table of connection tracking
	events  int // of entries that are made
}

func scaleOf() scale {
	if *full {
		return scale{rounds: 5, probe: 2 * time.Second, steps: 4, most: 400_000, windows: 81, window: 200 * time.Millisecond, starts: 7, rules: 10000, flood: 10 * time.Second, log: 1 << 30, entries: 1_000_000, events: 200_000}
	}
	return scale{rounds: 1, probe: 100 * time.Millisecond, steps: 1, most: searchBegin, windows: 3, window: 20 * time.Millisecond, starts: 1, rules: 200, flood: 100 * time.Millisecond, log: 4 << 20, entries: 2000, events: 2000}
}

// TestNumbers prints what pktrail promises beside what it does.
func TestNumbers(t *testing.T) {
	if testing.Short() && *full {
		t.Fatal("-short and -full: one of them")
	}
	s := scaleOf()
	r := &report{}
	defer r.print(os.Stdout)
	program := build(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *report, scale, string)
	}{
		{"lossless-nft", losslessNFT},
		{"lossless-iptables-nft", losslessIptablesNFT},
		{"lossless-legacy", losslessLegacy},
		{"flood", flooded},
		{"armed", armedCost},
		{"start", startTime},
		{"log-summary", logSummary},
		{"log-sparse", sparseLog},
		{"ct-table", ctTable},
		{"ct-events", ctEvents},
		{"rules", readRules},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, r, s, program) })
	}
}

// build makes the program that users run.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pktrail")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "github.com/pktrail/pktrail/cmd/pktrail").CombinedOutput()
	if err != nil {
		t.Fatalf("build pktrail: %v\n%s", err, out)
	}
	return path
}
