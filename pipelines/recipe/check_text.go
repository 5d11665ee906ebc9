package recipe

import (
	"slices"
	"strconv"
)

// TextOnly says whether the model is a decoder alone, which takes no pictures.
func (m *Model) TextOnly() bool { return m.From == "" && m.Vision == "" && m.Language != "" }

// isOfPictures says whether a part is one that a decoder alone does not have.
func isOfPictures(part string) bool { return part == PartVision || part == PartProjector }

const noVision = "the model has no vision tower: give model.vision, or "

// textOnly reports what a recipe of a decoder alone says about pictures.
func (r *Recipe) textOnly(d *decoder) {
	for _, key := range []string{"model.projector", "model.image_size", "model.tiles", "model.feature_layer", "model.select_strategy", "model.quantize.vision",
		"data.images", "data.max_pixels"} {
		if d.has(key) {
			d.at(key, noVision+"leave this key out")
		}
	}
	for i := range r.Stages {
		s, key := &r.Stages[i], "stages."+strconv.Itoa(i)
		switch {
		case s.Kind == Align:
			d.at(key+".kind", noVision+"leave this stage out: align trains the projector behind it")
		case s.Train != nil:
			s.Train.textOnly(d, key)
		case s.Evaluate != nil:
			for j, suite := range s.Evaluate.Suites {
				if suite.Blank {
					d.at(key+".suites."+strconv.Itoa(j)+".blank", noVision+"leave this key out: there are no pictures to make grey")
				}
			}
		case s.Export != nil && slices.Contains([]string{"towers", "xtuner"}, s.Export.Format):
			d.at(key+".format", noVision+"use hf for the decoder, peft or folded for its adapters: %s is for two towers", s.Export.Format)
		}
	}
}

// textOnly reports what a training stage says about pictures.
func (t *TrainConfig) textOnly(d *decoder, key string) {
	for _, name := range []string{".images", ".max_pixels", ".feature_cache"} {
		if d.has(key + name) {
			d.at(key+name, noVision+"leave this key out")
		}
	}
	for _, part := range t.Train {
		if isOfPictures(part) {
			d.at(key+".train", noVision+"leave %s out", part)
		}
	}
	if t.Adapters != nil && t.Adapters.Vision != nil {
		d.at(key+".adapters.vision", noVision+"leave this key out")
	}
}
