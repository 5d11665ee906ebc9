package metrics

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// A scalar is one point of a TensorBoard curve.
type scalar struct {
	tag   string
	value float64
}

// Event files are TFRecords (tensorflow/core/lib/io/record_writer.cc) of Event messages (tensorflow/core/util/event.proto,
// framework/summary.proto). These are the fields used, as protobuf keys: number<<3 | wire type.
const (
	eventWallTime    = 1<<3 | wireFixed64
	eventStep        = 2<<3 | wireVarint
	eventFileVersion = 3<<3 | wireBytes
	eventSummary     = 5<<3 | wireBytes
	summaryValue     = 1<<3 | wireBytes
	valueTag         = 1<<3 | wireBytes
	valueSimple      = 2<<3 | wireFixed32

	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// fileVersion is what the first event of a file must say.
const fileVersion = "brain.Event:2"

func versionEvent() []byte {
	return frame(appendBytes(nil, eventFileVersion, []byte(fileVersion)))
}

// scalarEvent holds all numbers of a step.
func scalarEvent(r *Record) []byte { return event(r.Time.Unix, r.Step, r.scalars()) }

func event(wall float64, step int, scalars []scalar) []byte {
	var summary []byte
	for _, s := range scalars {
		v := appendBytes(nil, valueTag, []byte(s.tag))
		v = append(v, valueSimple)
		v = binary.LittleEndian.AppendUint32(v, math.Float32bits(float32(s.value)))
		summary = appendBytes(summary, summaryValue, v)
	}
	out := binary.LittleEndian.AppendUint64([]byte{eventWallTime}, math.Float64bits(wall))
	out = binary.AppendUvarint(append(out, eventStep), uint64(step))
	return frame(appendBytes(out, eventSummary, summary))
}

func appendBytes(to []byte, key byte, b []byte) []byte {
	to = binary.AppendUvarint(append(to, key), uint64(len(b)))
	return append(to, b...)
}

// frame makes a TFRecord: length, its checksum, data, its checksum.
func frame(data []byte) []byte {
	out := binary.LittleEndian.AppendUint64(make([]byte, 0, len(data)+16), uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, maskedCRC(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is CRC-32C, turned so that checksums of data that holds checksums stay good ones.
func maskedCRC(b []byte) uint32 {
	crc := crc32.Checksum(b, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}
