package preprocess

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/infile"
)

const (
	configFile    = "preprocessor_config.json"
	processorFile = "processor_config.json"
	maxConfigSize = 1 << 20
)

// Load reads the image processor of a model directory, see Find. Errors name the file and the field.
func Load(dir string) (*Config, error) {
	b, where, err := Find(dir)
	if err != nil {
		return nil, err
	}
	return parseFile(where, b)
}

// Find reads the JSON object of the image processor of a model directory, and says where it stands. As in transformers 5.23 it is
// the image_processor part of processor_config.json if there is one, else preprocessor_config.json.
func Find(dir string) (b []byte, where string, err error) {
	b, where, err = readPart(filepath.Join(dir, processorFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoPart) {
		return readPart(filepath.Join(dir, configFile))
	}
	return b, where, err
}

// errNoPart is a processor_config.json that says nothing about pictures.
var errNoPart = errors.New("image_processor is missing")

// LoadFile reads one file of either kind: a preprocessor_config.json under any name, or a processor_config.json, whose
// image_processor part counts. Errors name the file and the field.
func LoadFile(path string) (*Config, error) {
	b, where, err := readPart(path)
	if err != nil {
		return nil, err
	}
	return parseFile(where, b)
}

// readPart is the object in a file of either kind, and where it stands.
func readPart(path string) (b []byte, where string, err error) {
	if b, err = infile.Read(path, maxConfigSize); err != nil {
		return nil, "", fmt.Errorf("preprocess: %w", err)
	}
	if filepath.Base(path) != processorFile {
		return b, path, nil
	}
	var whole struct {
		ImageProcessor json.RawMessage `json:"image_processor"`
	}
	if err := json.Unmarshal(b, &whole); err != nil {
		return nil, "", fmt.Errorf("preprocess: %s: %w", path, err)
	}
	if whole.ImageProcessor == nil || string(whole.ImageProcessor) == "null" {
		return nil, "", fmt.Errorf("preprocess: %s: %w", path, errNoPart)
	}
	return whole.ImageProcessor, path + ": image_processor", nil
}

func parseFile(path string, b []byte) (*Config, error) {
	c, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// refused are fields that change the numbers in some processor of transformers and do nothing here: they are errors
// unless null, false, zero or empty.
var refused = []string{
	"auto_map", "crop_pct", "do_affine_transform", "do_align_long_axis", "do_flip_channel_order", "do_image_splitting",
	"do_pan_and_scan", "do_reduce_labels", "do_split_image", "do_thumbnail", "ensure_multiple_of",
	"image_grid_pinpoints", "include_top", "keep_aspect_ratio", "max_image_size", "max_num_tiles", "max_patches",
	"max_pixels", "merge_size", "min_pixels", "offset", "pad_size", "rescale_offset", "size_divisor",
	"temporal_patch_size", "use_square_size",
}

// Parse reads the text of a preprocessor_config.json. As in transformers, absent fields get the defaults of their class, a switch that is
// null is off, and a value that is null is missing, which is an error where a switch asks for it. An unknown class, a field of the wrong type, or one that would change the numbers and is not
// implemented is an error naming field and value; other unknown fields are ignored, as in transformers.
func Parse(b []byte) (*Config, error) {
	var m fields
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("preprocess: image processor is no JSON object: %w", err)
	}
	c, err := m.defaults()
	if err != nil {
		return nil, err
	}
	for _, name := range refused {
		if raw := m[name]; !empty(raw) {
			return nil, fmt.Errorf("preprocess: %s is %s, which is not implemented: want it absent", name, raw)
		}
	}
	var layout string
	var pad bool
	err = errors.Join(
		m.readSwitch("do_convert_rgb", &c.DoConvertRGB),
		m.readSwitch("do_resize", &c.DoResize),
		m.readTarget("size", &c.Resize, false),
		m.read("resample", "a number from 0 to 5", &c.Resample),
		m.readSwitch("do_center_crop", &c.DoCenterCrop),
		m.readTarget("crop_size", &c.CropSize, true),
		m.readSwitch("do_rescale", &c.DoRescale),
		m.read("rescale_factor", "a number", &c.RescaleFactor),
		m.readSwitch("do_normalize", &c.DoNormalize),
		m.readChannels("image_mean", &c.ImageMean),
		m.readChannels("image_std", &c.ImageStd),
		m.read("data_format", `"channels_first"`, &layout),
		m.readSwitch("do_pad", &pad),
		// After the switches have been read.
		m.notNull("do_resize", &c.DoResize, "size", "resample"),
		m.notNull("do_center_crop", &c.DoCenterCrop, "crop_size"),
		m.notNull("do_rescale", &c.DoRescale, "rescale_factor"),
		m.notNull("do_normalize", &c.DoNormalize, "image_mean", "image_std"),
	)
	if err != nil {
		return nil, err
	}
	if layout != "" && layout != "channels_first" {
		return nil, fmt.Errorf(`preprocess: data_format is %q, want "channels_first"`, layout)
	}
	if pad {
		if c.Class != classLLaVA {
			return nil, fmt.Errorf("preprocess: do_pad is true in %s, want it absent or false (%s implements it)", c.Class, classLLaVA)
		}
		c = c.WithPadToSquare()
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// fields are the members of the JSON object.
type fields map[string]json.RawMessage

// defaults finds the class: image_processor_type, or feature_extractor_type in files of before 2023; its name
// was CLIPFeatureExtractor and so on then.
func (m fields) defaults() (*Config, error) {
	var class, old string
	err := errors.Join(
		m.read("image_processor_type", "a class name", &class),
		m.read("feature_extractor_type", "a class name", &old),
	)
	if err != nil {
		return nil, err
	}
	if class == "" {
		class = old
	}
	if class == "" {
		return nil, errors.New("preprocess: image_processor_type is missing")
	}
	class = strings.Replace(class, "FeatureExtractor", "ImageProcessor", 1)
	for _, backend := range []string{"Fast", "Pil"} {
		class = strings.TrimSuffix(class, backend)
	}
	return Default(class)
}

// absent tells a field that is missing or null.
func (m fields) absent(name string) bool {
	raw, ok := m[name]
	return !ok || string(raw) == "null"
}

func (m fields) read(name, want string, to any) error {
	if m.absent(name) {
		return nil
	}
	if err := json.Unmarshal(m[name], to); err != nil {
		return fmt.Errorf("preprocess: %s is %s, want %s", name, clip(m[name]), want)
	}
	return nil
}

// readSwitch is read for true and false; null means false.
func (m fields) readSwitch(name string, to *bool) error {
	if raw, ok := m[name]; ok && string(raw) == "null" {
		*to = false
	}
	return m.read(name, "true or false", to)
}

// notNull refuses values that a switch needs and that the file has as null.
func (m fields) notNull(name string, on *bool, values ...string) error {
	for _, v := range values {
		if raw, ok := m[v]; ok && string(raw) == "null" && *on {
			return fmt.Errorf("preprocess: %s is null, want a value or %s false", v, name)
		}
	}
	return nil
}

// readTarget takes {"shortest_edge": n}, {"height": h, "width": w}, [h, w] or n, which means a square or, where
// square is false, the shortest edge (default_to_square of all four classes).
func (m fields) readTarget(name string, to *Target, square bool) error {
	if m.absent(name) {
		return nil
	}
	const want = `a number, [height, width], {"shortest_edge": n} or {"height": h, "width": w}`
	wrong := fmt.Errorf("preprocess: %s is %s, want %s", name, clip(m[name]), want)
	var n int
	if json.Unmarshal(m[name], &n) == nil {
		if square {
			*to = Target{Height: n, Width: n}
		} else {
			*to = Target{ShortestEdge: n}
		}
		return positiveTarget(*to, wrong)
	}
	var pair []*int
	if json.Unmarshal(m[name], &pair) == nil {
		if len(pair) != 2 || slices.Contains(pair, nil) {
			return wrong
		}
		*to = Target{Height: *pair[0], Width: *pair[1]}
		return positiveTarget(*to, wrong)
	}
	var sides map[string]*int
	if json.Unmarshal(m[name], &sides) != nil {
		return wrong
	}
	*to = Target{}
	for key, v := range sides {
		if v == nil {
			continue
		}
		switch key {
		case "shortest_edge":
			to.ShortestEdge = *v
		case "height":
			to.Height = *v
		case "width":
			to.Width = *v
		default:
			return fmt.Errorf("preprocess: %s has %s, which is not implemented: %w", name, key, wrong)
		}
	}
	return positiveTarget(*to, wrong)
}

func positiveTarget(t Target, wrong error) error {
	edge := t.ShortestEdge > 0 && t.Height == 0 && t.Width == 0
	if sides := t.ShortestEdge == 0 && t.Height > 0 && t.Width > 0; edge || sides {
		return nil
	}
	return wrong
}

// readChannels takes three numbers or one for all.
func (m fields) readChannels(name string, to *[3]float64) error {
	if m.absent(name) {
		return nil
	}
	var one float64
	if json.Unmarshal(m[name], &one) == nil {
		*to = [3]float64{one, one, one}
		return nil
	}
	var list []*float64 // a null among them stays nil
	if json.Unmarshal(m[name], &list) != nil || len(list) != 3 || slices.Contains(list, nil) {
		return fmt.Errorf("preprocess: %s is %s, want three numbers", name, clip(m[name]))
	}
	for i, v := range list {
		to[i] = *v
	}
	return nil
}

// empty tells a value that switches nothing on.
func empty(raw json.RawMessage) bool {
	return slices.Contains([]string{"", "null", "false", "0", "0.0", "[]", "{}", `""`}, string(raw))
}

// clip shortens a value for a message.
func clip(raw []byte) []byte {
	const limit = 120
	if len(raw) > limit {
		return append(bytes.Clone(raw[:limit]), "..."...)
	}
	return raw
}
