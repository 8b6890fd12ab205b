package live

import (
	"context"
	"testing"
	"time"
)

func TestOutlasting(t *testing.T) {
	for _, c := range []struct {
		name  string
		cause error
		late  bool
	}{
		{"interrupted", nil, true},
		{"enough told", errEnough, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			longer, stop := outlasting(ctx, 200*time.Millisecond)
			defer stop()
			begin := time.Now()
			cancel(c.cause)
			<-longer.Done()
			if took := time.Since(begin); took >= 200*time.Millisecond != c.late {
				t.Errorf("ended after %v", took)
			}
		})
	}
}
