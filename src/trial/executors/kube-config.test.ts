import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from 'graft-torch/base';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kubeClient } from './kube-client.js';
import { readKubeConfig } from './kube-config.js';
import { startFakeApi } from './kubernetes-api.test-data.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-kube-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** A kubeconfig of one context, `here`. */
function write(user: object, cluster: object = {}, more: object = {}): string {
  const path = join(folder, `config-${files++}`);
  const config = {
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'imaging' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    ...more,
  };
  writeFileSync(path, stringify(config));
  return path;
}
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('readKubeConfig', () => {
  it('reads a token, certificates in the file and beside it, and the namespace', async () => {
    writeFileSync(join(folder, 'ca.pem'), 'CA');
    const user = {
      token: 'secret',
      'client-certificate-data': base64('CERT'),
      'client-key-data': base64('KEY'),
    };
    const config = readKubeConfig({ kubeconfig: write(user, { 'certificate-authority': 'ca.pem' }) });
    expect(config).toMatchObject({
      server: 'https://10.0.0.1:6443',
      namespace: 'imaging',
      authority: 'CA',
      verify: true,
    });
    expect(await config.credentials()).toEqual({ token: 'secret', certificate: 'CERT', key: 'KEY' });
  });

  it('KUBECONFIG names the file; a token file is read again each time', async () => {
    writeFileSync(join(folder, 'token'), 'first\n');
    const environment = { KUBECONFIG: `${join(folder, 'lost')}:${write({ tokenFile: 'token' })}` };
    const { credentials } = readKubeConfig({ environment });
    expect((await credentials()).token).toBe('first');
    writeFileSync(join(folder, 'token'), 'second\n');
    expect((await credentials()).token).toBe('second');
  });

  it('asks a plug-in, and again before its token runs out', async () => {
    const plugin = join(folder, 'plug-in');
    const answer = (expires: string) =>
      `{"status":{"token":"'"$1-$CLUSTER-$(echo "$KUBERNETES_EXEC_INFO" | grep -c v1beta1)-$(wc -l < ${folder}/calls)"'","expirationTimestamp":"${expires}"}}`;
    const install = (expires: string) => {
      writeFileSync(plugin, `#!/bin/sh\necho >> ${folder}/calls\necho '${answer(expires)}'\n`);
      chmodSync(plugin, 0o755);
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: './plug-in',
      args: ['token'],
      env: [{ name: 'CLUSTER', value: 'eks' }],
    };
    install(new Date(Date.now() + 30_000).toISOString());
    const { credentials } = readKubeConfig({ kubeconfig: write({ exec }) });
    expect((await credentials()).token).toBe('token-eks-1-1');
    install(new Date(Date.now() + 3_600_000).toISOString());
    expect((await credentials()).token).toBe('token-eks-1-2');
    expect((await credentials()).token).toBe('token-eks-1-2');

    writeFileSync(plugin, '#!/bin/sh\necho "session expired" >&2\nexit 1\n');
    const failing = readKubeConfig({ kubeconfig: write({ exec }) }).credentials();
    await expect(failing).rejects.toThrow(
      /signing in by '.\/plug-in' failed \(session expired\); sign in again, or run/,
    );
  });

  it.each([
    [
      'a context that is not there',
      () => ({ kubeconfig: write({}), context: 'there' }),
      /no context 'there' \(there: here\)/,
    ],
    [
      'no current context',
      () => ({ kubeconfig: write({}, {}, { 'current-context': '' }) }),
      /no current-context/,
    ],
    [
      'an old plug-in',
      () => ({ kubeconfig: write({ 'auth-provider': { name: 'gcp' } }) }),
      /auth-provider is not/,
    ],
    [
      'a proxy',
      () => ({ kubeconfig: write({}, { 'proxy-url': 'socks5://x' }) }),
      /proxy-url is not supported; run/,
    ],
    [
      'no file',
      () => ({ environment: { HOME: join(folder, 'nobody') } }),
      /nobody.*config: no such file; name a/,
    ],
    ['no address', () => ({ apiServer: 'localhost:8001' }), /'localhost:8001' is no address/],
  ])('refuses %s', (_, options, said) => {
    expect(() => readKubeConfig(options())).toThrow(ConfigError);
    expect(() => readKubeConfig(options())).toThrow(said);
  });
});

/** Certificates of the day are made by openssl, which a bare machine need not have. */
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl)
  console.log('the Kubernetes client over TLS is not tested: openssl is missing (apt-get install openssl)');

describe.skipIf(!hasOpenssl)('kubeClient', () => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const certificate = (name: string, subject: string) => {
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      `${name}.key`,
    ];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
    openssl('req', '-x509', ...key, '-out', `${name}.crt`, '-days', '2', '-subj', `/CN=${subject}`, ...names);
    const read = (kind: string) => readFileSync(join(folder, `${name}.${kind}`), 'utf8');
    return { key: read('key'), cert: read('crt') };
  };

  it('speaks TLS with the cluster’s authority, and shows its token and certificate', async () => {
    const [server, ada] = [certificate('server', 'api'), certificate('ada', 'ada')];
    const api = await startFakeApi({ ...server, ca: ada.cert });
    try {
      const user = {
        token: 'secret',
        'client-certificate-data': base64(ada.cert),
        'client-key-data': base64(ada.key),
      };
      const trusted = write(user, { server: api.url, 'certificate-authority-data': base64(server.cert) });
      const path = '/apis/batch/v1/namespaces/imaging/jobs';
      await kubeClient(readKubeConfig({ kubeconfig: trusted }))('GET', path);
      expect(api.requests).toEqual([
        { line: `GET ${path}`, authorization: 'Bearer secret', certificate: 'ada', body: undefined },
      ]);
      const stranger = readKubeConfig({ kubeconfig: write(user, { server: api.url }) });
      await expect(kubeClient(stranger)('GET', path)).rejects.toThrow(
        /its certificate is not trusted .*kubeconfig/,
      );
      await expect(kubeClient(stranger)('GET', path)).rejects.toThrow(ConfigError);
    } finally {
      await api.close();
    }
  });
});
