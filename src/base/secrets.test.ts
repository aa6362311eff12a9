import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { givenSecrets, hiddenParts, hideSecrets, shownAddress } from './secrets.js';

/** Whether four characters in a row of a secret stand in a text. */
const tells = (text: string, secret: string): string | undefined => {
  for (let i = 0; i + 4 <= secret.length; i++)
    if (text.includes(secret.slice(i, i + 4))) return secret.slice(i, i + 4);
  return undefined;
};

const marks = '@:/?#%&=;,+\'"\\ !$()*<>[]{}|^`~\tüß漢';
const letters = 'QWXZJKVY0123456789qwxzjkvy';

/** A password of signs that mean something elsewhere; none of its runs of four stands in the rest of the address. */
function password(random: Random): string {
  const length = 4 + random.int(16);
  return Array.from({ length }, () => {
    const from = random.chance(0.4) ? [...marks] : [...letters];
    return from[random.int(from.length)]!;
  }).join('');
}

const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

/** Every form in which people give a password to a database, a store or a server. */
const forms: Record<string, (secret: string) => string> = {
  'as it is': (secret) => `postgresql://graft:${secret}@127.0.0.1:5544/graft`,
  encoded: (secret) => `postgres://graft:${encodeURIComponent(secret)}@db.lab/graft`,
  'without a user': (secret) => `postgresql://:${secret}@db.lab/graft`,
  'in the query': (secret) => `postgresql://graft@db.lab:5544/graft?password=${secret}&sslmode=require`,
  'in the query, encoded': (secret) =>
    `postgresql://db.lab/graft?user=u&password=${encodeURIComponent(secret)}`,
  'for a certificate': (secret) => `postgresql://graft@db.lab/graft?sslpassword=${secret}`,
  'in words': (secret) => `host=127.0.0.1 user=graft password=${secret} dbname=graft`,
  'in words, quoted': (secret) => `host=db.lab password = ${quote(secret)} sslpassword='${secret}'`,
  'without scheme': (secret) => `graft:${secret}@127.0.0.1:5544/graft`,
  'of several hosts': (secret) => `postgresql://graft:${secret}@a.lab:1,b.lab:2/graft`,
  'of a store': (secret) => `https://AKEY:${secret}@store.lab:9000`,
  'a token alone': (secret) => `https://${encodeURIComponent(secret)}@store.lab`,
  signed: (secret) =>
    `https://store.lab/b/k?X-Amz-Credential=${encodeURIComponent(secret)}&X-Amz-Signature=${secret}`,
  'no address at all': (secret) => `password=${secret}`,
};

test.each(Object.entries(forms))('a password %s is shown nowhere, whatever it is made of', (_, form) => {
  const random = new Random(7);
  for (let i = 0; i < 400; i++) {
    const secret = password(random);
    const address = form(secret);
    const given = givenSecrets(['trial', 'work', 'DIR', '--queue', address], {});
    const told = `${shownAddress(address)}: cannot be reached`;
    expect(tells(told, secret), `${secret} in ${told}`).toBeUndefined();
    // Libraries say it whole, in part, decoded, as JSON, within a word.
    for (const said of [
      `invalid connection option ${address}`,
      `Error: ${JSON.stringify({ connectionString: address })}`,
      `getaddrinfo ENOTFOUND ${secret.slice(random.int(4))}`,
      `x${encodeURIComponent(secret)}y at parse (${address})`,
    ]) {
      const shown = hideSecrets(said, [...given, ...hiddenParts(address)]);
      expect(tells(shown, secret), `${secret} in ${shown}`).toBeUndefined();
      for (let k = 0; k + 4 <= secret.length; k++)
        expect(shown).not.toContain(encodeURIComponent(secret.slice(k, k + 4)));
    }
  }
});

test.each([
  '//graft:topsecret@db.lab/x',
  'AccountName=a;AccountKey=topsecret;EndpointSuffix=x',
  'Uid=a;Pwd=topsecret',
])('what was given as %s is known for a secret', (address) =>
  expect(hideSecrets('said topsecret', givenSecrets([address], {}))).toBe('said …'),
);

test('what is no secret stays legible', () => {
  expect(shownAddress('postgresql://graft:s3cret@127.0.0.1:5544/graft')).toBe(
    'postgresql://graft@127.0.0.1:5544/graft',
  );
  expect(shownAddress('postgresql:///graft?host=/run/pg')).toBe('postgresql:///graft');
  expect(shownAddress('https://store.lab:9000/b')).toBe('https://store.lab:9000/b');
  expect(shownAddress('http://[::1]:9000')).toBe('http://[::1]:9000');
  expect(shownAddress('postgresql://u:a@b@host/d')).toBe('postgresql://…');
  expect(shownAddress('host=x password=y')).toBe('…');
  for (const text of [
    '/data/set: 3 of 400 images; see https://example.org/docs?page=2 (mail a@example.org)',
    'runs/a: no checkpoint of step 7; there are 5, 10',
    's3://bucket/folder: AccessDenied: Access Denied',
    'token: expected one of a, b',
  ])
    expect(hideSecrets(text)).toBe(text.replace('token: expected', 'token: …'));
});

test('secrets of the environment, and what looks like one, are blanked out of any text', () => {
  const env = {
    PGPASSWORD: 'wr0ngSECRET',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    HF_TOKEN: 'hf_abcdefghij',
    AWS_ENDPOINT_URL: 'https://key:endp0int@store.lab',
    HOME: '/home/ada',
    SHORT_TOKEN: 'x',
  };
  const given = givenSecrets([], env);
  for (const secret of ['wr0ngSECRET', 'wJalrXUtnFEMI', 'hf_abcdefghij', 'endp0int']) {
    const shown = hideSecrets(`/home/ada/x: server said '${secret}' twice: ${secret}`, given);
    expect(tells(shown, secret)).toBeUndefined();
    expect(shown).toMatch(/^\/home\/ada\/x: server said '…' twice: …$/);
  }
  for (const text of [
    'PGPASSWORD=topsecret psql',
    'authorization: Bearer abcdefghijk.lmn',
    'https://s.lab/x?X-Amz-Signature=abcdef0123',
    'aws_secret_access_key = "abcd efgh"',
    'hf_abcdefghijkl',
    'AccountName=a;AccountKey=abcdef==;EndpointSuffix=x',
    'AKIAABCDEFGHIJKLMNOP',
    'postgresql://a:b@c@d/e',
  ]) {
    const shown = hideSecrets(text);
    for (const secret of ['topsecret', 'abcdef', 'efgh', 'AKIAAB', 'b@c'])
      expect(shown.includes(secret), shown).toBe(false);
  }
});

test('the folder of a database’s socket is no secret: paths beside it stay in messages', () => {
  const address = 'postgresql://graft@/graft?host=/tmp/graft-s-x&port=5432';
  const said = '/tmp/graft-s-x/nowhere: there is no such dataset';
  expect(hideSecrets(said, hiddenParts(address))).toBe(said);
  expect(hideSecrets('host s3cretword', hiddenParts(`${address}&password=s3cretword`))).not.toContain(
    's3cret',
  );
});
