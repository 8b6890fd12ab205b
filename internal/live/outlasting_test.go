package live

import (
	"context"
	"testing"
	"time"
)

// TestOutlasting: who is interrupted waits on for a while, who has had enough does not.
func TestOutlasting(t *testing.T) {
	const while = 50 * time.Millisecond
	for _, c := range []struct {
		name  string
		cause error
		by    time.Duration
		least time.Duration
	}{
		{"interrupted", nil, while, while},
		{"enough told", errEnough, 24 * time.Hour, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			longer, stop := outlasting(ctx, c.by)
			defer stop()
			begin := time.Now()
			cancel(c.cause)
			<-longer.Done()
			if took := time.Since(begin); took < c.least {
				t.Errorf("ended after %v", took)
			}
		})
	}
}
