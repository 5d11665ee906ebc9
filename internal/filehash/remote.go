package filehash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"moslava/internal/remote"
)

// Remote is the hash of what a server says of an object, or of a folder of them: sizes and tags, which change with the content.
func Remote(ctx context.Context, address string) (Sum, error) {
	text, size, err := remote.Identity(ctx, address)
	sum := sha256.Sum256([]byte(text))
	return Sum{Bytes: size, SHA256: hex.EncodeToString(sum[:])}, err
}
