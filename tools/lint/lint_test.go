package main

import (
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
)

func TestOwnAnalysers(t *testing.T) {
	for folder, a := range map[string]*analysis.Analyzer{"noinit": noInit(), "nostate": noState()} {
		analysistest.Run(t, analysistest.TestData(), a, folder)
	}
}
