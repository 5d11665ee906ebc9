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
	valueImage       = 4<<3 | wireBytes
	valueTensor      = 8<<3 | wireBytes
	valueMetadata    = 9<<3 | wireBytes
	imageHeight      = 1<<3 | wireVarint
	imageWidth       = 2<<3 | wireVarint
	imageColours     = 3<<3 | wireVarint
	imageEncoded     = 4<<3 | wireBytes
	tensorType       = 1<<3 | wireVarint // framework/tensor.proto
	tensorShape      = 2<<3 | wireBytes
	tensorString     = 8<<3 | wireBytes
	shapeDim         = 2<<3 | wireBytes // framework/tensor_shape.proto
	dimSize          = 1<<3 | wireVarint
	metadataPlugin   = 1<<3 | wireBytes
	pluginName       = 1<<3 | wireBytes

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

// stepEvent holds all numbers of a step, and other values.
func stepEvent(r *Record, more [][]byte) []byte {
	return event(r.Time.Unix, r.Step, r.scalars(), more...)
}

// typeString is DT_STRING of framework/types.proto.
const typeString = 7

// textValue is a value of TensorBoard's text plugin, which shows it as Markdown.
func textValue(tag, text string) []byte {
	shape := appendBytes(nil, shapeDim, []byte{dimSize, 1})
	tensor := appendBytes([]byte{tensorType, typeString}, tensorShape, shape)
	tensor = appendBytes(tensor, tensorString, []byte(text))
	metadata := appendBytes(nil, metadataPlugin, appendBytes(nil, pluginName, []byte("text")))
	v := appendBytes(nil, valueTag, []byte(tag+"/text_summary"))
	return appendBytes(appendBytes(v, valueTensor, tensor), valueMetadata, metadata)
}

// imageValue is a picture, encoded as PNG, JPEG or GIF.
func imageValue(tag string, width, height int, encoded []byte) []byte {
	const rgb = 3
	im := binary.AppendUvarint([]byte{imageHeight}, uint64(height))
	im = binary.AppendUvarint(append(im, imageWidth), uint64(width))
	im = appendBytes(append(im, imageColours, rgb), imageEncoded, encoded)
	return appendBytes(appendBytes(nil, valueTag, []byte(tag)), valueImage, im)
}

func event(wall float64, step int, scalars []scalar, more ...[]byte) []byte {
	var summary []byte
	for _, s := range scalars {
		v := appendBytes(nil, valueTag, []byte(s.tag))
		v = append(v, valueSimple)
		v = binary.LittleEndian.AppendUint32(v, math.Float32bits(float32(s.value)))
		summary = appendBytes(summary, summaryValue, v)
	}
	for _, v := range more {
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
