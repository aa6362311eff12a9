/** What the commands of `graft classify` open their images with. */

/** A dataset and its pixels at a size, decoded with a progress bar where they are not cached. */
export async function openData(dir: string, imageSize: number, quiet: boolean) {
  const { openDataset } = await import('../data/dataset.js');
  const { openPixelCache } = await import('../data/cache.js');
  const { Progress } = await import('../run/progress.js');
  const dataset = openDataset(dir);
  let bar: InstanceType<typeof Progress> | null = null;
  try {
    const cache = await openPixelCache(dataset, imageSize, {
      onProgress: (done, total) => {
        bar ??= new Progress({ label: 'decoding', total, unit: 'images', quiet });
        bar.update(done);
      },
    });
    return { dataset, cache };
  } finally {
    (bar as InstanceType<typeof Progress> | null)?.stop();
  }
}
