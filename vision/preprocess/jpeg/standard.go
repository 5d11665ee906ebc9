package jpeg

import "encoding/hex"

// standard are the tables of annex K (K.3 to K.6): DC of luminance and chrominance, then AC. Frames of Motion JPEG leave them out, and libjpeg-turbo
// takes them where a sequential file has no table of number 0 or 1.
var standard = struct{ dc, ac [2]*huffman }{
	dc: [2]*huffman{
		tableOf("00010501010101010100000000000000", "000102030405060708090a0b"),
		tableOf("00030101010101010101010000000000", "000102030405060708090a0b"),
	},
	ac: [2]*huffman{
		tableOf("0002010303020403050504040000017d",
			"01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a34353637"+
				"38393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3"+
				"a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"),
		tableOf("00020102040403040705040400010277",
			"000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536"+
				"3738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999a"+
				"a2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"),
	},
}

// tableOf makes a table of how many codes there are of 1 to 16 bits and of their symbols, both hexadecimal.
func tableOf(counts, symbols string) *huffman {
	c, err := hex.DecodeString(counts)
	if err != nil {
		panic(err) // a table above
	}
	s, err := hex.DecodeString(symbols)
	if err != nil {
		panic(err)
	}
	t, err := newHuffman(c, s)
	if err != nil {
		panic(err)
	}
	return t
}
