package lab

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(killable{m})) }
