"""What Vision Transformers of five libraries compute from the same weights: their output in evaluation and in training mode,
and the gradient of the images, which goes through every layer; and what timm makes of position embeddings at another side.

    DINOV2=<clone> PANDERM=<clone> python test/goldens/models/vit.py

Needs torch, timm and open_clip, and clones of github.com/facebookresearch/dinov2 and github.com/SiyuanYan1/PanDerm, whose own
classes compute their cases. Of transformers' CLIPModel only the documented keys are here: its weights are computed by
open_clip's tower. Weights come from a formula (see `patterned.py`), so a case holds the library's keys and shapes.
"""
import importlib.util
import os
import pathlib
import sys
from functools import partial

import open_clip
import timm
import torch
from open_clip.transformer import LayerNorm, QuickGELU
from open_clip.transformer import VisionTransformer as ClipTower
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from patterned import CLASSES, PATTERN, fill, network_rule, set_weights, shapes, write

SMALL = dict(embed_dim=64, depth=3, num_heads=4, num_classes=CLASSES)
TEXT = dict(context_length=8, vocab_size=50, width=32, heads=2, layers=1)


def rounded(y):
    return [[float(f'{v:.12g}') for v in row] for row in y.tolist()]


def computed(forward, network, side, keys=None):
    """Of images [2, 3, side, side]; the gradient is that of Σ output · upstream: its magnitude, and every 997th value."""
    x = fill(f'x[{side}]', (2, 3, side, side), dtype=torch.float64).requires_grad_()
    with torch.no_grad():
        evaluation = forward(network.eval(), x)
    training = forward(network.train(), x)
    upstream = fill('upstream', list(training.shape), dtype=torch.float64)
    gradient, = torch.autograd.grad((training * upstream).sum(), x)
    return {
        'shapes': keys or shapes(network),
        'side': side,
        'eval': rounded(evaluation),
        'train': rounded(training),
        'gradient': {'abs': float(gradient.abs().sum()), 'values': [float(f'{v:.12g}') for v in gradient.flatten()[::997]]},
    }


def case(network, side, forward=lambda network, x: network(x)):
    network = network.double()
    with torch.no_grad():
        set_weights(network)
    return computed(forward, network, side)


def timm_cases():
    quick = dict(pre_norm=True, norm_layer=partial(timm.layers.LayerNorm, eps=1e-5), act_layer='quick_gelu')
    small = {
        'registers': (56, dict(patch_size=14, reg_tokens=4, no_embed_class=True, init_values=1e-5)),
        'class': (48, dict(patch_size=16)),
        'mean': (48, dict(patch_size=16, global_pool='avg', fc_norm=False)),
        'mean-normed': (48, dict(patch_size=16, global_pool='avg')),
        'registers-everywhere': (48, dict(patch_size=16, reg_tokens=3)),
        'clip': (48, dict(patch_size=16, **quick)),
        'no-qkv-bias': (48, dict(patch_size=16, qkv_bias=False)),
    }
    for name, (side, options) in small.items():
        yield f'timm/{name}', case(VisionTransformer(img_size=side, **SMALL, **options), side)
    for name, side in {'vit_base_patch16_224': 32, 'vit_small_patch14_reg4_dinov2': 28,
                       'vit_base_patch16_clip_quickgelu_224': 32}.items():
        yield f'timm/{name}', case(timm.create_model(name, img_size=side, num_classes=CLASSES), side)


class Headless(nn.Module):
    """A library's whole model; its images' features in front of the projection."""

    def __init__(self, model, features):
        super().__init__()
        self.model, self.features = model, features

    def forward(self, x):
        return self.features(self.model, x)


def unprojected(visual, x):
    return visual._pool(visual.transformer(visual._embeds(x)))[0]


def open_clip_cases():
    for name, quick, patch, side in (('quick-gelu', True, 16, 48), ('scaled', False, 14, 56)):
        vision = dict(layers=3, width=64, head_width=16, patch_size=patch, image_size=side,
                      **({} if quick else dict(ls_init_value=0.1)))
        model = open_clip.CLIP(embed_dim=32, vision_cfg=vision, text_cfg=TEXT, quick_gelu=quick)
        yield f'open_clip/{name}', case(model, side, lambda model, x: unprojected(model.visual, x))
    tower = ClipTower(image_size=32, patch_size=16, width=768, layers=12, heads=12, mlp_ratio=4, output_dim=512,
                      act_layer=QuickGELU, norm_layer=LayerNorm)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = tower

    yield 'open_clip/ViT-B-16-quickgelu', case(Model(), 32, lambda model, x: unprojected(model.visual, x))
    trunk = dict(timm_model_name='vit_tiny_patch16_224', timm_pool='', timm_proj='linear', image_size=224)
    model = open_clip.CustomTextCLIP(embed_dim=32, vision_cfg=trunk, text_cfg=TEXT)
    yield 'open_clip with a timm trunk/tiny', case(model, 224, lambda model, x: model.visual.trunk(x))


def transformers_case():
    """Keys as transformers documents them; weights by these keys, then put into open_clip's tower."""
    width, layers, side, patch = 64, 3, 48, 16
    vision, text = 'vision_model', 'text_model'
    keys = {
        'logit_scale': [],
        'visual_projection.weight': [32, width],
        'text_projection.weight': [32, 32],
        f'{text}.embeddings.token_embedding.weight': [50, 32],
        f'{text}.encoder.layers.0.self_attn.q_proj.weight': [32, 32],
        f'{vision}.embeddings.class_embedding': [width],
        f'{vision}.embeddings.patch_embedding.weight': [width, 3, patch, patch],
        f'{vision}.embeddings.position_embedding.weight': [1 + (side // patch) ** 2, width],
    }
    norm = lambda key: {f'{vision}.{key}.weight': [width], f'{vision}.{key}.bias': [width]}
    linear = lambda key, out, into: {f'{vision}.{key}.weight': [out, into], f'{vision}.{key}.bias': [out]}
    keys |= norm('pre_layrnorm') | norm('post_layernorm')
    for i in range(layers):
        at = f'encoder.layers.{i}'
        keys |= norm(f'{at}.layer_norm1') | norm(f'{at}.layer_norm2')
        for part in ('k_proj', 'v_proj', 'q_proj', 'out_proj'):
            keys |= linear(f'{at}.self_attn.{part}', width, width)
        keys |= linear(f'{at}.mlp.fc1', 4 * width, width) | linear(f'{at}.mlp.fc2', width, 4 * width)

    def value(key):
        shape = keys[f'{vision}.{key}']
        scale, offset = network_rule(f'{vision}.{key}', shape)
        count = int(torch.tensor(shape).prod())
        return (PATTERN.window(f'{vision}.{key}', count) * scale + offset).reshape(shape)

    tower = ClipTower(image_size=side, patch_size=patch, width=width, layers=layers, heads=4, mlp_ratio=4, output_dim=32,
                      act_layer=QuickGELU, norm_layer=LayerNorm).double()
    state = {
        'class_embedding': value('embeddings.class_embedding'),
        'positional_embedding': value('embeddings.position_embedding.weight'),
        'conv1.weight': value('embeddings.patch_embedding.weight'),
        'proj': tower.proj.data,
    }
    for ours, theirs in (('ln_pre', 'pre_layrnorm'), ('ln_post', 'post_layernorm')):
        state |= {f'{ours}.{kind}': value(f'{theirs}.{kind}') for kind in ('weight', 'bias')}
    for i in range(layers):
        ours, theirs = f'transformer.resblocks.{i}', f'encoder.layers.{i}'
        for kind in ('weight', 'bias'):
            state[f'{ours}.attn.in_proj_{kind}'] = torch.cat(
                [value(f'{theirs}.self_attn.{part}_proj.{kind}') for part in 'qkv'])
            for a, b in (('ln_1', 'layer_norm1'), ('ln_2', 'layer_norm2'), ('attn.out_proj', 'self_attn.out_proj'),
                         ('mlp.c_fc', 'mlp.fc1'), ('mlp.c_proj', 'mlp.fc2')):
                state[f'{ours}.{a}.{kind}'] = value(f'{theirs}.{b}.{kind}')
    tower.load_state_dict(state)
    yield 'transformers/clip', computed(unprojected, tower, side, keys)


def dinov2_cases():
    sys.path.insert(0, os.environ['DINOV2'])
    from dinov2.models.vision_transformer import Block, DinoVisionTransformer, MemEffAttention
    for name, chunks in (('registers', 0), ('chunks', 3)):
        network = DinoVisionTransformer(
            img_size=56, patch_size=14, embed_dim=64, depth=3, num_heads=4, init_values=1.0, num_register_tokens=4,
            interpolate_antialias=True, interpolate_offset=0.0, block_chunks=chunks,
            block_fn=partial(Block, attn_class=MemEffAttention))
        yield f'dinov2/{name}', case(network, 56)


def panderm_cases():
    path = pathlib.Path(os.environ['PANDERM']) / 'classification/models/modeling_finetune.py'
    spec = importlib.util.spec_from_file_location('modeling_finetune', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where timm's register looks for it
    spec.loader.exec_module(module)
    make = lambda: module.VisionTransformer(
        img_size=64, patch_size=16, embed_dim=64, depth=3, num_heads=4, qkv_bias=True, num_classes=CLASSES,
        drop_path_rate=0, norm_layer=partial(nn.LayerNorm, eps=1e-6))
    yield 'panderm/small', case(make(), 64)
    # Its own position embeddings, which no weights replace.
    network = make()
    waves = network.pos_embed.detach()
    kept = network.state_dict().copy()
    network = network.double()
    with torch.no_grad():
        set_weights(network)
        network.pos_embed.copy_(waves)
    own = computed(lambda network, x: network(x), network, 64)
    del own['shapes']['pos_embed']
    assert 'pos_embed' in kept
    yield 'panderm/waves', own


def resampled_cases():
    for name, old, new, prefix, width in (('up', 4, 7, 1, 6), ('down', 9, 4, 0, 6), ('down-much', 37, 16, 5, 2)):
        positions = fill(f'positions.{name}', (1, prefix + old ** 2, width))
        found = resample_abs_pos_embed(positions, new_size=[new, new], num_prefix_tokens=prefix)
        yield f'resampled/{name}', {
            'old': old, 'new': new, 'prefix': prefix, 'width': width,
            'values': [float(f'{v:.9g}') for v in found.flatten()],
        }
    # As timm itself brings weights to another side: made at 56, used at 84.
    network = VisionTransformer(img_size=56, patch_size=14, reg_tokens=4, no_embed_class=True, init_values=1e-5, **SMALL)
    with torch.no_grad():
        set_weights(network)
    keys = shapes(network)
    network.set_input_size(img_size=84)
    yield 'timm/at-another-side', computed(lambda network, x: network(x), network.double(), 84, keys)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases = {}
    for group in (timm_cases, open_clip_cases, transformers_case, dinov2_cases, panderm_cases, resampled_cases):
        for name, value in group():
            cases[name] = value
            print(name, file=sys.stderr)
    write('vit', {'timm': timm.__version__, 'open_clip': open_clip.__version__}, cases)


if __name__ == '__main__':
    main()
