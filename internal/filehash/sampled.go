package filehash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"moslava/internal/infile"
)

// samples is how many pieces of a file Sampled reads.
const samples = 256

// Sampled reads 256 pieces of 1 MiB of a file, evenly spread, the first and the last among them, and hashes them with its size: what is practical where a file is
// larger than the memory by far. A file of up to 256 MiB is read whole. It sees that a file was replaced, cut or written anew, not every flipped bit.
func Sampled(ctx context.Context, path string) (Sum, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Sum{}, err
	}
	if info.Size() <= samples*pieceBytes {
		return File(ctx, path)
	}
	f, err := infile.Open(path)
	if err != nil {
		return Sum{}, err
	}
	defer f.Close()
	h := sha256.New()
	fmt.Fprintf(h, "%d pieces of %d bytes of %d\n", samples, pieceBytes, info.Size())
	for i := range int64(samples) {
		if ctx.Err() != nil {
			return Sum{}, context.Cause(ctx)
		}
		at := (info.Size() - pieceBytes) / (samples - 1) * i
		if i == samples-1 {
			at = info.Size() - pieceBytes
		}
		if _, err := io.Copy(h, io.NewSectionReader(f, at, pieceBytes)); err != nil {
			return Sum{}, err
		}
	}
	return Sum{info.Size(), hex.EncodeToString(h.Sum(nil))}, nil
}
