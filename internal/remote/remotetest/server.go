// Package remotetest is a server of objects for tests, in memory: a web server that serves ranges, and what of S3's protocol package remote speaks.
package remotetest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Server serves objects by their paths, as a web server and as S3 do.
type Server struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	Asked   []*http.Request
	fail    func(n int64, w http.ResponseWriter) bool
	N       atomic.Int64
}

// New starts a server, at which the environment of the test points.
func New(t *testing.T) *Server {
	t.Helper()
	s := &Server{objects: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3",
		"GS_ACCESS_KEY_ID", "GS_SECRET_ACCESS_KEY", "GOOGLE_OAUTH_ACCESS_TOKEN", "HF_TOKEN"} {
		t.Setenv(k, "")
	}
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
	t.Setenv("STORAGE_ENDPOINT_URL", s.URL)
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.Asked = append(s.Asked, r)
	fail := s.fail
	s.mu.Unlock()
	if fail != nil && fail(s.N.Add(1), w) {
		return
	}
	q := r.URL.Query()
	if q.Has("location") {
		fmt.Fprint(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">us-east-1</LocationConstraint>`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Get("list-type") == "2" {
		s.list(w, strings.Trim(r.URL.Path, "/"), q.Get("prefix"))
		return
	}
	b, ok := s.objects[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", len(b)*7+int(append(b, 0)[0]))))
	w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func (s *Server) list(w http.ResponseWriter, bucket, prefix string) {
	type object struct {
		Key, ETag, LastModified string
		Size                    int
	}
	out := struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Name        string
		IsTruncated bool
		Contents    []object
	}{Name: bucket}
	for k, b := range s.objects {
		if key, ok := strings.CutPrefix(k, "/"+bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			out.Contents = append(out.Contents, object{key, `"x"`, "2006-01-02T15:04:05Z", len(b)})
		}
	}
	slices.SortFunc(out.Contents, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
	_ = xml.NewEncoder(w).Encode(out)
}

// Fill makes an object of random bytes and says what they are.
func (s *Server) Fill(path string, size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size), byte(len(path))})
	r.Read(b)
	s.Put(path, b)
	return b
}

// Put makes an object.
func (s *Server) Put(path string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = b
}

// Fails has requests answered by fail, the first of them being number 1, while it says so.
func (s *Server) Fails(fail func(n int64, w http.ResponseWriter) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
	s.N.Store(0)
}
