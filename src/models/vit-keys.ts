/**
 * Names of a Vision Transformer's weights in the libraries that publish them. Graft's own are timm's. What others store in
 * another shape is brought to it (`prepare`): query, key and value apart or with a bias for two of them, tokens without a
 * dimension for the batch. Text towers, projections into the space of texts, and mask tokens are left out.
 *
 * | library | block 0's first weight | class token |
 * |---|---|---|
 * | timm | `blocks.0.norm1.weight` | `cls_token` |
 * | open_clip | `visual.transformer.resblocks.0.ln_1.weight` | `visual.class_embedding` |
 * | open_clip with a trunk of timm's | `visual.trunk.blocks.0.norm1.weight` | `visual.trunk.cls_token` |
 * | transformers (CLIPModel) | `vision_model.encoder.layers.0.layer_norm1.weight` | `vision_model.embeddings.class_embedding` |
 * | facebookresearch/dinov2 | `blocks.0.norm1.weight`, or `blocks.0.0.norm1.weight` | `cls_token` |
 * | PanDerm | `blocks.0.norm1.weight`, or behind `encoder.` | `cls_token` |
 */
import { cat, type Tensor, zeros } from 'graft-torch';
import type { Tensors, WeightNaming } from './naming.js';

const OWN =
  /^(cls_token|reg_token|pos_embed|patch_embed\.proj\.\w+|norm_pre\.\w+|blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|ls[12]|mlp\.fc[12])\.\w+|norm\.\w+|fc_norm\.\w+|head\.(weight|bias))$/;

const identity = (key: string): string => key;

/** Graft's own names. */
export const TIMM: WeightNaming = {
  name: 'timm',
  knows: (key) => OWN.test(key),
  toOwn: identity,
  toFile: identity,
};

/** Parts of keys, theirs and own, in which `#` is a block's number and `*` what follows a layer's name. */
type Parts = readonly (readonly [theirs: string, own: string])[];

const escaped = (part: string): string =>
  part.replaceAll('.', '\\.').replace('#', '(\\d+)').replace('*', '(\\w+)');

/** Turns keys by a table of both sides; what is in none of its rows stays as it is. */
function renaming(rows: readonly (readonly [from: string, to: string])[]): (key: string) => string {
  const rules = rows.map(([from, to]) => ({ pattern: new RegExp(`^${escaped(from)}$`), to }));
  return (key) => {
    for (const { pattern, to } of rules) {
      const found = pattern.exec(key);
      if (!found) continue;
      let next = 1;
      return to.replace(/[#*]/g, () => found[next++]!);
    }
    return key;
  };
}

/** A naming by a table. */
function tabled(name: string, parts: Parts, prepare: (tensors: Tensors) => Tensors): WeightNaming {
  const toOwn = renaming(parts);
  const toFile = renaming(parts.map(([theirs, own]) => [own, theirs]));
  const patterns = parts.map(([theirs]) => new RegExp(`^${escaped(theirs)}$`));
  return { name, knows: (key) => patterns.some((pattern) => pattern.test(key)), toOwn, toFile, prepare };
}

/** With these entries only. */
const only = (tensors: Tensors, wanted: (key: string) => boolean): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).filter(([key]) => wanted(key)));

/** `[D]` → `[1, 1, D]`, `[T, D]` → `[1, T, D]`. */
function withBatch(tensors: Record<string, Tensor>, keys: readonly string[]): void {
  for (const key of keys) {
    const value = tensors[key];
    if (value)
      tensors[key] = value.reshape([1, value.shape.length === 1 ? 1 : value.shape[0]!, value.shape.at(-1)!]);
  }
}

/** CLIP's own code and open_clip; OpenAI's weights have these names too. */
export const OPEN_CLIP: WeightNaming = tabled(
  'open_clip',
  [
    ['visual.class_embedding', 'cls_token'],
    ['visual.positional_embedding', 'pos_embed'],
    ['visual.conv1.*', 'patch_embed.proj.*'],
    ['visual.ln_pre.*', 'norm_pre.*'],
    ['visual.transformer.resblocks.#.ln_1.*', 'blocks.#.norm1.*'],
    ['visual.transformer.resblocks.#.attn.in_proj_weight', 'blocks.#.attn.qkv.weight'],
    ['visual.transformer.resblocks.#.attn.in_proj_bias', 'blocks.#.attn.qkv.bias'],
    ['visual.transformer.resblocks.#.attn.out_proj.*', 'blocks.#.attn.proj.*'],
    ['visual.transformer.resblocks.#.ls_1.*', 'blocks.#.ls1.*'],
    ['visual.transformer.resblocks.#.ln_2.*', 'blocks.#.norm2.*'],
    ['visual.transformer.resblocks.#.mlp.c_fc.*', 'blocks.#.mlp.fc1.*'],
    ['visual.transformer.resblocks.#.mlp.c_proj.*', 'blocks.#.mlp.fc2.*'],
    ['visual.transformer.resblocks.#.ls_2.*', 'blocks.#.ls2.*'],
    ['visual.ln_post.*', 'norm.*'],
  ],
  (tensors) => {
    const tower = only(tensors, (key) => key.startsWith('visual.') && key !== 'visual.proj');
    withBatch(tower, ['visual.class_embedding', 'visual.positional_embedding']);
    return tower;
  },
);

const TRUNK = 'visual.trunk.';

/** open_clip around a network of timm's (BiomedCLIP). */
export const OPEN_CLIP_TIMM: WeightNaming = {
  name: 'open_clip with a timm trunk',
  knows: (key) => key.startsWith(TRUNK) && OWN.test(key.slice(TRUNK.length)),
  toOwn: (key) => (key.startsWith(TRUNK) ? key.slice(TRUNK.length) : key),
  toFile: (key) => TRUNK + key,
  prepare: (tensors) => only(tensors, (key) => key.startsWith(TRUNK)),
};

/** Hugging Face's transformers, CLIPModel and CLIPVisionModel; `pre_layrnorm` is how they spell it. */
export const TRANSFORMERS: WeightNaming = tabled(
  'transformers',
  [
    ['vision_model.embeddings.class_embedding', 'cls_token'],
    ['vision_model.embeddings.position_embedding.weight', 'pos_embed'],
    ['vision_model.embeddings.patch_embedding.*', 'patch_embed.proj.*'],
    ['vision_model.pre_layrnorm.*', 'norm_pre.*'],
    ['vision_model.encoder.layers.#.layer_norm1.*', 'blocks.#.norm1.*'],
    // The fused one, see `prepare`.
    ['vision_model.encoder.layers.#.self_attn.q_proj.*', 'blocks.#.attn.qkv.*'],
    ['vision_model.encoder.layers.#.self_attn.out_proj.*', 'blocks.#.attn.proj.*'],
    ['vision_model.encoder.layers.#.layer_norm2.*', 'blocks.#.norm2.*'],
    ['vision_model.encoder.layers.#.mlp.fc1.*', 'blocks.#.mlp.fc1.*'],
    ['vision_model.encoder.layers.#.mlp.fc2.*', 'blocks.#.mlp.fc2.*'],
    ['vision_model.post_layernorm.*', 'norm.*'],
  ],
  (tensors) => {
    // Older versions saved the numbers of the places, 0, 1, 2 and so on.
    const tower = only(tensors, (key) => key.startsWith('vision_model.') && !key.endsWith('.position_ids'));
    withBatch(tower, [
      'vision_model.embeddings.class_embedding',
      'vision_model.embeddings.position_embedding.weight',
    ]);
    for (const [key, query] of Object.entries(tower)) {
      if (!key.includes('.self_attn.q_proj.')) continue;
      const others = ['k_proj', 'v_proj'].map((part) => key.replace('q_proj', part));
      const [first, second] = others.map((other) => tower[other]);
      if (!first || !second) continue;
      tower[key] = cat([query, first, second]);
      for (const other of others) delete tower[other];
    }
    return tower;
  },
);

/** `blocks.1.7.norm1.weight`: the first number is of a piece for training on several machines, the second the block's. */
const CHUNKED = /^blocks\.\d+\.(\d+\.)/;

/**
 * The authors' own files of DINOv2 with registers. Their class token's place is added to it, which is what they do with it;
 * registers have none.
 */
export const DINOV2: WeightNaming = {
  name: 'dinov2',
  knows: (key) => OWN.test(key.replace(CHUNKED, 'blocks.$1')) || /^(register_tokens|mask_token)$/.test(key),
  toOwn: (key) => (key === 'register_tokens' ? 'reg_token' : key.replace(CHUNKED, 'blocks.$1')),
  toFile: (key) => (key === 'reg_token' ? 'register_tokens' : key),
  prepare: (tensors) => {
    const { mask_token: _, ...kept } = tensors;
    const { cls_token: token, pos_embed: places } = kept;
    if (!token || !places || !('register_tokens' in kept) || places.shape.length !== 3) return kept;
    return {
      ...kept,
      cls_token: token.add(places.narrow(1, 0, 1)),
      pos_embed: places.narrow(1, 1, places.shape[1]! - 1),
    };
  },
};

const ENCODER = 'encoder.';

const PANDERM_OWN: Parts = [
  ['blocks.#.gamma_1', 'blocks.#.ls1.gamma'],
  ['blocks.#.gamma_2', 'blocks.#.ls2.gamma'],
  // The fused one, see `prepare`.
  ['blocks.#.attn.q_bias', 'blocks.#.attn.qkv.bias'],
];
const fromPanDerm = renaming(PANDERM_OWN);
const toPanDerm = renaming(PANDERM_OWN.map(([theirs, own]) => [own, theirs]));
const withoutEncoder = (key: string): string => (key.startsWith(ENCODER) ? key.slice(ENCODER.length) : key);

/**
 * PanDerm's files (github.com/SiyuanYan1/PanDerm), of BEiT's kind: biases for queries and values, and none for keys. A bias of
 * keys adds the same to all scores of a query, which their softmax does not show, so that zeros in its place change nothing.
 * The large model's file holds all of pre-training, the encoder's weights behind `encoder.`.
 */
export const PANDERM: WeightNaming = {
  name: 'panderm',
  knows: (key) => {
    const inner = withoutEncoder(key);
    return OWN.test(inner) || /^blocks\.\d+\.(gamma_[12]|attn\.[qv]_bias)$/.test(inner);
  },
  toOwn: (key) => fromPanDerm(withoutEncoder(key)),
  toFile: toPanDerm,
  prepare: (tensors) => {
    const isWhole = Object.keys(tensors).some((key) => key.startsWith(`${ENCODER}blocks.`));
    const encoder = only(
      tensors,
      (key) => (!isWhole || key.startsWith(ENCODER)) && withoutEncoder(key) !== 'mask_token',
    );
    for (const [key, query] of Object.entries(encoder)) {
      if (!key.endsWith('.attn.q_bias')) continue;
      const other = key.replace('q_bias', 'v_bias');
      const value = encoder[other];
      if (!value) continue;
      encoder[key] = cat([query, zeros(query.shape, { dtype: query.dtype }), value]);
      delete encoder[other];
    }
    return encoder;
  },
};
