// Package preprocess turns encoded pictures into the pixels a vision tower was trained on: decode, convert to RGB,
// optionally pad to a square, resize, crop, rescale and normalise.
//
// The reference is Pillow 13.0 (libjpeg-turbo 3.2, libwebp 1.6) under the PIL backend of transformers 5.23
// (CLIPImageProcessorPil, SiglipImageProcessorPil, BitImageProcessorPil, LlavaImageProcessorPil), which is what 4.x called the slow
// processors. Given the same RGB pixels the result equals the reference bit for bit, for every filter and size, with
// Config.Order set to Pillow13. The default, ColumnsFirst, equals Pillow up to 12 in the same way, and the published models
// were trained with that; the two differ for some tall pictures only.
//
// Pictures with transparency are a second matter of versions: see Decoder.OverWhite. EXIF orientation is ignored, as the image
// processors of transformers, LLaVA and XTuner do that are handed Image.open(...).convert("RGB"): see Decoder.Orient.
//
// The torchvision backend, which transformers 5 prefers when it is installed, differs from the PIL one by up to 2
// grey levels in about 0.5 % of the bytes; class names ending in Fast are therefore read as their PIL counterpart.
//
// # Why not imaging's resize
//
// github.com/disintegration/imaging computes filters in floating point with other rounding than Pillow's 22-bit fixed
// point (CatmullRom against BICUBIC: 1 grey level here and there), weighs colours with alpha where Pillow's RGB has
// none, and does its work in goroutines, where a panic over a malformed image cannot be caught. So resizing,
// cropping and padding are done here in one pass that never builds the padded or the uncropped picture, and imaging does what
// is exact by nature: turning and mirroring pictures by their EXIF orientation.
package preprocess
