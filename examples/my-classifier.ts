/**
 * A classifier of one's own in a trial: does standard augmentation help it? Half a minute on phantoms.
 *
 *     node dist/examples/my-classifier.js
 *     graft classify train --data isic2017 --module dist/examples/my-classifier.js
 */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { trustCode } from 'graft-gan/base';
import type { ClassifierModule, NetworkContext } from 'graft-gan/classify';
import { createPhantomDataset } from 'graft-gan/data/phantom';
import { createRun } from 'graft-gan/run';
import { prepareTrial, runTrial, summarise, trialConfigSchema, withModules } from 'graft-gan/trial';
import { decideVerdict } from 'graft-gan/verdict';
import type { Tensor } from 'graft-torch';
import { BatchNorm2d, Conv2d, Linear, Module } from 'graft-torch/nn';

/** Halves the side: convolution, batch norm, rectifier. */
class Stage extends Module {
  readonly conv;
  readonly norm;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = this.child(
      'conv',
      new Conv2d(inChannels, outChannels, 3, { stride: 2, padding: 1, bias: false }),
    );
    this.norm = this.child('norm', new BatchNorm2d(outChannels));
  }

  override forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x)).relu(); // [N, C, H/2, W/2]
  }
}

class MyNet extends Module implements ClassifierModule {
  readonly stages: Stage[];
  readonly head: Linear;

  constructor({ logits, channels }: NetworkContext) {
    super();
    const widths = [channels, 16, 32, 64];
    this.stages = widths.slice(1).map((width, i) => this.child(`stage${i}`, new Stage(widths[i]!, width)));
    this.head = this.child('head', new Linear(64, logits));
  }

  override forward(images: Tensor): Tensor {
    const maps = this.stages.reduce((x, stage) => stage.forward(x), images);
    return this.head.forward(maps.mean([2, 3])); // [N, logits]
  }
}

// `fitted`: trained on nothing before, which no one else could know.
export default { network: (context: NetworkContext) => new MyNet(context), fitted: [] };

const file = process.argv[1]!;
if (import.meta.url === pathToFileURL(file).href) {
  const out = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'my-classifier-'));
  const data = join(out, 'phantoms');
  await createPhantomDataset(data, { count: 300, sizePx: 64, prevalence: 0.3, seed: 1 });
  trustCode(file); // the trial's jobs are processes of their own, which load it again
  const config = await withModules(
    trialConfigSchema.parse({
      name: 'my-classifier',
      data,
      arms: ['real', 'real+standard'],
      seeds: [0, 1],
      classifier: {
        set: { module: file, imageSize: 32, steps: 60, batchSize: 16, evaluateEvery: 20, warmupSteps: 5 },
      },
      threads: 1,
    }),
  );
  const run = createRun(join(out, 'trial'), { kind: 'trial', config });
  const analysis = summarise(await runTrial(run, prepareTrial(config), { parallel: 1 }));
  for (const { arm, auc } of analysis.arms) console.log(`${arm}: AUC ${auc.value.toFixed(3)}`);
  console.log(decideVerdict(analysis).sentence);
  run.close();
}
