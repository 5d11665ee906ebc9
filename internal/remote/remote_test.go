package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"moslava/internal/remote/remotetest"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve starts a server; what is tried again is tried at once.
func serve(t *testing.T) *remotetest.Server {
	t.Helper()
	old := firstPause
	firstPause = time.Millisecond
	t.Cleanup(func() { firstPause = old })
	return remotetest.New(t)
}

// opened opens an address with a cache of its own.
func opened(t *testing.T, address string, limit int64) *File {
	t.Helper()
	f, err := Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if f.cache, err = newCache(t.TempDir(), limit); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "")
	if err == nil {
		err = os.Setenv("MOSLAVA_CACHE", dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// TestReadAt: any piece of an object of every scheme is what the server has, and each block comes once.
func TestReadAt(t *testing.T) {
	s := serve(t)
	want := s.Fill("/bkt/data/x.bin", 3*blockSize+1234)
	for _, address := range []string{s.URL + "/bkt/data/x.bin", "s3://bkt/data/x.bin", "gs://bkt/data/x.bin"} {
		f := opened(t, address, 1<<30)
		if f.Size() != int64(len(want)) {
			t.Fatalf("%s: %d bytes, want %d", address, f.Size(), len(want))
		}
		before := len(s.Asked)
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			from := r.IntN(len(want))
			b := make([]byte, r.IntN(2*blockSize))
			n, err := f.ReadAt(b, int64(from))
			if all := min(len(b), len(want)-from); n != all || !bytes.Equal(b[:n], want[from:from+n]) || (err == io.EOF) != (n < len(b)) {
				t.Fatalf("%s: %d bytes at %d: %d, %v", address, len(b), from, n, err)
			}
		}
		if n := len(s.Asked) - before; n > 5 { // four blocks, and the bucket's place
			t.Errorf("%s: %d requests for four blocks", address, n)
		}
	}
}

// TestEmpty: an object of no bytes has none.
func TestEmpty(t *testing.T) {
	s := serve(t)
	s.Fill("/bkt/empty", 0)
	for _, address := range []string{s.URL + "/bkt/empty", "s3://bkt/empty"} {
		if n, err := opened(t, address, 1<<20).ReadAt(make([]byte, 3), 0); n != 0 || err != io.EOF {
			t.Errorf("%s: %d, %v", address, n, err)
		}
	}
}

// TestSecrets: keys sign, tokens are sent, neither stands in errors or in the cache, and addresses that hold one are refused.
func TestSecrets(t *testing.T) {
	s := serve(t)
	s.Fill("/bkt/x", 10)
	t.Setenv("AWS_ACCESS_KEY_ID", "KEYID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	opened(t, "s3://bkt/x", 1<<20)
	if a := s.Asked[len(s.Asked)-1].Header.Get("Authorization"); !strings.HasPrefix(a, "AWS4-HMAC-SHA256 Credential=KEYID/") || strings.Contains(a, "hunter2") {
		t.Errorf("signed with %q", a)
	}
	t.Setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "tok-1")
	opened(t, "gs://bkt/x", 1<<20)
	if a := s.Asked[len(s.Asked)-1].Header.Get("Authorization"); a != "Bearer tok-1" {
		t.Errorf("gs sends %q", a)
	}
	for _, address := range []string{"https://me:hunter2@h/x", "https://h/x?sig=hunter2", "s3://k:hunter2@bkt/x", "https://h/x#hunter2", "http:///x"} {
		if _, err := Open(t.Context(), address); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestRetries: what passes by itself is tried again, and what does not is said at once.
func TestRetries(t *testing.T) {
	s := serve(t)
	want := s.Fill("/bkt/x", blockSize+100)
	for name, c := range map[string]struct {
		fail  func(n int64, w http.ResponseWriter) bool
		tries int64 // requests at most; 0: it has to succeed
		says  string
	}{
		"503 twice": {fail: func(n int64, w http.ResponseWriter) bool {
			if n%3 != 0 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(503)
				return true
			}
			return false
		}},
		"cut connections": {fail: func(n int64, w http.ResponseWriter) bool {
			if n%2 == 1 {
				c, _, _ := w.(http.Hijacker).Hijack()
				c.Close()
				return true
			}
			return false
		}},
		"short bodies": {fail: func(n int64, w http.ResponseWriter) bool {
			if n%2 == 0 {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-99/%d", len(want)))
				w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", len(want)*7+int(want[0]))))
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(206)
				_, _ = w.Write(want[:50])
				panic(http.ErrAbortHandler)
			}
			return false
		}},
		"refused":   {fail: func(_ int64, w http.ResponseWriter) bool { w.WriteHeader(403); return true }, tries: 1, says: "AWS_ACCESS_KEY_ID"},
		"gone":      {fail: func(_ int64, w http.ResponseWriter) bool { w.WriteHeader(404); return true }, tries: 1, says: "there is no such object"},
		"down":      {fail: func(_ int64, w http.ResponseWriter) bool { w.WriteHeader(500); return true }, tries: attempts, says: "tried 6 times"},
		"no ranges": {fail: func(_ int64, w http.ResponseWriter) bool { _, _ = w.Write(want); return true }, tries: 1, says: "does not serve ranges"},
		"no size": {fail: func(_ int64, w http.ResponseWriter) bool {
			w.Header().Set("Content-Range", "bytes 0-0/*")
			w.WriteHeader(206)
			return true
		}, tries: 1, says: "how large"},
	} {
		s.Fails(c.fail)
		f, err := Open(t.Context(), s.URL+"/bkt/x")
		if c.tries > 0 {
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "/bkt/x") || s.N.Load() > c.tries {
				t.Errorf("%s: %v after %d requests", name, err, s.N.Load())
			}
			if name == "gone" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v is no missing file", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.cache, _ = newCache(t.TempDir(), 1<<30)
		b := make([]byte, len(want))
		if n, err := f.ReadAt(b, 0); err != nil || !bytes.Equal(b, want) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		f.Close()
	}
}

// TestChanged: an object that is replaced while it is open is an error, on every kind of server.
func TestChanged(t *testing.T) {
	s := serve(t)
	for _, address := range []string{s.URL + "/bkt/x", "s3://bkt/x"} {
		s.Fill("/bkt/x", 3000)
		f := opened(t, address, 1<<20)
		s.Fill("/bkt/x", 3001)
		if _, err := f.ReadAt(make([]byte, 10), 0); err == nil || !strings.Contains(err.Error(), "has changed since") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestCacheIsBounded: blocks beyond the bound go, the ones used last stay, damaged ones are fetched again.
func TestCacheIsBounded(t *testing.T) {
	s := serve(t)
	want := s.Fill("/bkt/x", 60*blockSize)
	const limit = 8 * (blockSize + 4)
	f := opened(t, s.URL+"/bkt/x", limit)
	b := make([]byte, 100)
	for i := range 60 {
		if _, err := f.ReadAt(b, int64(i)*blockSize); err != nil {
			t.Fatal(err)
		}
		if n := onDisk(t, f.cache.dir); n > limit {
			t.Fatalf("%d bytes on the disk after block %d, the bound is %d", n, i, limit)
		}
	}
	again := func() int {
		before := len(s.Asked)
		c, err := newCache(f.cache.dir, limit)
		if err != nil {
			t.Fatal(err)
		}
		f.cache = c
		for i := range int64(8) {
			at := (52+i)*blockSize + 77
			if _, err := f.ReadAt(b, at); err != nil || !bytes.Equal(b, want[at:at+100]) {
				t.Fatalf("block %d: %v", 52+i, err)
			}
		}
		return len(s.Asked) - before
	}
	if n := again(); n != 0 {
		t.Errorf("%d of the last eight blocks came again", n)
	}
	list, _ := os.ReadDir(f.cache.dir)
	for i, e := range list[:2] { // one flipped bit, one cut short
		path := filepath.Join(f.cache.dir, e.Name())
		raw, _ := os.ReadFile(path)
		raw[1000] ^= 4
		if err := os.WriteFile(path, raw[:len(raw)-i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := again(); n != 2 {
		t.Errorf("%d blocks came again of two that were damaged", n)
	}
}

func onDisk(t *testing.T, dir string) (n int64) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

// TestTogether: a block that many ask for at once comes once.
func TestTogether(t *testing.T) {
	s := serve(t)
	want := s.Fill("/bkt/x", 5000)
	f := opened(t, s.URL+"/bkt/x", 1<<20)
	before := len(s.Asked)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			b := make([]byte, 100)
			if _, err := f.ReadAt(b, int64(i*50)); err != nil || !bytes.Equal(b, want[i*50:][:100]) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := len(s.Asked) - before; n != 1 {
		t.Errorf("%d requests for one block", n)
	}
}

func TestList(t *testing.T) {
	s := serve(t)
	for _, k := range []string{"d/", "d/a.tar", "d/b.tar", "d/sub/c.tar", "dd/e.tar", "f.json"} {
		s.Fill("/bkt/"+k, len(k)%2*10)
	}
	for address, want := range map[string][]string{
		"s3://bkt/d":       {"s3://bkt/d/a.tar", "s3://bkt/d/b.tar", "s3://bkt/d/sub/c.tar"},
		"s3://bkt/d/*.tar": {"s3://bkt/d/a.tar", "s3://bkt/d/b.tar"},
		"gs://bkt/f.*":     {"gs://bkt/f.json"},
	} {
		got, err := List(t.Context(), address)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", address, got, err, want)
		}
	}
	if _, err := List(t.Context(), "s3://bkt/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := List(t.Context(), s.URL+"/bkt/d"); err == nil || !strings.Contains(err.Error(), "name the files one by one") {
		t.Errorf("a web server lists: %v", err)
	}
	for _, folder := range []string{"/", "/bkt/d/"} {
		if _, err := IsFolder(t.Context(), s.URL+folder); err == nil || !strings.Contains(err.Error(), s.URL) || !strings.Contains(err.Error(), "name the files one by one") {
			t.Errorf("a folder of a web server: %v", err)
		}
	}
}

// TestCanceled: a context that ends stops waiting.
func TestCanceled(t *testing.T) {
	s := serve(t)
	s.Fill("/bkt/x", 100)
	ctx, cancel := context.WithCancelCause(t.Context())
	f, err := Open(ctx, s.URL+"/bkt/x")
	if err != nil {
		t.Fatal(err)
	}
	f.cache, _ = newCache(t.TempDir(), 1<<20)
	hold := make(chan struct{})
	defer close(hold)
	s.Fails(func(int64, http.ResponseWriter) bool { <-hold; return true })
	stop := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	began := time.Now()
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, stop) || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
