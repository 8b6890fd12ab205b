package ctcli_test

import (
	"context"
	"os"
	"testing"

	"github.com/pktrail/pktrail/internal/ctcli"
	"github.com/pktrail/pktrail/internal/lab"
)

// asProgram makes the test binary conntrack, for comparing it with the real one.
const asProgram = "PKTRAIL_TEST_CONNTRACK"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(ctcli.Run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(lab.Main(m))
}
