/**
 * Where the Kubernetes API is and how to sign in: a kubeconfig file
 * (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/), or the service account of
 * the pod that this runs in. Tokens, client certificates and exec plug-ins (those of the cloud providers) are
 * understood; for anything else there is `kubectl proxy`.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError, readText } from 'graft-torch/base';
import { parseYaml } from '../../base/yaml/index.js';

export interface KubeCredentials {
  token?: string;
  /** PEM */
  certificate?: string;
  key?: string;
}

export interface KubeConfig {
  /** `https://HOST:PORT`, without a slash at its end. */
  server: string;
  /** The namespace of the context, or of the pod. */
  namespace?: string;
  /** PEM of the authority that signed the server's certificate; without it, the system's. */
  authority?: string;
  /** The name in the server's certificate, where it is not that of the address. */
  serverName?: string;
  verify: boolean;
  /** Asked before each request: tokens run out. */
  credentials(): Promise<KubeCredentials>;
}

export interface KubeConfigOptions {
  /** An API that asks for nothing, such as `kubectl proxy` offers: `http://127.0.0.1:8001`. Goes before all else. */
  apiServer?: string;
  /** A kubeconfig file; default: `$KUBECONFIG`, else the pod's service account, else `~/.kube/config`. */
  kubeconfig?: string;
  /** Default: the file's current context. */
  context?: string;
  environment?: NodeJS.ProcessEnv;
}

const proxyRemedy = 'run `kubectl proxy` and pass the address it prints as the API server';
const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws ConfigError when there is no configuration, or it asks for something unknown */
export function readKubeConfig(options: KubeConfigOptions = {}): KubeConfig {
  const { apiServer, environment = process.env } = options;
  if (apiServer !== undefined) {
    if (!/^https?:\/\//.test(apiServer))
      throw new ConfigError(
        `API server: '${apiServer}' is no address; expected http://HOST:PORT or https://HOST:PORT`,
      );
    return { server: trimSlash(apiServer), verify: true, credentials: async () => ({}) };
  }
  const named =
    options.kubeconfig ?? environment.KUBECONFIG?.split(delimiter).find((path) => existsSync(path));
  if (named === undefined && environment.KUBERNETES_SERVICE_HOST && existsSync(join(accountFolder, 'token')))
    return podConfig(environment);
  const path = named ?? join(environment.HOME ?? homedir(), '.kube', 'config');
  if (!existsSync(path))
    throw new ConfigError(`${path}: no such file; name a kubeconfig (KUBECONFIG), or ${proxyRemedy}`);
  return fileConfig(path, options.context, environment);
}

/** The API as a pod sees it; needs a service account whose token is mounted. */
function podConfig({
  KUBERNETES_SERVICE_HOST,
  KUBERNETES_SERVICE_PORT = '443',
}: NodeJS.ProcessEnv): KubeConfig {
  const host = KUBERNETES_SERVICE_HOST!.includes(':')
    ? `[${KUBERNETES_SERVICE_HOST}]`
    : KUBERNETES_SERVICE_HOST!;
  const read = (name: string) => readText(join(accountFolder, name)).trim();
  return {
    server: `https://${host}:${KUBERNETES_SERVICE_PORT}`,
    namespace: read('namespace'),
    authority: read('ca.crt'),
    verify: true,
    // Kubernetes renews the file.
    credentials: async () => ({ token: read('token') }),
  };
}

type Entry = Record<string, unknown>;

function fileConfig(path: string, context: string | undefined, environment: NodeJS.ProcessEnv): KubeConfig {
  const file = parseFile(path);
  const name = context ?? text(file['current-context']);
  if (!name)
    throw new ConfigError(
      `${path}: no current-context; name one, or set it: kubectl config use-context NAME`,
    );
  const at = find(path, file, 'context', name);
  const cluster = find(path, file, 'cluster', text(at.cluster) ?? '');
  const user = find(path, file, 'user', text(at.user) ?? '');
  const server = text(cluster.server);
  if (!server) throw new ConfigError(`${path}: cluster '${text(at.cluster)}' has no server`);
  if (cluster['proxy-url']) throw new ConfigError(`${path}: proxy-url is not supported; ${proxyRemedy}`);
  const pem = (entry: Entry, key: string) => readPem(path, entry, key);
  return {
    server: trimSlash(server),
    namespace: text(at.namespace),
    authority: pem(cluster, 'certificate-authority'),
    serverName: text(cluster['tls-server-name']),
    verify: cluster['insecure-skip-tls-verify'] !== true,
    credentials: credentialsOf({ path, user, pem, environment }),
  };
}

function parseFile(path: string): Entry {
  const { value } = parseYaml(readText(path), path);
  if (value === undefined || typeof value !== 'object') throw new ConfigError(`${path}: not a kubeconfig`);
  return value as Entry;
}

/** Of `contexts: [{name, context: {…}}]` the one with that name. */
function find(path: string, file: Entry, kind: string, name: string): Entry {
  const list = Array.isArray(file[`${kind}s`]) ? (file[`${kind}s`] as Entry[]) : [];
  const entry = list.find((one) => one?.name === name)?.[kind];
  if (entry === null || typeof entry !== 'object') {
    const known = list.map((one) => one?.name).join(', ') || 'none';
    throw new ConfigError(`${path}: no ${kind} '${name}' (there: ${known})`);
  }
  return entry as Entry;
}

/** `KEY-data` in base64, or the file that `KEY` names from the kubeconfig's folder. */
function readPem(path: string, entry: Entry, key: string): string | undefined {
  const data = text(entry[`${key}-data`]);
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  const file = text(entry[key]);
  return file ? readText(resolve(dirname(path), file)) : undefined;
}

interface User {
  path: string;
  user: Entry;
  pem: (entry: Entry, key: string) => string | undefined;
  environment: NodeJS.ProcessEnv;
}

function credentialsOf({ path, user, pem, environment }: User): () => Promise<KubeCredentials> {
  const unknown = ['auth-provider', 'username', 'as'].find((key) => user[key]);
  if (unknown) throw new ConfigError(`${path}: signing in by ${unknown} is not supported; ${proxyRemedy}`);
  const certificate = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  const tokenFile = text(user.tokenFile);
  if (tokenFile)
    return async () => ({ token: readText(resolve(dirname(path), tokenFile)).trim(), certificate, key });
  const token = text(user.token);
  if (!token && user.exec) return execCredentials(path, user.exec as ExecPlugin, environment);
  return async () => ({ token, certificate, key });
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
interface ExecPlugin {
  apiVersion: string;
  command: string;
  args?: string[];
  env?: { name: string; value: string }[];
}

interface ExecCredential {
  status?: {
    token?: string;
    clientCertificateData?: string;
    clientKeyData?: string;
    expirationTimestamp?: string;
  };
}

/** Runs the plug-in, and again a minute before what it gave runs out. */
function execCredentials(path: string, plugin: ExecPlugin, environment: NodeJS.ProcessEnv) {
  const { apiVersion, command, args = [], env } = plugin;
  let held: KubeCredentials | undefined;
  let until = 0;
  return async (): Promise<KubeCredentials> => {
    if (held && Date.now() < until - 60_000) return held;
    const request = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
    const added = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    // As kubectl: a command with a slash is relative to the kubeconfig, another is looked up.
    const program = command.includes('/') ? resolve(dirname(path), command) : command;
    let answer: ExecCredential;
    try {
      const { stdout } = await promisify(execFile)(program, args, {
        env: { ...environment, ...added, KUBERNETES_EXEC_INFO: JSON.stringify(request) },
        timeout: 60_000,
      });
      answer = JSON.parse(stdout) as ExecCredential;
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      const said = (stderr?.trim() || message).split('\n').at(-1);
      throw new ConfigError(
        `${path}: signing in by '${command}' failed (${said}); sign in again, or ${proxyRemedy}`,
      );
    }
    const { token, clientCertificateData, clientKeyData, expirationTimestamp } = answer.status ?? {};
    held = { token, certificate: clientCertificateData, key: clientKeyData };
    until = expirationTimestamp ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY;
    return held;
  };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
const trimSlash = (url: string): string => url.replace(/\/+$/, '');
