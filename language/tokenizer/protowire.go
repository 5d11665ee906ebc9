package tokenizer

import (
	"encoding/binary"
	"fmt"
	"math"
)

// protoField is a field of a Protocol Buffers message (protobuf.dev/programming-guides/encoding).
type protoField struct {
	number int
	value  uint64 // of a number
	bytes  []byte // of a string, bytes or message; a part of what was read
}

// protoFields hands over the fields of a message in order.
func protoFields(b []byte, yield func(protoField) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return fmt.Errorf("damaged: %d bytes before the end there is no field", len(b))
		}
		f := protoField{number: int(tag >> 3)}
		b = b[n:]
		size := 0
		switch tag & 7 {
		case 0:
			f.value, n = binary.Uvarint(b)
			size = n
		case 1:
			size = 8
			if len(b) >= 8 {
				f.value = binary.LittleEndian.Uint64(b)
			}
		case 5:
			size = 4
			if len(b) >= 4 {
				f.value = uint64(binary.LittleEndian.Uint32(b))
			}
		case 2:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return fmt.Errorf("damaged: field %d has %d bytes, but %d are left", f.number, length, len(b))
			}
			size = n + int(length)
			f.bytes = b[n:size]
		default:
			return fmt.Errorf("damaged: field %d is of wire type %d", f.number, tag&7)
		}
		if size <= 0 || size > len(b) {
			return fmt.Errorf("damaged: field %d is cut", f.number)
		}
		b = b[size:]
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

func (f protoField) float() float32 { return math.Float32frombits(uint32(f.value)) }
