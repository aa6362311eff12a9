"""InceptionV3 of FID and its three input protocols, by the original programs.

    /usr/bin/python3 test/goldens/metrics/inception.py PYTORCH_FID TORCH_FIDELITY CLEAN_FID [OUT]

takes the folders that hold the packages `pytorch_fid`, `torch_fidelity` and `cleanfid` (their sources, as their
repositories have them) and writes inception.json. Nothing of them is installed or copied. Weights and images come from
the integer hash of test/goldens/torch/common.py, so the file holds no tensor.

- features and logits: pytorch-fid's network (torchvision's, patched) on noise, torch-fidelity's beside it;
- `clean`: clean-fid's resizer, then (x - 128) / 128 as its TorchScript wrapper does;
- `tensorflow`: torch-fidelity's extractor from bytes to features and unbiased logits;
- `pytorch`: pytorch-fid's network with its own resizing and normalisation.
"""
import importlib
import importlib.util
import json
import pathlib
import sys
import tempfile
import types

import numpy as np
import torch
import torchvision

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'torch'))
from common import describe, fill, integers, network_rule, processor  # noqa: E402


def bare_package(name, folder):
    """Modules of a package by themselves: its __init__ asks for more than is needed here."""
    package = types.ModuleType(name)
    package.__path__ = [str(pathlib.Path(folder) / name)]
    sys.modules[name] = package


def weights():
    """A state dict of torchvision's InceptionV3 with 1008 classes; the variant has the same keys and shapes."""
    plain = torchvision.models.Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    state = plain.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            scale, offset = network_rule(key, list(value.shape))
            value.copy_(fill('inception.' + key, list(value.shape), scale, offset, value.dtype))
    return state


def images(name, n, height, width):
    """Hash-made bytes: blocks of 4 x 4 pixels, so that resizing has edges to show."""
    coarse = integers(name, (n, 3, -(-height // 4), -(-width // 4)), 256)
    fine = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)[:, :, :height, :width]
    return fine.to(torch.uint8).contiguous()


def main():
    pytorch_fid, torch_fidelity, clean_fid = sys.argv[1:4]
    out = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else HERE / 'inception.json'
    torch.set_num_threads(1)
    for name, folder in [('pytorch_fid', pytorch_fid), ('torch_fidelity', torch_fidelity), ('cleanfid', clean_fid)]:
        bare_package(name, folder)
    state = weights()
    fid = importlib.import_module('pytorch_fid.inception')
    fid.load_state_dict_from_url = lambda *_, **__: state
    network = fid.fid_inception_v3().eval()
    blocks = fid.InceptionV3(resize_input=False, normalize_input=False).eval()
    whole = fid.InceptionV3().eval()
    fidelity = importlib.import_module('torch_fidelity.feature_extractor_inceptionv3')
    with tempfile.NamedTemporaryFile(suffix='.pth') as file:
        torch.save(state, file.name)
        extractor = fidelity.FeatureExtractorInceptionV3(
            'inception', ['2048', 'logits_unbiased'], feature_extractor_weights_path=file.name, verbose=False)
    clean = importlib.import_module('cleanfid.resize').build_resizer('clean')
    tensorflow = importlib.import_module('torch_fidelity.interpolate_compat_tensorflow')

    tensors = {}
    flat = lambda maps: maps.squeeze(-1).squeeze(-1)
    with torch.no_grad():
        noise = fill('noise', (2, 3, 107, 96))
        tensors['noise.features'] = flat(blocks(noise)[0])
        tensors['noise.logits'] = network.fc(tensors['noise.features'])

        # One set of images is made larger, one smaller.
        for size, batch in {'small': images('small', 2, 41, 53), 'large': images('large', 1, 320, 411)}.items():
            resized = torch.stack([
                torch.from_numpy(clean(image.permute(1, 2, 0).numpy())).permute(2, 0, 1) for image in batch])
            tensors[f'{size}.clean.resized'] = resized
            tensors[f'{size}.clean.features'] = flat(blocks((resized - 128) / 128)[0])
            tensors[f'{size}.tensorflow.resized'] = tensorflow.interpolate_bilinear_2d_like_tensorflow1x(
                batch.float(), size=(299, 299), align_corners=False)
            features, logits = extractor(batch)
            tensors[f'{size}.tensorflow.features'] = features
            tensors[f'{size}.tensorflow.logits'] = logits
            tensors[f'{size}.pytorch.features'] = flat(whole(batch.float() / 255)[0])

    record = {
        'about': {'generator': 'inception.py', 'torch': torch.__version__, 'torchvision': torchvision.__version__,
                  'dtype': 'float32', 'threads': 1, 'processor': processor()},
        'parameters': sum(p.numel() for p in network.parameters()),
        'shapes': {key: list(value.shape) for key, value in state.items() if not key.endswith('num_batches_tracked')},
        'tensors': {key: describe(value, 16) for key, value in tensors.items()},
    }
    lines = [f'  {json.dumps(key)}: {json.dumps(value, separators=(",", ":"))}'
             for key, value in record['tensors'].items()]
    shapes = [f'  {json.dumps(key)}: {json.dumps(value, separators=(",", ":"))}'
              for key, value in record['shapes'].items()]
    out.write_text('{\n' + f'"about": {json.dumps(record["about"])},\n"parameters": {record["parameters"]},\n'
                   + '"shapes": {\n' + ',\n'.join(shapes) + '\n},\n"tensors": {\n' + ',\n'.join(lines) + '\n}}\n')


if __name__ == '__main__':
    main()
