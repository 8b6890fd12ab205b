// Command lint runs every analyser that the house style asks for over the
// packages named, in one process with one cache: staticcheck's, errorlint, and
// two small ones of our own. Which checks are on says staticcheck.conf in the
// repository's root. Who may import whom is not here: that is internal/archtest.
package main

import (
	"os"

	"github.com/polyfloyd/go-errorlint/errorlint"
	"honnef.co/go/tools/lintcmd"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
	"honnef.co/go/tools/unused"
)

func main() {
	cmd := lintcmd.NewCommand("lint")
	cmd.AddAnalyzers(simple.Analyzers...)
	cmd.AddAnalyzers(staticcheck.Analyzers...)
	cmd.AddAnalyzers(stylecheck.Analyzers...)
	cmd.AddAnalyzers(unused.Analyzer)
	cmd.AddBareAnalyzers(errorlint.NewAnalyzer(), noInit(), noState())
	cmd.ParseFlags(os.Args[1:])
	cmd.Run()
}
