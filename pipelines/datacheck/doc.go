// Package datacheck goes once over what a run of a recipe would see of its data and says what is there: lengths, pictures, what is learnt, what would stop the
// run, what is left out, what stands there twice, and which pictures are in a suite as well. Samples are read, encoded and judged by the loader and the encoder
// of training itself. Of each picture 24 bytes are kept, whatever its size.
package datacheck
