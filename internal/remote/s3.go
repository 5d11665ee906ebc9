package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// s3Store is a bucket that speaks S3's protocol.
type s3Store struct {
	core   *minio.Core
	bucket string
}

// openS3 takes the variables that AWS's own tools take. AWS_ENDPOINT_URL names another server, such as MinIO.
func openS3(a *url.URL) (store, error) {
	server := first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	if server == "" {
		server = "https://s3.amazonaws.com"
	}
	creds := credentials.NewStaticV4(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"))
	return bucket(a, server, creds, first("AWS_REGION", "AWS_DEFAULT_REGION"), client.Transport)
}

// openGS reads Cloud Storage by its S3 protocol: with an access token, with HMAC keys, or what is public with neither.
func openGS(a *url.URL) (store, error) {
	server := os.Getenv("STORAGE_ENDPOINT_URL")
	if server == "" {
		server = "https://storage.googleapis.com"
	}
	creds := credentials.NewStaticV4(os.Getenv("GS_ACCESS_KEY_ID"), os.Getenv("GS_SECRET_ACCESS_KEY"), "")
	via := client.Transport
	if token := os.Getenv("GOOGLE_OAUTH_ACCESS_TOKEN"); token != "" {
		creds, via = credentials.NewStaticV4("", "", ""), bearer{via, token}
	}
	return bucket(a, server, creds, "auto", via)
}

// bearer sends a token with every request.
type bearer struct {
	http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

func bucket(a *url.URL, server string, creds *credentials.Credentials, region string, via http.RoundTripper) (store, error) {
	at, err := url.Parse(server)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("the endpoint %q is no http or https address", shown(server))
	}
	core, err := minio.NewCore(at.Host, &minio.Options{Creds: creds, Secure: at.Scheme == "https", Region: region, Transport: via,
		MaxRetries: 1}) // Open tries again
	if err != nil {
		return nil, err
	}
	return &s3Store{core, a.Host}, nil
}

func first(names ...string) string {
	for _, n := range names {
		if v := os.Getenv(n); v != "" {
			return v
		}
	}
	return ""
}

func (s *s3Store) stat(ctx context.Context, key string) (state, error) {
	o, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	return state{o.Size, o.ETag}, refused(err)
}

func (s *s3Store) read(ctx context.Context, key string, was state, from, n int64) (io.ReadCloser, error) {
	var opt minio.GetObjectOptions
	if err := opt.SetRange(from, from+n-1); err != nil {
		return nil, err
	}
	if was.tag != "" {
		if err := opt.SetMatchETag(was.tag); err != nil {
			return nil, err
		}
	}
	body, _, _, err := s.core.GetObject(ctx, s.bucket, key, opt)
	if err != nil {
		return nil, refused(err)
	}
	return body, nil
}

func (s *s3Store) list(ctx context.Context, prefix string, each func(key string, s state) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range s.core.Client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return refused(o.Err)
		}
		if err := each(o.Key, state{o.Size, o.ETag}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// refused is a server's answer as the other stores give it.
func refused(err error) error {
	var r minio.ErrorResponse
	switch {
	case !errors.As(err, &r):
		return err
	case r.StatusCode == http.StatusPreconditionFailed:
		return errChanged
	case r.StatusCode == 0:
		return err
	}
	return &statusError{status: r.StatusCode, text: r.Code + ": " + r.Message}
}
