package stale

import (
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/internal/snapshot"
)

func reachOf(route snapshot.Route, neighbour string) snapshot.Reach {
	return snapshot.Reach{
		Addr: netip.MustParseAddr("10.244.1.7"), Route: snapshot.Known(route), Neighbour: snapshot.Known(neighbour),
		Behind: snapshot.Unknown[[]string]("eth0 is no veth"),
	}
}

func TestReachable(t *testing.T) {
	link := snapshot.Route{Type: "unicast", Dev: "eth0"}
	gateway := snapshot.Route{Type: "unicast", Dev: "eth0", Via: netip.MustParseAddr("192.0.2.1")}
	with := func(r snapshot.Reach, change func(*snapshot.Reach)) snapshot.Reach {
		change(&r)
		return r
	}
	deserted := func(r *snapshot.Reach) { r.Behind = snapshot.Known([]string{"pod1", "pod2"}) }
	for name, c := range map[string]struct {
		r    snapshot.Reach
		want Answer
	}{
		"local":                    {reachOf(snapshot.Route{Type: "local"}, ""), Yes},
		"no route":                 {reachOf(snapshot.Route{Type: snapshot.NoRoute}, ""), No},
		"blackhole":                {reachOf(snapshot.Route{Type: "blackhole"}, ""), No},
		"no route but by mark":     {with(reachOf(snapshot.Route{Type: snapshot.NoRoute}, ""), func(r *snapshot.Reach) { r.Choosy = 1 }), Unknown},
		"broadcast":                {reachOf(snapshot.Route{Type: "broadcast"}, ""), Unknown},
		"neighbour reachable":      {reachOf(link, "reachable"), Yes},
		"neighbour stale":          {reachOf(link, "stale"), Yes},
		"neighbour failed":         {reachOf(link, "failed"), No},
		"neighbour incomplete":     {reachOf(link, "incomplete"), Unknown},
		"no neighbour":             {reachOf(link, ""), Unknown},
		"gateway":                  {reachOf(gateway, "reachable"), Unknown},
		"gateway failed":           {reachOf(gateway, "failed"), No},
		"owned":                    {with(reachOf(link, "failed"), func(r *snapshot.Reach) { r.Owners = []string{"pod7"} }), Yes},
		"nobody behind the bridge": {with(reachOf(link, "stale"), deserted), No},
		"behind a gateway there":   {with(reachOf(gateway, "reachable"), deserted), Unknown},
		"route not known":          {snapshot.Reach{Route: snapshot.Unknown[snapshot.Route]("EPERM")}, Unknown},
	} {
		got := Reachable(&c.r)
		if got.Is != c.want || got.Why == "" {
			t.Errorf("%s: %+v, want %d", name, got, c.want)
		}
	}
}

func TestSilent(t *testing.T) {
	link := snapshot.Route{Type: "unicast", Dev: "eth0"}
	for _, c := range []struct {
		before, after string
		want          Answer
	}{
		{"incomplete", "incomplete", No}, {"failed", "incomplete", No}, {"", "incomplete", Unknown},
		{"stale", "incomplete", Unknown}, {"incomplete", "reachable", Yes}, {"", "", Unknown},
	} {
		before, after := reachOf(link, c.before), reachOf(link, c.after)
		if got := Silent(&before, &after); got.Is != c.want {
			t.Errorf("%s, then %s: %+v, want %d", c.before, c.after, got, c.want)
		}
	}
}
