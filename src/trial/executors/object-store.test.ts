import { ConfigError, GraftError } from 'graft-torch/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ObjectStoreOptions, openObjectStore } from './object-store.js';
import { type S3Server, startS3 } from './s3-server.test-data.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('an object store', () => {
  let s3: S3Server;
  beforeEach(async () => {
    s3 = await startS3('graft', 3);
  });
  afterEach(() => s3.stop());
  const open = (options: ObjectStoreOptions = {}, url = 's3://graft/trials/one') =>
    openObjectStore(url, { env: s3.env, ...options });

  it('keeps what it is given, under any name, and forgets what is taken away', async () => {
    const store = await open();
    const names = ['a', 'runs/fold-1/real+standard/seed-0/x.csv', 'with blank & <sign>~(1).txt', 'ü/+10%'];
    for (const name of names) await store.put(name, bytes(name));
    await (await open({}, 's3://graft/trials/one-other/')).put('a', bytes('of another trial'));
    expect([...s3.objects.keys()].sort()[0]).toBe('trials/one-other/a');
    // Two pages of three.
    const { objects, nowMs } = await store.list();
    expect([...objects.keys()].sort()).toEqual([...names].sort());
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(2000);
    for (const name of names) {
      expect(Buffer.from((await store.get(name))!).toString()).toBe(name);
      expect(objects.get(name)).toMatchObject({ sizeBytes: Buffer.byteLength(name) });
    }
    expect((await store.put('a', bytes('a'))).etag).toBe(objects.get('a')!.etag);
    expect([...(await store.list('runs/')).objects.keys()]).toEqual([names[1]]);
    await store.remove('a');
    await store.remove('a');
    expect(await store.get('a')).toBeUndefined();
  });

  it('names that lead out of the folder are not taken', async () => {
    const store = await open();
    await store.put('good', bytes('x'));
    for (const key of ['trials/one/../../etc/passwd', 'trials/one//etc/x', 'trials/one/./y', 'trials/one/'])
      s3.objects.set(key, s3.objects.get('trials/one/good')!);
    expect([...(await store.list()).objects.keys()]).toEqual(['good']);
  });

  it('what is refused is told with the remedy', async () => {
    await expect((await open({}, 's3://other/trial')).list()).rejects.toThrow(
      /^s3:\/\/other\/trial: NoSuchBucket: .*; make the bucket first/,
    );
    await expect((await open({}, 's3://other/trial')).put('a', bytes('a'))).rejects.toThrow(/NoSuchBucket/);
    const wrong = { env: { ...s3.env, AWS_SECRET_ACCESS_KEY: 'wrong' } };
    const refused = (await open(wrong)).get('x');
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(/SignatureDoesNotMatch: .*; check AWS_ACCESS_KEY_ID/);
    await expect(open({}, 's3://graft')).rejects.toThrow(/expected s3:\/\/BUCKET\/FOLDER/);
    for (const endpoint of [
      'https://key:s3cret@store.lab',
      'https://store.lab?sig=s3cret',
      'store.lab:s3cret@x',
    ]) {
      const { message } = (await open({ env: { ...s3.env, AWS_ENDPOINT_URL: endpoint } }).catch(
        (error: Error) => error,
      )) as Error;
      expect(message).toMatch(/^AWS_ENDPOINT_URL: expected https:\/\/HOST:PORT, without user/);
      expect(message).not.toContain('s3cret');
    }
    await expect(open({}, 's3://key:s3cret@graft/trial')).rejects.toThrow(
      /^s3:\/\/graft\/trial: expected|^s3:\/\/key@graft/,
    );
    await expect(open({}, 's3://key:s3cret@graft/trial')).rejects.not.toThrow(/s3cret/);
    await expect(open({ env: {} })).rejects.toThrow(/needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
    const load = () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
    await expect(open({ load })).rejects.toThrow(/not installed: npm install aws4fetch$/);
  });

  it('a store that is away for a moment is waited for, one that stays away is told', async () => {
    const warnings: string[] = [];
    let slow = 2;
    s3.intercept = (method) => (method === 'PUT' && slow-- > 0 ? 503 : undefined);
    const store = await open({ warn: (message) => warnings.push(message) });
    await store.put('a', bytes('a'));
    expect(warnings).toEqual([
      's3://graft/trials/one/a: SlowDown: Please reduce your request rate.; trying again',
    ]);
    const impatient = await open({ patienceMs: 300 });
    await s3.stop();
    const away = impatient.get('a');
    await expect(away).rejects.toThrow(GraftError);
    await expect(away).rejects.toThrow(/127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)$/);
    const stopped = await open({ interrupt: { requested: true, poll: async () => true } });
    await expect(stopped.get('a')).rejects.toThrow(/cannot be reached/);
    s3 = await startS3('graft');
  });
});
