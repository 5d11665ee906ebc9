package plan

import (
	"fmt"

	"moslava/pipelines/vlm"
)

// towerNames are the parameters of a kind of vision tower below vision_tower.
type towerNames struct {
	patch, cls, pos, pre string
	layers               string // with %d
	blockNames
}

// blockNames are the layers of a block.
type blockNames struct{ norm1, q, k, v, o, scale1, norm2, fc1, fc2, scale2 string }

var visionNames = map[string]towerNames{
	"clip_vision_model": {patch: "vision_model.embeddings.patch_embedding", cls: "vision_model.embeddings.class_embedding",
		pos: "vision_model.embeddings.position_embedding.weight", pre: "vision_model.pre_layrnorm", layers: "vision_model.encoder.layers.%d.",
		blockNames: blockNames{norm1: "layer_norm1", q: "self_attn.q_proj", k: "self_attn.k_proj", v: "self_attn.v_proj", o: "self_attn.out_proj",
			norm2: "layer_norm2", fc1: "mlp.fc1", fc2: "mlp.fc2"}},
	"dinov2": {patch: "embeddings.patch_embeddings.projection", cls: "embeddings.cls_token", pos: "embeddings.position_embeddings",
		layers: "encoder.layer.%d.",
		blockNames: blockNames{norm1: "norm1", q: "attention.attention.query", k: "attention.attention.key", v: "attention.attention.value",
			o: "attention.output.dense", scale1: "layer_scale1.lambda1", norm2: "norm2", fc1: "mlp.fc1", fc2: "mlp.fc2", scale2: "layer_scale2.lambda1"}},
}

func (n towerNames) weight(m *model, name string) *weight { return m.weight(vlm.VisionPrefix + name) }

// block gives whole names of block l.
func (n towerNames) block(l int) blockNames {
	b := n.blockNames
	prefix := vlm.VisionPrefix + fmt.Sprintf(n.layers, l)
	for _, p := range []*string{&b.norm1, &b.q, &b.k, &b.v, &b.o, &b.scale1, &b.norm2, &b.fc1, &b.fc2, &b.scale2} {
		if *p != "" {
			*p = prefix + *p
		}
	}
	return b
}

func (b blockNames) all() []string {
	return []string{b.norm1, b.q, b.k, b.v, b.o, b.norm2, b.fc1, b.fc2, b.scale1, b.scale2}
}
