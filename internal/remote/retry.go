package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// errChanged is of an object that is not the one that was opened.
var errChanged = errors.New("the object has changed since it was opened: start again, on data that stays as it is")

const (
	attempts   = 6
	maxPause   = 30 * time.Second
	perAttempt = 2 * time.Minute
)

// firstPause is the wait before the second attempt; each later one is twice as long.
var firstPause = 500 * time.Millisecond

// tried calls f until it succeeds, up to attempts times, each with a time of its own.
func tried(ctx context.Context, address string, f func(ctx context.Context) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		one, cancel := context.WithTimeout(ctx, perAttempt)
		err := f(one)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passing(err):
			return fmt.Errorf("%s: %w", address, advised(err))
		case n == attempts:
			return fmt.Errorf("%s: tried %d times: %w", address, n, err)
		}
		wait := pause/2 + rand.N(pause/2+1)
		var s *statusError
		if errors.As(err, &s) {
			if after, wrong := strconv.Atoi(s.after); wrong == nil && after >= 0 {
				wait = time.Duration(min(after, int(maxPause/time.Second))) * time.Second
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		pause = min(2*pause, maxPause)
	}
}

// passing says whether another attempt may succeed: after what the network does, and after what a server says of itself.
func passing(err error) bool {
	var s *statusError
	switch {
	case errors.As(err, &s):
		return s.status >= 500 && s.status != http.StatusNotImplemented || s.status == http.StatusTooManyRequests || s.status == http.StatusRequestTimeout
	case errors.Is(err, errChanged), errors.Is(err, errNoList), errors.Is(err, errEnough):
		return false
	}
	if dns := new(net.DNSError); errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	var network interface{ Timeout() bool } // of net and of contexts
	return errors.As(err, &network) || errors.Is(err, errShort)
}

// advised adds to a refusal what to do about it.
func advised(err error) error {
	var s *statusError
	if errors.As(err, &s) {
		switch s.status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%w: expected credentials in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3, "+
				"GOOGLE_OAUTH_ACCESS_TOKEN or GS_ACCESS_KEY_ID and GS_SECRET_ACCESS_KEY for gs, HF_TOKEN for huggingface.co", err)
		case http.StatusNotFound:
			return fmt.Errorf("%w: there is no such object", err)
		}
	}
	return err
}
