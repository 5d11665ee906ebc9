package plan

import (
	"fmt"

	"moslava/pipelines/vlm"
)

// towerNames are the parameters of a kind of vision tower below vision_tower.
type towerNames struct {
	patch, cls, registers, pos, pre string // cls, registers and pre may be empty
	layers                          string // with %d
	blockNames
}

// blockNames are the layers of a block.
type blockNames struct{ norm1, q, k, v, o, scale1, norm2, fc1, fc2, scale2 string }

// visionNamesOf gives the names of a configuration's tower.
func visionNamesOf(m *vlm.Config) towerNames {
	c := m.Vision
	n := visionNames[c.ModelType]
	if c.Registers == 0 {
		n.registers = ""
	}
	if c.SwiGLU {
		n.fc1, n.fc2 = "mlp.weights_in", "mlp.weights_out"
	}
	return n
}

var visionNames = map[string]towerNames{"clip_vision_model": clipNames, "siglip_vision_model": siglipNames(), "dinov2": dinov2Names,
	"dinov2_with_registers": dinov2Names}

func siglipNames() towerNames {
	n := clipNames
	n.cls, n.pre = "", ""
	return n
}

var (
	clipNames = towerNames{patch: "vision_model.embeddings.patch_embedding", cls: "vision_model.embeddings.class_embedding",
		pos: "vision_model.embeddings.position_embedding.weight", pre: "vision_model.pre_layrnorm", layers: "vision_model.encoder.layers.%d.",
		blockNames: blockNames{norm1: "layer_norm1", q: "self_attn.q_proj", k: "self_attn.k_proj", v: "self_attn.v_proj", o: "self_attn.out_proj",
			norm2: "layer_norm2", fc1: "mlp.fc1", fc2: "mlp.fc2"}}
	dinov2Names = towerNames{patch: "embeddings.patch_embeddings.projection", cls: "embeddings.cls_token",
		registers: "embeddings.register_tokens", pos: "embeddings.position_embeddings",
		layers: "encoder.layer.%d.",
		blockNames: blockNames{norm1: "norm1", q: "attention.attention.query", k: "attention.attention.key", v: "attention.attention.value",
			o: "attention.output.dense", scale1: "layer_scale1.lambda1", norm2: "norm2", fc1: "mlp.fc1", fc2: "mlp.fc2", scale2: "layer_scale2.lambda1"}}
)

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
