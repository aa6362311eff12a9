/**
 * What networks cost, without their last layer: as PyTorch counts it for timm's, by test/goldens/models/network_figures.py.
 * Written down here so that a list of them needs neither engine nor time; a test builds each and compares.
 */

export interface NetworkFigures {
  parameters: number;
  /** Length of the embedding. */
  features: number;
  /** Multiplications with an addition, of convolutions and matrix products, of one image at `sidePx`. */
  macs: number;
  sidePx: number;
}

const figures = (
  parameters: number,
  features: number,
  at: { macs: number; sidePx: number },
): NetworkFigures => ({
  ...at,
  parameters,
  features,
});

export const NETWORK_FIGURES: Readonly<Record<string, NetworkFigures>> = {
  'efficientnet-b0': figures(4_007_548, 1_280, { macs: 384_534_752, sidePx: 224 }),
  'efficientnet-b1': figures(6_513_184, 1_280, { macs: 685_522_832, sidePx: 240 }),
  'efficientnet-b2': figures(7_700_994, 1_408, { macs: 992_153_872, sidePx: 260 }),
  'efficientnet-b3': figures(10_696_232, 1_536, { macs: 1_825_605_392, sidePx: 300 }),
  'efficientnet-b4': figures(17_548_616, 1_792, { macs: 4_391_979_024, sidePx: 380 }),
  'efficientnet-b5': figures(28_340_784, 2_048, { macs: 10_264_336_752, sidePx: 456 }),
  'efficientnet-b6': figures(40_735_704, 2_304, { macs: 19_065_289_536, sidePx: 528 }),
  'efficientnet-b7': figures(63_786_960, 2_560, { macs: 37_743_324_192, sidePx: 600 }),
  'efficientnet-v2-s': figures(20_177_488, 1_280, { macs: 5_306_281_248, sidePx: 300 }),
  'efficientnet-lite0': figures(3_371_008, 1_280, { macs: 383_907_552, sidePx: 224 }),
  'efficientnet-lite1': figures(4_135_680, 1_280, { macs: 598_905_232, sidePx: 240 }),
  'efficientnet-lite2': figures(4_811_072, 1_280, { macs: 858_456_272, sidePx: 260 }),
  'efficientnet-lite3': figures(6_916_096, 1_280, { macs: 1_382_041_872, sidePx: 280 }),
  'efficientnet-lite4': figures(11_725_568, 1_280, { macs: 2_551_754_336, sidePx: 300 }),
  'resnet-18': figures(11_176_512, 512, { macs: 1_813_561_344, sidePx: 224 }),
  'resnet-34': figures(21_284_672, 512, { macs: 3_663_249_408, sidePx: 224 }),
  'resnet-50': figures(23_508_032, 2_048, { macs: 4_087_136_256, sidePx: 224 }),
  'convnext-tiny': figures(27_820_128, 768, { macs: 4_454_763_264, sidePx: 224 }),
  'convnext-small': figures(49_454_688, 768, { macs: 8_682_944_256, sidePx: 224 }),
  'vit-small-16': figures(21_665_664, 384, { macs: 4_598_498_304, sidePx: 224 }),
  'vit-base-16': figures(85_798_656, 768, { macs: 17_563_060_224, sidePx: 224 }),
  'vit-small-14-dinov2-reg': figures(21_629_952, 384, { macs: 6_227_592_192, sidePx: 224 }),
  'vit-base-14-dinov2-reg': figures(85_727_232, 768, { macs: 23_539_156_992, sidePx: 224 }),
  'clip-vit-b-16': figures(85_799_424, 768, { macs: 17_563_060_224, sidePx: 224 }),
  'clip-vit-l-14': figures(303_179_776, 1_024, { macs: 81_011_982_336, sidePx: 224 }),
  'biomedclip-vit-b-16': figures(85_798_656, 768, { macs: 17_563_060_224, sidePx: 224 }),
  // timm has nothing like them: its BEiT has the same products of matrices, and other parameters. These are counted here.
  'panderm-vit-b-16': figures(85_665_792, 768, { macs: 17_563_060_224, sidePx: 224 }),
  'panderm-vit-l-16': figures(303_149_056, 1_024, { macs: 61_553_688_576, sidePx: 224 }),
};
