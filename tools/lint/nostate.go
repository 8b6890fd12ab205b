package main

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// noState reports writes to package-level variables. Tables that are never
// written and error sentinels are fine.
func noState() *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: "nostate",
		Doc:  "report writes to package-level variables\n\nState belongs to a value that somebody made and hands on.",
		Run: func(pass *analysis.Pass) (any, error) {
			for _, file := range ours(pass) {
				ast.Inspect(file, func(n ast.Node) bool {
					for _, target := range written(pass, n) {
						if v := packageVar(pass, target); v != nil {
							pass.Reportf(target.Pos(), "package-level variable %s is written: state belongs to a value", v.Name())
						}
					}
					return true
				})
			}
			return nil, nil
		},
	}
}

// written is what a node writes, or lets others write through a pointer.
func written(pass *analysis.Pass, n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		return calledOn(pass, n)
	}
	return nil
}

// calledOn is the variable that a builtin or a method with a pointer receiver
// changes: delete(m, k), clear(m), once.Do(f).
func calledOn(pass *analysis.Pass, call *ast.CallExpr) []ast.Expr {
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		if b, ok := pass.TypesInfo.Uses[fun].(*types.Builtin); ok && (b.Name() == "delete" || b.Name() == "clear" || b.Name() == "copy") {
			return call.Args[:1]
		}
	case *ast.SelectorExpr:
		sel := pass.TypesInfo.Selections[fun]
		if sel == nil || sel.Kind() != types.MethodVal {
			return nil
		}
		recv := sel.Obj().(*types.Func).Signature().Recv()
		_, wantsPointer := recv.Type().(*types.Pointer)
		_, isPointer := sel.Recv().Underlying().(*types.Pointer)
		if wantsPointer && !isPointer {
			return []ast.Expr{fun.X}
		}
	}
	return nil
}

// packageVar is the package-level variable that an expression is a part of.
func packageVar(pass *analysis.Pass, e ast.Expr) *types.Var {
	for e != nil {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return global(pass.TypesInfo.Uses[x])
		case *ast.SelectorExpr:
			if v := global(pass.TypesInfo.Uses[x.Sel]); v != nil {
				return v
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
	return nil
}

func global(obj types.Object) *types.Var {
	v, ok := obj.(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}
