/** What the exporters have to get right: operators and networks, each with inputs to trace and others to check. */

import { aten, cat, dispose, keep, noGrad, randn, stack, type Tensor, tensor, tidy } from 'graft-torch';
import {
  BatchNorm2d,
  batchNormActivation,
  convNorm,
  depthwiseConv2d,
  F,
  init,
  type Module,
} from 'graft-torch/nn';
import { AcganDiscriminator, AcganGenerator } from '../../src/models/acgan.js';
import {
  ConvNeXt,
  DcganDiscriminator,
  DcganGenerator,
  EfficientNet,
  PLAIN_VIT,
  ResNet,
  VisionTransformer,
  type ViTShape,
} from '../../src/models/index.js';
import { ResnetDiscriminator, ResnetGenerator } from '../../src/models/resnet-gan.js';

/** What has to be right: `[N, 6, 4, 4]` in, anything out. */
export const OPERATORS: Record<string, (x: Tensor) => Tensor> = {
  arithmetic: (x) =>
    x
      .mul(2)
      .add(1, 0.5)
      .sub(x.square(), 3)
      .div(4)
      .rsub(1)
      .neg()
      .abs()
      .sub(2)
      .div(x.square().add(1))
      .mul(x.clamp({ max: 1 }).exp()),
  functions: (x) =>
    cat([x.tanh(), x.sigmoid(), x.sin(), x.cos(), x.floor(), x.round(), x.sign(), x.relu()], 1),
  'square roots and logarithms': (x) => {
    const positive = x.abs().add(0.1);
    return cat([positive.sqrt(), positive.rsqrt(), positive.log(), positive.log1p(), positive.pow(1.5)], 1);
  },
  activations: (x) =>
    cat([F.silu(x), F.leakyRelu(x, 0.2), F.softplus(x), aten.softplus(x, 2), x.clamp({ min: -0.5 })], 1),
  'softmax on an inner axis': (x) => F.softmax(x, 1).add(F.logSoftmax(x, -1)),
  'layer norm, with weights and without': (x) => {
    const normed = F.layerNorm(x, { weight: shared([4], 15), bias: shared([4], 16), eps: 0.3 });
    return normed.add(F.layerNorm(x)).add(F.layerNorm(x, { weight: shared([4], 17) }));
  },
  GELU: (x) => F.gelu(x.mul(2)),
  comparison: (x) =>
    aten.where
      .self(x.gt(0), x, x.mul(3))
      .add(x.le(x.neg()).float())
      .add(x.ne(x.abs()).float(), 2)
      .add(x.ge(0.5).float()),
  'in place': (x) => {
    const y = x.add(0);
    y.mul_(2).add_(x);
    const z = aten.leaky_relu_(y.sub(1), 0.1);
    return z.copy_(y.sum([2, 3], true)).add(y);
  },
  'blend and extremes': (x) => aten.lerp.Scalar(x.maximum(x.neg().sub(1)), x.minimum(x.mul(2)), 0.3),
  reductions: (x) =>
    x
      .sum([2, 3])
      .add(x.mean([2, 3]), 2)
      .add(x.amax([2, 3]))
      .add(x.amin([-1, -2]))
      .add(x.mean(-1).sum(-1)),
  shapes: (x) =>
    x
      .reshape([x.shape[0]!, 2, 3, -1])
      .permute([0, 2, 1, 3])
      .flatten(1, 2)
      .transpose(-1, -2)
      .unsqueeze(1)
      .squeeze(1),
  'batch folded into another axis': (x) => x.reshape([-1, 4, 4]).add(1).reshape([x.shape[0]!, 6, 16]).mean(2),
  'parts of an axis': (x) =>
    cat(
      [x.narrow(1, 2, 3), x.select(1, 0).unsqueeze(1), x.flip([2, 3]), aten.slice.Tensor(x, 1, 1, 6, 2)],
      1,
    ),
  'expand and stack': (x) =>
    stack(
      [x.mean([2, 3], true).expand([x.shape[0]!, 6, 4, 4]), x.narrow(1, 0, 1).expand([-1, 6, -1, -1])],
      1,
    ),
  'split and choose': (x) => {
    const [first, second, third] = aten.split.Tensor(x, 2, 1) as [Tensor, Tensor, Tensor];
    return cat([third, first.mul(second), x.indexSelect(1, tensor([5, 0], [2], { dtype: 'int64' }))], 1);
  },
  convolution: (x) =>
    F.conv2d(x, shared([4, 3, 3, 2], 1), {
      bias: shared([4], 2),
      stride: [2, 1],
      padding: [1, 0],
      dilation: [1, 2],
      groups: 2,
    }),
  'depthwise convolution': (x) => depthwiseConv2d(x, shared([6, 1, 3, 3], 3), { padding: 1, stride: 2 }),
  'transposed convolution': (x) =>
    F.convTranspose2d(x, shared([6, 5, 4, 4], 4), { bias: shared([5], 5), stride: 2, padding: 1 }),
  'transposed convolution, output padding': (x) =>
    F.convTranspose2d(x, shared([6, 5, 3, 3], 6), { stride: [2, 3], padding: 1, outputPadding: [1, 2] }),
  'transposed convolution, plain': (x) =>
    F.convTranspose2dPlain(x, shared([6, 5, 3, 3], 6), { stride: 2, outputPadding: 1 }),
  'transposed convolution of one pixel': (x) =>
    F.convTranspose2d(x.mean([2, 3], true), shared([6, 5, 4, 4], 4)),
  'linear and products': (x) =>
    F.linear(x, shared([5, 4], 7), shared([5], 8))
      .matmul(shared([5, 2], 9))
      .add(x.matmul(x.transpose(2, 3)).sum([2, 3], true)),
  'linear of rows': (x) => {
    const rows = F.linear(x.flatten(1), shared([5, 96], 10), shared([5], 11));
    return aten.addmm(shared([3], 12), rows, shared([5, 3], 13), { beta: 2, alpha: 0.5 });
  },
  'average pooling': (x) =>
    aten
      .avg_pool2d(x, [3, 2], [1, 2], [1, 1], false, false)
      .add(F.avgPool2d(x, [3, 2], { stride: [1, 2], padding: 1 })),
  'maximum pooling': (x) => F.maxPool2d(x, 2, { stride: 1, padding: 1 }),
  'adaptive pooling': (x) => F.adaptiveAvgPool2d(x, 2).add(F.adaptiveAvgPool2d(x, 1)),
  padding: (x) =>
    F.pad(x, [1, 2, 0, 1])
      .add(F.pad(x, [1, 2, 0, 1], 'reflect'))
      .add(F.pad(x, [1, 2, 0, 1], 'replicate')),
  'nearest up-sampling': (x) => F.interpolate(x, [8, 12]),
  'nearest resampling by a fraction': (x) => F.interpolate(x, [7, 3]),
  'bilinear resampling': (x) =>
    F.interpolate(x, [7, 8], { mode: 'bilinear' }).add(aten.upsample_bilinear2d(x, [7, 8], true)),
  'bicubic up-sampling': (x) => F.interpolate(x, [8, 8], { mode: 'bicubic' }),
  'dropout in evaluation': (x) => F.dropout2d(F.dropout(x.add(1), 0.5, false), 0.5, false),
  repeated: (x) =>
    x
      .narrow(1, 0, 1)
      .flatten(1)
      .unsqueeze(1)
      .select(1, 0)
      .mul(x.mean([1, 2, 3], true).flatten(1))
      .add(aten.repeat(x.narrow(1, 0, 1).flatten(1).narrow(1, 0, 8), [1, 2])),
  'batch norm, plain and joined with activations': (x) =>
    batchNormActivation(norms().affine, x, 'silu')
      .add(batchNormActivation(norms().affine, x, 'relu'))
      .add(batchNormActivation(norms().affine, x, 'relu6'))
      .add(norms().bare.forward(x)),
  'convolutions joined with norm, activation and skip': (x) => {
    const norm = norms().affine;
    const pointwise = {
      weight: shared([6, 6, 1, 1], 21),
      stride: 1,
      padding: [0, 0, 0, 0],
      groups: 1,
    } as const;
    const depthwise = {
      weight: shared([6, 1, 3, 3], 22),
      stride: 2,
      padding: [0, 0, 1, 1],
      groups: 6,
    } as const;
    const y = convNorm({ ...pointwise, norm, activation: 'none', skip: x }, x)!;
    const z = convNorm({ ...pointwise, norm, activation: 'silu', skip: x }, y)!;
    return convNorm({ ...depthwise, norm, activation: 'relu6' }, z)!;
  },
  relu6: (x) => F.relu6(x.mul(5)),
  'embedding and one-hot of computed classes': (x) => {
    const classes = aten.to.dtype(x.sum([1, 2, 3]).gt(0), 'int64');
    return F.embedding(classes, shared([2, 5], 14)).add(aten.one_hot(classes, 5).to({ dtype: 'float32' }), 2);
  },
  'GELU, exact and quick': (x) => F.gelu(x).add(F.quickGelu(x), 2),
  'layer norm with weights, with one, bare, and over two axes': (x) =>
    F.layerNorm(x, { weight: shared([4], 30), bias: shared([4], 31), eps: 1e-3 })
      .add(F.layerNorm(x, { weight: shared([4], 30) }))
      .add(F.layerNorm(x))
      .add(aten.layer_norm(x, [4, 4]), 2),
  'attention of four heads': (x) => {
    const tokens = x.flatten(2).transpose(1, 2); // [N, 16, 6]
    const [q, k, v] = [0, 1, 2].map((i) =>
      F.linear(tokens, shared([24, 6], 32))
        .reshape([-1, 16, 3, 4, 2])
        .permute([2, 0, 3, 1, 4])
        .select(0, i),
    ) as [Tensor, Tensor, Tensor];
    return F.softmax(q.matmul(k.transpose(-2, -1)))
      .matmul(v)
      .transpose(1, 2)
      .reshape([-1, 16, 8]);
  },
  'two dtypes': (x) =>
    x
      .gt(0)
      .float()
      .mul(x)
      .add(x.gt(0).sum([1, 2, 3], true)),
};

let madeNorms: { affine: BatchNorm2d; bare: BatchNorm2d } | null = null;
const norms = (): { affine: BatchNorm2d; bare: BatchNorm2d } => {
  madeNorms ??= {
    affine: tidy(() => randomise(new BatchNorm2d(6)) as BatchNorm2d),
    bare: tidy(() => randomise(new BatchNorm2d(6, { affine: false, eps: 0.8 })) as BatchNorm2d),
  };
  return madeNorms;
};

const weights = new Map<number, Tensor>();
/** A weight that is the same in each call. */
function shared(shape: number[], key: number): Tensor {
  if (!weights.has(key)) weights.set(key, keep(randn(shape)));
  return weights.get(key)!;
}

/** Statistics and biases that are no zeros and ones, so that a mix-up shows. */
function randomise(module: Module): Module {
  for (const [name, value] of Object.entries(module.stateDict())) {
    if (name.endsWith('running_var')) value.detach().mul_(aten.uniform_(value.detach().clone(), 0.5, 2));
    else if (/bias|gains|biases|gamma/.test(name)) aten.normal_(value.detach(), 0, 0.3);
  }
  return module.eval();
}

/** Frees what the operators' cases share. */
export function disposeShared(): void {
  dispose([...weights.values()]);
  weights.clear();
  madeNorms?.affine.dispose();
  madeNorms?.bare.dispose();
  madeNorms = null;
}

/** A Vision Transformer of three blocks; wide weights, so that attention is not the same everywhere. */
function smallViT(changes: Partial<ViTShape>): Module {
  const shape = { ...PLAIN_VIT, width: 32, depth: 3, heads: 4, patchPx: 8, ...changes };
  const network = new VisionTransformer(shape, { name: 'vit', title: 'ViT', sidePx: 32, numClasses: 2 });
  for (const value of network.parameters()) if (value.shape.length > 1) init.normal_(value, 0, 0.2);
  return network;
}

const labels = (...values: number[]): Tensor => tensor(values, [values.length], { dtype: 'int64' });

export interface NetworkCase {
  make: () => Module;
  /** Of the inputs without the batch; a class for each sample follows where `classes` is set. */
  shape: number[];
  classes?: number;
  /** Of batch norms while they see what comes; default 1, the statistics of one batch. */
  momentum?: number;
}

export const NETWORKS: Record<string, NetworkCase> = {
  'DCGAN generator': { make: () => new DcganGenerator({ size: 64, latent: 8, features: 4 }), shape: [8] },
  'DCGAN discriminator': {
    make: () => new DcganDiscriminator({ size: 64, features: 4 }),
    shape: [3, 64, 64],
  },
  'SNGAN discriminator': {
    make: () => new DcganDiscriminator({ size: 64, features: 4, spectralNorm: true }),
    shape: [3, 64, 64],
  },
  'EfficientNet-B0': {
    // An odd side pads unevenly; channels last is how classifiers are trained. The last layer's range is PyTorch's.
    make: () => {
      const network = new EfficientNet('b0', { numClasses: 2, head: 'normalised' });
      init.uniform_(
        network.classifier.weight,
        -(1 / Math.sqrt(network.features)),
        1 / Math.sqrt(network.features),
      );
      return network.to({ memoryFormat: 'channelsLast' });
    },
    momentum: 0.5, // of its narrow, deep maps one batch says too little
    shape: [3, 33, 33],
  },
  // Of ResNets the narrowest: the operators are those of all. Channels last is how classifiers are trained.
  'ResNet-18': {
    make: () => new ResNet(18, { numClasses: 2 }).to({ memoryFormat: 'channelsLast' }),
    shape: [3, 45, 37],
  },
  'ConvNeXt-Tiny': {
    make: () => new ConvNeXt('tiny', { numClasses: 2 }).to({ memoryFormat: 'channelsLast' }),
    shape: [3, 45, 37],
  },
  'Vision Transformer with registers and layer scale': {
    make: () => smallViT({ registers: 2, positions: 'patches', layerScale: 0.5 }),
    shape: [3, 32, 32],
  },
  'Vision Transformer of CLIP’s kind': {
    make: () => smallViT({ preNorm: true, patchBias: false, activation: 'quick-gelu' }),
    shape: [3, 32, 32],
  },
  'Vision Transformer with waves and the mean of patches': {
    make: () => smallViT({ positions: 'waves', embedding: 'mean-normed' }),
    shape: [3, 32, 32],
  },
  'AC-GAN generator': {
    make: () => new AcganGenerator({ size: 16, latent: 12, classCount: 3 }),
    shape: [12],
    classes: 3,
  },
  'AC-GAN generator, one-hot': {
    make: () => new AcganGenerator({ size: 16, latent: 12, classCount: 3, labelInput: 'one-hot' }),
    shape: [12],
    classes: 3,
  },
  'AC-GAN discriminator': {
    make: () => new AcganDiscriminator({ size: 32, classCount: 3 }),
    shape: [3, 32, 32],
  },
  'residual generator with attention': {
    make: () => new ResnetGenerator({ size: 64, features: 4, latent: 8, attention: 16, spectralNorm: true }),
    shape: [8],
  },
  'residual generator of classes': {
    make: () => new ResnetGenerator({ size: 64, features: 4, latent: 12, classCount: 3 }),
    shape: [12],
    classes: 3,
  },
  'residual discriminator with attention': {
    make: () => new ResnetDiscriminator({ size: 64, features: 8, attention: 16 }),
    shape: [3, 64, 64],
  },
  'projection discriminator': {
    make: () => new ResnetDiscriminator({ size: 64, features: 4, classCount: 3 }),
    shape: [3, 64, 64],
    classes: 3,
  },
};

/**
 * The network in evaluation mode, after passes that let its spectral norms converge (a fresh one divides by nearly 0)
 * and its batch norms see what comes (else every map fades away, and nothing would be compared).
 */
export function makeNetwork(network: NetworkCase): Module {
  const made = tidy(network.make);
  for (const module of made.modules())
    if (module instanceof BatchNorm2d) module.momentum = network.momentum ?? 1;
  for (let i = 0; i < 3; i++) {
    tidy(() => {
      noGrad(() => forwardOf(made)(...Object.values(inputsOf(network, 4))));
    });
  }
  tidy(() => randomise(made));
  return made;
}

export const forwardOf = (network: Module): ((...inputs: Tensor[]) => Tensor) =>
  network.forward.bind(network) as (...inputs: Tensor[]) => Tensor;

/** Inputs of a batch by name. */
export const inputsOf = ({ shape, classes }: NetworkCase, batch: number): Record<string, Tensor> => ({
  x: randn([batch, ...shape]),
  ...(classes ? { labels: labels(...Array.from({ length: batch }, (_, i) => (2 * i + 1) % classes)) } : {}),
});

/** Largest |output|, which differences are measured by. */
export const scaleOf = (network: Module, inputs: Record<string, Tensor>): number =>
  tidy(() =>
    noGrad(() =>
      forwardOf(network)(...Object.values(inputs))
        .abs()
        .amax()
        .item(),
    ),
  );
