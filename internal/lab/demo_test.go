package lab

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

func asExit(err error, e **exec.ExitError) bool { return errors.As(err, e) }

// Each scene looks at both ends itself; the worlds that are left must give the
// same fates.
func TestDemoInEveryCast(t *testing.T) {
	for _, cast := range [][]World{
		nil, {Legacy}, {IptablesNFT}, {NFT}, {Legacy, IptablesNFT}, {Legacy, NFT}, {IptablesNFT, NFT},
	} {
		t.Run(fmt.Sprint(cast), func(t *testing.T) {
			for _, w := range cast {
				Need(t, w)
			}
			d, err := NewDemo(t.Context(), cast...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}()
			var before, after int
			if err := d.Run(t.Context(), func(Scene) { before++ }, func(Scene) { after++ }); err != nil {
				out, _ := d.Lab.Exec(t.Context(), DemoRouter, "nft", "list", "ruleset")
				t.Error(err, out)
			}
			if before != len(d.Scenes) || after != before {
				t.Errorf("%d scenes, %d begun, %d ended", len(d.Scenes), before, after)
			}
		})
	}
}

// A scene whose packets meet another fate than was meant must say so.
func TestScenesTellTheTruth(t *testing.T) {
	Need(t, NFT)
	d, err := NewDemo(t.Context(), NFT)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.Lab.Exec(t.Context(), DemoRouter, "nft", "flush", "ruleset"); err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Scenes {
		untouched := strings.Contains(s.Title, "ping")
		if err := s.Send(t.Context()); (err == nil) != untouched {
			t.Errorf("%s: without any rule: %v", s.Title, err)
		}
	}
}
