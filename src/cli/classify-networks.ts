/** `graft classify networks`: the networks that a classifier can be, and where weights for them are had. */
import type { Command } from 'commander';
import { NETWORK_FIGURES, type NetworkEntry, networkEntry, networkNames } from '../models/index.js';
import { examples, output } from './common.js';
import { plainTable, trimmed, whole } from './table.js';

export function registerNetworks(classify: Command): void {
  const command = classify
    .command('networks')
    .description('list the networks: parameters, cost, and where trained weights are had')
    .argument('[name]', 'one of them, with all that is known of its weights')
    .action(async (name: string | undefined, _flags, self: Command) => {
      const networks = (name === undefined ? networkNames : [name]).map(networkEntry);
      output(self, {
        json: networks.map(plain),
        text: () => (name === undefined ? tableOf(networks) : networks.map(detailsOf).join('\n')),
      });
    });
  examples(command, [
    ['all of them', 'graft classify networks'],
    ['one, and its weights', 'graft classify networks efficientnet-lite0'],
    [
      'weights from a file',
      'graft classify train --data isic2017 --recipe efficientnet-lite0-128 --set weights=efficientnet-lite0.pth',
    ],
  ]);
}

/** What a program may want to know. */
const plain = ({ name, title, source, sidesPx, sideStep, published }: NetworkEntry) => ({
  ...{ name, title, source, ...NETWORK_FIGURES[name]!, sidesPx, sideStep, published },
});

const millions = (n: number): string => `${(n / 1e6).toFixed(1)} M`;
const billions = (n: number): string => `${(n / 1e9).toFixed(2)} G`;

function tableOf(networks: readonly NetworkEntry[]): string {
  const head = ['network', 'trained on', 'licence', 'parameters', 'features', 'px', 'MACs'];
  const table = plainTable(head, 3);
  for (const { name, published } of networks) {
    const { parameters, features, sidePx, macs } = NETWORK_FIGURES[name]!;
    const [first] = published;
    table.push([
      name,
      first ? `${first.data.split(':')[0]}${first.mayKnowDermoscopy ? ' *' : ''}` : '–',
      first?.licence ?? '–',
      millions(parameters),
      whole(features),
      String(sidePx),
      billions(macs),
    ]);
  }
  return [
    trimmed(table),
    '',
    'Parameters and MACs (multiplications with an addition, of one image) without the last layer.',
    ...(networks.some(({ published }) => published.some(({ mayKnowDermoscopy }) => mayKnowDermoscopy))
      ? [
          '* may have seen dermoscopy, perhaps your test images: what such a network was trained on counts as unknown.',
        ]
      : []),
    'Where weights are had: graft classify networks NAME',
  ].join('\n');
}

function detailsOf({ name, title, source, published }: NetworkEntry): string {
  const { parameters, features, macs, sidePx } = NETWORK_FIGURES[name]!;
  return [
    `${name}: ${title} (${source})`,
    `${whole(parameters)} parameters, ${whole(features)} features, ${billions(macs)} MACs at ${sidePx} px`,
    ...published.flatMap(({ where, licence, data, mayKnowDermoscopy, input }) => [
      '',
      `  weights: ${where}`,
      `  licence: ${licence}; trained on ${data}${mayKnowDermoscopy ? '; may have seen dermoscopy' : ''}`,
      `  input: ${input.sidePx} px, ${input.interpolation}, ${(100 * input.crop).toFixed(1)} % of the side, ${input.statistics} mean and deviation`,
    ]),
  ].join('\n');
}
