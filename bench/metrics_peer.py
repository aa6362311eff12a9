"""The peer of `bench/metrics.ts`: PIQA 1.1.3, as it is, on this machine's torch.

`metrics_peer.py PIQA SIZE`, the folder of its sources and the side of the images. Reads one request a line from stdin,
`METRIC BATCH THREADS PAIRS`, scores the same batch over and over, and answers with one line of JSON: the seconds.

PIQA 1.1.3 was written for a torch whose conv1d took images; here conv2d does that. MS-SSIM gets as many scales as the
size has room for.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

plain_conv1d = F.conv1d
F.conv1d = lambda x, *rest, **named: (F.conv2d if x.dim() == 4 else plain_conv1d)(x, *rest, **named)
sys.path.insert(0, sys.argv[1])
import piqa  # noqa: E402


def scales_for(side):
    scales = 0
    while scales < 5 and side >= 11:
        side, scales = -(-side // 2), scales + 1
    return scales


def main():
    assert piqa.__version__ == '1.1.3', piqa.__version__
    size = int(sys.argv[2])
    weights = piqa.MS_SSIM.OFFICIAL_WEIGHTS[: scales_for(size)]
    metrics = {
        'psnr': piqa.PSNR(reduction='none'),
        'ssim': piqa.SSIM(reduction='none'),
        'ms-ssim': piqa.MS_SSIM(weights=weights / weights.sum(), reduction='none'),
        'gmsd': piqa.GMSD(reduction='none'),
        'ms-gmsd': piqa.MS_GMSD(reduction='none'),
        'mdsi': piqa.MDSI(reduction='none'),
        'haarpsi': piqa.HaarPSI(reduction='none'),
    }
    torch.manual_seed(0)
    print(json.dumps({'torch': torch.__version__, 'piqa': piqa.__version__}), flush=True)
    for line in sys.stdin:
        name, batch, threads, pairs = line.split()
        batch, metric = int(batch), metrics[name]
        torch.set_num_threads(int(threads))
        with torch.no_grad():
            x, y = torch.rand(batch, 3, size, size), torch.rand(batch, 3, size, size)
            start = time.perf_counter()
            for _ in range(0, int(pairs), batch):
                metric(x, y).tolist()
            print(json.dumps({'seconds': time.perf_counter() - start}), flush=True)


if __name__ == '__main__':
    main()
