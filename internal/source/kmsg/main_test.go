package kmsg

import (
	"os"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
