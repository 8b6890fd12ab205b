package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/rules/graph"
)

// rulesGraphFlags is what `pktrail rules graph` takes.
type rulesGraphFlags struct {
	rulesSource
	format string
	chain  string
	unfold bool
	most   int
}

func rulesGraphCommand() *cobra.Command {
	var f rulesGraphFlags
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "a picture of hooks, chains and jumps",
		Long: `Draw the ruleset: hooks, the base chains at each, and the chains that jumps lead
to, as SVG, in the language of Graphviz (dot) or of Mermaid. Chains that no base
chain leads to, and such that nothing leads to at all, are marked. Many chains of
one make, as kube-proxy has for its services, are drawn as one, unless --unfold is
given. --chain draws the surroundings of one chain: what leads there, and where it
leads. SVG is for a file: pktrail rules graph > rules.svg; any browser shows it.`,
		Example: `  sudo pktrail rules graph -o mermaid
  sudo pktrail rules graph --chain KUBE-SERVICES --unfold -o dot
  pktrail rules graph --file rules.save -o svg`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.rulesSource.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.format, "output", "o", "svg", "svg, dot or mermaid")
	flags.StringVar(&f.chain, "chain", "", "only what leads to this chain, and where it leads")
	flags.BoolVar(&f.unfold, "unfold", false, "draw every chain for itself")
	flags.IntVar(&f.most, "most", 400, "chains to draw at most")
	return cmd
}

func (f *rulesGraphFlags) run(cmd *cobra.Command) error {
	draw, err := f.form()
	if err != nil {
		return err
	}
	switch {
	case f.most < 1:
		return hint(errors.New("--most: a picture has a chain at least"), "for example --most 400")
	case f.many():
		return hint(errors.New("--netns: one picture shows one network namespace"), "run it once for each")
	}
	if file, ok := cmd.OutOrStdout().(*os.File); ok && f.format == "svg" {
		if _, terminal := terminalWidth(file); terminal {
			return hint(errors.New("an SVG picture is nothing to read on a terminal"), "pktrail rules graph > rules.svg, or -o mermaid")
		}
	}
	read, err := f.read(cmd.Context())
	if err != nil {
		return err
	}
	g, err := graph.Build(read[0].host.Spend(false), graph.Options{Chain: f.chain, Unfold: f.unfold, MaxChains: f.most})
	if err != nil {
		return graphHint(err)
	}
	if err := (&output{}).notes(cmd, nil, read[0]); err != nil {
		return err
	}
	if g.Left > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %d chains are not in the picture: --most %d draws them\n", g.Left, f.most+g.Left)
	}
	_, err = cmd.OutOrStdout().Write(draw(g))
	return printed(err)
}

// form is how the picture is written.
func (f *rulesGraphFlags) form() (func(*graph.Graph) []byte, error) {
	switch f.format {
	case "svg":
		return func(g *graph.Graph) []byte { return g.AppendSVG(nil) }, nil
	case "dot":
		return func(g *graph.Graph) []byte { return g.AppendDOT(nil) }, nil
	case "mermaid":
		return func(g *graph.Graph) []byte { return g.AppendMermaid(nil) }, nil
	}
	return nil, hint(fmt.Errorf("-o %s: no such picture", f.format), "-o svg, -o dot or -o mermaid")
}

func graphHint(err error) error {
	var none *graph.ErrNoChain
	if !errors.As(err, &none) {
		return err
	}
	if len(none.Alike) > 0 {
		return hint(err, "did you mean %s?", strings.Join(none.Alike, " or "))
	}
	return hint(err, "pktrail rules lists the chains")
}
