package live

import (
	"fmt"
	"os"
	"testing"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/lab"
)

// TestMain is also the guardian of the traces that the tests make, and the
// process that tests kill.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == arm.GuardianArg {
		if err := arm.RunGuardian(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if how, ok := os.LookupEnv(victimEnv); ok {
		if err := victim(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	lab.AtOnce(4)
	os.Exit(lab.Main(m))
}
