package live

import (
	"fmt"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
)

func TestProbe(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		l := lab.New(t, "router")
		for _, f := range families() {
			load(t, l, "rt", w, f.of(w), f.rules(w))
		}
		tr := watch(t, l, Options{}, "rt")
		for _, f := range families() {
			for i, p := range f.packets(t) {
				send(t, l, p.from, p.bytes)
				_ = i
			}
		}
		to := tr.stop()
		fmt.Println("=====", w)
		fmt.Println(all(to.journeys), to.counts, to.lost, to.warnings)
	}
}
