package main

import (
	"go/ast"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// noInit reports init functions: importing a package must do nothing.
func noInit() *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: "noinit",
		Doc:  "report init functions\n\nImporting a package must do nothing. Do the work in a constructor, or list what was registered in one literal.",
		Run: func(pass *analysis.Pass) (any, error) {
			for _, file := range ours(pass) {
				for _, d := range file.Decls {
					if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
						pass.Reportf(f.Name.Pos(), "init function: importing a package must do nothing")
					}
				}
			}
			return nil, nil
		},
	}
}

// ours are the files that somebody wrote: not the main that go test makes.
func ours(pass *analysis.Pass) []*ast.File {
	return slices.DeleteFunc(slices.Clone(pass.Files), func(f *ast.File) bool {
		return ast.IsGenerated(f) || !strings.HasSuffix(pass.Fset.Position(f.Package).Filename, ".go")
	})
}
