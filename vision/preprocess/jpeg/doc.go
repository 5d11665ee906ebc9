// Package jpeg decodes JPEG files (ITU-T T.81, JFIF, Adobe's marker) to the samples that libjpeg-turbo 3 gives with its default
// settings, bit for bit: what Pillow and with it the training of published models has seen. image/jpeg cannot be brought
// there, because it hands out no coefficients and its inverse transform rounds in other places.
//
// The inverse transform is that of Loeffler, Ligtenberg and Moschytz (ICASSP 1989, 11 multiplications) with constants of 13 bits
// and two extra bits between the passes, as jidctint.c of libjpeg has it; chroma is interpolated by the triangle filter
// ("fancy upsampling") where it is half as wide, half as high or both, and repeated for other whole ratios; colours go through the 16-bit
// fixed-point matrix of JFIF.
//
// It reads sequential and progressive Huffman-coded files of 8 bits with 1, 3 or 4 components, interleaved or not, with restart
// intervals. It refuses with an error, naming it: arithmetic coding, lossless and hierarchical processes, 12 bits,
// a height given by DNL alone, ratios that are no whole numbers, and progressive files whose scans do not
// send all coefficients, which libjpeg smooths.
//
// Of what libjpeg warns of this package accepts, with the same samples, what leaves nothing to be made up: bytes that belong to nothing before and behind
// markers, segments of APPn and COM without a valid length, restart markers out of order whose intervals are all there, a sequential file
// without an end or without Huffman tables (those of annex K). Where libjpeg goes on behind damaged or missing entropy-coded data, with grey or garbage, this
// package returns an error: what it decodes is what is in the file.
package jpeg
